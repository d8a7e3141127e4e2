"""`extract`: MySQL -> lake -> raw.

examples:
  python -m loaders extract                       all tables of the catalog
  python -m loaders extract --full --tables order read it whole, and replace it in raw
  python -m loaders extract --full --parallel 4   whole, over four connections that share one snapshot
  python -m loaders extract --no-load             stop at the lake; `load` takes it from there

What each table's verdict proves, and what it does not: docs/proof.md
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import mysql_arrow
from loaders.cli import connections, report
from loaders.cli.commands import Commands, add, number
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import notice, say, tell
from loaders.lake import sequences
from loaders.lake.spool import spool
from loaders.lake.store import Lake
from loaders.run import backlog, idle, pipeline
from loaders.run.options import Options, Places, RunContext
from loaders.source import mysql, standing
from loaders.source.shared_snapshot import shared_snapshot
from loaders.source.touched import Word
from loaders.words import drift
from loaders.words.catalog import Catalog
from loaders.words.delete_limit import DeleteLimit
from loaders.words.run_record import Run

LOAD = "`load`: apply the runs that wait in the lake to raw."
# A source has other users too.
MOST_CONNECTIONS = 16


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the commands to the command line; `catalog` holds the option that all of them take."""
    extracting = add(commands, __doc__, extract, catalog)
    extracting.add_argument("--tables", metavar="A,B", help="only these tables of the catalog")
    extracting.add_argument("--no-load", action="store_true", help="publish in the lake, leave raw as it is")
    extracting.add_argument("--full", action="store_true", help="read the tables whole, whatever raw holds")
    extracting.add_argument(
        "--compare", action="store_true", help="read also what the server says it did not change since the last run"
    )
    extracting.add_argument(
        "--allow-deletes", action="store_true", help="let this run delete any number of rows (else: DELETE_LIMIT_…)"
    )
    extracting.add_argument(
        "--on-invalid",
        choices=("error", "null"),
        default="error",
        help="values without an exact home (0000-00-00, …): stop, or make them NULL and count them",
    )
    extracting.add_argument(
        "--parallel",
        type=number(MOST_CONNECTIONS),
        default=1,
        metavar="N",
        help="read over N connections that share one snapshot: big tables in parts (the account needs LOCK TABLES)",
    )
    add(commands, LOAD, load, catalog)


