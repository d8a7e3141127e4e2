"""The run record: what one run read, where its files lie, how they are checked. Publishing it is the lake's commit."""

import datetime
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from loaders.errors import Failure
from loaders.lake.store import Lake

FORMAT_VERSION = 1
PREFIX = "_runs/"
# What `prune` makes of the oldest runs: the newest of them again, with every table whole.
BASELINES = "_baselines/"
UPDATE = "update this project; nothing was loaded"
Made = TypeVar("Made")


class _Newer(Exception):
    """A record says something that this version does not know."""


@dataclass(frozen=True)
class File:
    """One immutable Parquet file of the lake. sha256 is of its bytes, in hex."""

    key: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ColumnType:
    """A column as it was read, with its types at both ends of the way."""

    name: str
    mysql: str
    duckdb: str
    redshift: str


@dataclass(frozen=True)
class ByValue:
    """How far a table has been compared by value, row by row, in as many parts as `compared` has entries.

    way: how rows are divided; another way, or another number of parts, begins anew. part: the part that was compared
    last, with `rows` rows. compared: per part the moment of the snapshot that it was compared with; None: not yet.
    """

    way: str
    part: int
    rows: int
    compared: tuple[str | None, ...]

    @property
    def whole_since(self) -> str | None:
        """The moment since which every part has been compared; None if one has not."""
        return None if None in self.compared else min(self.compared)


@dataclass(frozen=True)
class Batch:
    """What a run holds of one table.

    mode `full`: these rows are the whole table. `incremental`: they replace raw's rows of the same keys, and the rows
    whose keys are in the files `deleted` are gone. invalid counts the values that a switched-on rule (in the columns
    `nulled`) turned into NULL, by column. verdict says how raw, with this batch applied, compares with the source.

    live_rows and hash_sum: rows at the source, and the sum of their hashes; None if they were not compared.
    cursor_from: where the run began to read by the cursor; cursor_to: how far a later one need not look back; cursor:
    the column by which.

    kept: columns that the source dropped and raw still has. widened: columns whose type in raw has to hold more than
    before. notices: what people were told about the table's columns (drift.py). by_value: what was compared by value,
    in this run and before.
    """

    table: str
    mode: str
    columns: tuple[ColumnType, ...]
    primary_key: tuple[str, ...]
    files: tuple[File, ...]
    rows: int
    invalid: Mapping[str, int]
    verdict: str
    dist: str | None = None
    sort: tuple[str, ...] = ()
    deleted: tuple[File, ...] = ()
    live_rows: int | None = None
    hash_sum: int | None = None
    hash_version: int | None = None
    cursor_from: str | None = None
    cursor_to: str | None = None
    cursor: str | None = None
    nulled: tuple[str, ...] = ()
    kept: tuple[ColumnType, ...] = ()
    widened: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    by_value: ByValue | None = None

    @property
    def raw_columns(self) -> tuple[ColumnType, ...]:
        """The raw table's columns, the loaders' own left out."""
        return (*self.columns, *self.kept)

    @property
    def stands_alone(self) -> bool:
        """Whether raw's table can be made of it alone: all rows, and no values of dropped columns from earlier ones."""
        return self.mode == "full" and not (self.kept and self.primary_key)

    @property
    def deleted_rows(self) -> int:
        return sum(file.rows for file in self.deleted)

    @property
    def key_columns(self) -> tuple[ColumnType, ...]:
        """The primary key's columns, in its order."""
        by_name = {column.name: column for column in self.columns}
        return tuple(by_name[name] for name in self.primary_key)


