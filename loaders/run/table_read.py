"""One table as a run reads it: its columns with the hash, its rows, and their way into the lake."""

import datetime
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from loaders.common.errors import Failure
from loaders.common.threads import in_background
from loaders.lake import attempts, leftovers, parquet
from loaders.run.options import Places, RunContext
from loaders.source.conversion import Conversion
from loaders.source.described import SourceTable
from loaders.types import fingerprint
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.homes import homes, types
from loaders.types.type_contract import Column, lake_schema
from loaders.words import cursors, drift
from loaders.words.catalog import Table
from loaders.words.cursors import Bound
from loaders.words.differences import key_text
from loaders.words.run_record import Batch, File

# "The maximum size of a single input row from any source is 4 MB": docs.aws.amazon.com/redshift/latest/dg/r_COPY.html
COPY_ROW_BYTES = 4 << 20
# Fewer rows are read anew in half a second.
NOTED_FROM_ROWS = 100_000


def about(run: RunContext, table: Table, source: SourceTable, base: Batch | None) -> "TableRead":
    """What a run would read of a table, and how. base: its newest batch."""
    nulled = table.invalid_to_null
    if run.options.invalid_to_null:
        nulled = frozenset(column.name for column in source.columns) - {*table.primary_key, *table.pseudonymised}
    columns = homes(table.name, source.columns, run.for_redshift)
    changes = drift.between(base, table.name, types(columns), table.primary_key, table.excluded)
    return TableRead(run, table, source, columns, nulled, changes)


