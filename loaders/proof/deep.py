"""`verify --deep`: every column of every row in canonical text, both ends in the order of the key, side by side.

Neither end is held: the source's rows come as PyMySQL reads them, the warehouse's as it prints them. What the two ends
print is compared in Arrow, many rows at once; only rows that are not printed alike are looked at one by one.
"""

import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.common.errors import Failure
from loaders.common.progress import Progress
from loaders.common.quoting import mysql_name
from loaders.proof.side_by_side import side_by_side
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.canonical import FLOAT, LONG_BYTES, LONG_TEXT, CanonicalColumn, canonical
from loaders.types.decoding import decode
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.type_contract import Column, SourceColumn
from loaders.warehouse.interface import Warehouse
from loaders.words.differences import ONLY_HERE, ONLY_SOURCE, OTHERWISE, Differences, key_text, value_text

# Rows of one end alone that are looked for at the other under another key.
LONE = 100_000
HASH = canonical(SourceColumn(SOURCE_HASH, "bigint", "bigint", nullable=False))

Row = tuple[str | None, ...]
# Rows as one end prints them.
Printed = Generator[pa.RecordBatch, None, None]


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

    def compare(self, there: Printed, here: Printed) -> Differences:
        """The rows that `at_source` and `stored` give, side by side."""
        found, lone = Differences(), {ONLY_SOURCE: set[str | None](), ONLY_HERE: set[str | None]()}
        # Closed here, however this ends: both ends go on with their connections.
        with closing(there), closing(here):
            for one, other in side_by_side(there, here, self.places, self._order):
                if one is None:
                    self._note_alone(other, ONLY_HERE, found, lone[ONLY_HERE])
                elif other is None:
                    self._note_alone(one, ONLY_SOURCE, found, lone[ONLY_SOURCE])
                else:
                    self._note(one, other, found)
        # Rows that stand in raw under another key.
        found.hidden += len(lone[ONLY_SOURCE] & lone[ONLY_HERE])
        return found

    def at_source(self, snapshot: Snapshot, progress: Progress) -> Printed:
        """All rows, read by PyMySQL alone: nothing that brings rows to the lake takes part."""
        return self.hidden(printed(snapshot, self.source, self.source_query(), progress))

    def hidden(self, batches: Iterable[pa.RecordBatch]) -> Printed:
        """The rows as the source prints them, with pseudonyms where raw has those."""
        for batch in batches:
            columns = [column.hidden(values) for column, values in zip(self.columns, batch.columns, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def stored(self, warehouse: Warehouse, raw: str, where: str | None = None) -> Printed:
        """Raw's live rows for which the SQL `where` is true, or all. raw: the name of the table in SQL."""
        wide = any(map(warehouse.wide, self.columns))
        with closing(warehouse.stream(self.raw_query(warehouse, raw, where), wide)) as batches:
            for batch in batches:
                columns = [column.printed(values) for column, values in zip(self.columns, batch.columns, strict=False)]
                columns.append(batch.columns[-1])
                yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def source_query(self, where: str | None = None) -> str:
        texts = ", ".join([*(column.at_source for column in self.columns[:-1]), self.homes[-1].select])
        order = ", ".join(
            self.homes[-1].select if column is HASH else column.source_order() for column in self._order_columns
        )
        chosen = f" where {where}" if where else ""
        return f"select {texts} from {mysql_name(self.source.name)}{chosen} order by {order}"

    def raw_query(self, warehouse: Warehouse, raw: str, where: str | None = None) -> str:
        """The same columns, and last the number of the run that brought the row."""
        texts = ", ".join(
            f"{column.in_warehouse(warehouse.texts)} as c{place}" for place, column in enumerate(self.columns)
        )
        order = ", ".join(column.warehouse_order(warehouse.texts) for column in self._order_columns)
        chosen = f" and ({where})" if where else ""
        return f"select {texts}, _run from {raw} where _deleted_at is null{chosen} order by {order}"

    @property
    def _order_columns(self) -> list[CanonicalColumn]:
        return [self.columns[place] for place in self.places]

    def _order(self, batch: pa.RecordBatch) -> tuple[Any, ...]:
        """What puts a batch's first row in order."""
        return tuple(self._order_of(self.columns[place], text_of(batch.column(place)[0])) for place in self.places)

    def _order_of(self, column: CanonicalColumn, text: str | None) -> object:
        if text is None:
            raise Failure(
                f"{self.source.name}.{column.name} belongs to the key and has a NULL",
                "name columns without one under primary_key in the catalog, or none",
            )
        return column.order(text)

    def _note_alone(self, rows: pa.RecordBatch, how: str, found: Differences, lone: set[str | None]) -> None:
        """Rows that only one end has. lone: hashes of such rows."""
        if how == ONLY_HERE:
            found.here += rows.num_rows
            found.brought_by.update(rows.columns[-1].unique().to_pylist())
        else:
            found.rows += rows.num_rows
        for place in range(rows.num_rows):
            row = self._row(rows, place)
            found.add(how, self._key(row))
            if len(lone) < LONE:
                lone.add(row[-1])

    def _note(self, one: pa.RecordBatch, other: pa.RecordBatch, found: Differences) -> None:
        """Rows that both ends have, one by one; those that are not the same are looked at."""
        found.rows += one.num_rows
        found.here += other.num_rows
        unlike = [_unlike(column, one.column(n), other.column(n)) for n, column in enumerate(self.columns)]
        for place in np.unique(np.concatenate(unlike)):
            run = other.columns[-1][int(place)].as_py()
            self._note_values(self._row(one, place), self._row(other, place), run, found)

    def _row(self, batch: pa.RecordBatch, place: int) -> Row:
        return tuple(text_of(batch.column(n)[int(place)]) for n in range(len(self.columns)))

    def _note_values(self, one: Row, other: Row, run: int, found: Differences) -> None:
        unlike = []
        for place, (there, here) in enumerate(zip(one, other, strict=True)):
            if there == here or self.columns[place].meaning(there) == self.columns[place].meaning(here):
                continue
            by_rule = here is None and there is not None and self._null_by_rule(place, there)
            if by_rule is not False:
                found.nulled += 1
                found.unseen += by_rule is None
            else:
                one_shown, other_shown = value_text(there, here), value_text(here, there)
                unlike.append(f"{self.columns[place].name} is {one_shown} at the source, {other_shown} here")
        # That the hash is another one goes without saying, unless it is all there is.
        unlike = unlike[:-1] if len(unlike) > 1 and one[-1] != other[-1] else unlike
        if unlike:
            found.hidden += one[-1] == other[-1]
            found.brought_by.add(int(run))
            found.add(OTHERWISE, self._key(one), "; ".join(unlike))

    def _null_by_rule(self, place: int, there: str) -> bool | None:
        """Whether the value has no exact home, so that the rule may have made it NULL; None: that cannot be told.

        Of a long one only length and digest are here. A text may hold what is no character, but JSON and bytes may not.
        """
        column, home = self.columns[place], self.homes[place]
        if column.name not in self.nulled:
            return False
        if column.kind in (LONG_TEXT, LONG_BYTES):
            size = re.search(r"\(([0-9]+) bytes, sha256 ", there)
            if home.longest is not None and size and int(size[1]) > home.longest:
                return True
            return None if column.kind == LONG_TEXT and column.source.data_type != "json" else False
        printed = pa.array([there.encode("utf-8", "surrogateescape")], pa.binary())
        return bool(len(decode(home, printed)[1]))

    def _key(self, row: Row) -> str:
        return key_text([self.columns[place].name for place in self.places], [row[place] for place in self.places])


def printed(snapshot: Snapshot, source: SourceTable, sql: str, progress: Progress) -> Printed:
    """The rows of a query about a table, as the server prints them."""
    with closing(snapshot.printed(source, sql)) as read:
        for rows in progress(f"reading {source.name}", source.estimated_rows, read):
            columns = [pa.array(column, pa.binary()) for column in zip(*rows, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names=list(map(str, range(len(columns)))))


def _unlike(column: CanonicalColumn, there: pa.Array, here: pa.Array) -> np.ndarray:
    """Positions of values that are not printed alike (of floats: that are not the same bits)."""
    if column.kind == FLOAT and not there.equals(here):
        there, here = _bits(there), _bits(here)
    return printed_unlike(there, here)


def printed_unlike(there: pa.Array, here: pa.Array) -> np.ndarray:
    if there.equals(here):
        return np.empty(0, np.int64)
    same = pc.or_(pc.fill_null(pc.equal(there, here), False), pc.and_(there.is_null(), here.is_null()))
    return np.flatnonzero(~same.to_numpy(zero_copy_only=False))


def _bits(printed: pa.Array) -> pa.Array:
    return printed.cast(pa.string()).cast(pa.float64()).view(pa.int64())


def text_of(value: pa.Scalar) -> str | None:
    return known_text_of(value) if value.is_valid else None


def known_text_of(value: pa.Scalar) -> str:
    """Of a value that is not NULL."""
    return str(value.as_py().decode("utf-8", "surrogateescape"))
