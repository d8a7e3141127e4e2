"""Which columns of the sources a column of a model is computed from, by the SQL that dbt has compiled.

sqlglot reads it, a model at a time. Where its answer is none, or may be another than the warehouse's, that is said, and
of all that is made of it. Which rows a join, a filter or a group lets through is no part of it, nor is what a hook does
to a table afterwards, or a function of somebody's own asks.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp, parse_one
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

from loaders.common.telling import said
from loaders.words.raw_tables import LINEAGE_COLUMNS, LOADS_TABLE

# A relation by dbt's id, and a column in small letters: names that differ in case are one to both warehouses.
Column = tuple[str, str]
KINDS = ("model", "snapshot", "seed")
# What dbt adds to a history.
OF_A_HISTORY = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
# Of these sqlglot follows nothing, or not all.
UNFOLLOWED = (exp.TableColumn, exp.Columns, exp.PositionalColumn, exp.Placeholder, exp.Query)


@dataclass(frozen=True)
class Made:
    """What a column is computed from: columns; what stands there instead of any; why it is not known."""

    columns: frozenset[Column] = frozenset()
    constants: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


class Unclear(Exception):
    """Why a query, or a column of it, is not followed."""


class Lineage:
    """Of a whole project, by dbt's manifest. ids: of models, histories and seeds, by their names."""

    def __init__(self, manifest: Mapping[str, Any]):
        models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] in KINDS}
        self.ids = {node["name"]: name for name, node in models.items()}
        self.nodes: Mapping[str, Any] = models | manifest["sources"]
        self._dialect = manifest["metadata"]["adapter_type"]
        self._made: dict[str, dict[str, Made]] = {}
        self._unclear: dict[str, str] = {}
        self._places = defaultdict[tuple[str, str], list[str]](list)
        for name, node in self.nodes.items():
            if node.get("relation_name"):
                self._places[node["schema"].lower(), (node.get("identifier") or node["alias"]).lower()].append(name)

    def columns(self, name: str) -> Mapping[str, Made]:
        """The columns of a relation in their order, each one step back; those of the YAML where its SQL is unclear."""
        if name not in self._made:
            self._made[name] = self._columns(self.nodes[name])
        return self._made[name]

    def begins(self, name: str) -> bool:
        """Whether it is a source or a seed: nothing is before it."""
        return self.nodes[name]["resource_type"] in ("source", "seed")

    def step(self, column: Column) -> Made:
        """One step back."""
        name = column[0]
        known = self.columns(name)
        if self.begins(name) and (not known or column[1] in known):
            return Made()
        why = self._unclear.get(name, f"{self.nodes[name]['name']} has no column {column[1]}")
        return known.get(column[1], Made(unknown=frozenset([why])))

    def origin(self, column: Column) -> Made:
        """All the way back: columns of sources and seeds."""
        seen, waiting, constants, unknown = {column}, [column], set[str](), set[str]()
        while waiting:
            made = self.step(waiting.pop())
            constants |= made.constants
            unknown |= made.unknown
            waiting += made.columns - seen
            seen |= made.columns
        return Made(frozenset(each for each in seen if self.begins(each[0])), frozenset(constants), frozenset(unknown))

    def name(self, column: Column) -> str:
        """As people call it: order_mart.country; raw.customer.country of a source."""
        node = self.nodes[column[0]]
        place = f"{node['schema']}.{node['identifier']}" if node["resource_type"] == "source" else node["name"]
        return f"{place}.{next((each for each in node['columns'] if each.lower() == column[1]), column[1])}"

    def text(self, made: Made) -> str:
        """An origin in a line."""
        known = ", ".join(sorted(map(self.name, made.columns)))
        if not known and made.constants:
            known = f"no column: {', '.join(sorted(made.constants))}"
        return "; ".join([*([known] if known else []), *(f"NOT KNOWN: {why}" for why in sorted(made.unknown))])

    def _columns(self, node: Mapping[str, Any]) -> dict[str, Made]:
        declared = [name.lower() for name in node["columns"]]
        if self.begins(node["unique_id"]):
            ours = LOADS_TABLE in (node.get("loaded_at_query") or "")
            return dict.fromkeys([*declared, *(LINEAGE_COLUMNS if ours else ())], Made())
        try:
            made = self._of_query(node)
        # Whatever sqlglot stumbles over, its own faults included, has one consequence: nobody knows.
        except Exception as error:
            why = f"{node['name']}: {said((str(error) or type(error).__name__).splitlines()[0])}"
            self._unclear[node["unique_id"]] = why
            return dict.fromkeys(declared, Made(unknown=frozenset([why])))
        return made | (_of_a_history(node) if node["resource_type"] == "snapshot" else {})

    def _of_query(self, node: Mapping[str, Any]) -> dict[str, Made]:
        if node["language"] != "sql":
            raise Unclear("it is no SQL")
        if not node.get("compiled_code"):
            raise Unclear("dbt has not compiled it yet: `python -m loaders dbt compile`")
        read: dict[str, str] = {}
        schema = MappingSchema(dialect=self._dialect, normalize=False)

        def under_a_name_of_ours(table: exp.Table) -> None:
            """So that a relation has one name, however queries spell it."""
            place = f"relation {len(read)}"
            read[place] = self._relation(table, node["schema"])
            for part, name in (("this", exp.to_identifier(place, quoted=True)), ("db", None), ("catalog", None)):
                table.set(part, name)
            if columns := self.columns(read[place]):
                schema.add_table(table, dict.fromkeys(columns, "unknown"))

        query = parse_one(node["compiled_code"], dialect=self._dialect)
        for part in query.walk():
            if _misread(part):
                raise Unclear(f"sqlglot may misread {part.sql(self._dialect)[:80]}")
        query = qualify(query, self._dialect, schema=schema, on_qualify=under_a_name_of_ours)
        scope = build_scope(query)
        if scope is None or not isinstance(query, exp.Query):
            raise Unclear("it is no query")
        names = query.named_selects
        if len({*names}) < len(names) or any(name in ("", "*") or name.startswith("_col_") for name in names):
            raise Unclear("a column has no name, two have one, or a * stands for columns that no YAML lists")
        found = lineage(None, query, schema, scope=scope, dialect=self._dialect, trim_selects=False, copy=False)
        return {name: self._made_of(top, read) for name, top in found.items()}

    def _relation(self, table: exp.Table, own: str) -> str:
        """The relation that a query names, by dbt's id; without a schema that of the model itself is meant."""
        found = [
            name
            for name in self._places[(table.db or own).lower(), table.name.lower()]
            if table.catalog.lower() in ("", (self.nodes[name]["database"] or "").lower())
        ]
        if len(found) != 1:
            raise Unclear(f"it reads {table.sql(self._dialect)}, which is no model, history, seed or source of dbt's")
        return found[0]

    def _made_of(self, top: Node, read: Mapping[str, str]) -> Made:
        columns, constants = set[Column](), set[str]()
        for node in top.walk():
            if isinstance(node.source, exp.Table) and node.source.name in read:
                columns.add((read[node.source.name], exp.to_column(node.name).name))
                continue
            given = node.expression if isinstance(node.source, exp.Query) else node.source
            if any(map(_unfollowed, given.walk())):
                return Made(unknown=frozenset([f"sqlglot does not follow {given.sql(self._dialect)[:80]}"]))
            if not node.downstream:
                constants.add(given.unalias().sql(self._dialect))
        return Made(frozenset(columns), frozenset(constants))


