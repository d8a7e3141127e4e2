"""The source's clock. It decides no order, because runs have numbers; but where it went back, every verdict says so.

From there on the times in the source's rows say nothing of what was before and what after (dbt: stg_shop__clock_turns).
"""

from dataclasses import replace

from loaders.lake import runs
from loaders.lake.store import Lake
from loaders.words.run_record import Run


def checked(lake: Lake, run: Run) -> Run:
    """The run, and in its verdicts by how much its clock is behind that of the run before it, if it is."""
    before = runs.read(lake, run.parent) if run.parent else run
    behind = before.snapshot_at - run.snapshot_at
    if before.source != run.source or behind.total_seconds() <= 0:
        return run
    said = f"; the source's clock went back by {behind} since run {before.run}"
    return replace(run, batches=tuple(replace(batch, verdict=batch.verdict + said) for batch in run.batches))
