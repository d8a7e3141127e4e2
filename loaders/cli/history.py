"""`history`: the newest runs of the lake, and what each found. No warehouse is asked, so none is woken.

`_loads` in the raw schema has the same for SQL, a row per table and run: docs/machines.md
"""

import argparse

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add, number
from loaders.common.settings import Settings
from loaders.common.telling import say, tell
from loaders.lake import history as runs_of


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    telling = add(commands, __doc__, history, catalog)
    telling.add_argument("--last", type=number(1_000_000), default=10, metavar="N", help="how many (default: 10)")


def history(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    known = runs_of.newest(lake, catalog.schema, arguments.last)
    for run in known:
        tell("run", report.past(run), **report.facts(run))
    if not known:
        say(f"the lake {lake} holds no run for schema {catalog.schema}; `make extract` makes one")
