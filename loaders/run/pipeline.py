"""START HERE: one table's way from MySQL to raw, and the two commits that make a run visible.

    read          a snapshot of the source  ──▶  Parquet files in the lake, to which nothing refers yet
    commit_both   these files  ──▶  raw tables and `_loads`, in one transaction; whose last act before its COMMIT is to
                  write the run record: the lake's commit inside the warehouse's. What raw refuses is never published
    load          run records that raw does not hold all the same (`--no-load`, a kill between the two)  ──▶  raw

Everything it works with is handed to it; nothing here reads a setting or opens a connection. Kill it at any point and
start it again: the result is the one that an undisturbed run would have given.
"""

import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from loaders.common.errors import Failure
from loaders.common.progress import Progress
from loaders.lake import attempts, history, runs, source_clock
from loaders.lake.run_files import RunFiles
from loaders.lake.spool import spool
from loaders.lake.store import Lake
from loaders.run.by_value import Shares
from loaders.run.incremental import Raw, incremental
from loaders.run.match_catalog import match, not_altered
from loaders.run.table_read import TableRead
from loaders.run.tables_at_once import TablesAtOnce
from loaders.source.declared_key import key_is_unique
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.homes import homes, types
from loaders.warehouse.interface import Proved, Warehouse
from loaders.words import drift
from loaders.words.catalog import Catalog, Table
from loaders.words.delete_limit import DeleteLimit, Lost
from loaders.words.run_record import Batch, Run


@dataclass(frozen=True)
class Places:
    """Where a run puts things. spool: a folder for files on their way.

    warehouse: what the source is compared with; None leaves what was read unverified until the next run. shares: what
    commit_both will compare by value; None: nothing.
    """

    lake: Lake
    spool: Path
    warehouse: Warehouse | None
    shares: Shares | None = None


@dataclass(frozen=True)
class Options:
    """What a user may choose. full: read every table whole, whatever raw holds.

    invalid_to_null: turn values without an exact home into NULL, counted. lookback: how long before the cursor's
    bound reading begins.
    """

    full: bool = False
    invalid_to_null: bool = False
    deletes: DeleteLimit = field(default_factory=DeleteLimit)
    lookback: datetime.timedelta = datetime.timedelta(hours=1)


def read(
    open_snapshot: Callable[[], AbstractContextManager[Snapshot]],
    catalog: Catalog,
    places: Places,
    options: Options,
    progress: Progress,
) -> Run:
    """Every table of the catalog as one snapshot shows it: the lake's next run, once it is published."""
    lake = places.lake
    number = max(runs.numbers(lake), default=0) + 1
    attempt = attempts.begin(lake, number)
    try:
        raw = _raw(catalog, places)
        with open_snapshot() as snapshot:
            way = TableWay(snapshot, attempt, places, options, catalog.for_redshift, progress)
            reads = [way.read(table, source, raw) for table, source in match(catalog, snapshot)]
            batches = way.extract(reads, raw)
            shares = places.shares or Shares(0, places.spool)
            batches = shares.of_each(reads, batches, raw.bases)
            not_altered((read.source for read in reads), snapshot)
            version, taken_at = snapshot.server_version, snapshot.taken_at
        return source_clock.checked(
            lake, Run(number, attempt, catalog.schema, catalog.source, version, taken_at, batches)
        )
    except BaseException:
        attempts.remove(lake, [table.name for table in catalog.tables], attempt)
        raise


def extract(
    open_snapshot: Callable[[], AbstractContextManager[Snapshot]],
    catalog: Catalog,
    places: Places,
    options: Options,
    progress: Progress,
) -> Run:
    """Read, and publish with the lake's commit alone (`--no-load`): raw gets the run by `load`."""
    run = read(open_snapshot, catalog, places, options, progress)
    with _published(places.lake, run) as commit:
        commit()
    return run


