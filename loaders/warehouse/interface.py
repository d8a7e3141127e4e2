"""What the loaders need of a warehouse, whichever it is, and what every one of them does in the same words."""

import datetime
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa

from loaders.common.errors import Exit, Failure
from loaders.common.quoting import sql_name
from loaders.lake.run_files import RunFiles
from loaders.types.canonical import CanonicalColumn
from loaders.types.column_type import ColumnType
from loaders.warehouse import before_commit, live_rows, raw_sql
from loaders.warehouse.live_rows import Dialect, LiveRows
from loaders.words.delete_limit import Lost
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, Run

# A batch of a run, and the way to its files as long as it is this step's turn.
Step = tuple[Run, Batch, RunFiles]

# What a warehouse calls before it commits a run: with what tables that are read whole have lost, and with the names of
# those whose rows are in another table as yet. What it returns is called last of all.
Proved = Callable[[Sequence[Lost], Mapping[str, str]], Callable[[], None]]


class Warehouse(ABC):
    """A raw schema: what is applied to it, what it holds, and a way to apply one run whole or not at all.

    comments: what raw's tables and columns are described as when they are made, by table and column ("": the table).
    """

    schema: str
    dialect: Dialect

    def __init__(self, schema: str):
        self.schema = schema
        self.comments: Mapping[str, Mapping[str, str]] = {}

    @property
    @abstractmethod
    def texts(self) -> Mapping[str, str]:
        """How it prints values: canonical.DUCKDB or canonical.REDSHIFT."""

    @staticmethod
    @abstractmethod
    def wide(column: CanonicalColumn) -> bool:
        """Whether a column may make its rows too large to have a thousand of them at once."""

    @abstractmethod
    def live(self, batch: Batch, attempt: str, files: RunFiles) -> AbstractContextManager[LiveRows]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files.

        The batch is not published yet.
        """

    @abstractmethod
    def side(self, rows: str, keys: Sequence[ColumnType]) -> AbstractContextManager[LiveRows]:
        """Rows that are there as one side of a comparison.

        rows: a table's name in SQL, or a query in parentheses, with the key columns, `_source_hash` and `_deleted_at`.
        """

    @abstractmethod
    def stream(self, sql: str, wide: bool) -> Generator[pa.RecordBatch]:
        """The rows of a query, some at a time, in bounded memory. wide: if a column is, as above."""

    @abstractmethod
    def apply(self, run: Run, files: RunFiles, proved: Proved) -> None:
        """All of the run, in one transaction, unless it is in raw already.

        proved: called in that transaction, when raw is what the run found at the source; the warehouse may be asked
        then. What it returns is called as the last act before COMMIT. What either raises takes everything back. They
        may be called again, when COMMIT is refused for a reason that is gone at another try.
        """

    @abstractmethod
    def rebuild(self, steps: Iterable[Step], runs: Sequence[Run], gone: Collection[str]) -> None:
        """Make raw anew of these steps, in one transaction. Each table's first step is a full batch.

        runs: what `_loads` says afterwards. gone: raw tables of other runs, which are dropped.
        """

    @abstractmethod
    def erase(self, keys: Keys, relations: Sequence[tuple[str, str]]) -> None:
        """Delete the rows with the keys from these tables (schema, name), all in one transaction."""

    @abstractmethod
    def write_anew(self) -> bool:
        """Write the file anew in which deleted rows stay as free blocks; False where there is no such file."""

    @abstractmethod
    def _asking(self) -> AbstractContextManager[None]:
        """Makes failures of what the driver raises; nothing else here does."""

    @abstractmethod
    def _run(self, sql: str) -> None: ...

    @abstractmethod
    def _rows(self, sql: str) -> list[Any]: ...

    @abstractmethod
    def _rows_of_loads(self, sql: str) -> list[Any]:
        """None where there is no `_loads` yet."""

    @abstractmethod
    def _columns(self, schema: str, table: str) -> Mapping[str, str]:
        """A table's types by its columns' names, in small letters; empty if it is not there."""

    def last_applied(self) -> tuple[int, str]:
        """Number (0: none) and attempt of the newest run in raw; as runs go in order, it tells which ones are."""
        newest = self._rows_of_loads(raw_sql.newest_run(self.schema))
        return (newest[0][0], newest[0][1]) if newest else (0, "")

    def newest(self) -> list[tuple[Any, ...]]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table, by name."""
        return [tuple(row) for row in self._rows_of_loads(raw_sql.newest_of_each_table(self.schema))]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self._asking():
            return [tuple(row) for row in self._rows(sql)]

    def holds(self, batch: Batch) -> bool:
        """Whether there is a raw table with exactly the columns of the batch and the loaders' own."""
        with self._asking():
            return raw_sql.is_declared_so(batch, self._columns(self.schema, batch.table), self.dialect)

    def occurrences(self, keys: Keys, schema: str, table: str) -> int | None:
        """How many rows of a table bear one of the keys; None if there is no such table with such columns."""
        with self._asking():
            if not {name.lower() for name in keys.names} <= self._columns(schema, table).keys():
                return None
            count = f"select count(*) from {sql_name(schema, table)} where "
            return sum(int(self._rows(count + self.dialect.one_of(part))[0][0]) for part in keys.parts())

    def totals(self, table: str) -> tuple[int, int]:
        """How many live rows a raw table has, and the sum of their hashes."""
        ((rows, total),) = self._rows(raw_sql.live_totals(sql_name(self.schema, table)))
        return rows, int(total)

    def _newest_run(self) -> int:
        """Its number, where there is a `_loads`; 0: nothing is applied."""
        newest = self._rows(raw_sql.newest_run(self.schema))
        return int(newest[0][0]) if newest else 0

    def _is_new(self, run: Run) -> bool:
        """Whether the run is still to be applied, as the transaction sees it that is to apply it.

        Another attempt of its number, or a later run, has won: to apply this one too would make raw what no run found.
        """
        last = self._newest_run()
        if last < run.run:
            return True
        if self._rows(raw_sql.lines_of(self.schema, run))[0][0]:
            return False
        raise Failure(
            f"raw holds run {last} already, so that run {run.run} comes too late: another run was faster",
            "raw is unchanged; run it again when the other has finished",
            ends=Exit.OVERTAKEN,
        )

    def _record(self, runs: Sequence[Run]) -> datetime.datetime:
        """Put the runs' lines into `_loads`; when that was, as they say it."""
        now = raw_sql.now()
        for run in runs:
            self._run(raw_sql.record(self.schema, run, now, self.dialect))
        return now

    def _prove(self, run: Run, batch: Batch, table: str) -> None:
        """Raw, in that table, as it is now, against what the run found at the source."""
        if batch.live_rows is not None:
            before_commit.equal(self.schema, run, batch, *self.totals(table))

    def _lost(self, batch: Batch, arrived: str) -> list[Lost]:
        """How many of raw's rows are not in a batch that takes the place of all of them.

        arrived: where its rows are, a table's name or a query.
        """
        found = self._columns(self.schema, batch.table)
        if batch.mode != "full" or "_deleted_at" not in found:
            return []
        table = sql_name(self.schema, batch.table)
        ((before,),) = self._rows(live_rows.count(table))
        keys = {column.name.lower(): column for column in batch.key_columns}
        comparable = keys.keys() <= found.keys() and all(
            column.name in batch.widened or self.dialect.is_kind(found[name], self.dialect.kind(column))
            for name, column in keys.items()
        )
        if not batch.files or not keys or not comparable:
            return [Lost(batch.table, before - batch.rows, before, by_key=not batch.files)]
        ((gone,),) = self._rows(live_rows.gone(table, arrived, batch.key_columns, self.dialect))
        return [Lost(batch.table, gone, before)]

    def _describe(self, batch: Batch, target: str) -> None:
        for statement in raw_sql.comments(target, batch, self.comments.get(batch.table, {})):
            self._run(statement)

    def _erase(self, keys: Keys, relations: Sequence[tuple[str, str]]) -> None:
        for schema, table in relations:
            for part in keys.parts():
                self._run(f"delete from {sql_name(schema, table)} where {self.dialect.one_of(part)}")
