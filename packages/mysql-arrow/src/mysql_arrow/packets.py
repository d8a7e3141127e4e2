"""Bytes off the wire -> blocks of whole rows.

A packet is a header of 4 bytes (length, 3 bytes little-endian; number modulo 256) and its payload. A row is the
payload of one packet; one of LONGEST bytes goes on in the next packet, so a larger row comes in several. After the rows
comes one EOF or ERR packet, and then nothing until the next query.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from pymysql import err

from mysql_arrow import lanes, pymysql_seam
from mysql_arrow.lanes import HEADER, LONGEST, Bytes, Positions

BLOCK_BYTES = 2 << 20
EOF, ERR = b"\xfe", b"\xff"
EOF_BYTES = 9  # an EOF packet is shorter; a row that begins with its mark has a length of 8 bytes after it
# So long more bytes are waited for before a look into those that are here: each look costs as much as many rows.
PATIENCE_MS = 5
# Spare bytes around the rows of a block, so that a look at eight bytes near either end stays inside.
MARGIN = 32


class Stream(Protocol):
    """Where bytes come from: pymysql_seam.Stream, or a test's."""

    @property
    def head(self) -> bytes: ...

    @property
    def sequence(self) -> int: ...

    def receive(self, into: memoryview) -> int: ...

    def waiting(self, milliseconds: int) -> bool: ...


class Rows(NamedTuple):
    """Whole rows: `data` are bytes (uint8), row i is data[start[i] : end[i]]. MARGIN bytes are spare on both sides."""

    data: Bytes
    start: Positions
    end: Positions


def blocks(stream: Stream, block_bytes: int = BLOCK_BYTES) -> Iterator[Rows]:
    """All rows of the answer, in blocks of about block_bytes. Raises pymysql.MySQLError unless it ends as it should."""
    reader = _Reader(stream, block_bytes)
    while not reader.ended:
        rows = reader.giant() if reader.giant_is_next() else reader.block()
        if len(rows.start):
            yield rows
        del rows  # not held while the next ones are received


class _Reader:
    """What is kept from block to block: the bytes of a packet that is not yet whole, and the next packet's number."""

    def __init__(self, stream: Stream, block_bytes: int):
        self.stream = stream
        self.block_bytes = block_bytes
        self.held = np.frombuffer(stream.head, np.uint8)
        self.sequence = stream.sequence
        self.ended = False

    def giant_is_next(self) -> bool:
        return _is_giant(self.held, 0, len(self.held))

    def block(self) -> Rows:
        """Fill a block, and cut it into packets whenever there is nothing to receive."""
        room = max(self.block_bytes, len(self.held), self._next_packet_bytes())
        data = np.empty(MARGIN + room + MARGIN, np.uint8)
        filled = MARGIN + len(self.held)
        data[MARGIN:filled] = self.held
        view, at, found = data.data[: MARGIN + room], MARGIN, []
        while True:
            headers, at = lanes.walk(data, at, filled)
            found.append(self._rows(data, headers, at == filled))
            if self.ended or filled == len(view) or _is_giant(data, at, filled):
                break
            filled = self._receive(view, filled)
        self.held = data[at:filled].copy()  # a view would hold the whole block
        starts = np.concatenate(found) if len(found) > 1 else found[0]
        return Rows(data, starts + HEADER, starts + HEADER + lanes.lengths(data, starts))

    def giant(self) -> Rows:
        """A row that comes in several packets, without the headers in between."""
        row, length = bytearray(MARGIN), LONGEST
        while length == LONGEST:
            header = bytearray(HEADER)
            self._exactly(memoryview(header))
            length = _length(header)
            self._count(np.array([header[3]], np.uint8))
            at = len(row)
            if at + length > pymysql_seam.ROW_BYTES:
                raise pymysql_seam.too_large("a row", pymysql_seam.ROW_BYTES)
            row += bytes(length)
            self._exactly(memoryview(row)[at:])
        row += bytes(MARGIN)
        return Rows(np.frombuffer(row, np.uint8), np.array([MARGIN]), np.array([len(row) - MARGIN]))

    def _next_packet_bytes(self) -> int:
        return HEADER + (_length(self.held) if len(self.held) >= HEADER else 0)

    def _receive(self, view: memoryview, filled: int) -> int:
        """Wait for bytes, then take those that are here already, as far as there is room."""
        while True:
            filled += self.stream.receive(view[filled:])
            if filled == len(view) or _may_end(view[MARGIN:filled]) or not self.stream.waiting(PATIENCE_MS):
                return filled

    def _exactly(self, view: memoryview) -> None:
        """Fill `view`: with what is held, then with what comes."""
        count = min(len(view), len(self.held))
        view[:count] = self.held.data[:count]
        self.held = self.held[count:]
        while count < len(view):
            count += self.stream.receive(view[count:])

    def _rows(self, data: Bytes, headers: Positions, whole: bool) -> Positions:
        """Those of the packets that are rows. The last one may end the answer; `whole`: nothing has come after it."""
        if not len(headers):
            return headers
        last = data[headers[-1] :][: HEADER + _length(data[headers[-1] :])].tobytes()
        self.ended = self._is_end(last[HEADER:])
        if self.ended and not whole:
            raise err.InternalError(0, "bytes came after the end of the rows")
        self._count(data[headers + 3])
        return headers[:-1] if self.ended else headers

    def _is_end(self, packet: bytes) -> bool:
        if packet[:1] == ERR:
            pymysql_seam.raise_error(packet)
        if packet[:1] != EOF or len(packet) >= EOF_BYTES:
            return False
        if pymysql_seam.more_results(packet):
            raise err.NotSupportedError(0, "the statement gives more than one result")
        return True

    def _count(self, numbers: Bytes) -> None:
        """Check that packets are numbered one after the other: none is missing, none came twice."""
        expected = (self.sequence + np.arange(len(numbers))).astype(np.uint8)
        for wrong in np.flatnonzero(numbers != expected)[:1]:
            raise err.InternalError(0, f"packet number {numbers[wrong]} came, expected was {expected[wrong]}")
        self.sequence = (self.sequence + len(numbers)) & 0xFF


def _length(header: Bytes | bytearray) -> int:
    return int(header[0]) | int(header[1]) << 8 | int(header[2]) << 16


def _may_end(received: memoryview) -> bool:
    """Whether the last bytes look like the EOF packet of an answer."""
    tail = bytes(received[-EOF_BYTES:])
    return tail[:3] == b"\5\0\0" and tail[HEADER : HEADER + 1] == EOF


def _is_giant(data: Bytes, at: int, filled: int) -> bool:
    return filled - at >= HEADER and _length(data[at:]) == LONGEST
