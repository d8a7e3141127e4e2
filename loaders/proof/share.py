"""A share of a table's rows, the same at both ends: what one run compares by value, or by hash."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from loaders.common.quoting import mysql_name, sql_name
from loaders.proof.deep import DeepTable, Printed
from loaders.source.mysql import Snapshot
from loaders.source.source_side import some_between
from loaders.types.canonical import DECIMAL, FLOAT, LONG_BYTES, LONG_TEXT, WHOLE, CanonicalColumn
from loaders.types.column_type import ColumnType
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse.interface import Warehouse
from loaders.words.buckets import Buckets

# Keys side by side that are in the same share: few enough that old and new rows are in each, many enough to be read at
# once.
BLOCK = 1_024
# A block is numbered anew, by itself times FACTOR modulo PRIME: keys in steps (of 4,194,304, as Snowflake's are) would
# else be all in a few shares.
FACTOR, PRIME = 618_033, 1_000_003
# With fewer rows to a block, the server looks at every key instead of at every block.
ROWS_OF_A_BLOCK = 64
# Tables of so many rows, and of so many bytes by the widths of their columns, are compared whole in every run.
SMALL_ROWS, SMALL_BYTES = 50_000, 256_000_000
# What a number or a moment, and what a long value (see canonical.py), is printed in, at most.
NARROW, SHORTENED = 30, 150


def parts_of(table: DeepTable, rows: int, parts: int) -> int:
    """Into how many parts a table of so many rows is divided."""
    small = rows <= SMALL_ROWS and rows * sum(map(_width, table.columns)) <= SMALL_BYTES
    return 1 if small else parts


def _width(column: CanonicalColumn) -> int:
    return SHORTENED if column.kind in (LONG_TEXT, LONG_BYTES) else column.source.octets or NARROW


@dataclass(frozen=True)
class Share:
    """Those of a table's rows whose number, divided by `parts`, leaves `part`.

    The number follows from the row's key and from nothing else, so that the row is in the same share as long as it
    lives: of one whole number its block, of other keys a digest of their text. Rows without a key, and those with a
    FLOAT in it, of which the two ends have no common text, are numbered by their hash.
    """

    table: DeepTable
    parts: int
    part: int

    @cached_property
    def keys(self) -> list[CanonicalColumn]:
        """The columns that number a row; none if its hash does."""
        by_name = {column.name: column for column in self.table.columns}
        found = [by_name[name] for name in self.table.key]
        return [] if any(column.kind == FLOAT for column in found) else found

    @property
    def whole_number(self) -> bool:
        """Whether the key is one whole number."""
        return len(self.keys) == 1 and self.keys[0].source.is_whole

    @property
    def way(self) -> str:
        """How rows are numbered, for the run record."""
        names = ", ".join(column.name for column in self.keys)
        return f"{names} div {BLOCK}" if self.whole_number else f"sha2 of {names}" if names else SOURCE_HASH

    def at_source(self, snapshot: Snapshot, rows: int) -> Iterator[pa.RecordBatch]:
        """The rows as the source prints them, of a table of about so many, in the order of their keys."""
        for sql in self.queries(snapshot, rows):
            yield from self.table.hidden(snapshot.texts(self.table.source, sql, len(self.table.columns)))

    def queries(self, snapshot: Snapshot, rows: int) -> list[str]:
        """What `at_source` sends."""
        return [self.table.source_query(where) for where in self.conditions(snapshot, rows)]

    def stored(self, warehouse: Warehouse, raw: str) -> Printed:
        """The rows as the warehouse prints them. raw: the name of the table in SQL."""
        return self.table.stored(warehouse, raw, None if self.parts == 1 else self.where_stored(warehouse))

    def where_stored(self, warehouse: Warehouse) -> str:
        """What chooses the rows in raw."""
        return f"{self._number_stored(warehouse)} % {self.parts} = {self.part}"

    @property
    def where_at_source(self) -> str:
        """What chooses the rows at the source; `conditions` do so by the key's index, where they can."""
        return f"{self._number_at_source()} % {self.parts} = {self.part}"

    def conditions(self, snapshot: Snapshot, rows: int) -> list[str | None]:
        """What chooses the rows at the source; one after the other they give them in the key's order."""
        if self.parts == 1:
            return [None]
        extremes = snapshot.extremes(self.table.source, self.keys[0].name) if self.whole_number else None
        if extremes:
            first, last = (int(abs(key) // BLOCK * (-1 if key < 0 else 1)) for key in extremes)
            if (last - first) * ROWS_OF_A_BLOCK <= rows:
                return self._ranges(first, last)
        return [self.where_at_source]

    def _ranges(self, first: int, last: int) -> list[str | None]:
        numbers = ((block, abs(block) % PRIME * FACTOR % PRIME) for block in range(first, last + 1))
        chosen = (block for block, number in numbers if number % self.parts == self.part)
        key = self.keys[0].name
        return [*some_between(key, Buckets(key, BLOCK).ranges(chosen))]

    def _number_at_source(self) -> str:
        if self.whole_number:
            return f"abs({mysql_name(self.keys[0].name)} div {BLOCK}) % {PRIME} * {FACTOR} % {PRIME}"
        if not self.keys:
            return self.table.homes[-1].select
        text = f"concat_ws('|', {', '.join(map(_text_at_source, self.keys))})"
        return f"conv(left(sha2(convert({text} using utf8mb4), 256), 8), 16, 10)"

    def _number_stored(self, warehouse: Warehouse) -> str:
        if self.whole_number:
            (key,) = self.keys
            home = next(home for home in self.table.homes if home.name == key.name)
            kind = ColumnType(home.name, home.mysql_type, home.duckdb, home.redshift)
            block = warehouse.dialect.bucket(sql_name(key.name), kind, BLOCK)
            return f"cast(abs({block}) % {PRIME} as bigint) * {FACTOR} % {PRIME}"
        if not self.keys:
            return SOURCE_HASH
        return warehouse.dialect.digest(" || '|' || ".join(key.in_warehouse(warehouse.texts) for key in self.keys))


def _text_at_source(key: CanonicalColumn) -> str:
    """As a warehouse prints it: 7, where a column with ZEROFILL would print 007."""
    return f"{key.at_source} + 0" if key.kind in (WHOLE, DECIMAL) else key.at_source
