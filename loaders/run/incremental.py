"""A table that raw holds already: read what changed, find what was missed, and know that raw will equal the source."""

from dataclasses import dataclass, replace

import pyarrow as pa

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name, sql_name
from loaders.proof import raw_state
from loaders.proof.compare import both, compare
from loaders.run import by_hash
from loaders.run.by_hash import Comparison
from loaders.run.table_read import TableRead
from loaders.source.source_side import between, by_keys
from loaders.types.decoding import decode
from loaders.warehouse.interface import Warehouse
from loaders.words import cursors
from loaders.words.buckets import NAMED_AT_ONCE, NOTHING, Buckets, Sums, differing
from loaders.words.delete_limit import Lost
from loaders.words.run_record import Batch, File

UNVERIFIED = "unverified: not yet compared with raw, the next run does"
# Of so many rows, keys and hashes are compared whatever the cursor would show: that is some tenths of a second.
FEW = 50_000


@dataclass(frozen=True)
class Raw:
    """What raw holds, to which a run adds. warehouse: None if nobody may ask it (`--no-load`).

    bases: the newest batch of each table.
    """

    warehouse: Warehouse | None
    bases: dict[str, Batch]

    def base(self, read: TableRead) -> Batch | None:
        """The batch on which an incremental one can be put; None if the table has to be read whole."""
        base = self.bases.get(read.table.name) if read.source.held_still else None
        if base is None or read.run.options.full or read.drift.whole or not _nulled_alike(base, read):
            return None
        return base if self.warehouse is None or self.warehouse.holds(base) else None


def incremental(read: TableRead, base: Batch, raw: Raw) -> Batch | None:
    """The batch that makes raw equal to the source; None if it is better to read the table whole.

    Both are compared by their hashes, in the run's snapshot, and what differs is read: by key, or by the cursor where
    much differs. Of a table in parts all that the cursor shows is read, and one part compared. Without a warehouse to
    ask, rows are read by the cursor alone.
    """
    begin = begins(read, base)
    if raw.warehouse is None:
        return _so_far(read, base, begin, _by_cursor(read, begin))
    looked_at = _part(read, base, raw.warehouse, begin) or _all(read, base, raw.warehouse, begin)
    if looked_at is None:
        read.forget()
        return None
    so_far, compared = looked_at
    found, changed = compared.found, so_far.files
    read.run.options.deletes.check(Lost(read.table.name, found.gone.num_rows, _held(base, raw.warehouse)))
    shown, repaired = _read_by_key(read, found.wanted, None if changed else begin)
    # Without a bound so far, the rows that were repaired do not tell one.
    until = so_far.cursor_to and _bound(read, base)
    return replace(
        read.batch("incremental", changed + shown + repaired, _verdict(compared, repaired), _notices(read, base)),
        live_rows=compared.rows,
        hash_sum=compared.hash_sum,
        by_hash=compared.turns,
        cursor_from=so_far.cursor_from,
        cursor_to=until or _bound_at_source(read),
        deleted=read.store_keys(found.gone),
    )


def _part(read: TableRead, base: Batch, warehouse: Warehouse, begin: cursors.Bound) -> tuple[Batch, Comparison] | None:
    """What the cursor shows, and what it leaves to be read of the part whose turn it is; None if that is not enough."""
    share = by_hash.turn(read, base, warehouse) if begin is not None else None
    if share is None:
        return None
    so_far = _so_far(read, base, begin, _by_cursor(read, begin))
    with warehouse.live(so_far, read.run.attempt, read.run.places.files) as live:
        compared = by_hash.in_part(read, base, live, share, share.where_stored(warehouse))
    if compared is None:
        read.forget()
        return None
    return so_far, compared


def _all(read: TableRead, base: Batch, warehouse: Warehouse, begin: cursors.Bound) -> tuple[Batch, Comparison] | None:
    """What was read by the cursor since much differs, and what is to be read beside it; None: all of the table."""
    source = by_hash.side(read)
    buckets = source.buckets(read.source.estimated_rows if base.live_rows is None else base.live_rows)
    with warehouse.live(_so_far(read, base, begin, ()), read.run.attempt, read.run.places.files) as live:
        there, here = both(source, live, buckets)
    changed = _by_cursor(read, begin, _within(warehouse, read, begin, buckets, (there, here)))
    so_far = _so_far(read, base, begin, changed)
    with warehouse.live(so_far, read.run.attempt, read.run.places.files) as live:
        sums = there, live.sums(buckets) if changed else here
        found = compare(source, live, buckets, bool(read.keys), sums)
    return (so_far, by_hash.all_of_it(read, base, found)) if found else None


def _so_far(read: TableRead, base: Batch, begin: cursors.Bound, changed: tuple[File, ...]) -> Batch:
    """The batch of rows that have not been compared with raw."""
    batch = read.batch("incremental", changed, UNVERIFIED, _notices(read, base))
    return replace(batch, cursor_from=cursors.to_text(begin), cursor_to=_bound(read, base), by_hash=base.by_hash)


