"""What a run would do with each table, by the run's own rules, and every statement of its load; nothing of it done."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_value, sql_name
from loaders.lake import attempts
from loaders.proof.share import SMALL_ROWS, Share
from loaders.run import by_hash, leftover, untouched
from loaders.run.by_value import next_share, printed
from loaders.run.incremental import Raw, begins
from loaders.run.table_read import TableRead
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot, count_sql, rows_sql, sums_sql
from loaders.source.touched import Noted
from loaders.types.homes import types
from loaders.types.type_contract import Column
from loaders.warehouse import dropped_columns, raw_sql, redshift_sql
from loaders.words import cursors
from loaders.words.buckets import WHOLE, totals
from loaders.words.catalog import Catalog, Table
from loaders.words.run_record import Batch, Run

# Stands where a real run has its random part.
ATTEMPT = "attempt"
# About so many rows are hashed to see how long the server takes.
SAMPLE_ROWS = 50_000
# Into how many parts a table would be divided of which the catalog does not say.
SHARE = 24


@dataclass(frozen=True)
class Cost:
    """Seconds that the source would take to compare a table by hash: all of it, or one of `parts` and the count.

    rows: on how many it was measured.
    """

    rows: int
    whole: float
    parts: int
    share: float


@dataclass(frozen=True)
class Intent:
    """batch: the table's part of the run record, with estimates; why: what the mode follows from.

    bytes: the server's estimate of all rows; 0 if it has none yet. selects: what MySQL would be asked, but for what
    follows from differences; a big table over several connections in parts. cost: None of a small table, of one whose
    key has no ranges to measure, and where nothing is compared by hash.
    """

    batch: Batch
    why: str
    bytes: int
    selects: Sequence[str]
    cost: Cost | None = None


def intent(read: TableRead, raw: Raw, said: Noted | None) -> Intent:
    """read: a table that will not be read. said: the server's word on its changes."""
    options = read.run.options
    whole = whole_table(read.table, read.source, read.columns)
    size = read.source.estimated_rows * _bytes_per_row(read)
    if not options.full:
        try:
            read.drift.refuse()
        except Failure as failure:
            return Intent(replace(whole, mode="stop"), failure.problem, size, [])
    base = raw.base(read)
    if base is None:
        why = "--full" if options.full else _why_whole(read, raw) + _is_begun(read)
        selects = [rows_sql(read.source, read.columns), count_sql(read.source)]
        return Intent(whole, why, size, [*selects, *_by_value(read, raw)], _cost(read))
    if same := None if options.compare else untouched.batch(read, raw, said):
        return Intent(replace(whole, mode="incremental"), f"{same.verdict}; not read", size, [])
    begin = begins(read, base)
    share = by_hash.next_part(read, base) if begin else None
    return Intent(
        replace(whole, mode="incremental"),
        _compared(read, begin, share),
        size,
        [*_selects(read, base, begin, share), *_by_value(read, raw)],
        _cost(read),
    )


def _selects(read: TableRead, base: Batch, begin: cursors.Bound, share: Share | None) -> list[str]:
    rows = read.source.estimated_rows if base.live_rows is None else base.live_rows
    side = by_hash.side(read, share, rows)
    bucket = side.bucket(side.buckets(rows))
    sums = [sums_sql(read.source, bucket, side.hashed.select, where) for where in side.conditions or (None,)]
    by_cursor = []
    if share and read.cursor:
        by_cursor = [rows_sql(read.source, read.columns, cursors.from_on(read.cursor.select, begin))]
    return [*by_cursor, *sums, count_sql(read.source)]


def _by_value(read: TableRead, raw: Raw) -> list[str]:
    """What puts the share aside that is compared by value."""
    value_parts = read.run.options.value_parts
    if not value_parts or not read.source.held_still:
        return []
    base = raw.bases.get(read.table.name)
    rows = base.live_rows if base and base.live_rows else read.source.estimated_rows
    in_turns = read.table.share > 1
    earlier = None if base is None else base.by_hash if in_turns else base.by_value
    share, _known = next_share(read, rows, earlier, read.table.share if in_turns else value_parts)
    return share.queries(read.run.snapshot, rows)


def _compared(read: TableRead, begin: cursors.Bound, share: Share | None) -> str:
    if share:
        return (
            f"rows from {begin} on by {read.table.cursor}, then all counted and part {share.part + 1} of {share.parts} "
            "compared by hash"
        )
    if not read.keys:
        return "compared by hash; has no key, so read whole if it differs"
    if begin:
        return f"compared by hash, rows that differ are read; if many do, those from {begin} on by {read.table.cursor}"
    return "compared by hash, rows that differ are read"


