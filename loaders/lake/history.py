"""One raw schema's runs in the lake, in order: from the first, or from the baseline that `prune` made of the oldest."""

from itertools import islice

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.lake.damaged import WITHDRAWN
from loaders.lake.store import Lake
from loaders.words.run_record import Run


def since(lake: Lake, schema: str, last: int = 0) -> list[Run]:
    """The schema's runs after run `last`. What lies before its baseline is not there; the baseline stands for it."""
    base = runs.baseline(lake, schema)
    begin = [base] if base and base.run > last else []
    known = max(last, base.run if base else 0)
    records = (runs.read(lake, number) for number in runs.numbers(lake) if number > known)
    return begin + [run for run in records if run.schema == schema]


def newest(lake: Lake, schema: str, count: int) -> list[Run]:
    """The schema's newest runs, at most so many, in order. Only these are read."""
    records = (runs.read(lake, number) for number in reversed(runs.numbers(lake)))
    return list(islice((run for run in records if run.schema == schema), count))[::-1]


def until(lake: Lake, schema: str, to_run: int | None) -> list[Run]:
    """The schema's runs up to and with run `to_run`, or all of them; a run that the lake cannot give is a failure."""
    known = since(lake, schema)
    if not known:
        raise Failure(f"the lake {lake} holds no run for schema {schema}", "check LAKE_URL; `make extract` makes one")
    if to_run is None:
        return known
    if to_run not in [run.run for run in known]:
        reaches = "; older ones were pruned" if runs.baseline(lake, schema) else ""
        raise Failure(
            f"the lake {lake} has no run {to_run} of schema {schema}",
            f"known: {known[0].run} to {known[-1].run}{reaches}",
        )
    return [run for run in known if run.run <= to_run]


def published(lake: Lake, schema: str, number: int, attempt: str) -> bool:
    """Whether the lake has published that attempt under that number, as a run or as the baseline made of it."""
    base = runs.baseline(lake, schema)
    if base and (base.run, base.attempt) == (number, attempt):
        return True
    return number in runs.numbers(lake) and runs.read(lake, number).attempt == attempt


def is_withdrawn(lake: Lake, number: int, attempt: str) -> bool:
    return any(True for _key in lake.keys(f"{WITHDRAWN}{number}-{attempt}.json"))
