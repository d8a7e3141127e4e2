"""A server in between that cuts the connection after a number of bytes, as networks do."""

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
