"""Raw's live rows as one side of a comparison, in SQL that DuckDB and Redshift share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from loaders.common.quoting import sql_name
from loaders.types.column_type import ColumnType
from loaders.types.fingerprint import SOURCE_HASH
from loaders.words.buckets import Buckets, Sums, in_sql
from loaders.words.row_key import Keys


@dataclass(frozen=True)
class Dialect:
    """What the two warehouses say differently; each takes a column's quoted name (`r."k"`).

    kind: the contract's type of a column there. is_kind: (as it is listed, as it was declared) -> whether it is that.
    one_of: the condition that chooses the rows with the keys. bucket: (column, its type, size) -> the whole division,
    cut towards zero. compared: a key column as it is compared, byte by byte. sent: a key column as `ask` wants it in a
    select list. digest: a whole number from a text, which is 32 bits of its SHA-2/256, at the source too. text: a text
    literal.
    """

    kind: Callable[[ColumnType], str]
    is_kind: Callable[[str, str], bool]
    one_of: Callable[[Keys], str]
    bucket: Callable[[str, ColumnType, int], str]
    compared: Callable[[str, ColumnType], str]
    sent: Callable[[str, ColumnType], str]
    digest: Callable[[str], str]
    text: Callable[[str], str]


@dataclass(frozen=True)
class LiveRows:
    """The rows of `table` that are not deleted; where `changed` has a row of the same key, that row instead.

    The other side is `SourceSide`: both number buckets alike. This one is asked in a thread of its own.

    table, changed: names in SQL; changed may be None. keys: the primary key's columns. ask: a query's rows.
    ask_arrow: the same as a table. interrupt: ends what a thread asks. only: a condition that all of them meet.
    """

    table: str
    changed: str | None
    keys: Sequence[ColumnType]
    dialect: Dialect
    ask: Callable[[str], Sequence[tuple[Any, ...]]]
    ask_arrow: Callable[[str], pa.Table]
    interrupt: Callable[[], None]
    only: str = ""

    def part(self, only: str) -> "LiveRows":
        return replace(self, only=only)

    def sums(self, buckets: Buckets) -> Sums:
        """Rows and sum of hashes per bucket."""
        rows = self.ask(
            f"select {self._bucket(buckets)} as bucket, count(*), sum({SOURCE_HASH}) from ({self._rows()}) as live"
            f"{self._where()} group by 1"
        )
        return {int(bucket): (int(count), int(total)) for bucket, count, total in rows}

    def pairs(self, buckets: Buckets, chosen: Sequence[int]) -> pa.Table:
        """The key columns, in the key's order, and `_source_hash` of every row in the chosen buckets."""
        where = self._where(self._within(buckets, chosen) if chosen else "false")
        columns = [self.dialect.sent(sql_name(column.name), column) for column in self.keys]
        query = f"select {', '.join([*columns, SOURCE_HASH])} from ({self._rows()}) as live{where}"
        return self.ask_arrow(query)

    def _within(self, buckets: Buckets, chosen: Sequence[int]) -> str:
        """True for the rows of the chosen buckets. By the range of their keys a warehouse passes over other blocks."""
        found = f"{self._bucket(buckets)} in {in_sql(chosen)}"
        if buckets.key is None:
            return found
        ranges = buckets.ranges(chosen)
        return f"{sql_name(self.keys[0].name)} between {ranges[0][0]} and {ranges[-1][1]} and {found}"

    def _where(self, *conditions: str) -> str:
        every = [condition for condition in (self.only, *conditions) if condition]
        return f" where {' and '.join(every)}" if every else ""

    def _bucket(self, buckets: Buckets) -> str:
        if buckets.key is None:
            return f"{SOURCE_HASH} % {buckets.size}"
        (column,) = self.keys
        return self.dialect.bucket(sql_name(column.name), column, buckets.size)

    def _rows(self) -> str:
        columns = ", ".join(f"r.{sql_name(column.name)}" for column in self.keys)
        columns = f"{columns}, r.{SOURCE_HASH}" if columns else f"r.{SOURCE_HASH}"
        if self.changed is None:
            return f"select {columns} from {self.table} as r where r._deleted_at is null"
        # A left join, because for `not exists` DuckDB puts all of raw aside: ten times as slow, and 50 MB more.
        same = same_key("r", "c", self.keys, self.dialect)
        return (
            f"select {columns} from {self.table} as r left join {self.changed} as c on {same} "
            f"where r._deleted_at is null and c.{sql_name(self.keys[0].name)} is null "
            f"union all select {columns} from {self.changed} as r"
        )


def count(table: str) -> str:
    return f"select count(*) from {table} where _deleted_at is null"


def gone(table: str, arrived: str, keys: Sequence[ColumnType], dialect: Dialect) -> str:
    """How many live rows of a table have keys that are not among those that arrived: a table's name, or a query."""
    return (
        f"select count(*) from {table} as r left join {arrived} as c on {same_key('r', 'c', keys, dialect)} "
        f"where r._deleted_at is null and c.{sql_name(keys[0].name)} is null"
    )


def same_key(one: str, other: str, keys: Sequence[ColumnType], dialect: Dialect) -> str:
    """The condition that two rows, by their aliases, have the same key byte by byte."""

    def compared(alias: str, column: ColumnType) -> str:
        return dialect.compared(f"{alias}.{sql_name(column.name)}", column)

    return " and ".join(f"{compared(one, column)} = {compared(other, column)}" for column in keys)
