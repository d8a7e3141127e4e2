"""`prune`: old runs leave the lake, once a baseline stands for them.

examples:
  python -m loaders prune --keep-days 30 --dry-run   what would go
  python -m loaders prune --keep-days 30             it goes; replay reaches back 30 days

First a baseline is written: raw as the newest run older than that left it, read back and compared. Then the runs
before it are removed. Raw is not touched, and nothing that waits to be loaded into it goes. Killed, run it again.
"""

import argparse
import datetime

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add, number
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.retention import prune


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    pruning = add(commands, __doc__, remove_old, catalog)
    pruning.add_argument(
        "--keep-days", type=number(100_000, 0), required=True, metavar="N", help="runs of the last N days stay"
    )
    pruning.add_argument("--dry-run", action="store_true", help="say what would go, and leave it there")


def remove_old(arguments: argparse.Namespace, chosen: Settings) -> None:
    days = arguments.keep_days
    catalog = connections.catalog(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    with connections.warehouse(catalog, chosen, read_only=True) as warehouse:
        planned = prune.plan(lake, warehouse, now - datetime.timedelta(days=days))
    if not planned.old:
        say(f"nothing to prune: at most one run of the lake {lake} is older than {days} days")
        return
    said = f"{len(planned.old)} runs ({planned.old[0].run} to {planned.old[-1].run}) of the lake {lake}"
    if arguments.dry_run:
        say(f"would remove {said}, and keep {planned.kept}, after a baseline for")
        say(*(f"  schema {run.schema} as run {run.run} left it" for run in planned.bases))
        return
    with spool() as folder:
        for base in prune.write_baselines(lake, planned, folder, report.steps):
            say(report.baseline(base))
    objects = sum(count for _run, count in prune.remove(lake, planned))
    say(f"removed {said}: {objects:,} objects; {planned.kept} runs stay")
    say(*(f"replay of schema {run.schema} reaches back to run {run.run}" for run in planned.bases))
    if not isinstance(lake, Folder):
        say("a bucket with versioning keeps them as old versions until a lifecycle rule of its own ends them")
