"""The raw schema in a DuckDB file: the embedded warehouse, for one machine."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.lake.run_files import RunFiles
from loaders.types import canonical
from loaders.types.column_type import ColumnType
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse import (
    before_commit,
    dropped_columns,
    duckdb_errors,
    duckdb_file,
    duckdb_memory,
    duckdb_sql,
    raw_sql,
)
from loaders.warehouse.duckdb_connection import close_off, connected, setting, size
from loaders.warehouse.duckdb_sql import DIALECT
from loaders.warehouse.interface import Proved, Step, Warehouse
from loaders.warehouse.live_rows import LiveRows
from loaders.words.delete_limit import Lost
from loaders.words.raw_tables import LOADS_TABLE
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, Run

# Rows that a stream hands on together.
ROWS, WIDE_ROWS = 1_000, 10
ROWS_AT_ONCE = 50_000
HASH_TYPE = ColumnType(SOURCE_HASH, "bigint", "BIGINT", "BIGINT")


class Refused(Failure):
    """DuckDB itself would not do it, and nothing has changed."""


@contextmanager
def open_warehouse(
    path: Path, schema: str, read_only: bool = False, folders: Sequence[Path] = ()
) -> Iterator["DuckDBWarehouse"]:
    """Open the database file, made where absent unless read_only. Another program that holds it is named.

    folders: where the files of runs are. No other file, program or host is within reach of what DuckDB is asked.
    """

    def connect() -> duckdb.DuckDBPyConnection:
        connection = connected(path, read_only)
        close_off(connection, folders)
        return connection

    warehouse = DuckDBWarehouse(connect, schema, path)
    try:
        if read_only:
            warehouse.connection.execute(f"set memory_limit = '{duckdb_memory.COMPARE}B'")
        yield warehouse
    finally:
        warehouse.connection.close()


class DuckDBWarehouse(Warehouse):
    """Applies runs to raw. One transaction per run holds all its tables and its rows in `_loads`."""

    texts = canonical.DUCKDB
    dialect = DIALECT
    wide = staticmethod(canonical.wide_in_duckdb)

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection], schema: str, path: Path):
        super().__init__(schema)
        self._connect = connect
        self.connection = connection = connect()
        self.path = path
        self.threads: int = setting(connection, "threads")
        # What DuckDB may take where nothing limits it: a share of the machine's, as it says it (18.8 GiB).
        self.all_memory: str = setting(connection, "memory_limit")
        # Bytes that the load under way may take; what is read in its transaction needs memory beside it.
        self.load_memory = 0

    def __str__(self) -> str:
        return str(self.path)

    def apply(self, run: Run, files: RunFiles, proved: Proved) -> None:
        """Apply a run in one transaction: either all of it is there afterwards, or nothing has changed.

        Little memory is tried first. Whatever DuckDB refuses then, and in whatever words, it may take with more.
        """
        try:
            self._spare_memory(run)
            self._apply_run(run, files, proved)
        except Refused:
            # Not on the same connection: of a delete for which memory was lacking, DuckDB 1.5 does not take back all
            # marks, and then refuses to delete those rows.
            self.connection.close()
            self.connection = self._connect()
            self.load_memory = size(self.connection, self.all_memory)
            self._apply_run(run, files, proved)

    def _apply_run(self, run: Run, files: RunFiles, proved: Proved) -> None:
        with self._transaction(f"apply run {run.run} to {self.path}", "raw is unchanged"):
            self._make_loads("create table if not exists")
            if not before_commit.is_new(run, (self.last_applied() or (0, ""))[0], lambda: self._has_applied(run)):
                return
            lost = list[Lost]()
            for batch in run.batches:
                paths = [files.local(file, batch.columns) for file in batch.files]
                lost += self._lost(batch, _arrived(batch, paths))
                self._apply(run, batch, paths, files)
            self._run(raw_sql.record(self.schema, run, raw_sql.now(), DIALECT))
            proved(lost, {})()

    def rebuild(self, steps: Iterable[Step], runs: Sequence[Run], gone: Collection[str]) -> None:
        """Make raw anew of these steps, in one transaction: readers see the old one until it is committed."""
        with self._transaction(f"rebuild raw in {self.path}", "raw is unchanged; when the cause is gone, run it again"):
            # Made anew: where all rows were deleted and others put in, DuckDB 1.5.6 finds none by `order by … limit 1`.
            self._make_loads("create or replace table")
            for table in gone:
                self._run(raw_sql.drop_table(self.schema, table))
            for run, batch, files in steps:
                self._apply(run, batch, [files.local(file, batch.columns) for file in batch.files], files)
            for run in runs:
                self._run(raw_sql.record(self.schema, run, raw_sql.now(), DIALECT))

    def erase(self, keys: Keys, relations: Sequence[tuple[str, str]]) -> None:
        """Delete the rows with the keys from these tables, all in one transaction."""
        with self._transaction(f"erase {keys} in {self.path}", "the lake is done, the warehouse not: run it again"):
            self._erase(keys, relations)

    def write_anew(self) -> bool:
        """Write the file anew: deleted rows stay in the free blocks of the old one."""
        duckdb_file.checkpoint(self.connection, self.path)
        self.connection.close()
        duckdb_file.write_anew(self.path)
        self.connection = self._connect()
        return True

    @contextmanager
    def live(self, batch: Batch, attempt: str, files: RunFiles) -> Iterator[LiveRows]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files."""
        keys = [*batch.key_columns, HASH_TYPE]
        changed = None
        try:
            if batch.files:
                changed = "temp.changed"
                paths = [files.local(file, batch.columns) for file in batch.files]
                self.connection.execute(f"create temp view changed as {duckdb_sql.select(keys, paths)}")
            yield self._live_rows(raw_sql.name(self.schema, batch.table), changed, batch.key_columns)
        except duckdb.Error as error:
            raise Failure(
                f"DuckDB could not read {self.schema}.{batch.table} in {self.path}: {duckdb_errors.first_line(error)}",
                duckdb_errors.remedy(
                    error,
                    f"`python -m loaders extract --full --tables {batch.table}` reads it whole; nothing was published",
                ),
            ) from None
        except BaseException:
            self.connection.interrupt()
            raise
        finally:
            self.connection.execute("drop view if exists temp.changed")

    @contextmanager
    def side(self, rows: str, keys: Sequence[ColumnType]) -> Iterator[LiveRows]:
        """Rows that are there as one side of a comparison: a table's name in SQL, or a query in parentheses."""
        with self._asking():
            yield self._live_rows(rows, None, keys)

    def stream(self, sql: str, wide: bool) -> Generator[pa.RecordBatch]:
        """The rows of a query, some at a time. What DuckDB needs to put them in order, it puts on disk.

        wide: a row may have megabytes; as DuckDB works on 2,048 rows at once, it is then let have what it needs.
        """
        with self._asking():
            limit = setting(self.connection, "memory_limit")
            self._limit_memory(self.all_memory if wide else self._at_most(duckdb_memory.of_stream(self.load_memory)))
            yield from self.connection.execute(sql).to_arrow_reader(WIDE_ROWS if wide else ROWS)
            self._limit_memory(limit)

    def _spare_memory(self, run: Run) -> None:
        threads = duckdb_memory.load_threads(run, self.threads)
        self.connection.execute(f"set threads = {threads}")
        self.load_memory = duckdb_memory.of_load(run, threads)
        self._limit_memory(self._at_most(self.load_memory))

    def _at_most(self, count: int) -> str:
        return f"{min(count, size(self.connection, self.all_memory))}B"

    def _limit_memory(self, limit: str) -> None:
        """`reset memory_limit` is not used: DuckDB 1.5 would say the old limit and keep to the new one."""
        self.connection.execute(f"set memory_limit = '{limit}'")

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise Refused(
                f"DuckDB could not read {self.path}: {duckdb_errors.first_line(error)}",
                duckdb_errors.remedy(error, "look at it with `make sql`"),
            ) from None
        except BaseException:
            self.connection.interrupt()
            raise

    def _live_rows(self, table: str, changed: str | None, keys: Sequence[ColumnType]) -> LiveRows:
        return LiveRows(table, changed, keys, DIALECT, self._rows, self._ask_arrow, self.connection.interrupt)

    def _run(self, sql: str) -> None:
        self.connection.execute(sql)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def _rows_of_loads(self, sql: str) -> list[tuple[Any, ...]]:
        with self._asking():
            return self._rows(sql) if self._columns(self.schema, LOADS_TABLE) else []

    def _ask_arrow(self, sql: str) -> pa.Table:
        return self.connection.execute(sql).to_arrow_table()

    def _make_loads(self, create: str) -> None:
        self._run(raw_sql.create_schema(self.schema))
        self._run(raw_sql.create_loads(self.schema, create))

    def _apply(self, run: Run, batch: Batch, paths: list[Path], files: RunFiles) -> None:
        """Bring a table to what the run found."""
        target, found = raw_sql.name(self.schema, batch.table), self._columns(self.schema, batch.table)
        arrived = _arrived(batch, paths)
        aside = self._put_aside(batch, arrived, found) if paths else None
        if batch.mode == "full":
            self._run(f"create or replace table {target} ({raw_sql.columns(batch, DIALECT)})")
            self._describe(batch, target)
        else:
            self._widen(batch, found)
            if paths:
                self._run(raw_sql.remove(target, arrived, batch, DIALECT))
        if paths:
            rows = dropped_columns.beside(f"({duckdb_sql.select(batch.columns, paths)})", aside, batch, DIALECT)
            ((count,),) = self._rows(raw_sql.insert(target, run, rows))
            before_commit.arrived(self.schema, run, batch, count)
        if batch.deleted:
            gone = _arrived(batch, [files.local(file, batch.key_columns) for file in batch.deleted])
            self._run(raw_sql.mark_deleted(target, gone, run, batch, DIALECT))
        self._prove(run, batch, batch.table)

    def _put_aside(self, batch: Batch, arrived: str, found: Mapping[str, str]) -> str | None:
        """Where the values of dropped columns wait for the rows that take the place of theirs; None: there are none."""
        if not dropped_columns.any_values(batch, found):
            return None
        target, changed = raw_sql.name(self.schema, batch.table), None if batch.mode == "full" else arrived
        self._run("drop table if exists temp.aside")
        self._run(dropped_columns.put_aside("temp.aside", target, batch, changed, DIALECT))
        return "temp.aside"

    def _widen(self, batch: Batch, found: Mapping[str, str]) -> None:
        target = raw_sql.name(self.schema, batch.table)
        for column in batch.columns:
            if found.get(column.name.lower(), column.duckdb) != column.duckdb:
                self._run(f"alter table {target} alter column {sql_name(column.name)} type {column.duckdb}")

    def _columns(self, schema: str, table: str) -> Mapping[str, str]:
        found = self._rows(
            "select column_name, data_type from information_schema.columns "
            f"where table_schema = {sql_text(schema)} and table_name = {sql_text(table)}"
        )
        # Not by DuckDB's lower(): for letters such as a Turkish I it has other small ones than Python.
        return {name.lower(): kind for name, kind in found}

    def live_rows_of(self, batch: Batch) -> pa.RecordBatchReader:
        """The live rows of the batch's table, in the form in which the lake holds them."""
        live = duckdb_sql.live_rows(raw_sql.name(self.schema, batch.table), batch.raw_columns)
        return self.connection.execute(live).to_arrow_reader(ROWS_AT_ONCE)

    @contextmanager
    def _transaction(self, doing: str, then: str) -> Iterator[None]:
        try:
            self.connection.execute("begin")
            yield
            self.connection.execute("commit")
        except duckdb.Error as error:
            self._roll_back()
            said = duckdb_errors.first_line(error)
            raise Refused(f"DuckDB could not {doing}: {said}", duckdb_errors.remedy(error, then)) from None
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """End the transaction. After Ctrl-C other threads still work on its query, and ROLLBACK waits for them."""
        self.connection.interrupt()
        try:
            self.connection.execute("rollback")
        except duckdb.Error:
            # A failed commit has already rolled back; a damaged connection rolls back when it is closed.
            return


def _arrived(batch: Batch, paths: list[Path]) -> str:
    """The keys in a batch's files, as a query."""
    return f"({duckdb_sql.select(batch.key_columns, paths)})"
