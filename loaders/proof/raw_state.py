"""What raw holds of each table, and of which run the marts are: for `status` and `verify`."""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from loaders.common.quoting import sql_name, sql_text
from loaders.lake import runs
from loaders.lake.store import Lake
from loaders.types.column_type import ColumnType
from loaders.warehouse.interface import Warehouse
from loaders.warehouse.live_rows import LiveRows
from loaders.words.buckets import WHOLE, totals
from loaders.words.catalog import Catalog
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch

# Where dbt notes its builds, beside the marts (dbt_project/macros/builds/builds.sql).
BUILDS = "_builds"


@dataclass(frozen=True)
class Holding:
    """A table's newest run in raw. live_rows: rows that are not deleted, now; None if the raw table is not there.

    cursor: how far that run's cursor is, `updated_at to …`; empty without one. by_value: the moment since which every
    part of it has been compared by value; None: never yet. by_hash: the same by hash, of a table of which each run
    compares a part; None of any other.
    """

    table: str
    run: int
    live_rows: int | None
    snapshot_at: datetime.datetime
    cursor: str
    verdict: str
    by_value: str | None
    by_hash: str | None


def of(catalog: Catalog, lake: Lake, warehouse: Warehouse) -> list[Holding]:
    """One for each table in raw, by name."""
    there = {name.lower() for _schema, name in tables_of(warehouse, warehouse.schema)}
    cursors = {table.name: table.cursor for table in catalog.tables}
    newest = {table: batch for table, (_run, batch) in applied(lake, warehouse).items()}
    bounds = {table: batch.cursor_to for table, batch in newest.items()}
    since = {table: batch.by_value.whole_since for table, batch in newest.items() if batch.by_value}
    by_hash = {table: batch.by_hash.whole_since for table, batch in newest.items() if batch.by_hash}
    return [
        Holding(
            table,
            run,
            live_rows(warehouse, table) if table.lower() in there else None,
            snapshot_at,
            f"{cursors[table]} to {bounds[table]}" if cursors.get(table) and bounds.get(table) else "",
            verdict,
            since.get(table),
            by_hash.get(table),
        )
        for table, run, _rows, snapshot_at, verdict in warehouse.newest()
    ]


def applied(lake: Lake, warehouse: Warehouse) -> dict[str, tuple[int, Batch]]:
    """Per table the newest run that raw holds, and what the run record says of the table."""
    numbers = {row[0]: row[1] for row in warehouse.newest()}
    read = {number: runs.read(lake, number) for number in {*numbers.values()} & {*runs.numbers(lake)}}
    batches = ((number, batch) for number, run in read.items() for batch in run.batches)
    return {batch.table: (number, batch) for number, batch in batches if numbers.get(batch.table) == number}


def tables_of(warehouse: Warehouse, schema: str) -> set[tuple[str, str]]:
    """(schema, name) of every table and view there, the schema in lower case."""
    sql = (
        "select table_schema, table_name from information_schema.tables "
        f"where lower(table_schema) = {sql_text(schema.lower())}"
    )
    return {(found.lower(), name) for found, name in warehouse.ask(sql)}


def columns_of(warehouse: Warehouse, schema: str, table: str) -> list[tuple[str, str]]:
    """(name, type) of each column of a table or view, in its order."""
    sql = (
        "select column_name, data_type from information_schema.columns "
        f"where lower(table_schema) = {sql_text(schema.lower())} and table_name = {sql_text(table)} "
        "order by ordinal_position"
    )
    return [(name, kind) for name, kind in warehouse.ask(sql)]


def built_run(warehouse: Warehouse, marts: str) -> tuple[int, str] | None:
    """The run, and its attempt, that the newest build into the schema `marts` was made of; None if none is noted."""
    if "build" not in dict(columns_of(warehouse, marts, BUILDS)):
        return None
    built = warehouse.ask(
        f"select run, attempt from {sql_name(marts)}.{BUILDS} where raw_schema = {sql_text(warehouse.schema)} "
        "order by build desc limit 1"
    )
    return (int(built[0][0]), built[0][1]) if built else None


def side_of(warehouse: Warehouse, base: Batch) -> AbstractContextManager[LiveRows]:
    """The live rows of a raw table, to be compared."""
    return warehouse.side(sql_name(warehouse.schema, base.table), base.key_columns)


def is_as_left(warehouse: Warehouse, base: Batch) -> bool:
    """Whether raw has the rows that its newest batch found, by count and sum of hashes: anybody may have changed it."""
    with side_of(warehouse, base) as raw:
        return totals(raw.sums(WHOLE)) == (base.live_rows, base.hash_sum)


def live_rows(warehouse: Warehouse, table: str, where: str = "true") -> int:
    name = sql_name(warehouse.schema, table)
    ((rows,),) = warehouse.ask(f"select count(*) from {name} where _deleted_at is null and ({where})")
    return int(rows)


def of_keys(warehouse: Warehouse, keys: Keys, columns: Sequence[ColumnType]) -> Iterator[tuple[Any, ...]]:
    """What raw's rows with the keys have in these columns. The keys' table is one of raw."""
    listed = ", ".join(warehouse.dialect.sent(sql_name(column.name), column) for column in columns)
    table = sql_name(warehouse.schema, keys.table)
    for part in keys.parts():
        yield from warehouse.ask(f"select distinct {listed} from {table} where {warehouse.dialect.one_of(part)}")
