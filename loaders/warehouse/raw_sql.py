"""The statements about raw that DuckDB and Redshift share, as text. Pure: nothing here has a connection.

All names are quoted: `raw` and `order` are reserved words in Redshift.
"""

import datetime
from collections.abc import Iterator, Mapping

from loaders.common.quoting import sql_name, sql_text
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse.dropped_columns import Beside
from loaders.warehouse.live_rows import Dialect, same_key
from loaders.words.raw_tables import LINEAGE_COLUMNS, LOADS_COLUMNS, LOADS_TABLE
from loaders.words.run_record import Batch, Run


def now() -> datetime.datetime:
    """The loaders' clock, as `_loads` has it."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def moment(value: datetime.datetime) -> str:
    return f"timestamp '{value.isoformat(sep=' ', timespec='microseconds')}'"


def create_schema(schema: str) -> str:
    return f"create schema if not exists {sql_name(schema)}"


def create_loads(schema: str, create: str = "create table if not exists") -> str:
    columns = ", ".join(f"{sql_name(column)} {kind}" for column, kind in LOADS_COLUMNS.items())
    return f"{create} {sql_name(schema, LOADS_TABLE)} ({columns})"


def drop_table(schema: str, table: str) -> str:
    return f"drop table if exists {sql_name(schema, table)}"


def newest_run(schema: str) -> str:
    return f"select run, attempt from {sql_name(schema, LOADS_TABLE)} order by run desc limit 1"


def lines_of(schema: str, run: Run) -> str:
    loads, attempt = sql_name(schema, LOADS_TABLE), sql_text(run.attempt)
    return f"select count(*) from {loads} where run = {run.run} and attempt = {attempt}"


def newest_of_each_table(schema: str) -> str:
    columns = "table_name, run, row_count, snapshot_at, verdict"
    place = "row_number() over (partition by table_name order by run desc) as place"
    numbered = f"select {columns}, {place} from {sql_name(schema, LOADS_TABLE)}"
    return f"select {columns} from ({numbered}) as numbered where place = 1 order by table_name"


def record(schema: str, run: Run, loaded_at: datetime.datetime, dialect: Dialect) -> str:
    """The run's lines in `_loads`: in the same transaction as its rows."""
    text = dialect.text
    lines = ", ".join(
        f"({run.run}, {text(run.attempt)}, {text(batch.table)}, {text(batch.mode)}, {batch.rows}, "
        f"{sum(batch.invalid.values())}, {moment(run.snapshot_at)}, {moment(loaded_at)}, "
        f"{text(run.source_version)}, {text(batch.verdict)})"
        for batch in run.batches
    )
    return f"insert into {sql_name(schema, LOADS_TABLE)} values {lines}"


def columns(batch: Batch, dialect: Dialect) -> str:
    """A raw table's columns, as CREATE TABLE declares them."""
    declared = {column.name: dialect.kind(column) for column in batch.raw_columns} | LINEAGE_COLUMNS
    return ", ".join(f"{sql_name(column)} {kind}" for column, kind in declared.items())


def is_declared_so(batch: Batch, found: Mapping[str, str], dialect: Dialect) -> bool:
    """Whether a raw table has the batch's columns and the loaders' own. found: types by names in small letters."""
    wanted = {column.name.lower(): dialect.kind(column) for column in batch.raw_columns} | LINEAGE_COLUMNS
    return wanted.keys() == found.keys() and all(dialect.is_kind(found[each], kind) for each, kind in wanted.items())


def comments(target: str, batch: Batch, said: Mapping[str, str]) -> Iterator[str]:
    """What the catalog says of a table and its columns, for who looks at raw without dbt's pages.

    Only where raw's table is made, so runs that change nothing send none. said: by column; "" is the table's own. A \\
    would be an escape in Redshift.
    """
    places = {"": f"table {target}"} | {
        column.name: f"column {target}.{sql_name(column.name)}" for column in batch.raw_columns
    }
    for column, place in places.items():
        if column in said:
            yield f"comment on {place} is {sql_text(said[column].replace(chr(92), '/'))}"


def remove(target: str, changed: str, batch: Batch, dialect: Dialect) -> str:
    """Take the rows out of a raw table, live or not, whose keys are in `changed`: a table's name, or a query."""
    return f"delete from {target} using {changed} as c where {same_key(target, 'c', batch.key_columns, dialect)}"


def insert(target: str, run: Run, rows: Beside) -> str:
    lineage = ", ".join(map(sql_name, LINEAGE_COLUMNS))
    return (
        f"insert into {target} ({rows.names}, {lineage}) "
        f"select {rows.selected}, {run.run}, {moment(run.snapshot_at)}, cast(null as timestamp) from {rows.rows}"
    )


def mark_deleted(target: str, gone: str, run: Run, batch: Batch, dialect: Dialect) -> str:
    """Give the live rows whose keys are in `gone` the moment since when they are gone."""
    return (
        f"update {target} set _deleted_at = {moment(run.snapshot_at)}, _run = {run.run} from {gone} as c "
        f"where {target}._deleted_at is null and {same_key(target, 'c', batch.key_columns, dialect)}"
    )


def live_totals(target: str) -> str:
    """How many rows a raw table has that are not deleted, and the sum of their hashes."""
    return f"select count(*), coalesce(sum({SOURCE_HASH}), 0) from {target} where _deleted_at is null"
