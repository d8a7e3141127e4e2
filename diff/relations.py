"""What dbt's manifests say of a model: where it lies, what tells its rows apart, what may be shown of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diff.builds import Side

# dbt's own columns of a history that are another in each build of the same rows.
OF_A_BUILD = ("dbt_scd_id", "dbt_updated_at")
CLOCK = re.compile(
    r"\b(current_timestamp|current_date|now\s*\(|getdate\s*\(|sysdate|today\s*\(|random\s*\(|uuid)", re.I
)


@dataclass(frozen=True)
class Model:
    """A model of either side. keys: what may tell rows apart, the likeliest first; left_out: columns not compared."""

    name: str
    base: tuple[str, str] | None
    branch: tuple[str, str] | None
    keys: tuple[tuple[str, ...], ...]
    left_out: frozenset[str]
    is_public: bool
    is_personal: frozenset[str]
    asks_the_clock: bool


def models(base: Side, branch: Side, ids: list[str]) -> list[Model]:
    """The relations to compare: those of these ids, and those that only the base has. In the order of their names."""
    before, after = base.nodes(), branch.nodes()
    wanted = [name for name in before.keys() | after.keys() if name in ids or name not in after]
    personal = personal_columns(base) | personal_columns(branch)
    found = []
    for name in wanted:
        nodes = [node for node in (after.get(name), before.get(name)) if node and _is_a_relation(node)]
        if nodes:
            found.append(_model(name, nodes, (before, after), personal, branch if name in after else base))
    return sorted(found, key=lambda model: model.name)


def _is_a_relation(node: Mapping[str, Any]) -> bool:
    return node["config"].get("enabled", True) and node["config"]["materialized"] != "ephemeral"


def _model(name: str, nodes: list[Any], sides: tuple[Any, Any], personal: frozenset[str], side: Side) -> Model:
    node = nodes[0]
    places = [
        (found["schema"], found["alias"]) if (found := nodes_of.get(name)) and _is_a_relation(found) else None
        for nodes_of in sides
    ]
    is_history = node["resource_type"] == "snapshot"
    return Model(
        name=node["name"],
        base=places[0],
        branch=places[1],
        keys=() if is_history else tuple(dict.fromkeys(_keys(name, node, side))),
        left_out=_left_out(node) if is_history else frozenset(),
        # Both have to say that everybody may read it.
        is_public=all(each["config"].get("access") == "public" for each in nodes),
        is_personal=personal,
        asks_the_clock=any(CLOCK.search(each.get("raw_code") or "") for each in nodes),
    )


def _left_out(node: Mapping[str, Any]) -> frozenset[str]:
    """Columns of a history that a clock fills, or dbt's hash of them; by_run fills its own from raw's runs."""
    own = node["config"].get("snapshot_meta_column_names") or {}
    times = () if node["config"].get("strategy") == "by_run" else ("dbt_valid_from", "dbt_valid_to")
    return frozenset(own.get(column) or column for column in (*OF_A_BUILD, *times))


def _keys(name: str, node: Mapping[str, Any], side: Side) -> Iterator[tuple[str, ...]]:
    """By dbt's own `unique_key`, the tests of uniqueness, the contract's constraints, and `meta.primary_key`."""
    config = node["config"]
    for said in (config.get("unique_key"), config.get("meta", {}).get("primary_key")):
        if said:
            yield (said,) if isinstance(said, str) else tuple(said)
    for test in side.manifest["nodes"].values():
        how = test.get("test_metadata")
        if how and test.get("attached_node") == name and how["name"].startswith("unique"):
            arguments = how["kwargs"]
            columns = arguments.get("columns") or arguments.get("combination_of_columns")
            yield tuple(columns or [str(arguments["column_name"])])
    declared = [*(node.get("constraints") or [])]
    declared += [
        {"columns": [column["name"]], **each}
        for column in node["columns"].values()
        for each in column.get("constraints") or []
    ]
    for each in declared:
        if each["type"] in ("primary_key", "unique") and each.get("columns"):
            yield tuple(each["columns"])


def personal_columns(side: Side) -> frozenset[str]:
    """Names of columns, in small letters, that any source or model says are personal (`config.meta.personal`)."""
    described = [*side.manifest["sources"].values(), *side.nodes().values()]
    return frozenset(
        column["name"].lower() for each in described for column in each["columns"].values() if _says(column) is True
    )


def personal_sources(side: Side) -> list[tuple[str, str, str]] | None:
    """(schema, table, column) of all that are personal; None where no source says of any column whether it is."""
    columns = [
        (table["schema"], table["identifier"], column["name"], _says(column))
        for table in side.manifest["sources"].values()
        for column in table["columns"].values()
    ]
    if all(says is None for *_place, says in columns):
        return None
    return [(schema, table, column) for schema, table, column, says in columns if says]


def _says(column: Mapping[str, Any]) -> bool | None:
    meta: Mapping[str, Any] = (column.get("config") or {}).get("meta") or column.get("meta") or {}
    return meta.get("personal")
