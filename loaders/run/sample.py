"""A sample of the source whose rows fit together, without a person in it: the only run of a lake of its own.

Rows are drawn by their hash, and by every foreign key what they refer to is drawn too. Texts and bytes are replaced by
pseudonyms, by a key that nobody keeps, unless they plainly tell of nobody: a column of a few values, each in some rows.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from loaders.common.quoting import mysql_name
from loaders.run.match_catalog import match
from loaders.run.options import RunContext
from loaders.run.table_read import about
from loaders.source.conversion import Conversion
from loaders.source.described import ForeignKey, SourceTable
from loaders.source.mysql import Snapshot
from loaders.source.source_side import by_keys
from loaders.types.fingerprint import SALT, SOURCE_HASH
from loaders.types.homes import homes
from loaders.types.type_contract import BINARIES, ONE_TEXT_PER_VALUE, TEXTS, Column, lake_schema
from loaders.words.catalog import Catalog, Table, known_or_fail
from loaders.words.run_record import Batch

VERDICT = "a sample: "
# A text column is plain if it has at most so many values, each in at least so many rows.
VALUES, ROWS_OF_EACH = 50, 5
HASHES_AT_ONCE = 1_000
# What may tell of somebody; a declared list of values does not.
TELLING = {*TEXTS, *BINARIES, "uuid", "inet4", "inet6"} - {"enum", "set"}
# In place of values that have no pseudonym: JSON stays JSON.
INSTEAD = {"json": "'{}'"}

Place = tuple[str, str]


@dataclass
class Draw:
    """What is drawn of each table, by the hashes of its rows. tables: the catalog's, as the source describes them."""

    snapshot: Snapshot
    tables: dict[str, SourceTable]
    links: list[ForeignKey]
    drawn: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def rows(self, count: int) -> None:
        """About so many rows of each table, and whatever they refer to."""
        for name in self.tables:
            self._add(name, self._read(name, f"true order by {self._hash(name).select} limit {count}"))

    def _add(self, name: str, rows: pa.Table) -> None:
        """Some rows of a table, and whatever they refer to."""
        waiting = [(name, rows)]
        while waiting:
            name, rows = waiting.pop()
            fresh = [number not in self.drawn[name] for number in rows[SOURCE_HASH].to_pylist()]
            rows = rows.filter(pa.array(fresh, pa.bool_()))
            self.drawn[name].update(rows[SOURCE_HASH].to_pylist())
            if rows.num_rows:
                waiting += [(link.parent, self._parents(link, rows)) for link in self.links if link.table == name]

    def conditions(self, name: str) -> list[str]:
        """What chooses the drawn rows, each once."""
        numbers = sorted(self.drawn[name])
        parts = (numbers[start : start + HASHES_AT_ONCE] for start in range(0, len(numbers), HASHES_AT_ONCE))
        return [f"{self._hash(name).select} in ({', '.join(map(str, part))})" for part in parts]

    def _parents(self, link: ForeignKey, rows: pa.Table) -> pa.Table:
        wanted = rows.select(list(link.columns)).rename_columns(list(link.referred)).drop_null()
        wanted = wanted.group_by(list(link.referred)).aggregate([])
        own = {column.name: column for column in self._columns(link.parent)}
        found = [self._read(link.parent, where) for where in by_keys([own[name] for name in link.referred], wanted)]
        return pa.concat_tables(found) if found else self._read(link.parent, "false")

    def _read(self, name: str, where: str) -> pa.Table:
        """The hash, and the columns by which tables refer to each other."""
        used = {place[1] for link in self.links for pair in _places(link) for place in pair if place[0] == name}
        columns = [column for column in self._columns(name) if column.name in used or column.name == SOURCE_HASH]
        conversion = Conversion(name, columns, ())
        batches = list(self.snapshot.read(self.tables[name], conversion, [where]))
        return pa.Table.from_batches(batches, lake_schema(columns))

    def _columns(self, name: str) -> list[Column]:
        return homes(name, self.tables[name].columns, for_redshift=False)

    def _hash(self, name: str) -> Column:
        return self._columns(name)[-1]


