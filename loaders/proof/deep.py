"""`verify --deep`: every column of every row in canonical text, both ends in the order of the key, side by side.

Neither end is held: the source's rows come as PyMySQL reads them, the warehouse's as it prints them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

import pyarrow as pa

from loaders.errors import Failure
from loaders.progress import Progress
from loaders.proof.canonical import LONG_BYTES, LONG_TEXT, CanonicalColumn, canonical
from loaders.proof.differences import ONLY_HERE, ONLY_SOURCE, OTHERWISE, Differences, key_text
from loaders.quoting import mysql_name
from loaders.source.mysql import Snapshot, SourceTable
from loaders.type_contract import Column, SourceColumn, decode
from loaders.warehouse.interface import Warehouse
from loaders.warehouse.raw_tables import SOURCE_HASH

# Characters of a value that are shown, and how many of them before the first difference.
SHOWN, SHOWN_BEFORE = 80, 20
HASH = canonical(SourceColumn(SOURCE_HASH, "bigint", "bigint", nullable=False))

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class DeepTable:
    """A table as both ends print it: its columns and, last, the hash.

    homes: the same columns' types in raw. key: the primary key's names; rows without one go by their hash. nulled:
    columns whose values without an exact home became NULL.
    """

    source: SourceTable
    homes: Sequence[Column]
    key: Sequence[str]
    nulled: frozenset[str]

    @cached_property
    def columns(self) -> list[CanonicalColumn]:
        return [*map(canonical, self.source.columns), HASH]

    @cached_property
    def places(self) -> list[int]:
        """Where the columns that order the rows are."""
        names = [column.name for column in self.columns]
        return [names.index(name) for name in self.key or (SOURCE_HASH,)]

    def compare(self, snapshot: Snapshot, warehouse: Warehouse, raw: str, progress: Progress) -> Differences:
        """raw: the name of the table in the warehouse's SQL."""
        found = Differences()
        # Closed here, however this ends: both go on with their connections.
        with (
            closing(snapshot.printed(self.source, self.source_query())) as batches,
            closing(self._stored(warehouse, raw)) as stored,
        ):
            shown = progress(f"reading {self.source.name}", self.source.estimated_rows, batches)
            there = (tuple(map(_text, row)) for batch in shown for row in batch)
            for one, other in merged(self._ordered(there), self._ordered(stored)):
                self._note(one, other, found)
        return found

    def source_query(self) -> str:
        texts = ", ".join([*(column.at_source for column in self.columns[:-1]), self.homes[-1].select])
        order = ", ".join(
            self.homes[-1].select if column is HASH else column.source_order() for column in self._order_columns
        )
        return f"select {texts} from {mysql_name(self.source.name)} order by {order}"

    def raw_query(self, warehouse: Warehouse, raw: str) -> str:
        texts = ", ".join(
            f"{column.in_warehouse(warehouse.texts)} as c{place}" for place, column in enumerate(self.columns)
        )
        order = ", ".join(column.warehouse_order(warehouse.texts) for column in self._order_columns)
        return f"select {texts} from {raw} where _deleted_at is null order by {order}"

    @property
    def _order_columns(self) -> list[CanonicalColumn]:
        return [self.columns[place] for place in self.places]

    def _stored(self, warehouse: Warehouse, raw: str) -> Iterator[Row]:
        wide = any(map(warehouse.wide, self.columns))
        for batch in warehouse.stream(self.raw_query(warehouse, raw), wide):
            for row in batch:
                yield tuple(column.shown(value) for column, value in zip(self.columns, row, strict=True))

    def _ordered(self, rows: Iterable[Row]) -> Iterator[tuple[tuple, Row]]:
        """Rows with what puts them in order."""
        by = list(zip(self.places, self._order_columns, strict=True))
        for row in rows:
            yield tuple(self._order(column, row[place]) for place, column in by), row

    def _order(self, column: CanonicalColumn, text: str | None) -> object:
        if text is None:
            raise Failure(
                f"{self.source.name}.{column.name} belongs to the key and has a NULL",
                "name columns without one under primary_key in the catalog, or none",
            )
        return column.order(text)

    def _note(self, one: Row | None, other: Row | None, found: Differences) -> None:
        found.rows += one is not None
        found.here += other is not None
        if one is None or other is None:
            found.add(ONLY_SOURCE if other is None else ONLY_HERE, self._key(one or other))
        elif one != other:
            self._note_values(one, other, found)

    def _note_values(self, one: Row, other: Row, found: Differences) -> None:
        unlike = []
        for place, (there, here) in enumerate(zip(one, other, strict=True)):
            if there == here or self.columns[place].meaning(there) == self.columns[place].meaning(here):
                continue
            if here is None and self._null_by_rule(place, there):
                found.nulled += 1
            else:
                one_shown, other_shown = _shown(there, here), _shown(here, there)
                unlike.append(f"{self.columns[place].name} is {one_shown} at the source, {other_shown} here")
        # That the hash is another one goes without saying, unless it is all there is.
        unlike = unlike[:-1] if len(unlike) > 1 and one[-1] != other[-1] else unlike
        if unlike:
            found.hidden += one[-1] == other[-1]
            found.add(OTHERWISE, self._key(one), "; ".join(unlike))

    def _null_by_rule(self, place: int, there: str) -> bool:
        """Whether the value has no exact home, so that the rule may have made it NULL. Of a long one only length and
        MD5 are here, which do not tell."""
        if self.columns[place].name not in self.nulled:
            return False
        if self.columns[place].kind in (LONG_TEXT, LONG_BYTES):
            return True
        printed = pa.array([there.encode("utf-8", "surrogateescape")], pa.binary())
        return bool(len(decode(self.homes[place], printed)[1]))

    def _key(self, row: Row) -> str:
        return key_text([self.columns[place].name for place in self.places], [row[place] for place in self.places])


def merged(
    one: Iterator[tuple[tuple, Row]], other: Iterator[tuple[tuple, Row]]
) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of two sides, each in ascending order, in pairs; None where one side has no such row."""
    left, right = next(one, None), next(other, None)
    while left or right:
        if right is None or (left and left[0] < right[0]):
            yield left[1], None
            left = next(one, None)
        elif left is None or right[0] < left[0]:
            yield None, right[1]
            right = next(other, None)
        else:
            yield left[1], right[1]
            left, right = next(one, None), next(other, None)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogateescape")


def _shown(text: str | None, other: str | None) -> str:
    """A value as people read it; of a long one the part in which it differs from the other."""
    if text is None:
        return "NULL"
    if len(text) <= SHOWN:
        return _printable(text)
    alike = sum(1 for _same in takewhile(lambda pair: pair[0] == pair[1], zip(text, other or "", strict=False)))
    first = max(alike - SHOWN_BEFORE, 0)
    return f"{_printable(text[first : first + SHOWN])} ({len(text):,} characters, shown from {first + 1:,})"


def _printable(text: str) -> str:
    return repr(text.encode("utf-8", "backslashreplace").decode())
