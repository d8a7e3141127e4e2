"""What `erase` says: what it found and removed, what another search of everything finds, and what it cannot reach."""

import datetime
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from loaders.cli import dbt_folder
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import say
from loaders.lake import runs
from loaders.lake.folder import Folder
from loaders.lake.store import Lake
from loaders.retention import erase, traces
from loaders.retention.erase import Relation
from loaders.retention.erase_lake import LakeSearch
from loaders.retention.erase_versions import OldVersions
from loaders.retention.references import Referring
from loaders.retention.spellings import Spelled
from loaders.warehouse.duckdb_warehouse import DuckDBWarehouse
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch

REWRITE = "`make erase ARGS=--rewrite`"
# Files named one by one.
NAMED = 50


def written_anew(warehouse: Warehouse) -> str:
    if warehouse.write_anew():
        return f"{warehouse} written anew, without the free blocks in which deleted rows stay"
    return f"{warehouse} writes the blocks of deleted rows anew by itself (VACUUM)"


def alike(found: Sequence[Spelled]) -> Iterator[str]:
    """What to say of rows that may be the person's own under another spelling of the key."""
    for each in found:
        for key in each.rows.values[:NAMED]:
            row = replace(each.rows, values=(key,))
            yield (
                f"{row}, whose {each.by} differs from {each.keys} in case, accents or blanks at the end only, which "
                "are one to most of MySQL's collations: if it is the person's too, "
                f"`erase --table {shlex.quote(row.table)} {row_key.written(key)}` erases it"
            )
        more = len(each.rows.values) - NAMED
        if more > 0:
            yield f"{more:,} more rows of {each.rows.table}, whose {each.by} differs so: named once these are erased"


def _next(chosen: Settings) -> str:
    """What makes anew what was made of the rows; the dashboard is of the demo shop's marts alone."""
    return f"`make extract build {'dashboard ' if chosen.demo_shop else ''}export`"


def say_staying(staying: Sequence[str]) -> None:
    if staying:
        say("not erased:")
        say(*(f"  {each}" for each in staying))


def staying(referring: Referring, going: Sequence[Keys], way: str = "") -> list[str]:
    """What to say of rows that refer to erased ones, now or in an earlier state, and stay; a way to erase them too."""
    erased = {keys.table: {*keys.values} for keys in going}
    found = []
    for keys in (each for each in going if each.values):
        for by, rows in referring.to(keys):
            left = tuple(key for key in rows.values if key not in erased.get(rows.table, ()))
            found += [f"{replace(rows, values=left)}, referring to {keys} by {by}{way}"] * bool(left)
        found += unfollowed(referring, keys)
    return found


def unfollowed(referring: Referring, keys: Keys) -> list[str]:
    """What to say of rows that refer to erased ones in a way that cannot be followed."""
    return [f"rows that refer to {keys} from {by}" for by in referring.unfollowed(keys)]


def undated(lake: Lake, schema: str, newest: Collection[Batch], moment: datetime.datetime) -> Iterator[str]:
    """What cannot be found of the rows that are deleted that long."""
    for batch in newest:
        if not batch.primary_key:
            yield f"  {batch.table}: it has no primary key, so what runs before its newest hold goes by `prune` only"
    base = runs.baseline(lake, schema)
    if base and base.snapshot_at > moment:
        yield (
            f"  the lake reaches back to {base.snapshot_at:%Y-%m-%d %H:%M:%S} UTC only: of rows deleted before, those "
            "that raw still marks are found; `prune --keep-days` no smaller than KEEP_DELETED_DAYS dates all"
        )