def commit_both(
    places: Places, run: Run, open_warehouse: Callable[[], AbstractContextManager[Warehouse]], deletes: DeleteLimit
) -> str:
    """Apply to raw what was read, and publish it once raw is proved to be what the source was, the shares by value.

    Stopped before that, neither lake nor raw has anything of the run; stopped between the two commits, `load` goes on.
    Returns the warehouse's name.
    """
    with _published(places.lake, run) as commit, open_warehouse() as warehouse:

        def proved(lost: Sequence[Lost]) -> None:
            for rows in lost:
                deletes.check(rows)
            if places.shares:
                places.shares.prove(warehouse, run)
            commit()

        _apply(places.lake, warehouse, run, proved)
        return str(warehouse)


@contextmanager
def _published(lake: Lake, run: Run) -> Iterator[Callable[[], None]]:
    """Yields what publishes the run. The files of one that was certainly not published are removed."""
    begun = False

    def commit() -> None:
        nonlocal begun
        if not attempts.is_open(lake, run.attempt):
            raise Failure(f"rows were erased from the lake {lake} while this run was reading them", "run it again")
        begun = True
        begun = runs.publish(lake, run)
        if not begun:
            raise Failure(f"number {run.run} of the lake {lake} is taken", "run it again")

    try:
        yield commit
    except BaseException as error:
        if not begun:
            attempts.remove(lake, [batch.table for batch in run.batches], run.attempt)
        if isinstance(error, Failure):
            raise _with_fate(error, lake, run, begun) from None
        raise
    attempts.sweep(lake, run)


def _with_fate(failure: Failure, lake: Lake, run: Run, begun: bool) -> Failure:
    """The failure of a run's last step, with what has become of the run."""
    if begun:
        return failure.and_then(_waits(run))
    with suppress(Failure):
        if run.run in runs.numbers(lake):
            return Failure(
                f"another run published number {run.run} in the lake {lake} while this one was reading",
                "nothing of this run was kept; start it again when the other has finished",
            )
    return failure.and_then("nothing of this run was published, so that it can be run again")


@dataclass(frozen=True)
class TableWay:
    """What every table of one run shares on its way to the lake."""

    snapshot: Snapshot
    attempt: str
    places: Places
    options: Options
    for_redshift: bool
    progress: Progress

    def read(self, table: Table, source: SourceTable, raw: Raw) -> TableRead:
        """A table about to be read, once it is known that raw can follow what happened to its columns."""
        nulled = table.invalid_to_null
        if self.options.invalid_to_null:
            nulled = frozenset(column.name for column in source.columns) - set(table.primary_key)
        columns = homes(table.name, source.columns, self.for_redshift)
        changes = drift.between(raw.bases.get(table.name), table.name, types(columns), table.primary_key)
        if not self.options.full:
            changes.refuse()
        return TableRead(
            self.snapshot, table, source, columns, nulled, changes, self.options.full,
            self.places.lake, self.attempt, self.places.spool, self.progress,
        )  # fmt: skip

    def extract(self, reads: Sequence[TableRead], raw: Raw) -> tuple[Batch, ...]:
        """Of each table what changed since raw's newest batch, if that can be told; else all of it."""
        if len(self.snapshot.connections) == 1:
            return tuple(self._changed(read, raw) or self._whole(read, raw) for read in reads)
        # Compared one after the other: the warehouse answers one question at a time.
        changed = [self._changed(read, raw) for read in reads]
        missing = [read for read, batch in zip(reads, changed, strict=True) if batch is None]
        at_once = TablesAtOnce(self.snapshot, self.places.spool, lambda read, parts: self._whole(read, raw, parts))
        whole = at_once.batches(missing)
        return tuple(batch or whole[read.table.name] for read, batch in zip(reads, changed, strict=True))

    def _changed(self, read: TableRead, raw: Raw) -> Batch | None:
        base = raw.base(read) if read.source.held_still else None
        return incremental(read, base, raw, self.options.deletes, self.options.lookback) if base else None

    def _whole(self, read: TableRead, raw: Raw, parts: Sequence[str | None] = (None,)) -> Batch:
        """Rows of the snapshot -> Arrow batches -> local Parquet files -> the lake, and how they compare."""
        key_is_unique(read.table, read.source, read.snapshot)
        files = read.store(read.rows(parts), "part", read.source.estimated_rows)
        rows = sum(file.rows for file in files)
        earlier = raw.bases.get(read.table.name)
        if earlier and earlier.live_rows:
            # By number, before the warehouse is asked: which rows are gone, it tells when it has the new ones.
            self.options.deletes.check(Lost(read.table.name, earlier.live_rows - rows, earlier.live_rows, False))
        batch = read.batch("full", files, _compared(read, rows))
        return replace(batch, live_rows=rows, hash_sum=read.hash_sum, cursor_to=read.bound())


