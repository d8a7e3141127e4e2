"""A table that raw holds already: read what changed, find what was missed, and know that raw will equal the source."""

import datetime
from dataclasses import dataclass, replace

import pyarrow as pa

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.lake.run_files import RunFiles
from loaders.proof import raw_state
from loaders.proof.compare import Difference, compare
from loaders.run.table_read import TableRead
from loaders.source.source_side import SourceSide, by_keys
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.type_contract import decode
from loaders.warehouse.interface import Warehouse
from loaders.words import cursors
from loaders.words.buckets import WarehouseSide
from loaders.words.delete_limit import DeleteLimit, Lost
from loaders.words.run_record import Batch, File

UNVERIFIED = "unverified: not yet compared with raw, the next run does"


@dataclass(frozen=True)
class Raw:
    """What raw holds, to which a run adds. warehouse: None if nobody may ask it (`--no-load`).

    bases: the newest batch of each table. folder: where files of a remote lake may be put meanwhile.
    """

    warehouse: Warehouse | None
    bases: dict[str, Batch]
    files: RunFiles

    def base(self, read: TableRead) -> Batch | None:
        """The batch on which an incremental one can be put; None if the table has to be read whole."""
        base = self.bases.get(read.table.name)
        if base is None or read.anew or read.drift.whole or not _nulled_alike(base, read):
            return None
        return base if self.warehouse is None or self.warehouse.holds(base) else None


def incremental(
    read: TableRead, base: Batch, raw: Raw, limit: DeleteLimit, lookback: datetime.timedelta
) -> Batch | None:
    """The batch that makes raw equal to the source; None if it is better to read the table whole.

    Rows are read by the cursor; what those cannot tell (deletes, late commits, changes that left the cursor as it
    was) is found by comparing hashes with raw, in the same snapshot.
    """
    begin, changed = _by_cursor(read, base, lookback)
    notices, until = _notices(read, base), _bound(read, base)
    so_far = read.batch("incremental", changed, UNVERIFIED, notices)
    so_far = replace(so_far, cursor_from=cursors.to_text(begin), cursor_to=until)
    if raw.warehouse is None:
        return so_far
    with raw.warehouse.live(so_far, read.attempt, raw.files) as live:
        found = _found(read, base, live)
    if found is None:
        read.forget()
        return None
    limit.check(Lost(read.table.name, found.gone.num_rows, _held(base, raw.warehouse)))
    files = changed + _repaired(read, found)
    return replace(
        read.batch("incremental", files, _verdict(found), notices),
        live_rows=found.rows,
        hash_sum=found.hash_sum,
        cursor_from=so_far.cursor_from,
        cursor_to=until or _bound_at_source(read),
        deleted=read.store_keys(found.gone),
    )


def _nulled_alike(base: Batch, read: TableRead) -> bool:
    """Whether raw's NULLs are those of today's rule."""
    return base.nulled == tuple(sorted(read.nulled))


def _held(base: Batch, warehouse: Warehouse) -> int:
    """How many rows raw has, the run's own not among them."""
    return raw_state.live_rows(warehouse, base.table) if base.live_rows is None else base.live_rows


def _by_cursor(read: TableRead, base: Batch, lookback: datetime.timedelta) -> tuple[cursors.Bound, tuple[File, ...]]:
    """Read the rows from the base's bound on, and those without a cursor; nothing if no bound is known."""
    begin = begins(read, base, lookback)
    if begin is None or read.cursor is None:
        return None, ()
    rows = read.rows([cursors.condition(read.cursor, begin)])
    return begin, read.store(rows, "part", expected_rows=0)


def begins(read: TableRead, base: Batch, lookback: datetime.timedelta) -> cursors.Bound:
    """Where reading by the cursor begins; None if nothing is read by one."""
    if read.cursor is None or not read.keys:
        return None
    bound = _earlier(read, base)
    return None if bound is None else cursors.lower(bound, lookback)


def _bound(read: TableRead, base: Batch) -> str | None:
    return read.bound(_earlier(read, base)) if read.cursor else None


def _bound_at_source(read: TableRead) -> str | None:
    """Where the cursor is, for a run that has read nothing by it and knows all the same that raw is the source."""
    if read.cursor is None:
        return None
    sql = f"select max({read.cursor.select}) from {mysql_name(read.source.name)}"
    ((value,),) = (row for rows in read.snapshot.printed(read.source, sql) for row in rows)
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


def _found(read: TableRead, base: Batch, live: WarehouseSide) -> Difference | None:
    source = SourceSide(read.snapshot, read.source, read.keys, read.by_name[SOURCE_HASH], read.progress)
    rows = read.source.estimated_rows if base.live_rows is None else base.live_rows
    return compare(source, live, source.buckets(rows), keyed=bool(read.keys))


def _repaired(read: TableRead, found: Difference) -> tuple[File, ...]:
    """Read the rows that the cursor did not show."""
    wanted = found.wanted.num_rows
    files = read.store(read.rows(by_keys(read.keys, found.wanted)), "repair", expected_rows=wanted)
    if sum(file.rows for file in files) != wanted:
        raise Failure(
            f"{read.table.name}: of {wanted:,} rows to repair, {sum(file.rows for file in files):,} came",
            f"`python -m loaders extract --full --tables {read.table.name}` reads it whole; nothing was published (is "
            f"{list(read.table.primary_key)} really its key?)",
        )
    return files


def _verdict(found: Difference) -> str:
    repaired = f"; {found.wanted.num_rows:,} repaired" if found.wanted.num_rows else ""
    gone = f"; {found.gone.num_rows:,} gone" if found.gone.num_rows else ""
    return f"equal: {found.rows:,} rows by hash{repaired}{gone}"
