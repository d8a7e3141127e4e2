"""`erase`: a person leaves the lake, raw and dbt's histories, and it is shown that nothing is left."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from loaders import settings
from loaders.catalog import Catalog
from loaders.cli import connections
from loaders.errors import Failure
from loaders.lake import runs
from loaders.lake.spool import spool
from loaders.retention import erase, erase_key
from loaders.retention.erase import Relation
from loaders.retention.erase_key import Key
from loaders.retention.erase_lake import LakeSearch
from loaders.settings import Settings
from loaders.source import mysql
from loaders.telling import say
from loaders.warehouse.interface import Warehouse

EXAMPLES = """examples:
  python -m loaders erase --table customer --key 42
  python -m loaders erase --table basket --key '7,"a,b"'    a composite key; binary ones in hex digits

Delete the row at the source first. Then this removes it, and every earlier version of it, from the lake's files, from
raw and from dbt's histories, and searches all of them again. `make build` makes the marts anew. Rows of other tables
that refer to it stay. Not reached: backups, old versions of S3 objects, snapshots of the warehouse, exported files, and
free space in DuckDB's file. Killed, run it again."""


def add_to(commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    erasing = commands.add_parser(
        "erase",
        parents=[catalog],
        help="remove a person from lake, raw and histories",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    erasing.add_argument("--table", required=True, metavar="T", help="a table of the catalog")
    erasing.add_argument("--key", required=True, metavar="K", help="its primary key; a composite one with commas")
    erasing.set_defaults(run=erase_row)


def erase_row(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen).only([arguments.table])
    lake = connections.lake_of(catalog, chosen)
    found = runs.newest_batches(lake, catalog.schema, [arguments.table])
    if not found:
        raise Failure(f"the lake {lake} holds nothing of {arguments.table}", "check LAKE_URL")
    key = erase_key.parse(arguments.key, found[arguments.table])
    with connections.source(chosen) as connection, mysql.snapshot(connection) as snapshot:
        erase.refuse_if_at_source(snapshot, key)
    relations = [
        Relation(catalog.schema, key.table, history=True, keeps=True),
        *_downstream(catalog, key.table, chosen),
    ]
    with spool() as folder, connections.warehouse(catalog, chosen) as warehouse:
        search = LakeSearch(lake, catalog.schema, key, folder)
        rows, files = search.count()
        say(f"erasing {key} from schema {catalog.schema} and the lake {lake}")
        say(f"  lake: {rows:,} rows in {files:,} files; {search.erase():,} files written anew")
        kept = [relation for relation in relations if relation.history]
        for relation, count in erase.from_warehouse(warehouse, key, kept).items():
            say(f"  {relation}: {count:,} rows removed")
        marts = connections.dbt_target(chosen, chosen.environment).values["schema"]
        if builds := erase.forget_builds(warehouse, marts, catalog.schema):
            say(f"  {marts}.{erase.BUILDS}: {builds:,} builds forgotten: the next makes incremental marts whole")
        _show_what_is_left(warehouse, search, relations)


def _show_what_is_left(warehouse: Warehouse, search: LakeSearch, relations: Sequence[Relation]) -> None:
    """Search everything again. A row in the lake, raw or a history is a failure; so is a history that tells nothing."""
    rows, files = search.count()
    say("searched again:")
    say(f"  lake: {rows:,} rows in {files:,} files")
    for relation in relations:
        count = relation.rows(warehouse, search.key)
        if count is not None:
            rows += count if relation.history else 0
            rest = "" if relation.keeps or not count else " that bear the key; `make build` makes it anew from raw"
            say(f"  {relation}: {count:,} rows{rest}")
        elif relation.keeps and relation.is_there(warehouse):
            say(f"  not searched: {relation}, because it has no column {', '.join(relation.key(search.key).names)}")
    if rows:
        raise Failure(f"{rows:,} rows of {search.key} are still there", "something writes meanwhile: run it again")
    _no_doubt(warehouse, search.key, relations)
    searched = ", ".join(str(relation) for relation in relations if relation.history) or "none"
    say(f"nothing is left of {search.key} in the lake, raw and the histories ({searched}). Next: `make build`")


def _no_doubt(warehouse: Warehouse, key: Key, relations: Sequence[Relation]) -> None:
    """Fail where a row may be kept: nothing but a snapshot's meta tells whose history it is, and by which columns."""
    for relation in relations:
        if not relation.keeps or not relation.is_there(warehouse):
            continue
        count = relation.rows(warehouse, key)
        if not relation.history and count != 0:
            raise Failure(
                f"{relation} is a snapshot that does not say whose history it is, so it may keep {key}",
                f"write `meta: {{history_of: {key.table}}}` into it, or the table it is of, and run this again",
            )
        if count is None:
            raise Failure(
                f"{relation}, a history of {key.table}, was not searched: it has no column {', '.join(key.names)}",
                f"write into its meta which column is which, `key: {{its column: {key.names[0]}}}`, and run this again",
            )


def _downstream(catalog: Catalog, table: str, chosen: Settings) -> list[Relation]:
    """The tables that dbt makes of a source table, as it lists them itself; none of a catalog that it does not read."""
    project = settings.ROOT / "dbt_project"
    if not catalog.file.resolve().is_relative_to(project.resolve()):
        return []
    asked = ["--resource-type", "model", "snapshot", "--output", "json"]
    asked += ["--output-keys", "unique_id", "depends_on", "schema", "alias", "config.materialized", "config.meta"]
    dbt = Path(sys.executable).parent / "dbt"
    listed = subprocess.run(
        [sys.executable, dbt, "--quiet", "ls", *asked],
        cwd=project,
        env=os.environ | dict(chosen.environment) | {"DBT_PROFILES_DIR": str(chosen.dbt_profiles_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise Failure(
            f"dbt cannot list what it makes of {table}: {' '.join((listed.stdout + listed.stderr).split())[-300:]}",
            "`make build` shows the same fault; nothing was erased",
        )
    every = [json.loads(line) for line in listed.stdout.splitlines() if line.startswith("{")]
    found = _made_of(f".{catalog.source}.{catalog.tables[0].dbt_name or table}", every)
    return [erase.relation(entry, table) for entry in found if entry["config.materialized"] != "view"]


def _made_of(source: str, every: list[dict]) -> list[dict]:
    """The models that read a source, or a model that does. Not by dbt's --select, in which names can mean more."""
    made: dict[str, dict] = {}
    while True:
        more = {
            entry["unique_id"]: entry
            for entry in every
            if any(
                node in made or (node.startswith("source.") and node.endswith(source))
                for node in entry["depends_on"]["nodes"]
            )
        }
        if len(more) == len(made):
            return list(made.values())
        made = more
