"""PostgreSQL's wire protocol, as far as the proxy needs it: messages, errors, and columns' type numbers."""

import socket
import struct
from dataclasses import dataclass

from redshift_stand_in.errors import RedshiftError

LENGTH = struct.Struct("!i")
SHORT = struct.Struct("!h")
SSL_REQUEST, CANCEL_REQUEST, PROTOCOL_3 = 80877103, 80877102, 196608
# Redshift's results have no text type: text is shown as varchar. dbt compares these numbers in contracts.
RESULT_TYPES = {25: 1043}


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + LENGTH.pack(len(body) + 4) + body


def cut(body: bytes, start: int = 0) -> tuple[bytes, int]:
    """The zero-ended text at `start`, and where the rest begins."""
    end = body.index(b"\0", start)
    return body[start:end], end + 1


def error_message(error: RedshiftError) -> bytes:
    body = b"SERROR\0C" + error.code.encode() + b"\0M" + str(error).encode() + b"\0"
    if error.detail:
        body += b"D" + error.detail.encode() + b"\0"
    return message(b"E", body + b"\0")


def notice(text: str) -> bytes:
    return message(b"N", b"SINFO\0C00000\0M" + text.encode() + b"\0\0")


def row_values(body: bytes) -> list[str | None]:
    """The values of a DataRow in text format."""
    (number,), place, values = SHORT.unpack(body[:2]), 2, []
    for _ in range(number):
        (length,) = LENGTH.unpack(body[place : place + 4])
        place += 4
        values.append(None if length < 0 else body[place : place + length].decode())
        place += max(length, 0)
    return values


def as_redshift_says(kind: bytes, body: bytes) -> bytes:
    """A message of PostgreSQL's in Redshift's words: result types, and the error of two that wrote the same rows."""
    if kind == b"T":
        return message(kind, with_redshift_types(body))
    if kind == b"E" and b"\0C40001\0" in b"\0" + body:
        return error_message(RedshiftError("1023", "XX000", "Serializable isolation violation on table - 0"))
    return message(kind, body)


def with_redshift_types(row_description: bytes) -> bytes:
    """A RowDescription in which every type is one that Redshift has."""
    body, place = bytearray(row_description), 2
    for _ in range(SHORT.unpack(row_description[:2])[0]):
        place = body.index(0, place) + 1 + 6
        (number,) = LENGTH.unpack(body[place : place + 4])
        body[place : place + 4] = LENGTH.pack(RESULT_TYPES.get(number, number))
        place += 12
    return bytes(body)


@dataclass
class Connection:
    """One end of a conversation: whole messages in, bytes out."""

    socket: socket.socket

    def __post_init__(self) -> None:
        self.stream = self.socket.makefile("rb", 1 << 16)

    def read(self) -> tuple[bytes, bytes]:
        """The next message; EOFError when the other end has gone."""
        head = self.stream.read(5)
        if len(head) < 5:
            raise EOFError
        return head[:1], self.stream.read(LENGTH.unpack(head[1:])[0] - 4)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)
