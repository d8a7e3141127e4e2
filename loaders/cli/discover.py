"""`discover`: a catalog of a database nobody has described yet.

examples:
  python -m loaders discover                    print the catalog
  python -m loaders discover --write billing    put it into dbt_project/models/staging/billing, with a view per table
  python -m loaders discover --update billing   let it follow the source, shown as a diff

Written is what the source knows: types and comments, tests of keys, NOT NULL, ENUM and foreign keys.
"""

import argparse
import sys

from loaders.cli import connections
from loaders.cli.commands import Commands, add
from loaders.common import telling
from loaders.common.settings import Settings
from loaders.common.telling import notice, say
from loaders.help import discover, update
from loaders.run import match_catalog
from loaders.source.described import Said, SourceTable

COMMANDS = (f"{telling.PACKAGE} extract", f"{telling.PACKAGE} dbt build --select ")


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    discovering = add(commands, __doc__, discover_catalog)
    where = discovering.add_mutually_exclusive_group()
    where.add_argument("--write", metavar="NAME", help="put it into the dbt project as source NAME")
    where.add_argument("--update", metavar="NAME", help="follow the source in what --write made; show it as a diff")


def discover_catalog(arguments: argparse.Namespace, chosen: Settings) -> None:
    with connections.snapshot(chosen) as snapshot:
        tables, database = list(match_catalog.tables(snapshot).values()), snapshot.database
        said = snapshot.said()
    if arguments.update:
        notices = _update(arguments.update, tables, said, chosen)
    elif not arguments.write:
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


def _update(name: str, tables: list[SourceTable], said: Said, chosen: Settings) -> list[str]:
    files, notices = update.update(name, tables, chosen.project, said)
    sys.stdout.write(update.diff(files, chosen.root))
    for file, (_before, after) in files.items():
        file.write_text(after, encoding="utf-8")
    say(f"{len(files)} files of {name} follow the source now" if files else f"{name} is as the source is")
    return notices