@dataclass
class TableRead:
    """A table on its way from the snapshot to the lake, and what its rows add up to so far.

    columns: the source's and the hash. nulled: those whose values without an exact home become NULL, counted in
    `invalid`. drift: how the columns changed. taken_over: rows that a run which broke had read. whole: the files so far
    of which a note is left; None: of none. broke: what ended the reading too early.
    """

    run: RunContext
    table: Table
    source: SourceTable
    columns: list[Column]
    nulled: frozenset[str]
    drift: drift.Drift
    invalid: Counter[str] = field(default_factory=Counter)
    hash_sum: int = 0
    newest: Bound = None
    taken_over: int = 0
    notices: list[str] = field(default_factory=list)
    whole: list[File] | None = None
    broke: BaseException | None = None

    @property
    def _places(self) -> Places:
        return self.run.places

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def keys(self) -> list[Column]:
        """The primary key's columns, in its order."""
        return [self.by_name[name] for name in self.table.primary_key]

    @property
    def cursor(self) -> Column | None:
        return self.by_name[self.table.cursor] if self.table.cursor else None

    def rows(self, where: Iterable[str | None] = (None,)) -> Generator[pa.RecordBatch]:
        """The rows that any of the conditions chooses, one query each; None chooses all."""
        conversion = Conversion(self.source.name, self.columns, self.table.primary_key, self.nulled, self.invalid)
        return self.run.snapshot.read(self.source, conversion, where)

    def store(
        self, batches: Generator[pa.RecordBatch], name: str, expected_rows: int, doing: str = "reading"
    ) -> tuple[File, ...]:
        """Rows to Parquet files `name-00000.parquet`, … in the lake, adding them up on the way.

        Whatever ends it early, Ctrl-C between two batches too, ends the reading: connections and threads.
        """
        with closing(batches):
            shown = self.run.progress(f"{doing} {self.table.name}", expected_rows, self._added_up(batches))
            return self._put(shown, lake_schema(self.columns), name, expected_rows)

    def store_all(self, batches: Generator[pa.RecordBatch], doing: str) -> tuple[File, ...]:
        """All rows of the table, in such a way that the next run can go on where this one breaks (leftovers.py)."""
        self.whole = [] if self.can_go_on else None
        return self.store(batches, "part", self.source.estimated_rows, doing)

    @property
    def can_go_on(self) -> bool:
        """Whether rows of another run could be told from the source's of today, range by range of the key.

        How many values became NULL is counted as they are read.
        """
        return self.source.held_still and not self.nulled and self.source.integer_key is not None

    def store_keys(self, keys: pa.Table) -> tuple[File, ...]:
        """Keys that are gone, to files `deleted-00000.parquet`, …"""
        return self._put(keys.to_batches(), lake_schema(self.keys), "deleted")

    def forget(self) -> None:
        """Take back what was stored for a batch that will not be made of it."""
        self._places.lake.delete(list(self._places.lake.keys(attempts.key(self.table.name, self.run.attempt))))
        self.invalid.clear()
        self.hash_sum = 0

    @property
    def form(self) -> tuple[object, ...]:
        """As what rows of today are read."""
        return self.batch("full", (), "").form

    def batch(self, mode: str, files: tuple[File, ...], verdict: str, notices: Sequence[str] = ()) -> Batch:
        """The table's part of the run record."""
        kept = () if self.run.options.full else self.drift.kept
        return Batch(
            table=self.table.name,
            mode=mode,
            columns=types(self.columns),
            primary_key=self.table.primary_key,
            files=files,
            rows=sum(file.rows for file in files),
            invalid=dict(self.invalid),
            verdict=verdict + drift.verdict(kept),
            dist=self.table.dist,
            sort=self.table.sort,
            hash_version=fingerprint.VERSION,
            nulled=tuple(sorted(self.nulled)),
            kept=kept,
            widened=tuple(new.name for _old, new in self.drift.widened),
            notices=(*self.drift.notices(self.run.options.full), *self.notices, *notices),
            cursor=self.table.cursor,
            taken_over=self.taken_over,
        )

    def bound(self, earlier: Bound = None) -> str | None:
        """How far the cursor is after this run, as the run record says it."""
        taken_at: datetime.datetime = self.run.snapshot.taken_at
        return cursors.to_text(cursors.largest([earlier, self.newest], taken_at))

    def _added_up(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self._refuse_what_copy_would(batch)
            hashes = batch.column(SOURCE_HASH)
            if hashes.null_count:
                self._refuse_unhashed(batch)
            self.hash_sum += int(pc.sum(hashes.cast(pa.decimal128(38, 0))).as_py() or 0)
            if self.table.cursor:
                self.newest = cursors.largest(
                    [self.newest, cursors.newest(batch.column(self.table.cursor))], self.run.snapshot.taken_at
                )
            yield batch

    def _refuse_what_copy_would(self, batch: pa.RecordBatch) -> None:
        """Texts and bytes are counted; all else of a row is 25 kB at most. Only Redshift limits any."""
        limited = [batch.column(column.name) for column in self.columns if column.longest is not None]
        lengths = [pc.fill_null(pc.binary_length(column), 0) for column in limited]
        if sum(pc.max(each).as_py() or 0 for each in lengths) <= COPY_ROW_BYTES:
            return
        sizes = reduce(pc.add, lengths)
        largest = pc.max(sizes).as_py()
        if largest > COPY_ROW_BYTES:
            where = self._named(batch.slice(pc.index(sizes, largest).as_py(), 1)) or "without a key"
            raise Failure(
                f"{self.table.name}: the row {where} has {largest:,} bytes, and Redshift's COPY takes rows up to 4 MB",
                "shorten its values at the source, or leave the table out of the catalog; meanwhile "
                "`extract --tables` moves the other tables",
            )

    def _named(self, batch: pa.RecordBatch) -> str:
        """The key of a batch's first row; empty, if the table has none."""
        if not (keys := list(self.table.primary_key)):
            return ""
        return key_text(keys, list(batch.slice(0, 1).select(keys).to_pylist()[0].values()))

    def _refuse_unhashed(self, batch: pa.RecordBatch) -> NoReturn:
        unhashed = batch.filter(pc.is_null(batch.column(SOURCE_HASH)))
        named = f", {key} the first," if (key := self._named(unhashed)) else ""
        raise Failure(
            f"{self.table.name}: the server gave {unhashed.num_rows:,} rows{named} no hash, because a value of theirs "
            "or all of them together are longer than its max_allowed_packet",
            "raise max_allowed_packet of the server, or leave the table out of the catalog",
        )

    def _put(
        self, batches: Iterable[pa.RecordBatch], schema: pa.Schema, name: str, expected_rows: int = 0
    ) -> tuple[File, ...]:
        batches = batches if self.whole is None else self._until_it_breaks(batches)
        written = parquet.write(batches, schema, self._places.spool / name, self._places.lake.codec, expected_rows)
        files = tuple(in_background(self._upload, written))
        if self.broke:
            raise self.broke
        # Arrow keeps what it has freed, up to 80 MB; the comparison and the load need memory of their own.
        pa.default_memory_pool().release_unused()
        return files

    def _until_it_breaks(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What has come by then becomes a whole file."""
        try:
            yield from batches
        except (Failure, KeyboardInterrupt) as broke:
            self.broke = broke

    def _upload(self, local: parquet.LocalFile) -> File:
        key = attempts.key(self.table.name, self.run.attempt, local.path.name)
        self._places.lake.put_file(key, local.path, local.sha256)
        local.path.unlink(missing_ok=True)
        file = File(key, local.rows, local.bytes, local.sha256)
        if self.whole is not None:
            self.whole.append(file)
            if sum(each.rows for each in self.whole) >= NOTED_FROM_ROWS:
                leftovers.write(
                    self._places.lake, self.run.attempt, self.batch("full", tuple(self.whole), "read so far")
                )
        return file
