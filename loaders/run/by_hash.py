"""How much of a table a run compares by hash: all of it, or the part whose turn it is (`proof: {share: 24}`).

A part is enough where raw is as the newest run left it, the cursor shows what changed since, and the source has as many
rows as raw will have. Else all is compared, in the same run.
"""

from dataclasses import dataclass, replace

from loaders.proof import raw_state
from loaders.proof.compare import Difference, compare
from loaders.proof.share import Share
from loaders.run.by_value import next_share
from loaders.run.table_read import TableRead
from loaders.source.source_side import SourceSide
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse.interface import Warehouse
from loaders.warehouse.live_rows import LiveRows
from loaders.words.buckets import WHOLE, totals
from loaders.words.run_record import Batch, Turns


@dataclass(frozen=True)
class Comparison:
    """found: what raw lacks of the rows that were compared. rows: of the whole table at the source.

    hash_sum: what raw has once it is given what it lacks: the source's of what was compared, its own of the rest.
    said: the verdict's beginning. turns: for the run record.
    """

    found: Difference
    rows: int
    hash_sum: int
    said: str
    turns: Turns | None


def turn(read: TableRead, base: Batch, warehouse: Warehouse) -> Share | None:
    """The part that a run compares beside the cursor's rows and the count; None if it is all.

    base: the newest batch. Raw that is not as it left it is compared whole: no part would be the source's.
    """
    share = next_part(read, base)
    if share is None:
        return None
    return share if raw_state.is_as_left(warehouse, base) else None


def next_part(read: TableRead, base: Batch) -> Share | None:
    """The same, if raw is as the newest batch has left it."""
    if base.by_hash is None or base.live_rows is None or base.hash_sum is None or read.table.share == 1:
        return None
    share, _compared = next_share(read, base.live_rows, base.by_hash, read.table.share)
    return None if share.parts == 1 else share


def all_of_it(read: TableRead, base: Batch, found: Difference) -> Comparison:
    """What came of comparing the whole table."""
    turns = whole(read, found.rows, base)
    return Comparison(found, found.rows, found.hash_sum, f"equal: {found.rows:,} rows by hash", turns)


def whole(read: TableRead, rows: int, earlier: Batch | None) -> Turns | None:
    """That all rows are what this snapshot has, for a table of which the next run may compare a part."""
    if read.table.share == 1 or not read.source.held_still:
        return None
    share, known = next_share(read, rows, earlier.by_hash if earlier else None, read.table.share)
    return Turns(share.way, share.part, rows, tuple(_now(read) for _ in known))


def in_part(read: TableRead, base: Batch, live: LiveRows, share: Share, stored: str) -> Comparison | None:
    """What raw needs of a part; None if more than a part is to be compared: rows are missing or too many elsewhere.

    live: raw with the cursor's rows. stored: what chooses the part in raw.
    """
    rows = base.live_rows or 0
    source = side(read, share, rows)
    found = compare(source, live.part(stored), source.buckets(rows))
    if found is None:
        return None
    others, hash_sum = totals(live.part(f"not ({stored})").sums(WHOLE))
    counted = read.run.snapshot.count(read.source)
    if others + found.rows != counted:
        return None
    _share, known = next_share(read, rows, base.by_hash, read.table.share)
    known[share.part] = _now(read)
    said = f"equal: {counted:,} rows by count, part {share.part + 1} of {share.parts} by hash"
    turns = Turns(share.way, share.part, found.rows, tuple(known))
    return Comparison(found, counted, hash_sum + found.hash_sum, said, turns)


def side(read: TableRead, share: Share | None = None, rows: int = 0) -> SourceSide:
    """The source, or a share of a table of about so many rows."""
    whole = SourceSide(read.run.snapshot, read.source, read.keys, read.by_name[SOURCE_HASH], read.run.progress)
    if share is None:
        return whole
    return replace(whole, conditions=share.conditions(read.run.snapshot, rows), only=share.where_at_source)


def _now(read: TableRead) -> str:
    return read.run.snapshot.taken_at.isoformat(sep=" ")
