"""How each table of a run is read: what changed of it, or all."""

from collections.abc import Sequence
from dataclasses import replace

from loaders.common.errors import Failure
from loaders.run import by_hash, leftover, untouched
from loaders.run.incremental import Raw, incremental
from loaders.run.options import RunContext
from loaders.run.table_read import TableRead
from loaders.source import key_ranges
from loaders.source.declared_key import key_is_unique
from loaders.words.delete_limit import Lost
from loaders.words.run_record import Batch


def extract(reads: Sequence[TableRead], raw: Raw) -> tuple[Batch, ...]:
    """Of each table what changed since raw's newest batch, if that can be told; else all of it."""
    return tuple(_batch(read, raw, read.run) for read in reads)


def _batch(read: TableRead, raw: Raw, run: RunContext) -> Batch:
    said = run.word.of(read.source.name)
    same = None if run.options.compare else untouched.batch(read, raw, said)
    return same or untouched.compared(_changed(read, raw) or _whole(read, raw), read, said)


def _changed(read: TableRead, raw: Raw) -> Batch | None:
    base = raw.base(read)
    return incremental(read, base, raw) if base else None


def _whole(read: TableRead, raw: Raw) -> Batch:
    """Rows of the snapshot -> Arrow batches -> local Parquet files -> the lake, and how they compare."""
    key_is_unique(read.table, read.source, read.run.snapshot)
    parts = key_ranges.conditions(read.run.snapshot, read.source)
    left = None if read.run.options.full else leftover.find(read)
    rows, doing = (left.rows(parts), "going on with") if left else (read.rows(parts), "reading")
    files = read.store_all(rows, doing)
    count = sum(file.rows for file in files)
    earlier = raw.bases.get(read.table.name)
    if earlier and earlier.live_rows:
        # By number, before the warehouse is asked: which rows are gone, it tells when it has the new ones.
        read.run.options.deletes.check(Lost(read.table.name, earlier.live_rows - count, earlier.live_rows, False))
    batch = read.batch("full", files, _compared(read, count))
    turns = by_hash.whole(read, count, earlier)
    return replace(batch, live_rows=count, hash_sum=read.hash_sum, by_hash=turns, cursor_to=read.bound())


def _compared(read: TableRead, rows: int) -> str:
    """The verdict on a table: the rows read against the server's own count in the same snapshot."""
    if not read.source.held_still:
        return f"not compared: {read.source.engine} tables take no part in the snapshot"
    counted = read.run.snapshot.count(read.source)
    if counted != rows:
        raise Failure(f"{read.source.name}: {rows:,} rows were read, the server counts {counted:,}", "run it again")
    return f"equal: {rows:,} rows" + (
        f"; {read.taken_over:,} taken over from a run that broke" if read.taken_over else ""
    )
