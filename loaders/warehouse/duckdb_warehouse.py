"""The raw schema in a DuckDB file: the embedded warehouse, for one machine."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from loaders.common.quoting import sql_name
from loaders.lake.run_files import RunFiles
from loaders.types.column_type import ColumnType
from loaders.warehouse import (
    before_commit,
    dropped_columns,
    duckdb_errors,
    duckdb_file,
    duckdb_memory,
    duckdb_sql,
    raw_sql,
)
from loaders.warehouse.duckdb_connection import close_off, connected, size
from loaders.warehouse.duckdb_reading import DuckDBReading, Refused
from loaders.warehouse.interface import Proved, Step
from loaders.words.delete_limit import Lost
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, File, Run


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


class DuckDBWarehouse(DuckDBReading):
    """Applies runs to raw. One transaction per run holds all its tables and its rows in `_loads`."""

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
            self.stream_memory = size(self.connection, self.all_memory)
            self._apply_run(run, files, proved)

    def _apply_run(self, run: Run, files: RunFiles, proved: Proved) -> None:
        with self._transaction(f"apply run {run.run} to {self.path}", "raw is unchanged"):
            self._make_loads("create table if not exists")
            if not self._is_new(run):
                return
            lost = list[Lost]()
            for batch in run.batches:
                arrived = _arrived(batch.files, batch.columns, files)
                lost += self._lost(batch, arrived)
                self._apply(run, batch, arrived, files)
            self._record([run])
            proved(lost, {})()

    def rebuild(self, steps: Iterable[Step], runs: Sequence[Run], gone: Collection[str]) -> None:
        """Make raw anew of these steps, in one transaction: readers see the old one until it is committed."""
        with self._transaction(f"rebuild raw in {self.path}", "raw is unchanged; when the cause is gone, run it again"):
            # Made anew: where all rows were deleted and others put in, DuckDB 1.5.6 finds none by `order by … limit 1`.
            self._make_loads("create or replace table")
            for table in gone:
                self._run(raw_sql.drop_table(self.schema, table))
            for run, batch, files in steps:
                self._apply(run, batch, _arrived(batch.files, batch.columns, files), files)
            self._record(runs)

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

    def _make_loads(self, create: str) -> None:
        self._run(raw_sql.create_schema(self.schema))
        self._run(raw_sql.create_loads(self.schema, create))

    def _apply(self, run: Run, batch: Batch, arrived: str, files: RunFiles) -> None:
        """Bring a table to what the run found. arrived: the rows of the batch's files, if it has any."""
        target, found = sql_name(self.schema, batch.table), self._columns(self.schema, batch.table)
        aside = self._put_aside(batch, arrived, found) if batch.files else None
        if batch.mode == "full":
            self._run(f"create or replace table {target} ({raw_sql.columns(batch, self.dialect)})")
            self._describe(batch, target)
        else:
            self._widen(batch, found)
            if batch.files:
                # A DELETE would read every column that its query has: twice as long.
                keys = ", ".join(sql_name(column.name) for column in batch.key_columns)
                self._run(raw_sql.remove(target, f"(select {keys} from {arrived})", batch, self.dialect))
        if batch.files:
            rows = dropped_columns.beside(arrived, aside, batch, self.dialect)
            ((count,),) = self._rows(raw_sql.insert(target, run, rows))
            before_commit.arrived(self.schema, run, batch, count)
        if batch.deleted:
            gone = _arrived(batch.deleted, batch.key_columns, files)
            self._run(raw_sql.mark_deleted(target, gone, run, batch, self.dialect))
        self._prove(run, batch, batch.table)

    def _put_aside(self, batch: Batch, arrived: str, found: Mapping[str, str]) -> str | None:
        """Where the values of dropped columns wait for the rows that take the place of theirs; None: there are none."""
        if not dropped_columns.any_values(batch, found):
            return None
        target, changed = sql_name(self.schema, batch.table), None if batch.mode == "full" else arrived
        self._run("drop table if exists temp.aside")
        self._run(dropped_columns.put_aside("temp.aside", target, batch, changed, self.dialect))
        return "temp.aside"

    def _widen(self, batch: Batch, found: Mapping[str, str]) -> None:
        target = sql_name(self.schema, batch.table)
        for column in batch.columns:
            if found.get(column.name.lower(), column.duckdb) != column.duckdb:
                self._run(f"alter table {target} alter column {sql_name(column.name)} type {column.duckdb}")

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


def _arrived(listed: Sequence[File], columns: Sequence[ColumnType], files: RunFiles) -> str:
    """The rows in these files, as a query."""
    return f"({duckdb_sql.select(columns, [files.local(file, columns) for file in listed])})"