def extract(arguments: argparse.Namespace, chosen: Settings) -> None:
    if arguments.parallel > 1 and chosen.pace < 1:
        raise Failure(
            "--parallel hurries, and SOURCE_PACE says not to", "leave out --parallel, or take back SOURCE_PACE"
        )
    # A value that the warehouse could not take must not be published: the run would wait in the lake for ever.
    catalog = connections.chosen_tables(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    if _is_idle(arguments, chosen, catalog, lake):
        return
    if not arguments.no_load:
        _load_pending(catalog, lake, chosen)
    _tell(sequences.shared(lake, catalog.schema, catalog.source))
    started = time.monotonic()
    deletes = DeleteLimit(chosen.delete_share, chosen.delete_rows, arguments.allow_deletes)
    with spool() as folder:
        places = Places(lake, folder, None)
        run = _read(arguments, chosen, catalog, places, deletes)
        where = None if arguments.no_load else _commit(catalog, places, run, chosen, deletes)
    seconds = time.monotonic() - started
    tell("published", report.published(run, lake, seconds), **report.facts(run), lake=str(lake), seconds=seconds)
    _tell(text for batch in run.batches for text in batch.notices)
    if where:
        _tell_loaded(run, where)
        if sleeper := connections.sleeper(chosen):
            idle.note(lake, run, sleeper)
    else:
        say("  not loaded; `python -m loaders load` applies it")


def _is_idle(arguments: argparse.Namespace, chosen: Settings, catalog: Catalog, lake: Lake) -> bool:
    """Whether there is nothing to do, which is said; for a warehouse that costs money when it is awake."""
    sleeper = connections.sleeper(chosen)
    newest = None
    if sleeper and not (arguments.no_load or arguments.full or arguments.compare):
        newest = idle.newest_in_raw(lake, catalog.schema, sleeper)
    if newest is None:
        return False
    options = Options(invalid_to_null=arguments.on_invalid == "null")
    places = Places(lake, Path(), None)
    with connections.snapshot(chosen, chosen.pace) as snapshot:
        context = RunContext(snapshot, Word(snapshot), "", places, options, catalog.for_redshift, report.progress)
        if not idle.unchanged(newest, catalog, context):
            return False
        said = f"nothing has changed at the source since run {newest.run}: the warehouse was not asked"
        cost = snapshot.cost()
        lines = [said, "  `python -m loaders load` asks it", report.at_source(cost)]
        facts = {"run": newest.run, "schema": catalog.schema, "as_of": snapshot.taken_at, "source_cost": cost}
        tell("unchanged", lines, **facts)
    return True


def _read(
    arguments: argparse.Namespace, chosen: Settings, catalog: Catalog, places: Places, deletes: DeleteLimit
) -> Run:
    """Read the source, and compare it with raw, which others may read meanwhile. Published only with --no-load."""
    options = Options(
        full=arguments.full,
        compare=arguments.compare,
        invalid_to_null=arguments.on_invalid == "null",
        deletes=deletes,
        lookback=chosen.lookback,
        value_parts=0 if arguments.no_load else chosen.value_parts,
    )
    compared = nullcontext() if arguments.no_load else connections.warehouse(catalog, chosen, read_only=True)
    # One connection more than read: it locks.
    count = 1 if arguments.parallel == 1 else arguments.parallel + 1
    with connections.sources(chosen, count) as opened, compared as warehouse:
        if warehouse and arguments.tables is None:
            _tell(drift.left_out([row[0] for row in warehouse.newest()], [table.name for table in catalog.tables]))
        places = replace(places, warehouse=warehouse)
        read = pipeline.extract if arguments.no_load else pipeline.read
        return read(lambda: _snapshot(opened, catalog, chosen.pace), catalog, places, options, report.progress)


def _commit(catalog: Catalog, places: Places, run: Run, chosen: Settings, deletes: DeleteLimit) -> str:
    """Both commits, of a run that has left the source alone by now; the warehouse's name."""
    with report.working(f"loading run {run.run} into raw"):
        return pipeline.commit_both(places, run, lambda: connections.warehouse(catalog, chosen), deletes)


@contextmanager
def _snapshot(opened: list[mysql_arrow.Connection], catalog: Catalog, pace: float) -> Iterator[mysql.Snapshot]:
    (*readers, locker) = opened
    if len(readers) < 2:  # one that locks is of no use to one that reads
        moment = mysql.snapshot(opened[0], pace)
    else:
        tables = [table.name for table in catalog.tables]
        moment = shared_snapshot(readers, locker, tables, notice)
    with moment as snapshot:
        _tell(filter(None, [standing.notice(snapshot.connection)]))
        yield snapshot


def _tell_loaded(run: Run, warehouse: str) -> None:
    tell("loaded", [report.loaded(run, warehouse)], run=run.run, schema=run.schema, warehouse=warehouse)


def _tell(notices: Iterable[str]) -> None:
    for text in notices:
        notice(text)


def load(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    if not _load_pending(catalog, connections.lake_of(catalog, chosen), chosen):
        say("nothing waits in the lake: raw is up to date")


def _load_pending(catalog: Catalog, lake: Lake, chosen: Settings) -> int:
    """Apply what waits, a line per run; the warehouse is open only meanwhile, so that others can read it."""
    with connections.warehouse(catalog, chosen) as warehouse:
        count = 0
        for run in report.working_on_each(f"loading into {warehouse}", backlog.load(lake, warehouse)):
            _tell_loaded(run, str(warehouse))
            count += 1
    return count
