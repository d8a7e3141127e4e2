"""Rows of two ends, both in the order of one key, side by side: many at once for as long as their keys agree."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# Rows looked at together. More would be looked at again for each row that only one end has.
AT_ONCE = 2_000

# Rows of both ends under the same keys, one by one; None where an end has no such rows.
Pair = tuple[pa.RecordBatch | None, pa.RecordBatch | None]


class Front:
    """What is left of some batches, seen from the front."""

    def __init__(self, batches: Iterable[pa.RecordBatch]):
        self._batches = iter(batches)
        self._batch: pa.RecordBatch | None = None
        self._gone = 0

    def head(self) -> pa.RecordBatch | None:
        """The next rows, AT_ONCE at most; None if there are none."""
        while self._batch is None or self._gone == self._batch.num_rows:
            self._batch, self._gone = None, 0
            self._batch = next(self._batches, None)
            if self._batch is None:
                return None
        return self._batch.slice(self._gone, AT_ONCE)

    def skip(self, rows: int) -> None:
        self._gone += rows

    def rest(self) -> Iterator[pa.RecordBatch]:
        while (head := self.head()) is not None:
            yield head
            self.skip(head.num_rows)


def side_by_side(
    one: Iterable[pa.RecordBatch],
    other: Iterable[pa.RecordBatch],
    keys: Sequence[int],
    order: Callable[[pa.RecordBatch], tuple[Any, ...]],
) -> Iterator[Pair]:
    """Every row of both ends once, those of equal keys together.

    keys: the columns of the key. order: where a batch's first row belongs, as both ends have put theirs in order.
    """
    left_end, right_end = Front(one), Front(other)
    while (left := left_end.head()) is not None and (right := right_end.head()) is not None:
        rows = _alike(left, right, keys)
        first, second = (rows, rows) if rows else _next(order(left), order(right))
        yield left.slice(0, first) if first else None, right.slice(0, second) if second else None
        left_end.skip(first)
        right_end.skip(second)
    yield from ((left, None) for left in left_end.rest())
    yield from ((None, right) for right in right_end.rest())


def _alike(left: pa.RecordBatch, right: pa.RecordBatch, keys: Sequence[int]) -> int:
    """How many rows in front have keys of the same texts."""
    rows: int = min(left.num_rows, right.num_rows)
    for place in keys:
        same = pc.fill_null(pc.equal(left.column(place).slice(0, rows), right.column(place).slice(0, rows)), False)
        first_other = pc.index(same, False).as_py()
        rows = rows if first_other < 0 else first_other
    return rows


def _next(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[int, int]:
    """Which of two rows comes first. Equal ones may be printed differently: 007 and 7."""
    return int(left <= right), int(right <= left)
