"""`verify --against`: the source against tables that somebody else fills, such as a replica by zero-ETL or DMS.

Nothing of the loaders' is there: no hash, no run. Rows are put side by side by their key; each end prints its own
values. What the replica holds under a type that cannot say what the source says is named, never taken for equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from loaders.common.progress import Progress
from loaders.common.quoting import mysql_name, sql_name
from loaders.proof.mart_check import MartCheck
from loaders.proof.mart_column import KINDS
from loaders.proof.raw_state import columns_of, tables_of
from loaders.proof.verify import Finding
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.canonical import (
    BYTES,
    DATE,
    DECIMAL,
    FLOAT,
    LONG_BYTES,
    LONG_TEXT,
    MEANINGS,
    MOMENT,
    ORDERED_ALIKE,
    OTHER,
    TEXT,
    TRUTH,
    WHOLE,
    CanonicalColumn,
    canonical,
)
from loaders.types.type_contract import SourceColumn
from loaders.warehouse.interface import Warehouse
from loaders.words.catalog import Table

# Blanks at a CHAR's end are no part of it (r_Character_types.html); a moment with a zone is one of UTC.
PADDED, ZONED = "padded", "zoned"
# For each kind at the source, the kinds of types that can say the same.
HOLDS: Mapping[str, tuple[str, ...]] = {
    WHOLE: (DECIMAL, TRUTH), DECIMAL: (DECIMAL,), FLOAT: (FLOAT,), DATE: (DATE,), MOMENT: (MOMENT,),
    TEXT: (TEXT, PADDED), LONG_TEXT: (TEXT, PADDED), BYTES: (BYTES,), LONG_BYTES: (BYTES,),
}  # fmt: skip
# How replicas mark rows that are no longer at the source: zero-ETL's history mode (zero-etl-history-mode.html),
# Fivetran (fivetran.com/docs/core-concepts/system-columns-and-tables). Which rows are live, by the column's name.
LIVE = {
    "_record_is_active": "{0}", "_fivetran_active": "{0}", "_fivetran_deleted": "not coalesce({0}, false)",
}  # fmt: skip


@dataclass(frozen=True)
class ReplicaColumn(CanonicalColumn):
    """there: its name in the replica; held: what kind of type it has there."""

    there: str = ""
    held: str = ""

    def in_warehouse(self, texts: Mapping[str, str]) -> str:
        name = sql_name(self.there)
        if self.held == PADDED:
            name = f"cast(rtrim({name}) as varchar(65535))"
        elif self.held == ZONED:
            name = f"({name} at time zone 'UTC')"
        return texts.get(TRUTH if self.held == TRUTH else self.kind, "cast({0} as varchar)").format(name)

    def warehouse_order(self, texts: Mapping[str, str]) -> str:
        return sql_name(self.there) if self.kind in ORDERED_ALIKE else super().warehouse_order(texts)

    def meaning(self, text: str | None) -> object:
        """A whole number may be printed with places after the point."""
        if text is None:
            return None
        return Decimal(text) if self.kind == WHOLE else MEANINGS.get(self.kind, str)(text)


@dataclass(frozen=True)
class Replica:
    """A table of the source and the one in a schema that is to be the same. columns: (name, type) there."""

    table: Table
    source: SourceTable
    schema: str
    name: str
    columns: Sequence[tuple[str, str]]

    @cached_property
    def paired(self) -> list[tuple[SourceColumn, str, str]]:
        """A column, and name and type there; by its own name or else one that differs in case only."""
        types, folded = dict(self.columns), {name.lower(): name for name, _kind in self.columns}
        pairs = ((each, each.name if each.name in types else folded.get(each.name.lower())) for each in self._ordered)
        return [(each, there, types[there]) for each, there in pairs if there]

    @property
    def _ordered(self) -> list[SourceColumn]:
        """The key's columns first."""
        by_name = {column.name: column for column in self.source.columns}
        keys = [by_name[name] for name in self.table.primary_key]
        return [*keys, *(column for column in self.source.columns if column.name not in self.table.primary_key)]

    @cached_property
    def comparable(self) -> list[ReplicaColumn]:
        return [column for each in self.paired if (column := _column(*each))]

    def not_compared(self) -> list[str]:
        able = {column.name for column in self.comparable}
        held = {column.name: kind for column, _there, kind in self.paired}
        left = (column for column in self.source.columns if column.name not in able)
        return [f"{c.name} ({c.column_type} at the source, {held.get(c.name, 'absent')} there)" for c in left]

    def own(self) -> list[str]:
        """Columns that only the replica has."""
        used = {there for _column, there, _kind in self.paired}
        return [name for name, _kind in self.columns if name not in used]

    @property
    def live(self) -> list[tuple[str, str]]:
        """(column, condition) by which it marks rows that count."""
        return [(name, LIVE[name.lower()].format(sql_name(name))) for name in self.own() if name.lower() in LIVE]

    @property
    def rows(self) -> str:
        where = " and ".join(condition for _name, condition in self.live) or "true"
        return f"(select * from {sql_name(self.schema, self.name)} where {where}) as held"


