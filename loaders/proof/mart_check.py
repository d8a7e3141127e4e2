"""A mart against the same rows computed by MySQL: every column of every row, side by side in the order of the key.

The query is the catalog's (`meta.mart.query`): the join written a second time, in MySQL's own SQL, so that neither dbt
nor the warehouse's engine has a part in it. Each end prints its own values (mart_column.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.common.errors import Failure
from loaders.common.progress import Progress
from loaders.common.quoting import mysql_name, sql_name
from loaders.common.telling import value
from loaders.proof import mart_column
from loaders.proof.deep import Row, known_text_of, printed, printed_unlike, text_of
from loaders.proof.raw_state import columns_of
from loaders.proof.side_by_side import side_by_side
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.source.statements import explained
from loaders.types.canonical import DECIMAL, FLOAT, CanonicalColumn
from loaders.warehouse.interface import Warehouse
from loaders.words.catalog import Mart, Table
from loaders.words.differences import ONLY_HERE, ONLY_SOURCE, OTHERWISE, Differences, key_text, value_text


@dataclass(frozen=True)
class MartCheck:
    """A mart's columns beside those of the query. absent: columns of the query that the mart does not have.

    table: the table whose rows the mart keeps one to one, under the same key. not_compared: the mart's other columns.
    mart, query: both as tables in SQL.
    """

    table: Table
    mart: str
    query: str
    columns: Sequence[CanonicalColumn]
    absent: Sequence[str]
    not_compared: Sequence[str]
    values_hidden: bool = False

    def compare(self, snapshot: Snapshot, warehouse: Warehouse, source: SourceTable, progress: Progress) -> Differences:
        """Both ends are closed however this ends: they go on with their connections."""
        found, places = Differences(), range(len(self._key))
        wide = any(map(warehouse.wide, self.columns))
        with (
            closing(printed(snapshot, source, self.source_query(), progress)) as there,
            closing(warehouse.stream(self.mart_query(warehouse), wide)) as stored,
        ):
            here = (self._as_bytes(batch) for batch in stored)
            ends = self._keyed(there, found, ONLY_SOURCE), self._keyed(here, found, ONLY_HERE)
            for one, other in side_by_side(*ends, places, self._order):
                if one is None or other is None:
                    self._note_alone(*((one, ONLY_SOURCE) if other is None else (other, ONLY_HERE)), found)
                else:
                    self._note(one, other, found)
        return found

    def source_query(self) -> str:
        order = ", ".join(column.source_order() for column in self._key)
        return f"select {', '.join(c.at_source for c in self.columns)} from {self.query} order by {order}"

    def mart_query(self, warehouse: Warehouse) -> str:
        texts = ", ".join(f"{c.in_warehouse(warehouse.texts)} as c{n}" for n, c in enumerate(self.columns))
        order = ", ".join(column.warehouse_order(warehouse.texts) for column in self._key)
        return f"select {texts} from {self.mart} order by {order}"

    @property
    def _key(self) -> Sequence[CanonicalColumn]:
        return self.columns[: len(self.table.primary_key)]

    def _as_bytes(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [column.printed(values) for column, values in zip(self.columns, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)

    def _keyed(self, batches: Iterable[pa.RecordBatch], found: Differences, alone: str) -> Iterator[pa.RecordBatch]:
        """Rows with a whole key; one without has no place in the order, and no equal."""
        for batch in batches:
            whole = batch.column(0).is_valid()
            for place in range(1, len(self._key)):
                whole = pc.and_(whole, batch.column(place).is_valid())
            self._note_alone(batch.filter(pc.invert(whole)), alone, found)
            yield batch.filter(whole)

    def _order(self, batch: pa.RecordBatch) -> tuple[Any, ...]:
        """What puts a batch's first row in order."""
        return tuple(_order(column, known_text_of(batch.column(place)[0])) for place, column in enumerate(self._key))

    def _note_alone(self, rows: pa.RecordBatch, how: str, found: Differences) -> None:
        """Rows that only one end has."""
        if how == ONLY_SOURCE:
            found.rows += rows.num_rows
        else:
            found.here += rows.num_rows
        for place in range(rows.num_rows):
            found.add(how, self._named(self._row(rows, place)))

    def _note(self, one: pa.RecordBatch, other: pa.RecordBatch, found: Differences) -> None:
        """Rows that both ends have, one by one; those that are not printed alike are looked at."""
        found.rows += one.num_rows
        found.here += other.num_rows
        pairs = zip(one.columns, other.columns, strict=True)
        for place in np.unique(np.concatenate([printed_unlike(there, here) for there, here in pairs])):
            there, here = self._row(one, place), self._row(other, place)
            unlike = [
                f"{column.name} is another"
                if self.values_hidden
                else f"{column.name} is {value_text(first, second)} at the source, {value_text(second, first)} here"
                for column, first, second in zip(self.columns, there, here, strict=True)
                if first != second and not _mean_the_same(column, first, second)
            ]
            if unlike:
                found.add(OTHERWISE, self._named(there), "; ".join(unlike))

    def _row(self, batch: pa.RecordBatch, place: int) -> Row:
        return tuple(text_of(column[int(place)]) for column in batch.columns)

    def _named(self, row: Row) -> str:
        return key_text([column.name for column in self._key], list(row[: len(self._key)]))


