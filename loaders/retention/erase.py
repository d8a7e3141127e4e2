"""One row leaves everything that the project keeps: the lake, raw, and dbt's histories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loaders.errors import Failure
from loaders.lake.runs import ColumnType
from loaders.proof.holdings import BUILDS, tables_of
from loaders.retention import erase_key
from loaders.retention.erase_key import Key
from loaders.source.mysql import Snapshot
from loaders.warehouse.interface import Warehouse

# The column for the raw schema in dbt's notes of its builds.
BUILT_FROM = ColumnType("raw_schema", "varchar(256)", "VARCHAR", "VARCHAR(256)")


@dataclass(frozen=True)
class Relation:
    """A table in the warehouse. history: it keeps what raw no longer has, row by row under the key (raw itself, and dbt
    snapshots whose `meta.history_of` names the table). keeps: nothing makes it anew; of others raw gives back what
    they hold, or `dbt build` does.

    renamed: (column of the key, its name here), from a snapshot's `meta.key`.
    """

    schema: str
    name: str
    history: bool = False
    keeps: bool = False
    renamed: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def key(self, key: Key) -> Key:
        """The key under the names that its columns have here."""
        names = dict(self.renamed)
        return replace(
            key, columns=tuple(replace(column, name=names.get(column.name, column.name)) for column in key.columns)
        )

    def rows(self, warehouse: Warehouse, key: Key) -> int | None:
        """How many rows bear the key; None if that cannot be told, or there is no such table."""
        return warehouse.occurrences(self.key(key), self.schema, self.name)

    def is_there(self, warehouse: Warehouse) -> bool:
        return (self.schema.lower(), self.name) in tables_of(warehouse, self.schema)


def relation(entry: Mapping[str, Any], table: str) -> Relation:
    """A node as `dbt ls` lists it, for a row of the source table.

    A snapshot that does not say whose history it is may be this table's.
    """
    meta = entry.get("config.meta") or {}
    history = meta.get("history_of") == table
    snapshot = entry["config.materialized"] == "snapshot" and "history_of" not in meta
    here = tuple((there, name) for name, there in (meta.get("key") or {}).items()) if history else ()
    return Relation(entry["schema"], entry["alias"], history, history or snapshot, here)


def refuse_if_at_source(snapshot: Snapshot, key: Key) -> None:
    """What is still at the source would come back with the next run."""
    source = snapshot.tables().get(key.table)
    if source is None:
        return
    count, _sum = snapshot.sums(source, "0", "0", key.where(erase_key.in_mysql)).get(0, (0, 0))
    if count:
        raise Failure(
            f"{key} is still at the source, and the next run would bring it back",
            "delete it there first; nothing was erased",
        )


def from_warehouse(warehouse: Warehouse, key: Key, relations: Sequence[Relation]) -> dict[Relation, int]:
    """Remove the row from raw and the histories; how many rows each had.

    One transaction for all that name the key alike.
    """
    held = {relation: relation.rows(warehouse, key) for relation in relations}
    there = {relation: count for relation, count in held.items() if count is not None}
    for named in dict.fromkeys(relation.key(key) for relation in relations):
        alike = [relation for relation, count in there.items() if count and relation.key(key) == named]
        warehouse.erase(named, [(relation.schema, relation.name) for relation in alike])
    return there


def forget_builds(warehouse: Warehouse, marts: str, raw: str) -> int:
    """Remove dbt's notes of the builds made of a raw schema; how many there were. marts: the schema dbt builds in.

    What is erased leaves no mark in raw by which an incremental mart could tell its rows; without the note of an
    earlier build the next one makes it whole.
    """
    key = Key(BUILDS, (BUILT_FROM,), (raw,))
    builds = warehouse.occurrences(key, marts, BUILDS) or 0
    if builds:
        warehouse.erase(key, [(marts, BUILDS)])
    return builds
