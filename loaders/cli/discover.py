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
EPILOG = """examples:
  python -m loaders discover                    print the catalog
  python -m loaders discover --write billing    put it into dbt_project/models/staging/billing, with a view per table

Written is what the source knows: types and comments, tests of keys, NOT NULL, ENUM and foreign keys."""


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    discovering = commands.add_parser(
        "discover",
        help="print a catalog of the database in SOURCE_URL",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    discovering.add_argument("--write", metavar="NAME", help="put it into the dbt project as source NAME")
    discovering.set_defaults(run=discover_catalog)


def discover_catalog(arguments: argparse.Namespace, chosen: Settings) -> None:
    with connections.source(chosen) as connection, mysql.snapshot(connection) as snapshot:
        tables, database, account = list(snapshot.tables().values()), snapshot.database, snapshot.account
        said = snapshot.said()
    if not tables:
        raise Failure(
            f"database {database} shows the account {account} no table",
            f"`grant select on {mysql_name(database)}.* to {account}`; or name another database in SOURCE_URL",
        )
    if not arguments.write:
        text, notices = discover.catalog_yaml(database, tables, said)
        sys.stdout.write(text)
    else:
        files, notices = discover.write(arguments.write, tables, chosen.project, said)
        packaged = telling.program() == telling.PACKAGE
        extract, build = COMMANDS if packaged else ("make extract", "make build SELECT=")
        catalog = f"CATALOG={files[0].relative_to(chosen.root)}"
        say(
            f"wrote {files[0]} and {len(files) // 2} staging views beside it. Next:",
            f"  {catalog} {extract}",
            f"  {build}staging.{arguments.write}",
            "These lines belong in .env, so that every command means this database:",
            *(f"  {line}" for line in (catalog, *([] if packaged else ["DEMO_SHOP=0"]))),
        )
    for text in (*notices, *discover.remarks(tables, said)):
        notice(text)