def links(snapshot: Snapshot, tables: Mapping[str, SourceTable]) -> list[ForeignKey]:
    """The foreign keys of which both ends are read."""
    known = {name: {column.name for column in table.columns} for name, table in tables.items()}
    return [
        each
        for parent in tables
        for each in snapshot.foreign_keys(parent)
        if each.table in known and {*each.columns} <= known[each.table] and {*each.referred} <= known[parent]
    ]


def _places(link: ForeignKey) -> list[tuple[Place, Place]]:
    pairs = zip(link.columns, link.referred, strict=True)
    return [((link.table, own), (link.parent, there)) for own, there in pairs]


def telling(
    snapshot: Snapshot, tables: Mapping[str, SourceTable], refer: Sequence[ForeignKey], plain: Collection[Place]
) -> set[Place]:
    """The columns whose values are replaced. What refers to such a column is one, too; to a plain one, plain."""
    shown = _with_what_refers({*plain}, refer)
    found = {
        (name, column.name)
        for name, table in tables.items()
        for column in table.columns
        if column.data_type in TELLING and (name, column.name) not in shown and _tells(snapshot, table, column.name)
    }
    return _with_what_refers(found, refer)


def _with_what_refers(places: set[Place], refer: Sequence[ForeignKey]) -> set[Place]:
    pairs, found = [pair for link in refer for pair in _places(link)], {*places}
    while more := {place for pair in pairs if found & {*pair} for place in pair} - found:
        found |= more
    return found


def _tells(snapshot: Snapshot, table: SourceTable, column: str) -> bool:
    name = mysql_name(column)
    groups = f"select count(*) as n from {mysql_name(table.name)} where {name} is not null group by {name}"
    query = f"select count(*), min(n) from ({groups} limit {VALUES + 1}) as held"
    ((values, fewest),) = (row for rows in snapshot.printed(table, query) for row in rows)
    return int(values or 0) > VALUES or 0 < int(fewest or 0) < ROWS_OF_EACH


def drawn(context: RunContext, catalog: Catalog, rows: int, plain: Collection[Place]) -> tuple[list[Batch], set[Place]]:
    """About so many rows of each table, in the lake, and which texts are as they were. plain: those that are to be.

    The catalog's pseudonyms are by the key that nobody keeps.
    """
    snapshot = context.snapshot
    match(catalog, snapshot)
    found = snapshot.tables()
    for table, column in plain:
        known_or_fail(table, [each.name for each in catalog.tables], "table", str(catalog.file))
        known_or_fail(column, [each.name for each in found[table].columns], "column", f"table {table}")
    tables = {
        table.name: found[table.name].read_as(replace(table, pseudonymised=frozenset())) for table in catalog.tables
    }
    draw = Draw(snapshot, tables, links(snapshot, tables))
    draw.rows(rows)
    hidden = {(table.name, name) for table in catalog.tables for name in table.pseudonymised}
    hidden |= telling(snapshot, tables, draw.links, plain)
    texts = {(name, c.name) for name, table in tables.items() for c in table.columns if c.data_type in TELLING}
    batches = [_stored(context, table, draw, found[table.name], hidden) for table in catalog.tables]
    return batches, texts - hidden


def _stored(context: RunContext, table: Table, draw: Draw, source: SourceTable, hidden: Collection[Place]) -> Batch:
    kinds = {column.name: column.data_type for column in source.columns}
    replaced = {name for name in kinds if (table.name, name) in hidden}
    pseudonyms = frozenset(name for name in replaced if kinds[name] in ONE_TEXT_PER_VALUE)
    source = source.read_as(replace(table, pseudonymised=pseudonyms, as_text=table.as_text - pseudonyms))
    read = about(context, table, source, None)
    read.columns = [
        replace(column, select=INSTEAD.get(kinds[column.name], "null"))
        if column.name in replaced - pseudonyms
        else column
        for column in read.columns
    ]
    if pseudonyms and table.pseudonym:
        context.snapshot.let(SALT, table.pseudonym.salt)
    files = read.store(read.rows(draw.conditions(table.name)), "part", len(draw.drawn[table.name]))
    rows = sum(file.rows for file in files)
    batch = read.batch("full", files, f"{VERDICT}{rows:,} of about {source.estimated_rows:,} rows")
    return replace(batch, live_rows=rows, hash_sum=read.hash_sum, cursor_to=read.bound())
