"""Two relations with the same name: which columns and rows are another. Both are asked in DuckDB.

Equal is what DuckDB's `is not distinct from` says: NULL is NULL, NaN is NaN, and a text is its characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from diff.relations import Model
from loaders.common.quoting import sql_name

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "FLOAT", "DOUBLE")
KINDS = ("added", "removed", "changed")
# A row of either side, by a name that no column has: no identifier of a warehouse begins with a blank.
BEFORE, AFTER = '" before"', '" after"'


@dataclass(frozen=True)
class Row:
    """A row that differs. key: as text; values: column -> before and after, as text, None for NULL."""

    kind: str
    key: tuple[str | None, ...]
    values: dict[str, tuple[str | None, str | None]]


@dataclass
class Difference:
    """What a model's change is. rows: before and after, None where there is no relation (or none that can be read).

    key: () where rows are compared whole, as a multiset, and none counts as changed. columns: of rows that both have,
    how many differ in this column. figures: sums that differ, before and after. not_compared: why, or nothing.
    """

    model: Model
    rows: list[int | None] = field(default_factory=lambda: [None, None])
    key: tuple[str, ...] = ()
    added_columns: dict[str, str] = field(default_factory=dict)
    removed_columns: dict[str, str] = field(default_factory=dict)
    retyped: dict[str, tuple[str, str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    both: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    figures: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    samples: list[Row] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    not_compared: str = ""

    @property
    def is_identical(self) -> bool:
        shape = self.added_columns or self.removed_columns or self.retyped or self.not_compared
        return None not in self.rows and not shape and not any(self.counts.values())


def compared(connection: duckdb.DuckDBPyConnection, model: Model, samples: int) -> Difference:
    """What differs between base and branch; of each kind of row, the first `samples` in the order of the key."""
    difference = Difference(model)
    columns = [columns_of(connection, place) for place in (model.base, model.branch)]
    for number, (place, found) in enumerate(zip((model.base, model.branch), columns, strict=True)):
        if place and not found:
            difference.not_compared = "a view that binds late, which Redshift says no columns of"
        elif place:
            difference.rows[number] = _one(connection, f"select count(*) from {named(place)}")[0]
    if None in difference.rows or model.base is None or model.branch is None:
        return difference
    before, after = ({name: kind for name, kind in found.items() if name not in model.left_out} for found in columns)
    if model.left_out & {*columns[0], *columns[1]}:
        difference.notes.append(f"not compared: {', '.join(sorted(model.left_out))}, which each build makes anew")
    difference.types = before | after
    difference.added_columns = {name: kind for name, kind in after.items() if name not in before}
    difference.removed_columns = {name: kind for name, kind in before.items() if name not in after}
    difference.retyped = {
        name: (before[name], kind) for name, kind in after.items() if name in before and before[name] != kind
    }
    pair = _Pair(connection, named(model.base), named(model.branch), [name for name in after if name in before])
    difference.key = next((key for key in model.keys if pair.is_key(key)), ())
    if not difference.key:
        difference.notes.append(
            f"no two rows may be told apart by {' or '.join('(' + ', '.join(key) + ')' for key in model.keys)}"
            if model.keys else "no key is known"
        )  # fmt: skip
        difference.notes[-1] += ": whole rows are compared, and how often each is there"
        pair.count_whole_rows(difference)
    else:
        pair.count_by_key(difference)
    if not difference.is_identical:
        pair.add_up(difference)
        if difference.key:
            pair.sample(difference, samples)
        if model.asks_the_clock:
            difference.notes.append("it asks the clock or for chance: it may differ between two builds of one text")
    return difference


@dataclass(frozen=True)
class _Pair:
    """Two relations, and the columns that both have."""

    connection: duckdb.DuckDBPyConnection
    base: str
    branch: str
    names: list[str]

    def is_key(self, key: Sequence[str]) -> bool:
        """Whether these columns are in both, never NULL, and no two rows of either agree in them."""
        if not set(key) <= set(self.names):
            return False
        listed, absent = ", ".join(map(sql_name, key)), " or ".join(f"{sql_name(name)} is null" for name in key)
        for relation in (self.base, self.branch):
            query = f"select count(*), count(distinct ({listed})), count(*) filter (where {absent}) from {relation}"
            rows, different, nulls = _one(self.connection, query)
            if rows != different or nulls:
                return False
        return True

    def count_by_key(self, difference: Difference) -> None:
        others = [name for name in self.names if name not in difference.key]
        differs = {name: _differs(name, difference) for name in others}
        any_of = " or ".join(differs.values()) or "false"
        counts = [f"count(*) filter (where {_BOTH} and ({each}))" for each in (any_of, *differs.values())]
        (added, removed, both, changed, *by_column) = _one(
            self.connection,
            f"select count(*) filter (where not in_base), count(*) filter (where not in_branch), "
            f"count(*) filter (where {_BOTH}), {', '.join(counts)} from {self._joined(difference)}",
        )
        difference.counts = {"added": added, "removed": removed, "changed": changed}
        difference.both = both
        difference.columns = {name: count for name, count in zip(others, by_column, strict=True) if count}

    def count_whole_rows(self, difference: Difference) -> None:
        chosen = ", ".join(
            f"{sql_name(name)}::varchar as {sql_name(name)}" if name in difference.retyped else sql_name(name)
            for name in self.names
        )
        grouped = ", ".join(map(sql_name, self.names))
        if not self.names:
            return
        added, removed = _one(
            self.connection,
            "select coalesce(sum(greatest(times, 0)), 0)::bigint, coalesce(sum(greatest(-times, 0)), 0)::bigint from ("
            f"select sum(step) as times from (select {chosen}, 1 as step from {self.branch} "
            f"union all select {chosen}, -1 as step from {self.base}) group by {grouped})",
        )
        difference.counts = {"added": added, "removed": removed, "changed": 0}

    def add_up(self, difference: Difference) -> None:
        """Sums of numbers that both have, as far as they differ. Keys and numbers of things are not added up."""
        numbers = [
            name
            for name in self.names
            if difference.types[name].partition("(")[0] in NUMBERS
            and name not in {*difference.key, *difference.retyped}
            and not name.endswith("_id")
        ]
        if not numbers:
            return
        sums = ", ".join(
            f"{'fsum' if difference.types[name] in ('FLOAT', 'DOUBLE') else 'sum'}({sql_name(name)})"
            for name in numbers
        )
        found = [_one(self.connection, f"select {sums} from {relation}") for relation in (self.base, self.branch)]
        pairs = zip(numbers, *found, strict=True)
        difference.figures = {name: (before, after) for name, before, after in pairs if before != after}

    def sample(self, difference: Difference, samples: int) -> None:
        others = [name for name in self.names if name not in difference.key]
        any_of = " or ".join(_differs(name, difference) for name in others) or "false"
        conditions = {"added": "not in_base", "removed": "not in_branch", "changed": f"{_BOTH} and ({any_of})"}
        keys = [f"coalesce({', '.join(_both(name, difference))})" for name in difference.key]
        chosen = [f"{key}::varchar" for key in keys]
        chosen += [f"{side}.{sql_name(name)}::varchar" for name in others for side in (BEFORE, AFTER)]
        for kind, condition in conditions.items():
            rows = self.connection.execute(
                f"select {', '.join(chosen)} from {self._joined(difference)} where {condition} "
                f"order by {', '.join(keys)} limit {samples}"
            ).fetchall()
            width = len(keys)
            for row in rows:
                pairs = zip(others, row[width::2], row[width + 1 :: 2], strict=True)
                values = {name: (old, new) for name, old, new in pairs if old != new}
                difference.samples.append(Row(kind, row[:width], values))

    def _joined(self, difference: Difference) -> str:
        same = " and ".join(" = ".join(_both(name, difference)) for name in difference.key)
        first = sql_name(difference.key[0])
        return (
            f"(select {BEFORE}, {AFTER}, {BEFORE}.{first} is not null as in_base, "
            f"{AFTER}.{first} is not null as in_branch "
            f"from {self.base} as {BEFORE} full join {self.branch} as {AFTER} on {same})"
        )


_BOTH = "in_base and in_branch"


def _both(name: str, difference: Difference) -> tuple[str, str]:
    """Two types have no common one that loses nothing: they are compared as the texts that DuckDB prints."""
    as_what = "::varchar" if name in difference.retyped else ""
    return f"{BEFORE}.{sql_name(name)}{as_what}", f"{AFTER}.{sql_name(name)}{as_what}"


def _differs(name: str, difference: Difference) -> str:
    return " is distinct from ".join(_both(name, difference))


def columns_of(connection: duckdb.DuckDBPyConnection, place: tuple[str, str] | None) -> dict[str, str]:
    if place is None:
        return {}
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "and not internal order by column_index",
            list(place),
        ).fetchall()
    )  # fmt: skip


def named(place: tuple[str, str]) -> str:
    return ".".join(map(sql_name, place))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    (row,) = connection.execute(query).fetchall()
    return row
