"""What the loaders need of a warehouse, whichever it is."""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pyarrow as pa

from loaders.lake.run_files import RunFiles
from loaders.types.canonical import CanonicalColumn
from loaders.types.column_type import ColumnType
from loaders.warehouse.live_rows import Dialect
from loaders.words.buckets import WarehouseSide
from loaders.words.delete_limit import Lost
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, Run

# A batch of a run, and the way to its files as long as it is this step's turn.
Step = tuple[Run, Batch, RunFiles]

# What a warehouse calls before it commits a run: with what tables that are read whole have lost, and with the names of
# those whose rows are in another table as yet. What it returns is called last of all.
Proved = Callable[[Sequence[Lost], Mapping[str, str]], Callable[[], None]]


class Warehouse(Protocol):
    """A raw schema: what is applied to it, what it holds, and a way to apply one run whole or not at all."""

    schema: str
    dialect: Dialect
    # What raw's tables and columns are described as when they are made, by table and column ("": the table).
    comments: Mapping[str, Mapping[str, str]]

    @property
    def texts(self) -> Mapping[str, str]:
        """How it prints values: canonical.DUCKDB or canonical.REDSHIFT."""

    def wide(self, column: CanonicalColumn) -> bool:
        """Whether a column may make its rows too large to have a thousand of them at once."""

    def last_applied(self) -> tuple[int, str] | None:
        """Number and attempt of the newest run in raw."""

    def holds(self, batch: Batch) -> bool:
        """Whether there is a raw table with exactly the columns of the batch and the loaders' own."""

    def live(self, batch: Batch, attempt: str, files: RunFiles) -> AbstractContextManager[WarehouseSide]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files.

        The batch is not published yet.
        """

    def side(self, rows: str, keys: Sequence[ColumnType]) -> AbstractContextManager[WarehouseSide]:
        """Rows that are there as one side of a comparison.

        rows: a table's name in SQL, or a query in parentheses, with the key columns, `_source_hash` and `_deleted_at`.
        """

    def ask(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """The rows of a query that has few."""

    def stream(self, sql: str, wide: bool) -> Generator[pa.RecordBatch]:
        """The rows of a query, some at a time, in bounded memory. wide: if a column is, as above."""

    def apply(self, run: Run, files: RunFiles, proved: Proved) -> None:
        """All of the run, in one transaction, unless it is in raw already.

        proved: called in that transaction, when raw is what the run found at the source; the warehouse may be asked
        then. What it returns is called as the last act before COMMIT. What either raises takes everything back. They
        may be called again, when COMMIT is refused for a reason that is gone at another try.
        """

    def rebuild(self, steps: Iterable[Step], runs: Sequence[Run], gone: Collection[str]) -> None:
        """Make raw anew of these steps, in one transaction. Each table's first step is a full batch.

        runs: what `_loads` says afterwards. gone: raw tables of other runs, which are dropped.
        """

    def occurrences(self, keys: Keys, schema: str, table: str) -> int | None:
        """How many rows of a table bear one of the keys; None if there is no such table with such columns."""

    def erase(self, keys: Keys, relations: Sequence[tuple[str, str]]) -> None:
        """Delete the rows with the keys from these tables (schema, name), all in one transaction."""

    def write_anew(self) -> bool:
        """Write the file anew in which deleted rows stay as free blocks; False where there is no such file."""

    def newest(self) -> list[tuple[Any, ...]]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table."""
