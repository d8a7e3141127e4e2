"""What is asked of a raw schema in a DuckDB file; nothing here changes raw."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
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
from loaders.warehouse import duckdb_errors, duckdb_memory, duckdb_sql
from loaders.warehouse.duckdb_connection import setting, size
from loaders.warehouse.interface import Warehouse
from loaders.warehouse.live_rows import LiveRows
from loaders.words.raw_tables import LOADS_TABLE
from loaders.words.run_record import Batch, Run

# Rows that a stream hands on together.
ROWS, WIDE_ROWS = 1_000, 10
ROWS_AT_ONCE = 50_000
HASH_TYPE = ColumnType(SOURCE_HASH, "bigint", "BIGINT", "BIGINT")


class Refused(Failure):
    """DuckDB itself would not do it, and nothing has changed."""


class DuckDBReading(Warehouse):
    """Answers about raw, and its rows. connect: a new connection to the file."""

    texts = canonical.DUCKDB
    dialect = duckdb_sql.DIALECT
    wide = staticmethod(canonical.wide_in_duckdb)

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection], schema: str, path: Path):
        super().__init__(schema)
        self._connect = connect
        self.connection = connection = connect()
        self.path = path
        self.threads: int = setting(connection, "threads")
        # What DuckDB may take where nothing limits it: a share of the machine's, as it says it (18.8 GiB).
        self.all_memory: str = setting(connection, "memory_limit")
        # More while a load is under way: what is read in its transaction needs memory beside it.
        self.stream_memory = duckdb_memory.STREAM

    def __str__(self) -> str:
        return str(self.path)

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
            yield self._live_rows(sql_name(self.schema, batch.table), changed, batch.key_columns)
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
            self._limit_memory(self.all_memory if wide else self._at_most(self.stream_memory))
            yield from self.connection.execute(sql).to_arrow_reader(WIDE_ROWS if wide else ROWS)
            self._limit_memory(limit)

    def live_rows_of(self, batch: Batch) -> pa.RecordBatchReader:
        """The live rows of the batch's table, in the form in which the lake holds them."""
        live = duckdb_sql.live_rows(sql_name(self.schema, batch.table), batch.raw_columns)
        return self.connection.execute(live).to_arrow_reader(ROWS_AT_ONCE)

    def _spare_memory(self, run: Run) -> None:
        threads = duckdb_memory.load_threads(run, self.threads)
        self.connection.execute(f"set threads = {threads}")
        load = duckdb_memory.of_load(run, threads)
        self.stream_memory = duckdb_memory.of_stream(run, load)
        self._limit_memory(self._at_most(load))

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
        return LiveRows(table, changed, keys, self.dialect, self._rows, self._ask_arrow, self.connection.interrupt)

    def _run(self, sql: str) -> None:
        self.connection.execute(sql)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def _rows_of_loads(self, sql: str) -> list[tuple[Any, ...]]:
        with self._asking():
            return self._rows(sql) if self._columns(self.schema, LOADS_TABLE) else []

    def _ask_arrow(self, sql: str) -> pa.Table:
        return self.connection.execute(sql).to_arrow_table()

    def _columns(self, schema: str, table: str) -> Mapping[str, str]:
        found = self._rows(
            "select column_name, data_type from information_schema.columns "
            f"where table_schema = {sql_text(schema)} and table_name = {sql_text(table)}"
        )
        # Not by DuckDB's lower(): for letters such as a Turkish I it has other small ones than Python.
        return {name.lower(): kind for name, kind in found}
