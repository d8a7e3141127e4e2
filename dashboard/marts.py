"""The marts of the chosen warehouse, as a DuckDB connection: DuckDB's own file, or a copy of Redshift's."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from loaders.common import paths
from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.common.telling import said
from loaders.lake.spool import spool
from loaders.warehouse.duckdb_connection import connected
from loaders.warehouse.profile import Target

# A single-node cluster refuses to fetch more at once.
ROWS_PER_FETCH = 1_000
COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod), d.description
from pg_attribute as a
inner join pg_class as c on a.attrelid = c.oid
inner join pg_namespace as n on c.relnamespace = n.oid
left join pg_description as d on a.attrelid = d.objoid and a.attnum = d.objsubid
where n.nspname = {schema} and c.relname = {table} and a.attnum > 0 and not a.attisdropped
order by a.attnum"""
DESCRIPTION = """
select d.description
from pg_description as d
inner join pg_class as c on d.objoid = c.oid and d.objsubid = 0
inner join pg_namespace as n on c.relnamespace = n.oid
where n.nspname = {schema} and c.relname = {table}"""


@contextmanager
def opened(
    target: Target, names: Iterable[str], schemas: Iterable[str] = (), described: Iterable[str] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in which the marts stand in the schema that dbt builds them in, or in these schemas.

    described: marts whose columns are there at least.
    """
    if target.type == "duckdb":
        if not target.values["path"].exists():
            raise Failure(f"the warehouse {target.values['path']} does not exist yet", "run `make extract` first")
        with closing(connected(target.values["path"], read_only=True)) as connection:
            yield connection
        return
    with (
        spool() as work,
        duckdb.connect(paths.database_file("marts.duckdb", work, "TMPDIR")) as copy,
    ):
        wanted = dict.fromkeys(described, False) | dict.fromkeys(names, True)
        _copy_redshift(target, copy, wanted, schemas or [target.values["schema"]])
        yield copy


def _copy_redshift(
    target: Target, copy: duckdb.DuckDBPyConnection, names: Mapping[str, bool], schemas: Iterable[str]
) -> None:
    try:
        from redshift_connector.error import Error

        from loaders.warehouse import redshift_connection
    except ImportError:
        raise Failure("the packages for Redshift are not installed", "run `make setup TARGET=redshift`") from None
    try:
        with closing(redshift_connection.connect(target)) as connection, closing(connection.cursor()) as cursor:
            for schema in schemas:
                _copy_all(cursor, copy, schema, names)
    except Error as error:
        raise Failure(f"the warehouse refused to hand out the marts: {said(str(error))}", "run `make doctor`") from None


def _copy_all(cursor: Any, copy: duckdb.DuckDBPyConnection, schema: str, names: Mapping[str, bool]) -> None:
    """Copy the marts that are there, all as of one moment; a mart that is absent stays absent. names: with its rows?"""
    copy.execute(f"create schema {sql_name(schema)}")
    cursor.execute("begin")
    for name, with_rows in names.items():
        place = {"schema": sql_text(schema), "table": sql_text(name)}
        columns = _rows(cursor, COLUMNS.format(**place))
        if columns:
            table = sql_name(schema, name)
            copy.execute(f"create table {table} ({', '.join(f'{sql_name(c)} {kind}' for c, kind, _ in columns)})")
            _describe(copy, table, columns, _rows(cursor, DESCRIPTION.format(**place)))
            for batch in _batches(cursor, table, [column for column, _kind, _text in columns]) if with_rows else ():
                copy.from_arrow(batch).insert_into(table)
    cursor.execute("commit")


def _describe(copy: duckdb.DuckDBPyConnection, table: str, columns: list[tuple], of_table: list[tuple]) -> None:
    for (text,) in of_table:
        copy.execute(f"comment on table {table} is {sql_text(text)}")
    for column, _kind, text in columns:
        if text:
            copy.execute(f"comment on column {table}.{sql_name(column)} is {sql_text(text)}")


def _batches(cursor: Any, table: str, names: list[str]) -> Iterator[pa.Table]:
    """The rows in bounded memory: by a cursor of the server's, because the driver would hold a whole result.

    It has a name of its own: the driver remembers statements by their text, with the columns they had.
    """
    place = sql_name(f"rows of {table}".replace('"', ""))
    cursor.execute(f"declare {place} cursor for select * from {table}")
    while rows := _rows(cursor, f"fetch forward {ROWS_PER_FETCH} from {place}"):
        yield pa.table([pa.array(values) for values in zip(*rows, strict=True)], names=names)
    cursor.execute(f"close {place}")


def _rows(cursor: Any, sql: str) -> list[tuple]:
    cursor.execute(sql)
    return [tuple(row) for row in cursor.fetchall()]
