"""`history`: the newest runs of the lake, and what each found. No warehouse is asked, so none is woken."""

import argparse

from loaders.cli import connections, report
from loaders.cli.commands import Commands, number
from loaders.common.settings import Settings
from loaders.common.telling import say, tell
from loaders.lake import history as runs_of

EPILOG = """`_loads` in the raw schema has the same for SQL, a row per table and run: docs/machines.md"""


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    telling = commands.add_parser(
        "history", parents=[catalog], help="the newest runs of the lake, and what each found", epilog=EPILOG
    )
    telling.add_argument("--last", type=number(1_000_000), default=10, metavar="N", help="how many (default: 10)")
    telling.set_defaults(run=history)


def history(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    known = runs_of.newest(lake, catalog.schema, arguments.last)
    for run in known:
        tell("run", report.past(run), **report.facts(run))
    if not known:
        say(f"the lake {lake} holds no run for schema {catalog.schema}; `make extract` makes one")
