"""A run record as it lies in the lake: read whole or refused, whoever wrote it."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from loaders.common.errors import Failure
from loaders.lake import strict
from loaders.lake.damaged import BASELINES, PREFIX, Damaged, way_out
from loaders.lake.signing import UNSIGNED, Signing
from loaders.lake.store import segment
from loaders.words.raw_tables import LINEAGE_COLUMNS, LOADS_TABLE
from loaders.words.run_record import FORMAT_VERSION, Batch, Run

UPDATE = "update this project; nothing was loaded"


def key_of(number: int) -> str:
    return f"{PREFIX}{number}.json"


def baseline_key(number: int) -> str:
    return f"{BASELINES}{number}.json"


def from_json(data: bytes, key: str, signing: Signing = UNSIGNED) -> Run:
    """Read the record at a key of the lake. One that is not whole, or not at its place, is a failure, never a guess."""
    try:
        record = json.loads(signing.opened(data, key))
        _refuse_other_format(record, key)
        parent = record.pop("parent")
        run = strict.made(Run, record)
        flaw = next(_flaws(run, key), None)
        if type(parent) is not int or parent != run.parent:
            flaw = flaw or f"its parent is {strict.shown(parent)}"
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


def batch_from_json(data: bytes, key: str, place: tuple[str, str], signing: Signing) -> Batch:
    """A batch by itself. place: the table and the attempt that its files must be of."""
    try:
        batch = strict.made(Batch, json.loads(signing.opened(data, key)))
    except (strict.Unlike, ValueError, RecursionError) as error:
        raise _damaged(key, str(error)) from None
    table, attempt = place
    flaw = "is another table" if batch.table != table else next(_flaws_of(batch, attempt), None)
    if flaw:
        raise _damaged(key, f"{strict.shown(batch.table)} {flaw}")
    return batch


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
    if any(turns.part >= len(turns.compared) for turns in (batch.by_value, batch.by_hash) if turns):
        yield "has compared a part that it does not have"
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
