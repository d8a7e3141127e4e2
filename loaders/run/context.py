"""What every table of one run shares, and how each is read: what changed of it, or all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loaders.common.errors import Failure
from loaders.common.progress import Progress
from loaders.run import by_hash, leftover, untouched
from loaders.run.incremental import Raw, incremental
from loaders.run.options import Options, Places
from loaders.run.table_read import TableRead
from loaders.source import key_ranges
from loaders.source.declared_key import key_is_unique
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.source.touched import Word
from loaders.types.homes import homes, types
from loaders.words import drift
from loaders.words.catalog import Table
from loaders.words.delete_limit import Lost
from loaders.words.run_record import Batch


@dataclass(frozen=True)
class RunContext:
    """What every table of one run shares on its way to the lake.

    word: the server's on changes; begun before the catalog is matched, since that holds the tables.
    """

    snapshot: Snapshot
    word: Word
    attempt: str
    places: Places
    options: Options
    for_redshift: bool
    progress: Progress

    def read(self, table: Table, source: SourceTable, raw: Raw) -> TableRead:
        """A table about to be read, once it is known that raw can follow what happened to its columns."""
        read = self.about(table, source, raw)
        if not self.options.full:
            read.drift.refuse()
        return read

    def about(self, table: Table, source: SourceTable, raw: Raw) -> TableRead:
        """What a run would read, and how."""
        nulled = table.invalid_to_null
        if self.options.invalid_to_null:
            nulled = frozenset(column.name for column in source.columns) - {*table.primary_key, *table.pseudonymised}
        columns = homes(table.name, source.columns, self.for_redshift)
        base = raw.bases.get(table.name)
        changes = drift.between(base, table.name, types(columns), table.primary_key, table.excluded)
        return TableRead(
            snapshot=self.snapshot,
            table=table,
            source=source,
            columns=columns,
            nulled=nulled,
            drift=changes,
            anew=self.options.full,
            lake=self.places.lake,
            attempt=self.attempt,
            spool=self.places.spool,
            progress=self.progress,
        )

    def extract(self, reads: Sequence[TableRead], raw: Raw) -> tuple[Batch, ...]:
        """Of each table what changed since raw's newest batch, if that can be told; else all of it."""
        return tuple(self._batch(read, raw) for read in reads)

    def _batch(self, read: TableRead, raw: Raw) -> Batch:
        said = self.word.of(read.source.name)
        same = None if self.options.compare else untouched.batch(read, raw, said)
        return same or untouched.compared(self._changed(read, raw) or self._whole(read, raw), read, said)

    def _changed(self, read: TableRead, raw: Raw) -> Batch | None:
        base = raw.base(read) if read.source.held_still else None
        return incremental(read, base, raw, self.options.deletes, self.options.lookback) if base else None

    def _whole(self, read: TableRead, raw: Raw) -> Batch:
        """Rows of the snapshot -> Arrow batches -> local Parquet files -> the lake, and how they compare."""
        key_is_unique(read.table, read.source, read.snapshot)
        parts = key_ranges.conditions(read.snapshot, read.source)
        left = None if self.options.full else leftover.find(read)
        rows, doing = (left.rows(parts), "going on with") if left else (read.rows(parts), "reading")
        files = read.store_all(rows, doing)
        count = sum(file.rows for file in files)
        earlier = raw.bases.get(read.table.name)
        if earlier and earlier.live_rows:
            # By number, before the warehouse is asked: which rows are gone, it tells when it has the new ones.
            self.options.deletes.check(Lost(read.table.name, earlier.live_rows - count, earlier.live_rows, False))
        batch = read.batch("full", files, _compared(read, count))
        turns = by_hash.whole(read, count, earlier)
        return replace(batch, live_rows=count, hash_sum=read.hash_sum, by_hash=turns, cursor_to=read.bound())


def _compared(read: TableRead, rows: int) -> str:
    """The verdict on a table: the rows read against the server's own count in the same snapshot."""
    if not read.source.held_still:
        return f"not compared: {read.source.engine} tables take no part in the snapshot"
    counted = read.snapshot.count(read.source)
    if counted != rows:
        raise Failure(f"{read.source.name}: {rows:,} rows were read, the server counts {counted:,}", "run it again")
    return f"equal: {rows:,} rows" + (
        f"; {read.taken_over:,} taken over from a run that broke" if read.taken_over else ""
    )