@dataclass(frozen=True)
class Ends:
    """The source, and the schema that somebody else fills."""

    snapshot: Snapshot
    warehouse: Warehouse
    schema: str
    progress: Progress


def finding(table: Table, source: SourceTable, ends: Ends, deep: bool) -> Finding:
    """Compare rows and keys, and (deep) every value whose type there can say what the source's says."""
    schema, there = ends.schema, [name for _schema, name in tables_of(ends.warehouse, ends.schema)]
    alike = [table.name] if table.name in there else [name for name in there if name.lower() == table.name.lower()]
    if len(alike) != 1:
        return Finding(table.name, False, f"is in {schema} under several names" if alike else f"is not in {schema}")
    replica = Replica(table, source, schema, alike[0], columns_of(ends.warehouse, schema, alike[0]))
    return _compared(replica, ends, deep)


def _compared(replica: Replica, ends: Ends, deep: bool) -> Finding:
    table, source, left = replica.table, replica.source, replica.not_compared()
    able = {column.name for column in replica.comparable}
    if not table.primary_key or not {*table.primary_key} <= able:
        return _counted(replica, ends)
    columns = replica.comparable if deep else replica.comparable[: len(table.primary_key)]
    check = MartCheck(table, replica.rows, mysql_name(source.name), columns, [], [])
    found = check.compare(ends.snapshot, ends.warehouse, source, ends.progress)
    said = f"DIFFERENT, {found.here:,} rows there" if found else f"no difference, {found.here:,} rows there"
    values = f"compared: rows, keys, every value of {len(columns)} of {len(source.columns)} columns"
    said += f"; {values if deep else 'compared: rows, keys, no other value'}{_rest(replica, left if deep else [])}"
    # Nothing is equal of which a part was not looked at; that the keys are the same is no difference.
    equal = None if not (found or deep) else not found and not left
    return Finding(table.name, equal, said, found.rows, list(found.lines()))


def _counted(replica: Replica, ends: Ends) -> Finding:
    """Without a key that both ends have, rows cannot be put side by side."""
    ((here,),) = ends.warehouse.ask(f"select count(*) from {replica.rows}")
    rows = ends.snapshot.count(replica.source)
    key = ", ".join(replica.table.primary_key)
    why = f"compared: the number of rows alone, because the key {key} cannot be compared"
    why = why if key else "compared: the number of rows alone, because it has no primary key"
    said = f"CANNOT BE COMPARED, {here:,} rows there; {why}"
    return Finding(replica.table.name, False, said + _rest(replica, replica.not_compared()), rows)


def _rest(replica: Replica, left: Sequence[str]) -> str:
    live = ", ".join(name for name, _condition in replica.live)
    parts = [
        f"not compared: {', '.join(left)}" if left else "",
        f"only there: {', '.join(replica.own())}" if replica.own() else "",
        f"rows that {live} marks as gone left out" if live else "",
    ]
    return "".join(f"; {part}" for part in parts if part)


def _column(source: SourceColumn, there: str, data_type: str) -> ReplicaColumn | None:
    """None: its type there cannot say what the source's says, or nobody is to see it."""
    if source.pseudonym:
        return None
    named = data_type.lower().partition("(")[0].strip()
    held = {"character": PADDED, "bpchar": PADDED, "json": TEXT, "timestamp with time zone": ZONED}.get(
        named, KINDS.get(named, OTHER)
    )
    kind = canonical(source).kind
    # A DATETIME has no zone, so what moment it is there nobody knows.
    if held not in HOLDS[kind] and not (held == ZONED and source.data_type == "timestamp"):
        return None
    return ReplicaColumn(source, kind, there, held)
