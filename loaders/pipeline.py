"""START HERE: one table's way from MySQL to raw, and the two commits that make a run visible.

    extract   a snapshot of the source  ──▶  Parquet files in the lake  ──▶  the run record   (first commit)
    load      run records not yet applied  ──▶  raw tables and `_loads`, in one transaction   (second commit)

Everything it works with is handed to it; nothing here reads a setting or opens a connection. Kill it at any point and
start it again: the result is the one that an undisturbed run would have given.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pyarrow import RecordBatch

from loaders import attempts, parquet, runs
from loaders.catalog import Catalog, Table
from loaders.errors import Failure
from loaders.lake import Lake
from loaders.manifest import manifest
from loaders.matching import match
from loaders.mysql import Snapshot, SourceTable
from loaders.run_files import RunFiles
from loaders.runs import Batch, ColumnType, File, Run
from loaders.type_contract import contract, lake_schema

# Passes a table's batches through and shows how far it is: progress(name, expected rows, batches).
Progress = Callable[[str, int, Iterable[RecordBatch]], Iterable[RecordBatch]]


# Engines whose tables a consistent snapshot holds still; others are read as they are at that moment.
SNAPSHOT_ENGINES = ("innodb", "rocksdb")


class Warehouse(Protocol):
    """What a load needs of a warehouse: what is applied, and a way to apply one run whole or not at all."""

    schema: str

    def last_applied(self) -> tuple[int, str] | None:
        """Number and attempt of the newest run in raw."""

    def apply(self, run: Run, files: RunFiles) -> None: ...

    def newest(self) -> list[tuple]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table."""


def extract(
    open_snapshot: Callable[[], AbstractContextManager[Snapshot]],
    catalog: Catalog,
    lake: Lake,
    spool: Path,
    invalid_to_null: bool,
    progress: Progress,
) -> Run:
    """Read every table of the catalog in one snapshot and publish them together as the lake's next run.

    spool: a folder for files on their way. invalid_to_null: turn values without an exact home into NULL, counted.
    """
    number = max(runs.numbers(lake), default=0) + 1
    attempt = attempts.new(number)
    try:
        with open_snapshot() as snapshot:
            way = TableWay(snapshot, lake, attempt, spool, invalid_to_null, catalog.for_redshift, progress)
            batches = tuple(way.extract(table, source) for table, source in match(catalog, snapshot))
            version, taken_at = snapshot.server_version, snapshot.taken_at
        run = Run(number, attempt, catalog.schema, catalog.source, version, taken_at, batches)
    except BaseException:
        attempts.remove(lake, catalog, attempt)
        raise
    if not runs.publish(lake, run):
        attempts.remove(lake, catalog, attempt)
        raise Failure(
            f"another run published number {number} in the lake {lake} while this one was reading",
            "nothing of this run was kept; start it again when the other has finished",
        )
    attempts.sweep(lake, run)
    return run


@dataclass(frozen=True)
class TableWay:
    """What every table of one run shares on its way to the lake."""

    snapshot: Snapshot
    lake: Lake
    attempt: str
    spool: Path
    invalid_to_null: bool
    for_redshift: bool
    progress: Progress

    def extract(self, table: Table, source: SourceTable) -> Batch:
        """Rows of the snapshot -> Arrow batches -> local Parquet files -> the lake, and how they compare."""
        columns = [contract(column, table.name, self.for_redshift) for column in source.columns]
        nulled = {column.name for column in columns} if self.invalid_to_null else table.invalid_to_null
        rule = {column.name: "null" if column.name in nulled else "error" for column in columns}
        invalid: Counter[str] = Counter()
        rows = self.snapshot.read(source, columns, table.primary_key, rule, invalid)
        rows = self.progress(table.name, source.estimated_rows, rows)
        files = tuple(self._store(table, file) for file in parquet.write(rows, lake_schema(columns), self.spool))
        if files:
            self.lake.create(attempts.key(table.name, self.attempt, "manifest"), manifest(files, self.lake.url))
        return Batch(
            table=table.name,
            mode="full",
            columns=tuple(ColumnType(c.name, c.mysql_type, c.duckdb, c.redshift) for c in columns),
            primary_key=table.primary_key,
            files=files,
            rows=sum(file.rows for file in files),
            invalid=dict(invalid),
            verdict=self._compare(source, sum(file.rows for file in files)),
            dist=table.dist,
            sort=table.sort,
        )

    def _store(self, table: Table, local: parquet.LocalFile) -> File:
        key = attempts.key(table.name, self.attempt, local.path.name)
        self.lake.put_file(key, local.path)
        local.path.unlink(missing_ok=True)
        return File(key, local.rows, local.bytes, local.sha256)

    def _compare(self, source: SourceTable, rows: int) -> str:
        """The verdict on a table: the rows read against the server's own count in the same snapshot."""
        if source.engine.lower() not in SNAPSHOT_ENGINES:
            return f"not compared: {source.engine} tables take no part in the snapshot"
        counted = self.snapshot.count(source)
        if counted != rows:
            raise Failure(f"{source.name}: {rows:,} rows were read, the server counts {counted:,}", "run it again")
        return "counts equal"


def load(lake: Lake, warehouse: Warehouse) -> Iterator[Run]:
    """Apply the runs that raw does not hold yet, in order, each in one transaction. Yields each one applied."""
    for run in pending(lake, warehouse):
        with tempfile.TemporaryDirectory(prefix="order-he-load-") as folder:
            warehouse.apply(run, RunFiles(lake, Path(folder)))
        yield run


def pending(lake: Lake, warehouse: Warehouse) -> list[Run]:
    """The lake's runs for this raw schema that are not in it. A raw schema fed from another lake is a failure."""
    published = runs.numbers(lake)
    last, attempt = warehouse.last_applied() or (0, None)
    if last and (last not in published or runs.read(lake, last).attempt != attempt):
        raise Failure(
            f"schema {warehouse.schema} of {warehouse} holds run {last}, which is not from the lake {lake}",
            "set LAKE_URL back to the lake it was loaded from, or load into a new warehouse",
        )
    waiting = (runs.read(lake, number) for number in published if number > last)
    return [run for run in waiting if run.schema == warehouse.schema]
