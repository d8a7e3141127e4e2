"""The source as one side of a comparison: its snapshot, asked for sums and for keys with their hashes."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from loaders.common.errors import Failure
from loaders.common.progress import Progress
from loaders.common.quoting import mysql_name, mysql_value
from loaders.source import bucket_sums, key_ranges
from loaders.source.conversion import Conversion
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.type_contract import TEXTS, Column, lake_schema
from loaders.words.buckets import NAMED_AT_ONCE, Buckets, Sums, fitting, in_sql, totals

# Ranges in one condition. The server finds the rows by the index, and then holds each against one range after the
# other all the same: 500 of them cost it as much as the hash.
RANGES = 50


@dataclass(frozen=True)
class SourceSide:
    """keys: the primary key's columns, in its order; hashed: the column of the hash.

    progress: shows how far the sums over the whole table are. conditions: SQL of which each row meets one alone, where
    this side is a part of the table, and `only` the same in one; without them it is all rows.
    """

    snapshot: Snapshot
    table: SourceTable
    keys: Sequence[Column]
    hashed: Column
    progress: Progress
    conditions: Sequence[str | None] = ()
    only: str = ""

    def buckets(self, rows: int) -> Buckets:
        """Buckets that fit a table of about so many rows."""
        if not self.keys:
            return Buckets(None, 1)
        (first, *others) = self.table.described(column.name for column in self.keys)
        key = first.name if first.is_whole and not others else None
        extremes = self.snapshot.extremes(self.table, key) if key else None
        return fitting(key, extremes, rows)

    def sums(self, buckets: Buckets) -> Sums:
        """Rows and sum of hashes per bucket, asked on all connections at once."""
        bucket, hashed = self.bucket(buckets), self.hashed.select
        parts = self.conditions or key_ranges.conditions(self.snapshot, self.table)
        with closing(bucket_sums.in_parts(self.snapshot, self.table, bucket, hashed, parts)) as answers:
            shown = self.progress(f"comparing {self.table.name}", self.table.estimated_rows, answers)
            sums = bucket_sums.added_up(shown)
        if not self.conditions:
            self._count(sums)
        return sums

    def _count(self, sums: Sums) -> None:
        """Sums of which some are missing would be those of another table."""
        rows, counted = totals(sums)[0], self.snapshot.count(self.table)
        if self.table.held_still and rows != counted:
            raise Failure(
                f"{self.table.name}: the server's sums of hashes are those of {rows:,} rows, and it counts {counted:,}",
                "something between here and the server cuts answers (a proxy, a limit that was set meanwhile); nothing "
                "was published, run it again",
            )

    def pairs(self, buckets: Buckets, chosen: Sequence[int]) -> pa.Table:
        columns = [*self.keys, self.hashed]
        conversion = Conversion(self.table.name, columns, [column.name for column in self.keys])
        read = self.snapshot.read(self.table, conversion, self._within(buckets, chosen))
        return pa.Table.from_batches(read, lake_schema(columns))

    def bucket(self, buckets: Buckets) -> str:
        """The bucket of a row, as an expression."""
        if buckets.key is None:
            return f"{self.hashed.select} % {buckets.size}"
        return f"{mysql_name(buckets.key)} div {buckets.size}"

    def _within(self, buckets: Buckets, chosen: Sequence[int]) -> list[str]:
        """Conditions of which each row of the chosen buckets meets one."""
        if buckets.key is None:
            found = [f"{self.bucket(buckets)} in {in_sql(chosen)}"]
        else:
            found = some_between(buckets.key, buckets.ranges(chosen))
        return [f"({each}) and {self.only}" for each in found] if self.only else found


def some_between(key: str, ranges: Sequence[tuple[int, int]]) -> list[str]:
    """The same in conditions of which each row meets one: for many ranges, in queries that are each fast."""
    return [between(key, ranges[start : start + RANGES]) for start in range(0, len(ranges), RANGES)]


def between(key: str, ranges: Iterable[tuple[int, int]]) -> str:
    """True for the rows whose key is in one of the ranges, in a form that its index can answer."""
    return " or ".join(f"{mysql_name(key)} between {first} and {last}" for first, last in ranges)


def by_keys(keys: Sequence[Column], wanted: pa.Table) -> Iterator[str]:
    """Conditions that together choose exactly the rows with these keys, as the source spells them."""
    for start in range(0, wanted.num_rows, NAMED_AT_ONCE):
        rows = wanted.slice(start, NAMED_AT_ONCE).to_pydict()
        if len(keys) == 1:
            yield _one_of(keys[0], rows[keys[0].name])
        else:
            each = zip(*(rows[column.name] for column in keys), strict=True)
            yield " or ".join(
                f"({' and '.join(_one_of(*pair) for pair in zip(keys, ([value] for value in row), strict=True))})"
                for row in each
            )


def _one_of(column: Column, values: Sequence[Any]) -> str:
    """By the index first; texts then byte by byte: a collation may hold others for the same, if the key is declared."""
    found = f"{column.select} in ({', '.join(map(mysql_value, values))})"
    if column.mysql_type.partition("(")[0] not in TEXTS:
        return found
    spelled = ", ".join(f"x'{value.encode().hex()}'" for value in values)
    return f"({found} and cast(convert({mysql_name(column.name)} using utf8mb4) as binary) in ({spelled}))"
