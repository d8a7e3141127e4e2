"""START HERE: one table's way from MySQL to raw, and the two commits that make a run visible.

    read          a snapshot of the source  ──▶  Parquet files in the lake, to which nothing refers yet
    commit_both   these files  ──▶  raw tables and `_loads`, in one transaction; whose last act before its COMMIT is to
                  write the run record: the lake's commit inside the warehouse's. What raw refuses is never published
    load          run records that raw does not hold all the same (`--no-load`, a kill between the two)  ──▶  raw

Everything it works with is handed to it; nothing here reads a setting or opens a connection. Kill it at any point and
start it again: the result is the one that an undisturbed run would have given.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from loaders.common.errors import Exit, Failure
from loaders.common.progress import Progress
from loaders.lake import attempts, leftovers, runs, source_clock
from loaders.run import batches, by_value
from loaders.run.backlog import apply, pending
from loaders.run.incremental import Raw
from loaders.run.match_catalog import match, not_altered
from loaders.run.options import Options, Places, RunContext
from loaders.run.publish import published
from loaders.run.table_read import about
from loaders.source.mysql import Snapshot
from loaders.source.touched import Word
from loaders.warehouse.interface import Warehouse
from loaders.words.catalog import Catalog
from loaders.words.delete_limit import DeleteLimit, Lost
from loaders.words.run_record import Run


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
            context = RunContext(snapshot, Word(snapshot), attempt, places, options, catalog.for_redshift, progress)
            pairs = match(catalog, snapshot)
            reads = [about(context, table, source, raw.bases.get(table.name)) for table, source in pairs]
            for each in reads if not options.full else ():
                each.drift.refuse()
            found = by_value.put_aside(reads, batches.extract(reads, raw), raw.bases)
            not_altered(pairs, snapshot)
            version, taken_at, cost = snapshot.server_version, snapshot.taken_at, snapshot.cost()
        return source_clock.checked(
            lake, Run(number, attempt, catalog.schema, catalog.source, version, taken_at, found, cost)
        )
    except BaseException as error:
        goes_on = leftovers.leave(lake, [table.name for table in catalog.tables], attempt)
        if goes_on and isinstance(error, Failure):
            raise error.and_then("the next run goes on with what was read of large tables") from None
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
    with published(places.lake, run) as commit:
        commit()
    return run


def commit_both(
    places: Places, run: Run, open_warehouse: Callable[[], AbstractContextManager[Warehouse]], deletes: DeleteLimit
) -> str:
    """Apply to raw what was read, and publish it once raw is proved to be what the source was, the shares by value.

    Stopped before that, neither lake nor raw has anything of the run; stopped between the two commits, `load` goes on.
    Returns the warehouse's name.
    """
    with published(places.lake, run) as commit, open_warehouse() as warehouse:

        def proved(lost: Sequence[Lost], elsewhere: Mapping[str, str]) -> Callable[[], None]:
            for rows in lost:
                deletes.check(rows)
            by_value.prove(places.taken, warehouse, run, elsewhere)
            return commit

        apply(places.lake, warehouse, run, proved)
        return str(warehouse)


def _raw(catalog: Catalog, places: Places) -> Raw:
    """What raw holds of the catalog's tables, once all published runs are in it."""
    waiting = pending(places.lake, places.warehouse) if places.warehouse else []
    if waiting:
        raise Failure(
            f"{len(waiting)} runs of the lake {places.lake} are not in raw yet",
            "run `make load` first",
            ends=Exit.TRY_AGAIN,
        )
    bases = runs.newest_batches(places.lake, catalog.schema, [table.name for table in catalog.tables])
    return Raw(places.warehouse, bases)