@dataclass(frozen=True)
class Run:
    """Everything that becomes visible together. `attempt` is unique; snapshot_at is the source server's clock, UTC."""

    run: int
    attempt: str
    schema: str
    source: str
    source_version: str
    snapshot_at: datetime.datetime
    batches: tuple[Batch, ...]
    format_version: int = field(default=FORMAT_VERSION)

    @property
    def parent(self) -> int:
        return self.run - 1

    def to_json(self) -> bytes:
        record = asdict(self) | {"parent": self.parent, "snapshot_at": self.snapshot_at.isoformat(sep=" ")}
        return (json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def from_json(data: bytes, key: str) -> Run:
    """Read a record. One that this version cannot read is a failure, never a guess."""
    try:
        record: dict[str, Any] = json.loads(data)
        version = record["format_version"]
        if version != FORMAT_VERSION:
            raise Failure(f"the run record {key} has format {version}, known is {FORMAT_VERSION}", UPDATE)
        record.pop("parent")
        record["snapshot_at"] = datetime.datetime.fromisoformat(record["snapshot_at"])
        record["batches"] = tuple(_batch(batch) for batch in record["batches"])
        return _made(Run, record)
    except _Newer as newer:
        raise Failure(
            f"the run record {key} was written by a newer version of this project: it says `{newer}`, which this one "
            "does not know",
            UPDATE,
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(key, f"without {error}" if isinstance(error, KeyError) else str(error)) from None


def _damaged(key: str, how: str) -> Failure:
    return Failure(
        f"the run record {key} is damaged ({how})",
        "restore it from a backup of the lake, or, if raw does not hold it, give it up: `python -m loaders "
        "withdraw` and its number; nothing was loaded",
    )


def _made(kind: type[Made], record: dict[str, Any]) -> Made:
    unknown = sorted(record.keys() - {each.name for each in fields(kind)})
    if unknown:
        raise _Newer(unknown[0])
    return kind(**record)


def _batch(record: dict[str, Any]) -> Batch:
    return _made(
        Batch,
        record
        | {
            "columns": tuple(_made(ColumnType, column) for column in record["columns"]),
            "primary_key": tuple(record["primary_key"]),
            "sort": tuple(record["sort"]),
            "files": tuple(_made(File, file) for file in record["files"]),
            "deleted": tuple(_made(File, file) for file in record.get("deleted", ())),
            "nulled": tuple(record.get("nulled", ())),
            "kept": tuple(_made(ColumnType, column) for column in record.get("kept", ())),
            "widened": tuple(record.get("widened", ())),
            "notices": tuple(record.get("notices", ())),
            "by_value": _by_value(record.get("by_value")),
        },
    )


def _by_value(record: dict[str, Any] | None) -> ByValue | None:
    return _made(ByValue, record | {"compared": tuple(record["compared"])}) if record else None


def key_of(number: int) -> str:
    return f"{PREFIX}{number}.json"


def numbers(lake: Lake) -> list[int]:
    """The numbers of all published runs, ascending. A gap means that somebody removed a record: a failure."""
    found = sorted(int(stem) for stem in (_stem(key) for key in lake.keys(PREFIX)) if stem.isdigit())
    if found and found != list(range(found[0], found[-1] + 1)):
        raise Failure(f"the lake {lake} misses a run between {found[0]} and {found[-1]}", "restore its _runs folder")
    return found


def read(lake: Lake, number: int) -> Run:
    key = key_of(number)
    run = from_json(lake.read(key), key)
    if run.run != number:
        raise _damaged(key, f"it says that it is run {run.run}")
    return run


def baseline(lake: Lake, schema: str) -> Run | None:
    """The schema's newest baseline: raw as it was after that run, in full batches. None before the first prune."""
    for number in reversed(baseline_numbers(lake)):
        found = read_baseline(lake, number)
        if found.schema == schema:
            return found
    return None


def baseline_key(number: int) -> str:
    return f"{BASELINES}{number}.json"


def baseline_numbers(lake: Lake) -> list[int]:
    """The runs that have a baseline, of every schema, ascending."""
    stems = (key.removeprefix(BASELINES).removesuffix(".json") for key in lake.keys(BASELINES))
    return sorted(int(stem) for stem in stems if stem.isdigit())


def read_baseline(lake: Lake, number: int) -> Run:
    return from_json(lake.read(baseline_key(number)), baseline_key(number))


def newest_batches(lake: Lake, schema: str, tables: Collection[str]) -> dict[str, Batch]:
    """The newest batch of each of these tables, from the newest run backwards until all are found."""
    found: dict[str, Batch] = {}
    for number in reversed(numbers(lake)):
        if found.keys() >= set(tables):
            break
        run = read(lake, number)
        if run.schema == schema:
            found = {batch.table: batch for batch in run.batches if batch.table in tables} | found
    base = baseline(lake, schema) if found.keys() < set(tables) else None
    return {batch.table: batch for batch in base.batches if batch.table in tables} | found if base else found


def publish(lake: Lake, run: Run) -> bool:
    """The lake's commit: create the record only if its number is free. Of two runs at once, one gets True."""
    return lake.create(key_of(run.run), run.to_json())


def _stem(key: str) -> str:
    return key.removeprefix(PREFIX).removesuffix(".json")
