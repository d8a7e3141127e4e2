"""The run record: what one run read, where its files lie, and how they are checked."""

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated

from loaders.types.column_type import ColumnType, Name

FORMAT_VERSION = 1

# What a record may say: docs/run-record.schema.json has the same for other programs.
Number = Annotated[int, range(1, 10**18)]
Count = Annotated[int, range(2**63)]
Sum = Annotated[int, range(-(10**38), 10**38)]
Sha256 = Annotated[str, re.compile("[0-9a-f]{64}")]


@dataclass(frozen=True)
class File:
    """One immutable Parquet file of the lake. sha256 is of its bytes, in hex."""

    key: str
    rows: Count
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True)
class Turns:
    """How far a table has been compared, part by part, in as many parts as `compared` has entries.

    way: how rows are divided; another way, or another number of parts, begins anew. part: the part that was compared
    last, with `rows` rows. compared: per part the moment of the snapshot that it was compared with; None: not yet.
    """

    way: str
    part: Count
    rows: Count
    compared: tuple[str | None, ...]

    @property
    def whole_since(self) -> str | None:
        """The moment since which every part has been compared; None if one has not."""
        done = [moment for moment in self.compared if moment is not None]
        return min(done) if len(done) == len(self.compared) else None


@dataclass(frozen=True)
class Compared:
    """The run that compared a table last, and what its server said of the table: who it is, and two seconds (UTC).

    at: the moment of that run's snapshot. created, updated: CREATE_TIME and UPDATE_TIME of information_schema.tables.
    """

    run: Number
    at: datetime.datetime
    server: str
    created: datetime.datetime
    updated: datetime.datetime


@dataclass(frozen=True)
class Batch:
    """What a run holds of one table.

    mode `full`: these rows are the whole table. `incremental`: they replace raw's rows of the same keys, and the rows
    whose keys are in the files `deleted` are gone. invalid counts the values that a switched-on rule (in the columns
    `nulled`) turned into NULL, by column. verdict says how raw, with this batch applied, compares with the source.

    live_rows and hash_sum: rows at the source, and the sum of their hashes; None if they were not compared.
    cursor_from: from where on the cursor shows rows of this run; cursor_to: how far a later one need not look back;
    cursor: the column by which.

    kept: columns that the source dropped and raw still has. widened: columns whose type in raw has to hold more than
    before. notices: what people were told about the table's columns (drift.py). by_value: what was compared by value,
    in this run and before. compared: whose comparison live_rows and hash_sum are, where the server's word on changes
    may be taken; untouched: it was taken in this run, which has not read the table. by_hash: as by_value, of a table of
    which a run compares a part by hash; hash_sum is then raw's with the batch applied, of which the source has shown
    its part. taken_over: rows that the run did not read, because one that broke had.
    """

    table: Name
    mode: Annotated[str, ("full", "incremental")]
    columns: tuple[ColumnType, ...]
    primary_key: tuple[str, ...]
    files: tuple[File, ...]
    rows: Count
    invalid: Mapping[str, Count]
    verdict: str
    dist: str | None = None
    sort: tuple[str, ...] = ()
    deleted: tuple[File, ...] = ()
    live_rows: Count | None = None
    hash_sum: Sum | None = None
    hash_version: Count | None = None
    cursor_from: str | None = None
    cursor_to: str | None = None
    cursor: str | None = None
    nulled: tuple[str, ...] = ()
    kept: tuple[ColumnType, ...] = ()
    widened: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    by_value: Turns | None = None
    compared: Compared | None = None
    untouched: bool = False
    by_hash: Turns | None = None
    taken_over: Count = 0

    @property
    def form(self) -> tuple[object, ...]:
        """What rows must have in common to be of one table: as what they were read, and by which hash."""
        return self.columns, self.primary_key, self.nulled, self.hash_version

    @property
    def raw_columns(self) -> tuple[ColumnType, ...]:
        """The raw table's columns, the loaders' own left out."""
        return (*self.columns, *self.kept)

    @property
    def wholly_compared(self) -> bool:
        """Whether the run that says live_rows and hash_sum has compared all rows by hash, or read them."""
        return self.live_rows is not None and (self.by_hash is None or self.by_hash.rows == self.live_rows)

    @property
    def stands_alone(self) -> bool:
        """Whether raw's table can be made of it alone: all rows, and no values of dropped columns from earlier ones."""
        return self.mode == "full" and not (self.kept and self.primary_key)

    @property
    def deleted_rows(self) -> int:
        return sum(file.rows for file in self.deleted)

    @property
    def repaired_rows(self) -> int:
        """Changed rows that the cursor does not show."""
        return sum(file.rows for file in self.files if file.key.rpartition("/")[2].startswith("repair-"))

    @property
    def key_columns(self) -> tuple[ColumnType, ...]:
        """The primary key's columns, in its order."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.primary_key)


@dataclass(frozen=True)
class SourceCost:
    """What a run did to its source: milliseconds, and rows by the server's own counters.

    snapshot_ms: for which its moment was held. queries_ms: in queries, of all connections together; longest_query_ms:
    in the longest. locked_ms: from asking for locks to letting them go.
    """

    snapshot_ms: Count
    queries_ms: Count
    longest_query_ms: Count
    locked_ms: Count
    rows_scanned: Count


@dataclass(frozen=True)
class Run:
    """Everything that becomes visible together. `attempt` is unique; snapshot_at is the source server's clock, UTC."""

    run: Number
    attempt: str
    schema: Annotated[str, re.compile(r"(?s).{1,127}")]
    source: str
    source_version: str
    snapshot_at: datetime.datetime
    batches: tuple[Batch, ...]
    source_cost: SourceCost | None = None
    format_version: int = field(default=FORMAT_VERSION)

    @property
    def parent(self) -> int:
        return self.run - 1

    def to_json(self) -> bytes:
        record = asdict(self) | {"parent": self.parent}
        return (json.dumps(record, default=_moment, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _moment(value: datetime.datetime) -> str:
    return value.isoformat(sep=" ")
