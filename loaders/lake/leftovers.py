"""What runs that broke have left of a table: files that are whole, and beside them a note that says which.

A note (`<table>/<attempt>/so-far.json`) is the batch as far as it is read, in the form of the run record and signed as
one. It is of use as long as the number is free that its attempt tried to win. A run that could still say that it broke
has no `_open/<attempt>` any more: nobody will publish it.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict

from loaders.common.errors import Failure
from loaders.lake import attempts, run_json
from loaders.lake.store import Lake, segment
from loaders.words.run_record import Batch, Run

NOTE = "so-far.json"


def write(lake: Lake, attempt: str, batch: Batch) -> None:
    key = attempts.key(batch.table, attempt, NOTE)
    lake.replace(key, lake.signing.signed(json.dumps(asdict(batch), indent=1).encode(), key))


def read(lake: Lake, table: str, attempt: str) -> Batch:
    """A note, read as strictly as a run record."""
    key = attempts.key(table, attempt, NOTE)
    return run_json.batch_from_json(lake.read(key), key, (table, attempt), lake.signing)


def of(lake: Lake, table: str, number: int) -> list[str]:
    """The attempts to win a number that have left a note of a table; one may be under way."""
    found = lake.keys(f"{segment(table)}/{number}-")
    return sorted(key.split("/")[1] for key in found if key.endswith(f"/{NOTE}"))


def forget(lake: Lake, tables: Iterable[str], number: int) -> None:
    """Let no run take over what there is: raw has refused rows that may have come from it."""
    with suppress(Failure):
        for table in tables:
            lake.delete([attempts.key(table, attempt, NOTE) for attempt in of(lake, table, number)])


def leave(lake: Lake, tables: Iterable[str], attempt: str) -> bool:
    """The attempt broke. Of each table the note that says most stays with its files, of all attempts that broke.

    Not if rows were erased from the lake meanwhile, which it may have read. What resists, a later run sweeps. Whether
    anything is left to go on from.
    """
    with suppress(Failure):
        if not attempts.is_open(lake, attempt):
            attempts.remove(lake, tables, attempt)
            return False
        lake.delete([attempts.OPEN + attempt])
        best = [_best(lake, table, attempt) for table in tables]
        return any(best)
    return False


def sweep(lake: Lake, run: Run) -> None:
    """Remove what broken attempts have left of the tables that this run, which is published, has read whole."""
    for batch in run.batches:
        if batch.mode == "full":
            _remove_closed(lake, batch.table, run.attempt, run.attempt)
            lake.delete([attempts.key(batch.table, run.attempt, NOTE)])


def _best(lake: Lake, table: str, attempt: str) -> str:
    """The attempt that has read most of a table, or none; what others have left that broke is removed.

    Of the attempt's own form, if it has left anything: rows of another could not be taken over by the next run.
    """
    notes = {}
    for each in of(lake, table, attempts.number(attempt) or 0):
        with suppress(Failure):
            notes[each] = read(lake, table, each)
    own = notes.get(attempt)
    alike = [each for each, batch in notes.items() if own is None or batch.form == own.form]
    best = max(alike, key=lambda each: notes[each].rows, default="")
    _remove_closed(lake, table, attempt, best)
    return best


def _remove_closed(lake: Lake, table: str, attempt: str, kept: str) -> None:
    under_way = {key.removeprefix(attempts.OPEN) for key in lake.keys(attempts.OPEN)} | {kept}
    found = lake.keys(f"{segment(table)}/{attempts.number(attempt)}-")
    lake.delete([key for key in found if key.split("/")[1] not in under_way])
