"""A small MySQL server that means ill: it answers as a server does, until it does something else."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CAPABILITIES = 0xF7FF & ~0x0800  # without SSL
SSL = 0x0800
PLUGIN_AUTH = 0x81FF | 1 << 3  # the upper half: plugins
OK = b"\0\0\0\2\0\0\0"
EOF = b"\xfe\0\0\2\0"


def text(value: bytes | None) -> bytes:
    """A value as it stands in a row."""
    if value is None:
        return b"\xfb"
    return (bytes([len(value)]) if len(value) < 251 else b"\xfd" + struct.pack("<I", len(value))[:3]) + value


def definition(name: bytes) -> bytes:
    return b"".join(map(text, (b"def", b"", b"", b"", name, name))) + b"\x0c\x3f\0\xff\xff\0\0\xfd\0\0\0\0\0"


@dataclass
class Client:
    """Who has connected. What they send is kept in `received`, and how much they took in `taken`."""

    socket: socket.socket
    received: bytearray
    number: int = 0
    taken: int = 0
    tls: ssl.SSLContext | None = None

    def send(self, payload: bytes) -> None:
        self.raw(struct.pack("<I", len(payload))[:3] + bytes([self.number]) + payload)
        self.number = (self.number + 1) % 256

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)
        self.taken += len(data)

    def read(self) -> bytes:
        """The payload of a packet; EOFError when they have gone."""
        header = self._exactly(4)
        self.number = (header[3] + 1) % 256
        return self._exactly(int.from_bytes(header[:3], "little"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        self.received += data
        return data

    def greet(self, plugin: bytes = b"mysql_native_password") -> None:
        """The greeting, and what is answered; over TLS if there is a certificate."""
        flags = CAPABILITIES | (SSL if self.tls else 0)
        self.send(
            b"\x0a8.0.99\0\1\0\0\0aaaaaaaa\0"
            + struct.pack("<HBHHB", flags, 255, 2, PLUGIN_AUTH, 21)
            + bytes(10) + b"b" * 12 + b"\0" + plugin + b"\0"
        )  # fmt: skip
        answer = self.read()
        if self.tls and len(answer) == 32:
            self.socket = self.tls.wrap_socket(self.socket, server_side=True)
            self.read()

    def rows(self, names: list[bytes], rows: list[list[bytes | None]]) -> None:
        self.send(bytes([len(names)]))
        for each in (*map(definition, names), EOF, *(b"".join(map(text, row)) for row in rows), EOF):
            self.send(each)


Deed = Callable[[Client, bytes], bool]


@dataclass
class Hostile:
    """A running server. port: where. received: all that it was told, by everybody. taken: the most that one took."""

    port: int
    received: bytearray = field(default_factory=bytearray)
    clients: list[Client] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return max(client.taken for client in self.clients)


@contextmanager
def hostile(deed: Deed, tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """Serve on 127.0.0.1. deed(client, query) -> whether it answered; at log-in the query is empty."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Hostile(listening.getsockname()[1])

        def serve(client: Client) -> None:
            with client.socket, suppress(OSError, EOFError):
                if deed(client, b""):
                    return
                client.greet()
                client.send(OK)
                while True:
                    query = client.read()
                    deed(client, query[1:]) or honest(client, query[1:])

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connected = listening.accept()[0]
                    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    server.clients.append(Client(connected, server.received, tls=tls))
                    threading.Thread(target=serve, args=[server.clients[-1]], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server


TABLE = [b"t", b"id", b"int", b"int", b"NO", None, None, b"10", b"0", None]
HONEST = {
    b"select database()": [[b"d", b"8.0.99", b"2026-01-02 03:04:05.000006"]],
    b"from information_schema.columns": [TABLE],
    b"from information_schema.statistics": [[b"t", b"id"]],
    b"from information_schema.tables": [[b"t", b"InnoDB", b"3"]],
    b"select current_user": [[b"u@%"]],
    b"ssl_cipher": [[b"ssl_cipher", b""]],
    b"select count(*)": [[b"3"]],
    b"min(": [[b"1", b"3"]],
    b"sum(": [[b"0", b"3", b"6"]],
    b"show ": [],
    b"select ": [[b"1"], [b"2"], [b"3"]],
}


def honest(client: Client, query: bytes) -> None:
    """What a server would answer, with a database of one table t(id)."""
    lower = query.lower()
    found = next((rows for words, rows in HONEST.items() if words in lower), None)
    if found is None:
        client.send(OK)
    else:
        client.rows([b"c"] * (len(found[0]) if found else 2), found)
