"""Rows leave everything that the project keeps: the lake, raw, and dbt's histories, in every schema built from raw."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.proof.raw_state import BUILDS, tables_of
from loaders.source.mysql import Snapshot
from loaders.types.column_type import ColumnType
from loaders.types.type_contract import contract
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.raw_tables import LOADS_TABLE
from loaders.words.row_key import Keys

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

    def keys(self, keys: Keys) -> Keys:
        """The keys under the names that their columns have here."""
        return keys.renamed(dict(self.renamed))

    def rows(self, warehouse: Warehouse, keys: Keys) -> int | None:
        """How many rows bear one of the keys; None if that cannot be told, or there is no such table."""
        return warehouse.occurrences(self.keys(keys), self.schema, self.name)

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


def refuse_if_at_source(snapshot: Snapshot, keys: Keys) -> None:
    """What is still at the source would come back with the next run."""
    if count := count_at_source(snapshot, keys):
        which = f"{keys} is" if len(keys.values) == 1 else f"of {keys}, {count:,} are"
        raise Failure(
            f"{which} still at the source, and the next run would bring it back",
            "delete it there first; nothing was erased",
        )


def count_at_source(snapshot: Snapshot, keys: Keys) -> int:
    source = snapshot.tables().get(keys.table)
    if source is None:
        return 0
    described = {column.name: column for column in source.columns}
    if not {*keys.names} <= described.keys():
        raise Failure(f"{keys.table} has another key at the source now", "`make extract` first; nothing was erased")
    columns = [contract(described[name], keys.table) for name in keys.names]
    return sum(snapshot.count(source, row_key.in_mysql(columns, part)) for part in keys.parts())


def at_source(snapshot: Snapshot, keys: Keys) -> set[tuple[str, ...]]:
    """Which of them are at the source."""
    count = count_at_source(snapshot, keys)
    if count in (0, len(keys.values)):
        return set(keys.values) if count else set()
    return set().union(*(at_source(snapshot, half) for half in keys.parts((len(keys.values) + 1) // 2)))


def from_warehouse(warehouse: Warehouse, keys: Keys, relations: Sequence[Relation]) -> dict[Relation, int]:
    """Remove the rows from raw and the histories; how many each had.

    One transaction for all that name the key alike.
    """
    held = {relation: relation.rows(warehouse, keys) for relation in relations}
    there = {relation: count for relation, count in held.items() if count is not None}
    for named in dict.fromkeys(relation.keys(keys) for relation in relations):
        alike = [relation for relation, count in there.items() if count and relation.keys(keys) == named]
        warehouse.erase(named, [(relation.schema, relation.name) for relation in alike])
    return there


def schemas_built(warehouse: Warehouse, raw: str) -> list[str]:
    """Every schema that dbt has built of a raw schema, by its own notes, or whose notes were forgotten (below)."""
    found = warehouse.ask(f"select table_schema from information_schema.tables where table_name = {sql_text(BUILDS)}")
    return sorted(schema for (schema,) in found if raw in (noted := _raws(warehouse, schema)) or not noted)


def _raws(warehouse: Warehouse, marts: str) -> set[str]:
    return {raw for (raw,) in warehouse.ask(f"select distinct raw_schema from {sql_name(marts)}.{BUILDS}")}


def everywhere(
    warehouse: Warehouse, relations: Sequence[Relation], marts: str, schemas: Collection[str]
) -> list[Relation]:
    """The same tables as they are in the other schemas that dbt has built too; a dbt schema begins with its target's.

    marts: the schema in which dbt builds by now, where `relations` are.
    """
    others = [
        replace(relation, schema=schema + relation.schema[len(marts) :])
        for schema in schemas
        for relation in relations
        if relation.schema.startswith(marts) and schema.lower() != marts.lower()
    ]
    return [*relations, *(relation for relation in others if relation.is_there(warehouse))]


def strays(warehouse: Warehouse, keys: Keys, relations: Sequence[Relation]) -> dict[Relation, int]:
    """Tables elsewhere that bear the name of one that keeps rows, with rows that bear the key: nothing tells whose.

    Schemas with a `_loads` of their own are raw schemas of other catalogs.
    """
    known = {(relation.schema.lower(), relation.name.lower()) for relation in relations}
    names = {relation.name.lower(): relation for relation in relations if relation.keeps}
    raws, found = _raw_schemas(warehouse), {}
    for schema, name in warehouse.ask("select table_schema, table_name from information_schema.tables"):
        if name.lower() in names and schema not in raws and (schema.lower(), name.lower()) not in known:
            relation = replace(names[name.lower()], schema=schema, name=name)
            found[relation] = relation.rows(warehouse, keys)
    return {relation: count for relation, count in found.items() if count}


def other_raws(warehouse: Warehouse, keys: Keys) -> dict[str, int]:
    """Raw schemas of other catalogs -> how many rows of a table of the same name bear one of the keys, if any."""
    others = sorted(_raw_schemas(warehouse) - {warehouse.schema})
    counted = {schema: warehouse.occurrences(keys, schema, keys.table) for schema in others}
    return {schema: count for schema, count in counted.items() if count}


def _raw_schemas(warehouse: Warehouse) -> set[str]:
    found = f"select table_schema from information_schema.tables where table_name = {sql_text(LOADS_TABLE)}"
    return {schema for (schema,) in warehouse.ask(found)}


def forget_builds(warehouse: Warehouse, marts: str, raw: str) -> int:
    """Remove dbt's notes of the builds made of a raw schema; how many there were. marts: a schema dbt builds in.

    What is erased leaves no mark in raw by which an incremental mart could tell its rows; without the note of an
    earlier build the next one makes it whole.
    """
    built = Keys(BUILDS, (BUILT_FROM,), ((raw,),))
    builds = warehouse.occurrences(built, marts, BUILDS) or 0
    if builds:
        warehouse.erase(built, [(marts, BUILDS)])
    return builds
