"""`erase`: a person leaves the lake, raw and dbt's histories, and it is shown that nothing is left.

examples:
  python -m loaders erase --table customer --key 42
  python -m loaders erase --table customer --key 42 --with-references   and the orders that refer to it
  python -m loaders erase --table basket --key '7,"a,b"'    a composite key; binary ones in hex digits
  python -m loaders erase --deleted --dry-run    which rows the source deleted more than KEEP_DELETED_DAYS days ago
  python -m loaders erase --deleted              their values go; --table customer: of that table only
  python -m loaders erase --rewrite     DuckDB's file anew, without what builds left in its free blocks

Delete the row at the source first. Then this removes it, and every earlier version of it, from the lake's files, from
raw and from dbt's histories in every schema built from raw, writes DuckDB's file anew, and searches all of them again,
and the files of this folder. What it cannot reach, it says at the end. Killed, run it again.
"""

import argparse
import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loaders.cli import connections, dbt_nodes, erase_told
from loaders.cli.commands import Commands, add
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.lake import attempts, runs
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.lake.store import Lake
from loaders.proof.raw_state import BUILDS
from loaders.retention import deleted, erase, erase_versions, traces
from loaders.retention.erase import Relation
from loaders.retention.erase_lake import LakeSearch
from loaders.retention.references import Referring
from loaders.retention.spellings import Spelled
from loaders.run import idle
from loaders.source.mysql import Snapshot
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.catalog import Catalog
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch


@dataclass(frozen=True)
class Searched:
    """Where rows are. marts: the schema that dbt builds in; nodes: what it makes; folder: for files on their way."""

    catalog: Catalog
    lake: Lake
    warehouse: Warehouse
    marts: str
    nodes: list[dbt_nodes.Node]
    folder: Path

    def search(self, keys: Keys, note: str = "") -> LakeSearch:
        return LakeSearch(self.lake, self.catalog.schema, keys, self.folder, note)

    def relations(self, table: str) -> list[Relation]:
        """Raw's table, and what dbt makes of it, in every schema that it has built."""
        raw = Relation(self.catalog.schema, table, history=True, keeps=True)
        made = dbt_nodes.made_of(self.catalog, table, self.nodes)
        built = erase.schemas_built(self.warehouse, self.catalog.schema)
        return [raw, *erase.everywhere(self.warehouse, made, self.marts, built)]


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    erasing = add(commands, __doc__, erase_rows, catalog)
    what = erasing.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", metavar="K", help="the row's primary key; a composite one with commas")
    what.add_argument("--deleted", action="store_true", help="all rows that the source deleted KEEP_DELETED_DAYS ago")
    what.add_argument("--rewrite", action="store_true", help="only write DuckDB's file anew, without its free blocks")
    erasing.add_argument("--table", metavar="T", help="a table of the catalog")
    erasing.add_argument("--with-references", action="store_true", help="and the rows that refer to it by foreign key")
    erasing.add_argument("--dry-run", action="store_true", help="of --deleted: say what would go, and leave it there")


