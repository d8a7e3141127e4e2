"""Run records in the lake: publishing one, which is the lake's commit, and finding those there are."""

import re
from collections.abc import Collection
from itertools import pairwise

from loaders.common.errors import Failure
from loaders.lake.damaged import BASELINES, PREFIX
from loaders.lake.run_json import baseline_key, from_json, key_of
from loaders.lake.store import MOST_BYTES, Lake
from loaders.words.run_record import Batch, Run

NUMBER = re.compile(r"[1-9][0-9]{0,17}")


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