def _nulled_alike(base: Batch, read: TableRead) -> bool:
    """Whether raw's NULLs are those of today's rule."""
    return base.nulled == tuple(sorted(read.nulled))


def _held(base: Batch, warehouse: Warehouse) -> int:
    """How many rows raw has, the run's own not among them."""
    return raw_state.live_rows(warehouse, base.table) if base.live_rows is None else base.live_rows


def _by_cursor(read: TableRead, begin: cursors.Bound, within: str | None = "true") -> tuple[File, ...]:
    """Read the rows from `begin` on, and those without a cursor, within a condition (None: no row)."""
    if begin is None or read.cursor is None or within is None:
        return ()
    shown = f"({cursors.from_on(read.cursor.select, begin)}) and ({within})"
    return read.store(read.rows([shown]), "part", expected_rows=0)


def _within(
    warehouse: Warehouse, read: TableRead, begin: cursors.Bound, buckets: Buckets, sums: tuple[Sums, Sums]
) -> str | None:
    """Where rows are worth reading by the cursor: in the buckets that differ. None where comparing keys is cheaper.

    By the cursor also those rows come that raw holds already, within the lookback of a bulk load all of them. How many
    those would be, raw knows. A key's hash costs the source about half of what a row costs that is read and loaded.
    """
    there, here = sums
    chosen = differing(there, here)
    to_compare = sum(there.get(bucket, NOTHING)[0] for bucket in chosen)
    if begin is None or read.cursor is None or to_compare <= FEW:
        return None
    again = raw_state.live_rows(warehouse, read.table.name, cursors.from_on(sql_name(read.cursor.name), begin))
    within = "true"
    if buckets.key and len(ranges := buckets.ranges(chosen)) <= NAMED_AT_ONCE:
        within = between(buckets.key, ranges)
        again = min(again, sum(here.get(bucket, NOTHING)[0] for bucket in chosen))
    return within if 2 * again < to_compare else None


def begins(read: TableRead, base: Batch) -> cursors.Bound:
    """Where reading by the cursor begins; None if nothing is read by one."""
    if read.cursor is None or not read.keys:
        return None
    bound = _earlier(read, base)
    return None if bound is None else cursors.lower(bound, read.run.options.lookback)


def _bound(read: TableRead, base: Batch) -> str | None:
    return read.bound(_earlier(read, base)) if read.cursor else None


def _bound_at_source(read: TableRead) -> str | None:
    """Where the cursor is, for a run that has read nothing by it and knows all the same that raw is the source."""
    if read.cursor is None:
        return None
    sql = f"select max({read.cursor.select}) from {mysql_name(read.source.name)}"
    ((value,),) = (row for rows in read.run.snapshot.printed(read.source, sql) for row in rows)
    newest = cursors.newest(decode(read.cursor, pa.array([value], pa.binary()))[0])
    return read.bound(newest)


def _notices(read: TableRead, base: Batch) -> tuple[str, ...]:
    new, old = read.table.cursor, base.cursor
    if not new or not old or new == old:
        return ()
    return (f"{read.table.name}: the cursor was {old} and is {new}: no row is read by it yet, all are compared",)


def _earlier(read: TableRead, base: Batch) -> cursors.Bound:
    """The base's bound, if it is of the cursor of today. Records from before cursors had names tell by its type."""
    if read.cursor is None or base.cursor not in (None, read.table.cursor):
        return None
    return cursors.from_text(base.cursor_to, read.cursor)


def _read_by_key(read: TableRead, wanted: pa.Table, begin: cursors.Bound) -> tuple[tuple[File, ...], tuple[File, ...]]:
    """Read the rows with these keys: those that the cursor shows from `begin` on, and those that it does not."""
    shown: tuple[File, ...] = ()
    keys = list(by_keys(read.keys, wanted))
    if keys and begin is not None and read.cursor is not None:
        condition = cursors.from_on(read.cursor.select, begin)
        shown = read.store(read.rows(f"({each}) and ({condition})" for each in keys), "part", wanted.num_rows)
        keys = [f"({each}) and not ({condition})" for each in keys] if _rows(shown) < wanted.num_rows else []
    repaired = read.store(read.rows(keys), "repair", wanted.num_rows - _rows(shown)) if keys else ()
    if (came := _rows(shown) + _rows(repaired)) != wanted.num_rows:
        raise Failure(
            f"{read.table.name}: of {wanted.num_rows:,} rows to repair, {came:,} came",
            f"`python -m loaders extract --full --tables {read.table.name}` reads it whole; nothing was published (is "
            f"{list(read.table.primary_key)} really its key?)",
        )
    return shown, repaired


def _rows(files: tuple[File, ...]) -> int:
    return sum(file.rows for file in files)


def _verdict(compared: Comparison, files: tuple[File, ...]) -> str:
    found = compared.found
    repaired = f"; {_rows(files):,} repaired" if files else ""
    gone = f"; {found.gone.num_rows:,} gone" if found.gone.num_rows else ""
    return f"{compared.said}{repaired}{gone}"
