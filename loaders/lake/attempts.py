"""An attempt: the files that one try of a run writes, under a name nobody else has, until its record is published.

Its name begins with the number the run tries to win (`7-5f3a…`), which tells later runs what can no longer be won.
`_open/<attempt>` is there from before the source is read until the run is published. `erase` removes it: a run that has
read the source before a row was erased must not bring it back.
"""

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.lake.store import Lake, segment
from loaders.words.run_record import Run

OPEN = "_open/"


def begin(lake: Lake, number: int) -> str:
    """A new attempt, open from now on: before the source is read."""
    return opened(lake, f"{number}-{secrets.token_hex(8)}")


def opened(lake: Lake, attempt: str) -> str:
    lake.create(OPEN + attempt, b"")
    return attempt


def is_open(lake: Lake, attempt: str) -> bool:
    return OPEN + attempt in lake.keys(OPEN + attempt)


def end_all(lake: Lake) -> None:
    """None that is open now will be published: rows are about to be erased, which it may have read."""
    lake.delete(list(lake.keys(OPEN)))


def number(attempt: str, prefix: str = "") -> int | None:
    """The number that the attempt tries, or tried, to win; None of what is not named as one of ours."""
    named = re.fullmatch(f"{prefix}([1-9][0-9]{{0,17}})-.*", attempt)
    return int(named[1]) if named else None


def key(table: str, attempt: str, name: str = "") -> str:
    return f"{segment(table)}/{attempt}/{name}"


def remove(lake: Lake, tables: Iterable[str], attempt: str) -> None:
    """Remove the files of an attempt that was certainly not published; what resists, a later run sweeps."""
    with suppress(Failure):
        for table in tables:
            lake.delete(list(lake.keys(key(table, attempt))))
        lake.delete([OPEN + attempt])


def sweep(lake: Lake, run: Run) -> None:
    """Remove what killed or beaten runs left under the parent's number, which nobody can win any more.

    Only the run that has just been published calls this: no other can know that the parent's number is decided.
    """
    begun = ((found, number(found.removeprefix(OPEN))) for found in lake.keys(OPEN))
    lake.delete([found for found, tried in begun if tried is not None and tried <= run.run])
    if not run.parent:
        return
    kept = runs.read(lake, run.parent).attempt
    for batch in run.batches:
        left = lake.keys(f"{segment(batch.table)}/{run.parent}-")
        lake.delete([found for found in left if found.split("/")[1] != kept])
