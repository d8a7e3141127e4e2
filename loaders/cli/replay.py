"""`replay`: raw built anew from the lake alone.

examples:
  python -m loaders replay              raw as the newest run left it
  python -m loaders replay --to-run 7   raw as it was after run 7; `load` goes on with run 8
  python -m loaders replay --replace    of this lake, whatever lake raw was loaded from

The source is not asked. Readers see the old raw until all of the new one is there, in one transaction; whatever
stops it leaves the old one. dbt's histories lie in another schema and stay.
"""

import argparse
import time

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.retention import replay
from loaders.run import backlog, idle


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    replaying = add(commands, __doc__, rebuild, catalog)
    replaying.add_argument("--to-run", type=int, metavar="N", help="as it was after run N (default: the newest)")
    replaying.add_argument(
        "--replace", action="store_true", help="also a raw schema that was loaded from another lake, which is given up"
    )


def rebuild(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    started = time.monotonic()
    idle.forget(lake)
    with connections.warehouse(catalog, chosen) as warehouse:
        known = replay.replay(lake, warehouse, arguments.to_run, report.steps, arguments.replace)
        say(*report.replayed(known, f"{warehouse}, schema {catalog.schema}", time.monotonic() - started))
        waiting = backlog.pending(lake, warehouse)
    if arguments.replace:
        # Before the next build: its runs may have the numbers of those that the histories know of the other lake.
        say("  dbt's histories know runs of the other lake. Before the next `make build`, if there are any, once:")
        say("  `python -m loaders dbt run-operation count_runs_anew` puts them before this lake's runs")
    if waiting:
        say(f"  {len(waiting)} later runs wait in the lake; `python -m loaders load` applies them")
