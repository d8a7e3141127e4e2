"""A block of rows, taken apart: for each column, where the row's values lie.

In a row each value is a length and its bytes: a length up to 250 is one byte; 251 stands for NULL; 252, 253 and 254 say
that the length is in the next 2, 3 or 8 bytes.
"""

from contextlib import suppress
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pymysql import err

from mysql_arrow.lanes import Bytes, Positions
from mysql_arrow.packets import Rows

NULL = 251
NO_LENGTH = 255
LENGTH_BYTES = {252: 2, 253: 3, 254: 8}


class Cells:
    """A column's values in a block: row i's bytes are data[start[i] : end[i]].

    null: which of them are NULL; None, where none is.
    """

    def __init__(self, data: Bytes, start: Positions, end: Positions, null: NDArray[np.bool_] | None):
        self.data = data
        self.start = start
        self.end = end
        self.null = null

    def __len__(self) -> int:
        return len(self.start)

    def value(self, index: int) -> bytes | None:
        if self.null is not None and self.null[index]:
            return None
        return self.data[self.start[index] : self.end[index]].tobytes()

    def binary(self) -> pa.Array:
        """The values as an Arrow array of binary."""
        if len(self) == 1 and self.null is None:
            # A row alone may be a giant: no second copy.
            (start,), (end,) = self.start, self.end
            offsets = pa.py_buffer(np.array([0, end - start], np.int32))
            return pa.Array.from_buffers(
                pa.binary(), 1, [None, offsets, pa.py_buffer(self.data).slice(start, end - start)]
            )
        # One array of all values and the gaps between them; Arrow takes every other one.
        offsets = np.empty(2 * len(self), np.int32)
        offsets[0::2], offsets[1::2] = self.start, self.end
        both = pa.Array.from_buffers(
            pa.binary(), max(0, len(offsets) - 1), [None, pa.py_buffer(offsets), pa.py_buffer(self.data)]
        )
        every_other = pa.py_buffer(np.arange(0, len(offsets), 2, dtype=np.int32))
        return both.take(pa.Array.from_buffers(pa.int32(), len(self), [self.validity(), every_other]))

    def validity(self) -> pa.Buffer | None:
        """Which values are not NULL, as Arrow's bitmap."""
        return None if self.null is None else pa.py_buffer(np.packbits(~self.null, bitorder="little"))


class Block:
    """Rows as they came off the wire. width: how many columns they have."""

    def __init__(self, data: Bytes, start: Positions, end: Positions, width: int):
        self.rows = Rows(data, start, end)
        self.width = width

    def __len__(self) -> int:
        return len(self.rows.start)

    def column(self, index: int) -> Cells:
        return self._columns[index]

    def row(self, index: int) -> list[bytes | None]:
        """One row's values as the server printed them."""
        return [self.column(column).value(index) for column in range(self.width)]

    @cached_property
    def _columns(self) -> list[Cells]:
        columns: list[Cells] = []
        at = self.rows.start
        with suppress(IndexError):
            for _ in range(self.width):
                columns.append(_cells(self.rows.data, at))
                at = columns[-1].end
        if len(columns) < self.width or not np.array_equal(at, self.rows.end):
            raise err.InternalError(0, f"a packet is not a row of {self.width} values")
        return columns


def _cells(data: Bytes, at: Positions) -> Cells:
    """The values whose lengths are at `at`. IndexError: there are none."""
    first = data[at]
    start, length = at + 1, first.astype(np.int64)
    if not len(first) or first.max() < NULL:
        return Cells(data, start, start + length, None)
    null = first == NULL
    length[null] = 0
    for mark, width in LENGTH_BYTES.items():
        rows = np.flatnonzero(first == mark)
        if len(rows):
            length[rows] = _number(data, start[rows], width)
            start[rows] += width
    if first.max() == NO_LENGTH or length.min() < 0:
        raise IndexError
    return Cells(data, start, start + length, null if null.any() else None)


def _number(data: Bytes, at: Positions, width: int) -> Positions:
    """Little-endian numbers of `width` bytes."""
    found = data[at].astype(np.int64)
    for byte in range(1, width):
        found |= data[at + byte].astype(np.int64) << 8 * byte
    return found
