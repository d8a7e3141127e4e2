"""What the lake need not keep: runs older than some days, once a baseline stands for them."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loaders.common.errors import Failure
from loaders.lake import attempts, history, run_json, runs
from loaders.lake.store import Lake, segment
from loaders.retention import baseline
from loaders.retention.replay import Progress
from loaders.warehouse.interface import Warehouse
from loaders.words.run_record import Run


@dataclass(frozen=True)
class Plan:
    """What a prune does. old: runs that go, oldest first. bases: for each schema, the newest run that is old enough.

    kept: runs that stay as they are.
    """

    old: tuple[Run, ...]
    bases: tuple[Run, ...]
    kept: int


def plan(lake: Lake, warehouse: Warehouse, before: datetime.datetime) -> Plan:
    """What can go: runs whose snapshot, like every earlier one, was taken before that moment (UTC).

    The newest of them stays, for it carries the number on which the next one builds. A run that still waits to be
    loaded into this warehouse is a failure.
    """
    records = [runs.read(lake, number) for number in runs.numbers(lake)]
    young = next((place for place, run in enumerate(records) if run.snapshot_at >= before), len(records))
    old = records[:young]
    newest = {run.schema: run for run in old}
    if len(old) > 1:
        _refuse_pending(warehouse, newest.get(warehouse.schema))
    return Plan(tuple(old[:-1]), tuple(newest.values()) if len(old) > 1 else (), len(records) - len(old[:-1]))


def write_baselines(lake: Lake, planned: Plan, spool: Path, progress: Progress) -> Iterator[Run]:
    """Make sure that each schema's old runs have a baseline. Yields each one, those that are there already too."""
    for run in planned.bases:
        base = runs.baseline(lake, run.schema)
        if base is None or base.run < run.run:
            base = baseline.write(lake, history.until(lake, run.schema, run.run), spool, progress)
        yield base


def remove(lake: Lake, planned: Plan) -> Iterator[tuple[Run, int]]:
    """Remove the old runs, then baselines that newer ones replace. Yields (run, how many objects) as they go.

    Oldest first, and a run's files before its record: killed anywhere, the numbers have no gap, and the next prune
    finds by the records what is left.
    """
    for run in planned.old:
        yield run, _remove(lake, run, run_json.key_of(run.run))
    for run in _replaced(lake):
        yield run, _remove(lake, run, run_json.baseline_key(run.run))
    _sweep(lake)


def _replaced(lake: Lake) -> list[Run]:
    """Baselines that are not their schema's newest."""
    known = [runs.read_baseline(lake, number) for number in runs.baseline_numbers(lake)]
    newest = {run.schema: run.run for run in known}
    return [run for run in known if run.run < newest[run.schema]]


def _remove(lake: Lake, run: Run, record: str) -> int:
    keys = [key for batch in run.batches for key in lake.keys(attempts.key(batch.table, run.attempt))]
    lake.delete([*keys, record])
    return len(keys) + 1


def _sweep(lake: Lake) -> None:
    """Remove what killed prunes left: files of baselines that cannot be published any more."""
    known = {number: runs.read_baseline(lake, number) for number in runs.baseline_numbers(lake)}
    for table in {batch.table for run in known.values() for batch in run.batches}:
        for key in list(lake.keys(f"{segment(table)}/{baseline.PREFIX}")):
            attempt = key.split("/")[1]
            number = attempts.number(attempt, baseline.PREFIX)
            if number and number <= max(known) and attempt not in [run.attempt for run in known.values()]:
                lake.delete([key])


def _refuse_pending(warehouse: Warehouse, newest: Run | None) -> None:
    last, _attempt = warehouse.last_applied()
    if newest and last < newest.run:
        raise Failure(
            f"runs up to {newest.run} are old enough to go, and {warehouse} holds only "
            + (f"those up to {last}" if last else "nothing yet"),
            "run `make load` first; nothing was removed",
        )