def _compared(read: TableRead, rows: int) -> str:
    """The verdict on a table: the rows read against the server's own count in the same snapshot."""
    if not read.source.held_still:
        return f"not compared: {read.source.engine} tables take no part in the snapshot"
    counted = read.snapshot.count(read.source)
    if counted != rows:
        raise Failure(f"{read.source.name}: {rows:,} rows were read, the server counts {counted:,}", "run it again")
    return f"equal: {rows:,} rows"


def _raw(catalog: Catalog, places: Places) -> Raw:
    """What raw holds of the catalog's tables, once all published runs are in it."""
    waiting = pending(places.lake, places.warehouse) if places.warehouse else []
    if waiting:
        raise Failure(f"{len(waiting)} runs of the lake {places.lake} are not in raw yet", "run `make load` first")
    bases = runs.newest_batches(places.lake, catalog.schema, [table.name for table in catalog.tables])
    return Raw(places.warehouse, bases, RunFiles(places.lake, places.spool))


def load(lake: Lake, warehouse: Warehouse) -> Iterator[Run]:
    """Apply the runs that raw does not hold yet, in order, each in one transaction. Yields each one applied."""
    for run in pending(lake, warehouse):
        try:
            _apply(lake, warehouse, run, proved=lambda _lost: None)
        except Failure as failure:
            raise failure.and_then(_waits(run)) from None
        yield run


def _apply(lake: Lake, warehouse: Warehouse, run: Run, proved: Proved) -> None:
    with spool() as folder:
        warehouse.apply(run, RunFiles(lake, folder), proved)


def _waits(run: Run) -> str:
    return (
        f"run {run.run} waits in the lake: when the cause is gone, run `make load`; "
        f"`python -m loaders withdraw {run.run}` gives it up"
    )


def pending(lake: Lake, warehouse: Warehouse) -> list[Run]:
    """The lake's runs for this raw schema that are not in it. A raw schema fed from another lake is a failure."""
    last, attempt = warehouse.last_applied() or (0, "")
    if last and not history.published(lake, warehouse.schema, last, attempt):
        if history.is_withdrawn(lake, last, attempt):
            raise Failure(
                f"schema {warehouse.schema} of {warehouse} holds run {last}, which was withdrawn from the lake {lake}",
                "`python -m loaders replay` builds raw anew from the lake as it is without that run; if none is left, "
                "`python -m loaders extract --no-load` makes one first",
            )
        base = runs.baseline(lake, warehouse.schema)
        if base and last < base.run:
            raise Failure(
                f"schema {warehouse.schema} of {warehouse} holds run {last}, which was pruned from the lake {lake}, if "
                f"it ever was in it: what is there begins with run {base.run}",
                "`python -m loaders replay` builds raw anew from the lake",
            )
        raise Failure(
            f"schema {warehouse.schema} of {warehouse} holds run {last}, which is not from the lake {lake}",
            "set LAKE_URL back to the lake it was loaded from; or `python -m loaders replay --replace` gives up what "
            "raw holds and builds it anew of this lake, in which `python -m loaders extract --no-load` makes a run "
            "where there is none",
        )
    return history.since(lake, warehouse.schema, last)
