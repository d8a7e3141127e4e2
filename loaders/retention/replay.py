"""Raw built anew from the lake alone: as the newest run left it, or an earlier one. No source is asked."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from loaders.common.errors import Failure
from loaders.lake import history, runs
from loaders.lake.run_files import RunFiles
from loaders.lake.spool import spool
from loaders.lake.store import Lake
from loaders.warehouse.interface import Step, Warehouse
from loaders.words.run_record import Batch, Run

# Passes steps through and shows how far they are: progress(steps, how many).
Progress = Callable[[Iterable[Step], int], Iterable[Step]]


def replay(
    lake: Lake, warehouse: Warehouse, to_run: int | None, progress: Progress, replace: bool = False
) -> list[Run]:
    """Rebuild the raw schema in one transaction; returns the runs that it holds then, in order.

    replace: also one that was loaded from another lake, whose runs are given up there.
    Every file's sha256 and rows are checked, and every batch is proved by its record's count and sum of hashes.
    Readers see the old raw until all of the new one is there; whatever stops it leaves the old one.
    """
    known = history.until(lake, warehouse.schema, to_run)
    if not replace:
        _refuse_another_lakes(lake, warehouse)
    rebuild(lake, warehouse, known, progress)
    return known


def rebuild(lake: Lake, warehouse: Warehouse, known: Sequence[Run], progress: Progress) -> None:
    """Make raw what these runs, all of the schema's up to the last of them, make of it."""
    chosen = needed(known)
    warehouse.rebuild(progress(_steps(lake, chosen), len(chosen)), known, _unknown_then(warehouse, known))


def needed(known: Sequence[Run]) -> list[tuple[Run, Batch]]:
    """What each table is made of, in the order of the runs: its newest batch that stands alone, and all after it."""
    whole = {batch.table: run.run for run in known for batch in run.batches if batch.stands_alone}
    for run in known:
        for batch in run.batches:
            if batch.table not in whole:
                raise Failure(
                    f"the lake holds changes of {batch.table} (run {run.run}) and no run that read it whole",
                    f"`python -m loaders extract --full --tables {batch.table}` reads it whole",
                )
    return [(run, batch) for run in known for batch in run.batches if run.run >= whole[batch.table]]


def _steps(lake: Lake, chosen: Sequence[tuple[Run, Batch]]) -> Iterator[Step]:
    """Each batch with a place for its files, which are fetched and checked when it is its turn."""
    for run, batch in chosen:
        with spool() as folder:
            yield run, batch, RunFiles(lake, folder)


def _unknown_then(warehouse: Warehouse, known: Sequence[Run]) -> set[str]:
    """Tables that raw holds now, by its `_loads`, and did not hold then."""
    then = {batch.table for run in known for batch in run.batches}
    return {row[0] for row in warehouse.newest()} - then


def _refuse_another_lakes(lake: Lake, warehouse: Warehouse) -> None:
    """A raw schema that was loaded from another lake is not ours to replace."""
    last, attempt = warehouse.last_applied()
    pruned = last < min(runs.numbers(lake), default=1)
    known = history.published(lake, warehouse.schema, last, attempt) or history.is_withdrawn(lake, last, attempt)
    if last and not pruned and not known:
        raise Failure(
            f"schema {warehouse.schema} of {warehouse} holds run {last}, which is not from the lake {lake}",
            "set LAKE_URL to the lake it was loaded from; or `python -m loaders replay --replace` gives up what it "
            "holds, and builds it anew of this lake",
        )