def _misread(part: exp.Expr) -> bool:
    """What sqlglot takes for something else, wherever in a query it stands.

    The order of a source's columns is the warehouse's, not that of the YAML: a * must not be counted off.
    """
    alias = part.args.get("alias")
    renamed = isinstance(alias, exp.TableAlias) and bool(alias.columns)
    return (
        isinstance(part, exp.Pivot)
        or any(part.args.get(word) for word in ("recursive", "windows", "by_name"))
        or (renamed and (isinstance(part, exp.Table) or (isinstance(part.this, exp.Query) and part.this.is_star)))
        or (isinstance(part, exp.SetOperation) and part.is_star)
    )


def _unfollowed(part: exp.Expr) -> bool:
    """What sqlglot leaves out of what gives one column: a row as a whole, a query, a function that gives rows."""
    if isinstance(part, exp.Star):
        return not isinstance(part.parent, exp.Count)
    return isinstance(part, UNFOLLOWED) or (
        isinstance(part, exp.Table) and not isinstance(part.this, exp.GenerateSeries)
    )


def _of_a_history(node: Mapping[str, Any]) -> dict[str, Made]:
    """dbt's own columns: a hash of the key, and times, which are the rows' own if the history goes by those."""
    config = node["config"]
    names = config.get("snapshot_meta_column_names") or {}
    key = config["unique_key"] if isinstance(config["unique_key"], list) else [config["unique_key"]]
    times = [config["updated_at"]] if config["strategy"] == "timestamp" else []
    more = ["dbt_is_deleted"] if config.get("hard_deletes") == "new_record" else []
    noted = frozenset([] if times else ["what dbt notes of a history"])
    return {
        (names.get(own) or own).lower(): Made(
            frozenset((node["unique_id"], each.lower()) for each in (*(key if own == "dbt_scd_id" else ()), *times)),
            noted,
        )
        for own in (*OF_A_HISTORY, *more)
    }
