"""A table that the server did not change since a run that compared it with raw is not read: it is what it was then.

Whose word is taken, and how it is asked for: source/touched.py. It is taken for a day at most, so that a fault in it,
or in this, ends by itself, and values go on to be compared. `extract --compare` takes no word, `verify` never does.
"""

import datetime
from dataclasses import replace

from loaders.lake import attempts
from loaders.proof import raw_state
from loaders.run.incremental import Raw
from loaders.run.table_read import TableRead
from loaders.source.touched import Noted
from loaders.words.drift import Drift
from loaders.words.run_record import Batch, Compared

# For how long a commit may hang between being noted and being seen: a run whose snapshot lies between would miss it.
# Two seconds are plenty but for a disk that stands still; a table that was just changed is compared once or twice more.
HANGS = datetime.timedelta(minutes=10)
SECOND = datetime.timedelta(seconds=1)
AT_MOST = datetime.timedelta(hours=24)


def batch(read: TableRead, raw: Raw, said: Noted | None) -> Batch | None:
    """The batch of a table that need not be read, since raw is what it was; None of any other."""
    base = raw.base(read) if raw.warehouse else None
    same = base and since(read, base, said)
    if not base or not same or not raw.warehouse or not raw_state.is_as_left(raw.warehouse, base):
        return None
    verdict = f"untouched since run {same.run}, {base.live_rows:,} rows equal by hash then"
    return replace(
        read.batch("incremental", (), verdict),
        live_rows=base.live_rows,
        hash_sum=base.hash_sum,
        cursor_to=base.cursor_to,
        compared=same,
        untouched=True,
        by_hash=base.by_hash,
    )


def since(read: TableRead, base: Batch, said: Noted | None) -> Compared | None:
    """The comparison that still holds, if the base says what one found and nothing was changed after it."""
    then = base.compared
    if then is None or said is None or not declared_alike(read, base):
        return None
    if (then.server, then.created, then.updated) != (said.after, said.created, said.updated):
        return None
    seen_by_then = then.updated + SECOND + HANGS <= then.at
    age = read.run.snapshot.taken_at - then.at
    return then if seen_by_then and datetime.timedelta(0) <= age < AT_MOST else None


def compared(found: Batch, read: TableRead, said: Noted | None) -> Batch:
    """The batch of a table that was compared, or read whole, with what the server says of it now."""
    number = attempts.number(read.run.attempt)
    if said is None or number is None or not found.wholly_compared:
        return found
    at = read.run.snapshot.taken_at
    return replace(found, compared=Compared(number, at, said.before, said.created, said.updated))


def declared_alike(read: TableRead, base: Batch) -> bool:
    """Whether the base says rows and hashes of the table as it is declared today, here and at the source."""
    known = read.source.held_still and base.live_rows is not None and base.hash_sum is not None
    same = read.drift == Drift(read.table.name, kept=base.kept, keys=(base.primary_key, read.table.primary_key))
    nulled = base.nulled == tuple(sorted(read.nulled))
    return known and same and not read.drift.key_changed and nulled and base.cursor == read.table.cursor
