"""Buckets: how a table's rows are divided so that both ends compare sums first, and keys only where those differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from loaders.common.errors import Failure

Item = TypeVar("Item")
# Buckets, ranges or keys that one statement names: bounds its length, and memory.
NAMED_AT_ONCE = 500
# What one side holds: bucket -> (rows, sum of their hashes).
Sums = Mapping[int, tuple[int, int]]
# What a side holds of a bucket that it does not name.
NOTHING = (0, 0)

# Small, because of a bucket that differs all rows are looked at;
ROWS_PER_BUCKET = 64
# and so few that MySQL groups them in memory, and both ends hold some 35 MB however large the table is.
BUCKETS = 100_000
# Integer keys that leave out more than this, on average, between two rows are divided by their hash.
SPARSE = 64


@dataclass(frozen=True)
class Buckets:
    """A row's bucket is `key` div size, cut towards zero; without a `key` column, its `_source_hash` modulo size.

    A changed row moves to another bucket in the second way. So both differ, and both are compared.
    """

    key: str | None
    size: int

    def ranges(self, chosen: Iterable[int]) -> list[tuple[int, int]]:
        """The keys of the chosen buckets as (first, last); buckets side by side make one range."""
        found: list[tuple[int, int]] = []
        for bucket in sorted(chosen):
            first, last = self._range(bucket)
            if found and found[-1][1] == first - 1:
                found[-1] = (found[-1][0], last)
            else:
                found.append((first, last))
        return found

    def _range(self, bucket: int) -> tuple[int, int]:
        """Bucket 0 reaches to both sides of zero."""
        first = bucket * self.size - (self.size - 1 if bucket <= 0 else 0)
        last = bucket * self.size + (self.size - 1 if bucket >= 0 else 0)
        return first, last


# All rows in one.
WHOLE = Buckets(None, 1)


def fitting(key: str | None, extremes: tuple[int, int] | None, rows: int) -> Buckets:
    """Buckets of a table of about so many rows. key: the table's key if it is one integer column, else None."""
    if key and extremes and extremes[1] - extremes[0] < SPARSE * max(rows, 1):
        return by_key(key, *extremes)
    return Buckets(None, min(BUCKETS, max(1, rows // ROWS_PER_BUCKET)))


def by_key(key: str, low: int, high: int) -> Buckets:
    """Buckets side by side from the lowest key to the highest."""
    return Buckets(key, max(ROWS_PER_BUCKET, (high - low) // BUCKETS + 1))


def read_sums(table: str, found: Iterable[Sequence[Any]]) -> Sums:
    """Sums as the source gives them: (bucket, rows, total). A row in no bucket is a failure.

    A row without a hash adds nothing to its bucket's sum, which then differs from raw's: reading it says why.
    """
    sums = dict[int | None, tuple[int, int]]((bucket, (int(rows), int(total or 0))) for bucket, rows, total in found)
    if None in sums:
        raise Failure(
            f"{table}: {sums[None][0]:,} rows have a key that is NULL, or a length for which the server gives no hash",
            "name columns without NULL under primary_key in the catalog, or none; else raise the server's "
            "max_allowed_packet",
        )
    return sums


def in_statements(listed: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """As many at a time as one statement names."""
    return (listed[start : start + NAMED_AT_ONCE] for start in range(0, len(listed), NAMED_AT_ONCE))


def in_sql(chosen: Iterable[int]) -> str:
    """Buckets as a list in SQL: (3, 7)."""
    return f"({', '.join(map(str, chosen))})"


def differing(one: Sums, other: Sums) -> list[int]:
    """The buckets in which two sides differ, ascending."""
    return sorted(bucket for bucket in one.keys() | other.keys() if one.get(bucket) != other.get(bucket))


def totals(sums: Sums) -> tuple[int, int]:
    """Rows and sum of hashes of the whole table."""
    return sum(rows for rows, _total in sums.values()), sum(total for _rows, total in sums.values())
