"""The chosen warehouse, for reading: a way to ask it, whichever it is."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

import duckdb

from dashboard.cubes import Ask
from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.common.telling import said
from loaders.warehouse import duckdb_memory
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.warehouse.profile import Target

PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Warehouse:
    """kind: duckdb or redshift; schema: where dbt builds the marts."""

    kind: str
    schema: str
    ask: Ask

    def mart(self, name: str) -> str:
        """A mart's full name, quoted only where it must be: people read it."""
        schema = self.schema if PLAIN.fullmatch(self.schema) else sql_name(self.schema)
        return f"{schema}.{name}"

    def has(self, schema: str, table: str) -> bool:
        """Whether the table is there and may be read."""
        found = self.ask(
            "select table_name from information_schema.tables "
            f"where lower(table_schema) = {sql_text(schema.lower())} and table_name = {sql_text(table)}"
        )
        return bool(found)


@contextmanager
def opened(target: Target) -> Iterator[Warehouse]:
    """The warehouse of dbt's profile, DuckDB's read-only."""
    schema = target.values["schema"]
    if target.type == "duckdb":
        if not target.values["path"].exists():
            raise Failure(
                f"the warehouse {target.values['path']} does not exist yet", "run `make extract && make build`"
            )
        with open_warehouse(target.values["path"], "", read_only=True) as warehouse:
            # A million orders of 20,000 customers, grouped by six columns, do not fit into what a comparison takes.
            warehouse.connection.execute(f"set memory_limit = '{duckdb_memory.STREAM}B'")
            yield Warehouse("duckdb", schema, _asking_duckdb(warehouse.connection))
    elif target.type == "redshift":
        yield from _redshift(target, schema)
    else:
        raise Failure(f"target {target.name} is a {target.type} warehouse", "known are duckdb and redshift")


def _asking_duckdb(connection: duckdb.DuckDBPyConnection) -> Ask:
    def ask(sql: str) -> list[tuple]:
        try:
            return connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise _refused(str(error)) from None

    return ask


def _redshift(target: Target, schema: str) -> Iterator[Warehouse]:
    try:
        from redshift_connector.error import Error

        from loaders.warehouse import redshift_connection
    except ImportError:
        raise Failure("the packages for Redshift are not installed", "run `make setup TARGET=redshift`") from None

    with closing(redshift_connection.connect(target)) as connection:

        def ask(sql: str) -> list[tuple]:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(sql)
                    return [tuple(row) for row in cursor.fetchall()]
            except Error as error:
                with suppress(Error):
                    connection.rollback()
                raise _refused(str(error.args[0] if error.args else error)) from None

        yield Warehouse("redshift", schema, ask)


def _refused(why: str) -> Failure:
    return Failure(
        f"the warehouse refused a query of the dashboard: {said(' '.join(why.split()))[:400]}", "run `make build` first"
    )
