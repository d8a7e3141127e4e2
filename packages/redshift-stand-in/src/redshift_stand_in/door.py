"""The warehouse's port, which an administrator may close and open again: AWS calls it publicly accessible."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress


class Door:
    """A port of 127.0.0.1 that is the same one after it was closed. Clients that are inside stay."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._public = threading.Event()
        self._public.set()
        self._closed = threading.Event()

    @property
    def is_public(self) -> bool:
        return self._public.is_set()

    def clients(self) -> Iterator[socket.socket]:
        """Every client that comes, for ever; the port is closed and opened between two of them."""
        while True:
            client, _address = self._listening.accept()
            if self._public.is_set():
                yield client
                continue
            client.close()
            self._stand_closed()

    def set_public(self, public: bool) -> None:
        """Close the port or open it; returns when that is done."""
        if public == self._public.is_set():
            return
        if public:
            self._listening.listen()
            self._public.set()
        else:
            self._closed.clear()
            self._public.clear()
            with suppress(OSError):  # whoever waits for a client gets this one, and looks up
                socket.create_connection(("127.0.0.1", self.port)).close()
            self._closed.wait()

    def _stand_closed(self) -> None:
        """Hold the port without listening, so that clients are refused and nobody else gets it."""
        self._listening.close()
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", self.port))
        self._closed.set()
        self._public.wait()
