"""What the server says of its own tables: columns, primary and foreign keys. A description is always today's."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import mysql_arrow
from loaders.source.statements import rows
from loaders.types.type_contract import SourceColumn, as_text
from loaders.words.catalog import Table

# Engines whose tables a consistent snapshot holds still; others are read as they are at that moment.
SNAPSHOT_ENGINES = ("innodb", "rocksdb")


@dataclass(frozen=True)
class SourceTable:
    """A table as the source describes it. estimated_rows is the server's guess. No key: an empty primary_key."""

    name: str
    engine: str
    estimated_rows: int
    columns: tuple[SourceColumn, ...]
    primary_key: tuple[str, ...]

    def read_as(self, table: Table) -> "SourceTable":
        """The same as the catalog has its columns read: without those that are excluded, others as texts or hidden."""
        return replace(self, columns=tuple(self._read(table)))

    def _read(self, table: Table) -> Iterator[SourceColumn]:
        for column in self.columns:
            if column.name in table.pseudonymised:
                yield replace(column, pseudonym=table.pseudonym)
            elif column.name in table.as_text:
                yield as_text(column, self.name)
            elif column.name not in table.excluded:
                yield column

    def described(self, names: Iterable[str]) -> list[SourceColumn]:
        """The columns of these names."""
        by_name = {column.name: column for column in self.columns}
        return [by_name[name] for name in names]

    @property
    def integer_key(self) -> str | None:
        """The key's first column, if it is a whole number."""
        return next((column.name for column in self.described(self.primary_key[:1]) if column.is_whole), None)

    @property
    def held_still(self) -> bool:
        """Whether a consistent snapshot holds the table still; others are read as they are at that moment."""
        return self.engine.lower() in SNAPSHOT_ENGINES


@dataclass(frozen=True)
class ForeignKey:
    """What columns of a table refer to: those of a `parent`."""

    table: str
    columns: tuple[str, ...]
    parent: str
    referred: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What the source says of its tables that no run needs to know.

    comments: by table and column, by table and "" the table's own. foreign_keys: by table.
    """

    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)
    foreign_keys: Mapping[str, list[ForeignKey]] = field(default_factory=dict)
    views: tuple[str, ...] = ()


def said(connection: mysql_arrow.Connection) -> Said:
    """Comments, foreign keys within the database, and the names of views. Three queries, however many tables."""
    there = "where table_schema = database()"
    comments = rows(
        connection,
        f"select table_name, '', table_comment from information_schema.tables {there} and table_type <> 'VIEW' "
        f"union all select table_name, column_name, column_comment from information_schema.columns {there}",
    )
    by_table = defaultdict(list)
    for each in foreign_keys(connection):
        by_table[each.table].append(each)
    views = rows(connection, f"select table_name from information_schema.views {there} order by table_name")
    return Said(
        {(_text(table), _text(column)): _text(comment) for table, column, comment in comments if comment},
        by_table,
        tuple(_text(name) for (name,) in views),
    )


def foreign_keys(connection: mysql_arrow.Connection) -> list[ForeignKey]:
    """All within the database."""
    pairs: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
    for *names, column, referred in rows(
        connection,
        "select table_name, constraint_name, referenced_table_name, column_name, referenced_column_name "
        "from information_schema.key_column_usage where table_schema = database() "
        "and referenced_table_schema = database() order by table_name, constraint_name, ordinal_position",
    ):
        pairs[tuple(map(_text, names))].append((_text(column), _text(referred)))
    found = ((table, parent, zip(*columns, strict=True)) for (table, _constraint, parent), columns in pairs.items())
    return [ForeignKey(table, own, parent, referred) for table, parent, (own, referred) in found]


def tables(connection: mysql_arrow.Connection) -> dict[str, SourceTable]:
    """All tables, views left out, with every column (invisible and generated ones too), by name.

    Three queries in all, however many tables there are.
    """
    columns = _columns(connection)
    keys = _primary_keys(connection)
    found = rows(
        connection,
        "select table_name, engine, table_rows from information_schema.tables "
        "where table_schema = database() and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') "
        "order by table_name",
    )
    return {
        name: SourceTable(name, _text(engine), int(rows or 0), tuple(columns[name]), tuple(keys[name]))
        for name, engine, rows in ((_text(name), engine, rows) for name, engine, rows in found)
    }


def _columns(connection: mysql_arrow.Connection) -> dict[str, list[SourceColumn]]:
    found = rows(
        connection,
        "select table_name, column_name, data_type, column_type, is_nullable, character_maximum_length, "
        "character_octet_length, numeric_precision, numeric_scale, character_set_name "
        "from information_schema.columns where table_schema = database() order by table_name, ordinal_position",
    )
    columns = defaultdict(list)
    for table, name, kind, whole, nullable, characters, octets, precision, scale, charset in found:
        column = SourceColumn(
            _text(name), _text(kind).lower(), _text(whole), _text(nullable) == "YES", _number(characters),
            _number(octets), _number(precision), _number(scale), _text(charset) or None,
        )  # fmt: skip
        columns[_text(table)].append(column)
    return columns


def _primary_keys(connection: mysql_arrow.Connection) -> dict[str, list[str]]:
    found = rows(
        connection,
        "select table_name, column_name from information_schema.statistics "
        "where table_schema = database() and index_name = 'PRIMARY' order by table_name, seq_in_index",
    )
    keys = defaultdict(list)
    for table, column in found:
        keys[_text(table)].append(_text(column))
    return keys


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode()


def _number(value: bytes | None) -> int | None:
    return None if value is None else int(value)
