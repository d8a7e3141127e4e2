"""Runs that wait in the lake and that raw refuses are taken back, so that the next run can follow what raw holds.

Its number is given again. Its record stays, under another name, by which a warehouse that has applied it all the same
is told what happened.
"""

from dataclasses import dataclass

from loaders.common.errors import Failure
from loaders.lake import attempts, run_json, runs
from loaders.lake.damaged import NEW_LAKE, WITHDRAWN, Damaged
from loaders.lake.store import Lake
from loaders.warehouse.interface import Warehouse
from loaders.words.run_record import Run


@dataclass(frozen=True)
class Waiting:
    """A published run that raw does not hold. record: as the lake has it; run: None if that cannot be read."""

    number: int
    record: bytes
    run: Run | None


def plan(lake: Lake, warehouse: Warehouse, number: int) -> list[Waiting]:
    """Run `number` and all after it, oldest first; one of another schema is a failure.

    So is one that raw holds, unless the lake is broken there: no other command leads out of that.
    """
    known = runs.listed(lake)
    if number not in known:
        there = f"it has {known[0]} to {known[-1]}" if known else "it has none"
        raise Failure(
            f"the lake {lake} has no run {number}: {there}", "`python -m loaders status` says which ones wait"
        )
    last, _attempt = warehouse.last_applied()
    if number <= max(runs.baseline_numbers(lake), default=0):
        raise Failure(
            f"a baseline stands for run {number} of the lake {lake} and all before it: it cannot be given up",
            f"`python -m loaders replay` builds raw from the baseline; or {NEW_LAKE}",
        )
    found = [_waiting(lake, each) for each in known if each >= number]
    if last >= number and not _is_broken(known, found[0]):
        raise Failure(
            f"schema {warehouse.schema} of {warehouse} holds the runs up to {last}: run {number} blocks nothing",
            "leave it: `python -m loaders extract` makes raw equal to the source, `python -m loaders verify` shows it",
        )
    for each in found:
        if each.run and each.run.schema != warehouse.schema:
            raise Failure(
                f"run {each.number} is of schema {each.run.schema}, and a run can be taken back with all after it only",
                "name that schema's catalog with --catalog, and withdraw that run first",
            )
    return found


def holds(warehouse: Warehouse, planned: list[Waiting]) -> bool:
    """Whether raw has applied what is given up, so that it is to be built anew."""
    return warehouse.last_applied()[0] >= planned[0].number


def _is_broken(known: list[int], first: Waiting) -> bool:
    """Whether the first of them cannot be read, or those before it are missing."""
    return first.run is None or (first.number > 1 and first.number - 1 not in known)


def _waiting(lake: Lake, number: int) -> Waiting:
    """A record that is too long to be one is not kept: nobody could read it."""
    record = b""
    try:
        record = lake.read(run_json.key_of(number))
        return Waiting(number, record, run_json.from_json(record, run_json.key_of(number), lake.signing))
    except Damaged:
        return Waiting(number, record, None)


def withdraw(lake: Lake, warehouse: Warehouse, planned: list[Waiting]) -> None:
    """Take them back, the newest first, so that there is never a gap. Killed, it is run again.

    Files go last: what a kill leaves of them, the sweep of a later run removes.
    """
    held = warehouse.last_applied() if _is_broken(runs.listed(lake), planned[0]) else None
    for each in planned:
        lake.replace(_key(each), each.record)
    for each in reversed(planned):
        lake.delete([run_json.key_of(each.number)])
    _refuse_meanwhile(lake, warehouse, planned, held)
    for each in planned:
        if each.run:
            attempts.remove(lake, [batch.table for batch in each.run.batches], each.run.attempt)


def _key(each: Waiting) -> str:
    return f"{WITHDRAWN}{each.number}-{each.run.attempt if each.run else 'damaged'}.json"


def _refuse_meanwhile(lake: Lake, warehouse: Warehouse, planned: list[Waiting], held: tuple[int, str] | None) -> None:
    """A run that was published or applied in these moments builds on what is gone: put the records back.

    held: what raw held before, of a broken lake.
    """
    first, now = planned[0].number, warehouse.last_applied()
    if (now[0] < first or now == held) and not any(lake.keys(run_json.key_of(planned[-1].number + 1))):
        return
    for each in planned:
        lake.create(run_json.key_of(each.number), each.record)
    raise Failure(
        f"another run was published or applied while runs {first} to {planned[-1].number} were being withdrawn",
        "nothing was withdrawn; `python -m loaders status` says what waits now",
    )