def prepared(table: Table, mart: Mart, snapshot: Snapshot, warehouse: Warehouse, schema: str) -> MartCheck:
    """The check of a mart that is there. The key's columns come first."""
    computed = _columns(table, mart, snapshot)
    types = {name.lower(): (name, kind) for name, kind in columns_of(warehouse, schema, mart.name)}
    missing = [name for name in table.primary_key if name.lower() not in computed]
    if missing:
        raise Failure(
            f"the query of the mart {mart.name} has no column {missing[0]}, which is in the key of {table.name}",
            "select it under that name: rows are compared by it (mart.query in the catalog)",
        )
    both = [name for name in computed if name in types]
    keys = [name.lower() for name in table.primary_key]
    ordered = [*(name for name in keys if name in types), *(name for name in both if name not in keys)]
    return MartCheck(
        table,
        sql_name(schema, mart.name),
        _rows(mart),
        [mart_column.column(*types[name], *computed[name][1:]) for name in ordered],
        [computed[name][0] for name in computed if name not in types],
        [name for folded, (name, _kind) in types.items() if folded not in computed],
        mart.values_hidden,
    )


def _columns(table: Table, mart: Mart, snapshot: Snapshot) -> dict[str, tuple[str, int, int]]:
    """The query's columns as it names them, the numbers of their types, and their widths.

    By their names in lower case: warehouses fold them.
    """
    try:
        with explained(f"the query of the mart {mart.name}"), snapshot.connection.cursor() as cursor:
            cursor.execute(f"select * from {_rows(mart)} limit 0")
            described: Any = cursor.description
            return {name.lower(): (name, kind, width) for name, kind, _shown, width, *_rest in described}
    except Failure as failure:
        raise Failure(failure.problem, f"correct mart.query of table {table.name} in the catalog") from None


def _rows(mart: Mart) -> str:
    """The query as a table. On lines of its own, so that it may end with a comment."""
    return f"(\n{mart.query.strip().rstrip(';')}\n) as {mysql_name(mart.name)}"


def _order(column: CanonicalColumn, text: str) -> object:
    meaning = column.meaning(text)
    if column.kind in (DECIMAL, FLOAT) and meaning is text:
        raise Failure(
            f"{column.name} is a {column.source.data_type} in the mart, the query of the catalog gives "
            f"{value(repr(text))}",
            "correct mart.query in the catalog: rows are put side by side by their keys",
        )
    return meaning if column.kind == DECIMAL else column.order(text)


def _mean_the_same(column: CanonicalColumn, there: str | None, here: str | None) -> bool:
    """NULL is like nothing else."""
    return None not in (there, here) and column.meaning(there) == column.meaning(here)