@dataclass
class Proof:
    """What was found and removed, and what is there all the same.

    named: the searches for the rows, of each table; begun: erasing them was begun before, and not ended; alike: rows
    that stay under another spelling.
    """

    named: Sequence[LakeSearch]
    warehouse: Warehouse
    begun: bool
    alike: Sequence[Spelled] = ()
    found: int = 0
    left: int = 0
    made_anew: int = 0
    searched: list[str] = field(default_factory=list)
    doubts: list[Failure] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(str(search.keys) for search in self.named)

    def note(self, keys: Keys, found: int, old: OldVersions) -> None:
        """found: how many rows and old versions there were."""
        self.found += found
        if old.looked:
            say(f"  old versions in the bucket: {old.looked:,} searched, {old.removed:,} removed")
        if old.unreached:
            self.doubts.append(
                Failure(
                    f"old versions of the files of {keys.table} in the bucket may hold {keys}: {old.unreached.problem}",
                    f"{old.unreached.fix}, then run this again",
                )
            )

    def search(self, search: LakeSearch, relations: Sequence[Relation]) -> None:
        """Search the lake and the warehouse again."""
        keys = search.keys
        rows, files = search.count()
        say(f"  lake: {rows:,} rows in {files:,} files of {keys.table}")
        self.left += rows
        for relation in relations:
            self._search(relation, keys)
        for relation, count in erase.strays(self.warehouse, keys, relations).items():
            self.doubts.append(
                Failure(
                    f"{relation} has {count:,} rows that bear the key of {keys}, and nothing says of which raw it was "
                    "made",
                    "drop it if it is a copy, or build that schema anew; then run this again",
                )
            )
        self.unreached += [
            f"raw schema {schema}, where {count:,} rows of {keys.table} bear the key: if it is of the same shop, "
            "erase there with its catalog (--catalog)"
            for schema, count in erase.other_raws(self.warehouse, keys).items()
        ]

    def _search(self, relation: Relation, keys: Keys) -> None:
        count = relation.rows(self.warehouse, keys)
        if count is not None:
            self.left += count if relation.history else 0
            self.made_anew += 0 if relation.keeps else count
            rest = "" if relation.keeps or not count else " that bear the key; `make build` makes it anew from raw"
            say(f"  {relation}: {count:,} rows{rest}")
        elif relation.keeps and relation.is_there(self.warehouse):
            say(f"  not searched: {relation}, because it has no column {', '.join(relation.keys(keys).names)}")
        if relation.history and count is not None:
            self.searched.append(str(relation))
        if relation.keeps and relation.is_there(self.warehouse):
            self._doubt(relation, keys, count)

    def _doubt(self, relation: Relation, keys: Keys, count: int | None) -> None:
        """A row may be kept: nothing but a snapshot's meta tells whose history it is, and by which columns."""
        if not relation.history and count != 0:
            self.doubts.append(
                Failure(
                    f"{relation} is a snapshot that does not say whose history it is, so it may keep {keys}",
                    f"write `meta: {{history_of: {keys.table}}}` into it, or the table it is of, and run this again",
                )
            )
        elif count is None:
            column = f"`key: {{its column: {keys.names[0]}}}`"
            self.doubts.append(
                Failure(
                    f"{relation}, a history of {keys.table}, was not searched: it lacks the column "
                    f"{', '.join(keys.names)}",
                    f"write into its meta which column is which, {column}, and run this again",
                )
            )

    def search_texts(self, texts: list[str]) -> None:
        """Search every table of the warehouse for the texts that only the erased rows had."""
        self.texts = texts
        say(f"  texts that nobody else has: {len(texts):,} looked for in every table of every schema")
        for (schema, table), count in traces.in_warehouse(self.warehouse, texts).items():
            found = "cannot be read" if count is None else f"{count:,} rows hold one"
            self.made_anew += count or 0
            say(f"    {schema}.{table}: {found}")

    def tell(self, chosen: Settings, staying: Sequence[str]) -> None:
        """Search files; say what stays and what is out of reach; fail if anything is there that should not be."""
        self._search_files(chosen)
        say_staying([*staying, *alike(self.alike)])
        say("out of reach, and for you to see to:")
        say(*(f"  {each}" for each in [*self.unreached, *self._out_of_reach()]))
        if self.left:
            raise Failure(f"{self.left:,} rows of {self} are still there", "something writes meanwhile: run it again")
        for doubt in self.doubts:
            raise doubt
        for search in self.named:
            search.end()
        if not self.found and not self.begun:
            raise Failure(
                f"{self} was not in the lake, raw or the histories ({', '.join(self.searched)}): "
                "it never was there, or was erased before",
                "check --key; texts are compared byte by byte",
            )
        then = f", then {REWRITE}" if self.made_anew and isinstance(self.warehouse, DuckDBWarehouse) else ""
        others = sum(len(each.rows.values) for each in self.alike)
        left = f"{others:,} rows under another spelling are left, named above; else " if others else ""
        say(
            f"{left}nothing is left of {self} in the lake, raw and the histories ({', '.join(self.searched)}). "
            f"Next: {_next(chosen)}{then}"
        )

    def _search_files(self, chosen: Settings) -> None:
        every = [search.keys for search in self.named]
        looked = {file: traces.in_file(file, every, self.texts) for file in traces.files(self._places(chosen))}
        hits = {file: hit for file, hit in looked.items() if hit}
        say(f"  files of this folder that hold something of it: {len(hits):,}")
        for file, hit in list(hits.items())[:NAMED]:
            say(f"    {file}: {hit}")
        if hits:
            first = "first see to the rows under another spelling, named below; " if self.alike else ""
            say(f"    {first}{_next(chosen)} writes them anew; what it does not, remove")

    def _places(self, chosen: Settings) -> Iterator[Path]:
        if isinstance(self.warehouse, DuckDBWarehouse):
            yield self.warehouse.path
        yield from (chosen.root / ".data" / name for name in ("export", "dashboard", "docs", "run_results.json"))
        yield from dbt_folder.written(chosen.project, chosen.environment)

    def _out_of_reach(self) -> Iterator[str]:
        yield "the source's own backups, binary logs and replicas (of RDS: its snapshots and what its logs export)"
        lake = self.named[0].lake
        if isinstance(lake, Folder):
            yield f"backups and copies of the lake {lake}, and what its file system keeps of removed files"
        else:
            yield f"backups and copies of the lake {lake} (AWS Backup, S3 Batch, other buckets)"
        yield "runs of other raw schemas in the lake: erase there with their catalogs"
        if isinstance(self.warehouse, DuckDBWarehouse):
            yield f"backups and copies of {self.warehouse}, and what its file system keeps of removed files"
        else:
            yield (
                f"snapshots and recovery points of {self.warehouse}, its log of statements (STL, SYS, audit logs in S3 "
                "or CloudWatch), blocks until its VACUUM"
            )
        yield "exports, pages and artifacts that were handed on or written elsewhere; logs of earlier runs (CI, cron)"