def erase_rows(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    if arguments.rewrite:
        with connections.warehouse(catalog, chosen) as warehouse:
            say(erase_told.written_anew(warehouse))
        return
    _refuse_what_does_not_go_together(arguments, chosen)
    if arguments.table:
        catalog.only([arguments.table])
    lake = connections.lake_of(catalog, chosen)
    newest = runs.newest_batches(lake, catalog.schema, [table.name for table in catalog.tables])
    if arguments.key and arguments.table not in newest:
        raise Failure(f"the lake {lake} holds nothing of {arguments.table}", "check LAKE_URL")
    named = row_key.parse(arguments.key, newest[arguments.table]) if arguments.key else None
    marts = connections.target(chosen).values["schema"]
    nodes = dbt_nodes.listed(catalog, chosen)
    with spool() as folder, connections.warehouse(catalog, chosen, read_only=arguments.dry_run) as warehouse:
        places = Searched(catalog, lake, warehouse, marts, nodes, folder)
        with connections.snapshot(chosen) as snapshot:
            referring = Referring(snapshot, lake, warehouse, newest, folder, catalog.tables[0].pseudonym)
            if named:
                rows, staying = _named(referring, named, arguments.with_references)
            else:
                rows, staying = _deleted(places, referring, arguments, chosen)
            alike = referring.alike(rows)
        if arguments.dry_run or not rows:
            erase_told.say_staying(list(erase_told.alike(alike)))
            say("nothing was erased" + ("; without --dry-run they go" if rows else ""))
            return
        proof = _erase(places, rows, alike, deleted.NOTE if arguments.deleted else "")
    proof.tell(chosen, staying)


def _refuse_what_does_not_go_together(arguments: argparse.Namespace, chosen: Settings) -> None:
    if arguments.deleted and chosen.keep_deleted is None:
        raise Failure("KEEP_DELETED_DAYS is not set: deleted rows stay", "set it in .env, such as KEEP_DELETED_DAYS=30")
    if arguments.deleted and arguments.with_references:
        raise Failure(
            "--with-references is of --key", "rows that refer to deleted ones go when they are deleted themselves"
        )
    if arguments.dry_run and not arguments.deleted:
        raise Failure("--dry-run is of --deleted", "`erase --key` takes the row that is named; leave --dry-run away")
    if not arguments.deleted and not arguments.table:
        raise Failure("--key names a row of no table", "name it: --table customer --key 42")


def _named(referring: Referring, named: Keys, with_references: bool) -> tuple[list[Keys], list[str]]:
    """The rows to erase, the named one first, and what to say of rows that refer to it and stay."""
    if with_references:
        rows, staying = referring.all_to(named), erase_told.unfollowed(referring, named)
    else:
        rows, staying = [named], erase_told.staying(referring, [named], ": --with-references erases that too")
        if not referring.snapshot.foreign_keys(named.table):
            staying = [f"rows that refer to it without a foreign key: the source declares none to {named.table}"]
    for each in rows:
        erase.refuse_if_at_source(referring.snapshot, each)
    return rows, staying


def _deleted(
    places: Searched, referring: Referring, arguments: argparse.Namespace, chosen: Settings
) -> tuple[list[Keys], list[str]]:
    """The same of the rows of one table, or of all, that the source deleted KEEP_DELETED_DAYS ago."""
    snapshot, wanted = (
        referring.snapshot,
        [batch for batch in referring.newest.values() if arguments.table in (None, batch.table)],
    )
    moment = snapshot.taken_at - (chosen.keep_deleted or datetime.timedelta())
    say(f"rows whose deletion a run noticed by {moment:%Y-%m-%d %H:%M:%S} UTC, by the source's clock:")
    if not arguments.dry_run:
        for batch in wanted:
            _end_killed(places, batch)
    found = [_deleted_of(places, snapshot, batch, moment) for batch in wanted if batch.primary_key]
    rows = [keys for keys in found if keys.values or places.search(keys, deleted.NOTE).is_begun()]
    staying = erase_told.staying(referring, rows)
    say(*erase_told.undated(places.lake, places.catalog.schema, wanted, moment))
    return rows, staying


def _end_killed(places: Searched, batch: Batch) -> None:
    """Remove the files that a killed erasure has left without a name: no key would lead to them any more."""
    search = places.search(row_key.of(batch, []), deleted.NOTE)
    if search.is_begun():
        search.erase()


def _deleted_of(places: Searched, snapshot: Snapshot, batch: Batch, moment: datetime.datetime) -> Keys:
    """The rows of a table that may go; what is at the source again, and no run has seen yet, stays."""
    search = places.search(row_key.of(batch, []), deleted.NOTE)
    kept = [relation for relation in places.relations(batch.table) if relation.history]
    keys = deleted.Deleted(search, places.warehouse, kept, moment).keys(search.is_begun())
    back = erase.at_source(snapshot, keys)
    again = f"; {len(back):,} more are at the source again, and stay" if back else ""
    say(f"  {batch.table}: {len(keys.values) - len(back):,}{again}")
    return replace(keys, values=tuple(key for key in keys.values if key not in back))


def _erase(places: Searched, chosen_rows: Sequence[Keys], alike: Sequence[Spelled], note: str = "") -> erase_told.Proof:
    """Remove the rows from everything, then search everything again."""
    kept = _bucket(places.lake)
    attempts.end_all(places.lake)
    # What was counted and summed of the erased is made anew: the next run and the next build are whole.
    idle.forget(places.lake)
    searches = [places.search(keys, note) for keys in chosen_rows]
    begun = sum(search.begin() for search in searches) > 0
    proof = erase_told.Proof(searches, places.warehouse, begun, alike, unreached=kept)
    found: dict[Keys, set[str]] = {}
    relations = {keys: places.relations(keys.table) for keys in chosen_rows}
    for search in searches:
        keys = search.keys
        say(f"erasing {keys} from schema {places.catalog.schema} and the lake {places.lake}")
        found[keys] = traces.texts(search, places.warehouse)
        rows, files = search.count()
        say(f"  lake: {rows:,} rows in {files:,} files; {search.erase():,} files written anew")
        counts = erase.from_warehouse(places.warehouse, keys, [each for each in relations[keys] if each.history])
        for relation, count in counts.items():
            say(f"  {relation}: {count:,} rows removed")
        old = erase_versions.erase(search)
        proof.note(keys, rows + sum(counts.values()) + old.removed, old)
    for marts in {places.marts, *erase.schemas_built(places.warehouse, places.catalog.schema)}:
        if builds := erase.forget_builds(places.warehouse, marts, places.catalog.schema):
            say(f"  {marts}.{BUILDS}: {builds:,} builds forgotten: the next makes incremental marts whole")
    say(f"  {erase_told.written_anew(places.warehouse)}")
    say("searched again:")
    for search in searches:
        proof.search(search, relations[search.keys])
    own: list[str] = []
    for keys in chosen_rows:
        spelled = [each.rows for each in alike if each.rows.table == keys.table]
        own += traces.only_theirs(places.warehouse, keys, found[keys], spelled)
    proof.search_texts(own)
    return proof


def _bucket(lake: Any) -> list[str]:
    """Refuse, before anything is changed, what a bucket would keep; what it keeps all the same, to be said."""
    if isinstance(lake, Folder):
        return []
    from loaders.lake import bucket  # AWS's packages, which a folder does not need

    kept = bucket.before_erasing(lake)
    try:
        say(f"unfinished uploads below {lake}: {bucket.abort(lake):,} aborted")
    except Failure as failure:
        kept.append(f"unfinished uploads below {lake}: {failure.problem}; {failure.fix}")
    return kept
