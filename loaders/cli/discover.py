"""`discover`: a catalog of a database nobody has described yet."""

import argparse
import sys

from loaders.cli import connections
from loaders.cli.commands import Commands
from loaders.common import telling
from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.common.settings import Settings
from loaders.common.telling import notice, say
from loaders.help import discover
from loaders.source import mysql

COMMANDS = (f"{telling.PACKAGE} extract", f"{telling.PACKAGE} dbt build --select ")


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    discovering = commands.add_parser("discover", help="print a catalog of the database in SOURCE_URL")
    discovering.add_argument("--write", metavar="NAME", help="put it into the dbt project as source NAME")
    discovering.set_defaults(run=discover_catalog)


def discover_catalog(arguments: argparse.Namespace, chosen: Settings) -> None:
    with connections.source(chosen) as connection, mysql.snapshot(connection) as snapshot:
        tables, database, account = list(snapshot.tables().values()), snapshot.database, snapshot.account
    if not tables:
        raise Failure(
            f"database {database} shows the account {account} no table",
            f"`grant select on {mysql_name(database)}.* to {account}`; or name another database in SOURCE_URL",
        )
    if not arguments.write:
        text, notices = discover.catalog_yaml(database, tables)
        sys.stdout.write(text)
    else:
        files, notices = discover.write(arguments.write, tables, chosen.project)
        packaged = telling.program() == telling.PACKAGE
        extract, build = COMMANDS if packaged else ("make extract", "make build SELECT=")
        say(
            f"wrote {files[0]} and {len(files) - 1} staging views beside it. Next:",
            f"  CATALOG={files[0].relative_to(chosen.root)} {extract}",
            f"  {build}staging.{arguments.write}",
        )
    for text in notices:
        notice(text)
