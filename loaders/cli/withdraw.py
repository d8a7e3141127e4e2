"""`withdraw`: runs that wait in the lake and that raw refuses are given up.

examples:
  python -m loaders withdraw 7 --dry-run   what would be given up
  python -m loaders withdraw 7             run 7 and all after it leave the lake; raw stays as run 6 left it

For a run that `load` refuses: published with --no-load, by an older version, or for another warehouse. What it brought
is read anew by the next `extract`. A run that raw holds is not taken back. Killed, run it again.
"""

import argparse

from loaders.cli import connections
from loaders.cli.commands import Commands, add
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.retention import withdraw
from loaders.retention.withdraw import Waiting


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    withdrawing = add(commands, __doc__, take_back, catalog)
    withdrawing.add_argument("number", type=int, metavar="N", help="the oldest run to give up; all after it go too")
    withdrawing.add_argument("--dry-run", action="store_true", help="say what would be given up, and leave it there")


def take_back(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    with connections.warehouse(catalog, chosen) as warehouse:
        planned = withdraw.plan(lake, warehouse, arguments.number)
        say(f"{'would give up' if arguments.dry_run else 'giving up'} of the lake {lake}, schema {catalog.schema}:")
        say(*(_line(each) for each in planned))
        if arguments.dry_run:
            return
        held = withdraw.holds(warehouse, planned)
        withdraw.withdraw(lake, warehouse, planned)
    if held:
        say(
            f"withdrawn: {len(planned)} runs, of which raw holds some. Next: `python -m loaders replay --replace` "
            "builds raw anew of what is left (if nothing is, `python -m loaders extract --no-load` first), then "
            "`make extract`"
        )
        return
    say(
        f"withdrawn: {len(planned)} runs; raw stays as it is, and the next `extract` reads anew what they brought",
        "a warehouse that has applied them all the same is built anew by `python -m loaders replay` there",
    )


def _line(each: Waiting) -> str:
    if each.run is None:
        return (
            f"  run {each.number}: its record is damaged, or not signed with LAKE_KEY: nobody can say what it brought"
        )
    tables = ", ".join(
        f"{batch.table} {batch.rows:,} rows{f' and {batch.deleted_rows:,} gone' if batch.deleted_rows else ''}"
        for batch in each.run.batches
    )
    return f"  run {each.number}, as of {each.run.snapshot_at:%Y-%m-%d %H:%M:%S} UTC: {tables}"
