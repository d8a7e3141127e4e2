"""The run record: what one run read, where its files lie, how they are checked. Publishing it is the lake's commit."""

import datetime
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Annotated, Any

from loaders import type_contract
from loaders.errors import Failure
from loaders.lake import strict
from loaders.lake.signing import UNSIGNED, Signing
from loaders.lake.store import BASELINES, MOST_BYTES, PREFIX, Damaged, Lake, segment, way_out
from loaders.warehouse.raw_tables import LINEAGE_COLUMNS, LOADS_TABLE

FORMAT_VERSION = 1
UPDATE = "update this project; nothing was loaded"
NUMBER = re.compile(r"[1-9][0-9]{0,17}")

# What a record may say: docs/run-record.schema.json has the same for other programs. MySQL's names have 64 characters.
Number = Annotated[int, range(1, 10**18)]
Count = Annotated[int, range(2**63)]
Sum = Annotated[int, range(-(10**38), 10**38)]
Name = Annotated[str, re.compile(r"(?s).{1,64}")]
Sha256 = Annotated[str, re.compile("[0-9a-f]{64}")]


@dataclass(frozen=True)
class File:
    """One immutable Parquet file of the lake. sha256 is of its bytes, in hex."""

    key: str
    rows: Count
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True)
class ColumnType:
    """A column as it was read, with its types at both ends of the way."""

    name: Name
    mysql: str
    duckdb: str
    redshift: str

    @property
    def home(self) -> type_contract.Home | None:
        return type_contract.home_of(self.duckdb, self.redshift)


