"""One row leaves everything that the project keeps: the lake, raw, and dbt's histories."""

from collections.abc import Sequence
from dataclasses import dataclass

from loaders.errors import Failure
from loaders.lake.runs import ColumnType
from loaders.proof.holdings import BUILDS
from loaders.retention import erase_key
from loaders.retention.erase_key import Key
from loaders.source.mysql import Snapshot
from loaders.warehouse.interface import Warehouse

# The column for the raw schema in dbt's notes of its builds.
BUILT_FROM = ColumnType("raw_schema", "varchar(256)", "VARCHAR", "VARCHAR(256)")


@dataclass(frozen=True)
class Relation:
    """A table in the warehouse. history: it keeps what raw no longer has, row by row under the key (a dbt snapshot
    whose `meta.history_of` names the table); else raw gives it back, or `dbt build` does.
    """

    schema: str
    name: str
    history: bool = False

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


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
    """Remove the row from raw and the histories, all in one transaction; how many rows each had."""
    held = {relation: warehouse.occurrences(key, relation.schema, relation.name) for relation in relations}
    there = {relation: count for relation, count in held.items() if count is not None}
    warehouse.erase(key, [(relation.schema, relation.name) for relation, count in there.items() if count])
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
