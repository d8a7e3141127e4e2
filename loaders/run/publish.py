"""The lake's commit: a run is published whole, or nothing is left of it; a failure says which."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from loaders.common.errors import Exit, Failure
from loaders.lake import attempts, leftovers, runs
from loaders.lake.store import Lake
from loaders.words.run_record import Run


@contextmanager
def published(lake: Lake, run: Run) -> Iterator[Callable[[], None]]:
    """Yields what publishes the run. The files of one that was certainly not published are removed."""
    begun = False

    def commit() -> None:
        nonlocal begun
        if not attempts.is_open(lake, run.attempt):
            raise Failure(
                f"rows were erased from the lake {lake} while this run was reading them",
                "run it again",
                ends=Exit.TRY_AGAIN,
            )
        begun = True
        begun = runs.publish(lake, run)
        if not begun:
            raise Failure(f"number {run.run} of the lake {lake} is taken", "run it again", ends=Exit.OVERTAKEN)

    try:
        yield commit
    except BaseException as error:
        if not begun:
            _unpublished(lake, run, isinstance(error, Failure))
        if isinstance(error, Failure):
            raise _with_fate(error, lake, run, begun) from None
        raise
    leftovers.sweep(lake, run)
    attempts.sweep(lake, run)


def _unpublished(lake: Lake, run: Run, refused: bool) -> None:
    tables = [batch.table for batch in run.batches]
    if refused:
        attempts.remove(lake, tables, run.attempt)
        leftovers.forget(lake, tables, run.run)
    else:
        leftovers.leave(lake, tables, run.attempt)


def _with_fate(failure: Failure, lake: Lake, run: Run, begun: bool) -> Failure:
    """The failure of a run's last step, with what has become of the run."""
    if begun:
        return failure.and_then(waits(run))
    with suppress(Failure):
        if run.run in runs.numbers(lake):
            return Failure(
                f"another run published number {run.run} in the lake {lake} while this one was reading",
                "nothing of this run was kept; start it again when the other has finished",
                ends=Exit.OVERTAKEN,
            )
    return failure.and_then("nothing of this run was published, so that it can be run again")


def waits(run: Run) -> str:
    return (
        f"run {run.run} waits in the lake: when the cause is gone, run `make load`; "
        f"`python -m loaders withdraw {run.run}` gives it up"
    )
