"""Servers in between that cut the connection as networks do: after a number of bytes, or when they are told to."""

import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def cutting_after(upstream: Path, sent_bytes: int) -> Iterator[str]:
    """A socket that passes everything on to `upstream`, until that has sent so many bytes. Yields the socket's path."""
    with tempfile.TemporaryDirectory(prefix="cut-") as folder, socket.socket(socket.AF_UNIX) as listening:
        path = f"{folder}/s"
        listening.bind(path)
        listening.listen()
        threading.Thread(target=_serve, args=(listening, upstream, sent_bytes), daemon=True).start()
        yield path


def _serve(listening: socket.socket, upstream: Path, sent_bytes: int) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _address = listening.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(upstream))
            threading.Thread(target=_pass_on, args=(client, server, 1 << 62), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, sent_bytes), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, limit: int) -> None:
    with contextlib.suppress(OSError), source, target:
        while limit > 0 and (block := source.recv(min(limit, 1 << 16))):
            target.sendall(block)
            limit -= len(block)
        for end in (source, target):
            end.shutdown(socket.SHUT_RDWR)


def interim(block: bytes) -> bool:
    """Whether it only asks for the body of a request; a server may do so twice, in one block or in two."""
    return block.startswith(b"HTTP/1.1 100 ")


class Line:
    """A TCP line to a port of this machine, or to a socket's path, whole until `lose_answers` is called."""

    def __init__(self, upstream: int | Path, host: str = "127.0.0.1"):
        self.upstream = upstream
        self.listening = socket.create_server((host, 0))
        self.port = self.listening.getsockname()[1]
        self.left: dict[socket.socket, float] = {}
        self.coming: list[float] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def lose_answers(self, after: int) -> None:
        """Every connection there is now passes on so many more answers; when the next comes, it is cut instead.

        So the server has certainly done what it was asked. Later connections are whole.
        """
        self.left = dict.fromkeys(self.left, after)

    def lose_answers_of_next(self, after: int) -> None:
        """The same for the next connection, from its beginning."""
        self.coming.append(after)

    def close(self) -> None:
        self.listening.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self.carry(self.listening.accept()[0])

    def carry(self, client: socket.socket) -> None:
        """Take a client on, and let it go its way."""
        if isinstance(self.upstream, Path):
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self.upstream))
        else:
            server = socket.create_connection(("127.0.0.1", self.upstream))
        self.left[server] = self.coming.pop() if self.coming else float("inf")
        threading.Thread(target=_pass_on, args=(client, server, 1 << 62), daemon=True).start()
        threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError), server, client:
            while (block := server.recv(1 << 16)) and (interim(block) or self.left[server] > 0):
                self.left[server] -= not interim(block)
                client.sendall(block)
            for end in (client, server):
                end.shutdown(socket.SHUT_RDWR)