def _cost(read: TableRead) -> Cost | None:
    """Measured now, on a part of the table that is small enough."""
    rows = read.source.estimated_rows
    share = Share(printed(read), max(1, rows // SAMPLE_ROWS), 0)
    if rows <= SMALL_ROWS or not share.whole_number or not read.source.held_still:
        return None
    side = by_hash.side(read, share, rows)
    if side.conditions == [share.where_at_source]:
        return None
    began = time.monotonic()
    hashed, _sum = totals(side.sums(WHOLE))
    hashing = time.monotonic() - began
    for where in side.conditions:
        side.snapshot.count(read.source, where)
    counting = time.monotonic() - began - hashing
    parts, times = read.table.share if read.table.share > 1 else SHARE, rows / max(hashed, 1)
    return Cost(hashed, hashing * times, parts, (hashing / parts + counting) * times)


def _why_whole(read: TableRead, raw: Raw) -> str:
    """The first of the reasons for which a run reads a table whole."""
    base = raw.bases.get(read.table.name)
    if not read.source.held_still:
        return f"{read.source.engine} tables take no part in the snapshot"
    if base is None:
        return "first read"
    if read.drift.rehashed:
        return "raw has another version of the hash"
    if read.drift.whole:
        return "its columns are others than in the last run"
    if base.nulled != tuple(sorted(read.nulled)):
        return "on_invalid is another than in the last run"
    return "raw does not hold it in this form"


def _is_begun(read: TableRead) -> str:
    left = leftover.find(read)
    return (
        f"; a run that broke has read {left.batch.rows:,} rows of it, they are compared and taken over" if left else ""
    )


def _bytes_per_row(read: TableRead) -> int:
    sql = (
        "select avg_row_length from information_schema.tables "
        f"where table_schema = database() and table_name = {mysql_value(read.source.name)}"
    )
    ((found,),) = [row for batch in read.run.snapshot.printed(read.source, sql) for row in batch]
    return int(found or 0)


def planned(batches: Iterable[Batch], number: int, catalog: Catalog, snapshot: Snapshot) -> Run:
    """A run as its record would say it, with the server's estimates instead of counts, and no files."""
    version, taken_at = snapshot.server_version, snapshot.taken_at
    return Run(number, f"{number}-{ATTEMPT}", catalog.schema, catalog.source, version, taken_at, tuple(batches))


def statements(run: Run, url: Callable[[str], str], role: str, said: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The SQL of the run's load into Redshift, in order, if every table has rows to bring and the schema is new.

    said: what the catalog says of tables and columns.
    """
    schema, dialect = run.schema, redshift_sql.DIALECT
    found = [
        raw_sql.newest_run(schema),
        raw_sql.create_schema(schema),
        raw_sql.create_loads(schema),
        redshift_sql.create_lock(schema),
        "begin",
        redshift_sql.lock(schema),
        raw_sql.newest_run(schema),
    ]
    for number, batch in enumerate(run.batches):
        staging, target = f"staged_{number}", sql_name(schema, batch.table)
        found.append(redshift_sql.create_staging(staging, batch.columns))
        found.append(redshift_sql.copy(staging, url(attempts.key(batch.table, run.attempt, "manifest")), role))
        found.append(redshift_sql.count(staging))
        if batch.primary_key:
            found.append(redshift_sql.repeated_keys(staging, batch))
        # Once for what would be lost, once for the place.
        found += 2 * [redshift_sql.columns_of(schema, batch.table)]
        found.append(redshift_sql.create_table(schema, batch))
        # Without a key it is read whole, if anything is another.
        if batch.mode == "full" or not batch.primary_key:
            found.append(redshift_sql.clear(schema, batch))
            found += raw_sql.comments(target, batch, said.get(batch.table, {}))
        else:
            found.append(raw_sql.remove(target, sql_name(staging), batch, dialect))
        rows = dropped_columns.beside(sql_name(staging), None, batch, dialect)
        found += [raw_sql.insert(target, run, rows), redshift_sql.drop_staging(staging), raw_sql.live_totals(target)]
    return [*found, raw_sql.record(schema, run, raw_sql.now(), dialect), "commit"]


def whole_table(table: Table, source: SourceTable, columns: Sequence[Column]) -> Batch:
    """All of a table."""
    rows = source.estimated_rows
    return Batch(table.name, "full", types(columns), table.primary_key, (), rows, {}, "a plan", table.dist, table.sort)
