"""Runs that the lake holds and raw does not yet: which ones, and how they are applied."""

from collections.abc import Iterator

from loaders.common.errors import Failure
from loaders.lake import history, runs
from loaders.lake.run_files import RunFiles
from loaders.lake.spool import spool
from loaders.lake.store import Lake
from loaders.run.publish import waits
from loaders.warehouse.interface import Proved, Warehouse
from loaders.words.run_record import Run


def load(lake: Lake, warehouse: Warehouse) -> Iterator[Run]:
    """Apply the runs that raw does not hold yet, in order, each in one transaction. Yields each one applied."""
    for run in pending(lake, warehouse):
        try:
            apply(lake, warehouse, run, proved=lambda _lost, _elsewhere: lambda: None)
        except Failure as failure:
            raise failure.and_then(waits(run)) from None
        yield run


def apply(lake: Lake, warehouse: Warehouse, run: Run, proved: Proved) -> None:
    with spool() as folder:
        warehouse.apply(run, RunFiles(lake, folder), proved)


def pending(lake: Lake, warehouse: Warehouse) -> list[Run]:
    """The lake's runs for this raw schema that are not in it. A raw schema fed from another lake is a failure."""
    last, attempt = warehouse.last_applied()
    if last and not history.published(lake, warehouse.schema, last, attempt):
        if history.is_withdrawn(lake, last, attempt):
            raise Failure(
                f"schema {warehouse.schema} of {warehouse} holds run {last}, which was withdrawn from the lake {lake}",
                "`python -m loaders replay` builds raw anew from the lake as it is without that run; if none is left, "
                "`python -m loaders extract --no-load` makes one first",
            )
        base = runs.baseline(lake, warehouse.schema)
        if base and last < base.run:
            raise Failure(
                f"schema {warehouse.schema} of {warehouse} holds run {last}, which was pruned from the lake {lake}, if "
                f"it ever was in it: what is there begins with run {base.run}",
                "`python -m loaders replay` builds raw anew from the lake",
            )
        raise Failure(
            f"schema {warehouse.schema} of {warehouse} holds run {last}, which is not from the lake {lake}",
            "set LAKE_URL back to the lake it was loaded from; or `python -m loaders replay --replace` gives up what "
            "raw holds and builds it anew of this lake, in which `python -m loaders extract --no-load` makes a run "
            "where there is none",
        )
    return history.since(lake, warehouse.schema, last)