@dataclass(frozen=True)
class ByValue:
    """How far a table has been compared by value, row by row, in as many parts as `compared` has entries.

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

    run: Number
    attempt: str
    schema: Annotated[str, re.compile(r"(?s).{1,127}")]
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


def from_json(data: bytes, key: str, signing: Signing = UNSIGNED) -> Run:
    """Read the record at a key of the lake. One that is not whole, or not at its place, is a failure, never a guess."""
    try:
        record = json.loads(signing.opened(data, key))
        _refuse_other_format(record, key)
        parent = record.pop("parent")
        run = strict.made(Run, record)
        flaw = next(_flaws(run, key), None) or (parent != run.parent and f"its parent is {strict.shown(parent)}")
    except strict.Unknown as newer:
        raise Failure(
            f"the run record {key} was written by a newer version of this project: it says `{newer}`, which this one "
            "does not know",
            UPDATE,
        ) from None
    except (strict.Unlike, ValueError, RecursionError) as error:
        raise _damaged(key, str(error)) from None
    if flaw:
        raise _damaged(key, flaw)
    return run


def _refuse_other_format(record: Any, key: str) -> None:
    if not isinstance(record, dict):
        raise strict.Unlike(f"it is {strict.shown(record)}")
    for name in ("format_version", "parent"):
        if name not in record:
            raise strict.Unlike(f"without {name}")
    version = record["format_version"]
    if type(version) is int and version != FORMAT_VERSION:
        raise Failure(f"the run record {key} has format {strict.shown(version)}, known is {FORMAT_VERSION}", UPDATE)


def _damaged(key: str, how: str) -> Damaged:
    return Damaged(f"the run record {key} is damaged ({how})", f"{way_out(key)}; nothing was loaded")


def _flaws(run: Run, key: str) -> Iterator[str]:
    """What is wrong with a record whose every value is of its type."""
    prefix, named = ("baseline-", baseline_key) if key.startswith(BASELINES) else ("", key_of)
    if key != named(run.run):
        yield f"it says that it is run {run.run}"
    if not re.fullmatch(f"{prefix}{run.run}-[0-9a-f]{{16}}", run.attempt):
        yield f"its attempt is {strict.shown(run.attempt)}"
    for name in _repeated([LOADS_TABLE, *(batch.table for batch in run.batches)]):
        yield f"it has the table {strict.shown(name)} twice"
    for batch in run.batches:
        yield from (f"{strict.shown(batch.table)} {flaw}" for flaw in _flaws_of(batch, run.attempt))


def _flaws_of(batch: Batch, attempt: str) -> Iterator[str]:
    yield from _flaws_of_columns(batch)
    if not batch.primary_key and (batch.deleted or (batch.mode != "full" and batch.files)):
        yield "has no key by which rows could be replaced"
    below = re.escape(f"{segment(batch.table)}/{attempt}/")
    for file in (*batch.files, *batch.deleted):
        if not re.fullmatch(f"{below}[a-z0-9-]+[.]parquet", file.key):
            yield f"has the file {strict.shown(file.key)}, which is not its own"
    if batch.rows != sum(file.rows for file in batch.files):
        yield f"has {batch.rows:,} rows, and other ones in its files"


def _flaws_of_columns(batch: Batch) -> Iterator[str]:
    for column in batch.raw_columns:
        if column.home is None:
            yield f"has a column of the types {strict.shown(column.duckdb)} and {strict.shown(column.redshift)}"
    for name in _repeated([*(column.name for column in batch.raw_columns), *LINEAGE_COLUMNS]):
        yield f"has the column {strict.shown(name)} twice"
    known = {column.name for column in batch.columns}
    for name in (*batch.primary_key, *batch.sort, *filter(None, [batch.dist])):
        if name not in known:
            yield f"has no column {strict.shown(name)} for its key"


def _repeated(names: Iterable[str]) -> list[str]:
    """Names that a warehouse would not tell from another one."""
    return [name for name, count in Counter(name.lower() for name in names).items() if count > 1]


def key_of(number: int) -> str:
    return f"{PREFIX}{number}.json"


def listed(lake: Lake) -> list[int]:
    """The numbers under which there are records, ascending, whether or not some are missing."""
    return _numbers(lake, PREFIX)


def keys(lake: Lake) -> list[str]:
    """Where there are records, of baselines and runs, whether or not some are missing."""
    return [*map(baseline_key, baseline_numbers(lake)), *map(key_of, listed(lake))]


def numbers(lake: Lake) -> list[int]:
    """The numbers of all published runs, ascending. One that is missing was removed by somebody: a failure."""
    found = listed(lake)
    if found[:1] != [1]:
        _refuse_headless(lake, found)
    for before, after in pairwise(found):
        if after != before + 1:
            between = f"a run between {found[0]} and {found[-1]}"
            raise _missing(lake, f"{between}: {_span(before + 1, after - 1)}", after)
    return found


def _refuse_headless(lake: Lake, found: list[int]) -> None:
    """The oldest runs may be missing if a baseline stands for them: the newest of them stays, to carry its number."""
    newest = max(baseline_numbers(lake), default=0)
    if found and found[0] > newest:
        raise _missing(lake, f"its oldest: {_span(newest + 1, found[0] - 1)}", found[0])
    if newest and not found:
        raise Failure(
            f"the lake {lake} misses every run from {newest} on, for which its newest baseline stands",
            f"restore {key_of(newest)} and what followed from a backup of the lake",
        )


def _missing(lake: Lake, said: str, after: int) -> Failure:
    return Failure(
        f"the lake {lake} misses {said}",
        f"restore them from a backup of the lake; or give up what is there from run {after} on: "
        f"`python -m loaders withdraw {after}`",
    )


def _span(first: int, last: int) -> str:
    return key_of(first) if first == last else f"{key_of(first)} to {last}.json"


def read(lake: Lake, number: int) -> Run:
    return _read(lake, key_of(number))


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
    return _numbers(lake, BASELINES)


def read_baseline(lake: Lake, number: int) -> Run:
    return _read(lake, baseline_key(number))


def _read(lake: Lake, key: str) -> Run:
    return from_json(lake.read(key), key, lake.signing)


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
    key = key_of(run.run)
    return lake.create(key, readable(lake, run, key))


def readable(lake: Lake, run: Run, key: str) -> bytes:
    """The record as it is written to its key: never one that could not be read again."""
    data = lake.signing.signed(run.to_json(), key)
    if len(data) > MOST_BYTES:
        raise Failure(
            f"the record of run {run.run} would have {len(data):,} bytes, more than {MOST_BYTES:,}",
            "divide the catalog into several, each with a schema of its own, and name them with --catalog",
        )
    from_json(data, key, lake.signing)
    return data


def _numbers(lake: Lake, folder: str) -> list[int]:
    stems = (key.removeprefix(folder).removesuffix(".json") for key in lake.keys(folder) if key.endswith(".json"))
    return sorted(int(stem) for stem in stems if NUMBER.fullmatch(stem))
