"""A MySQL server on a port, with a certificate for localhost and 127.0.0.1, that insists on TLS."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from loaders.source import log_in, mysql_url
from loaders.source.mysql_url import DatabaseURL
from local_stack import private_server
from redshift_stand_in import tls


@dataclass(frozen=True)
class TLSServer:
    """url: the reading account's, by the port, without its authority. private: the same server by its socket."""

    private: private_server.Server
    url: DatabaseURL
    authority: Path


@contextmanager
def started(home: Path, kind: str) -> Iterator[TLSServer]:
    authority, certificate, key = tls.make(home)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--skip-networking=0", f"--port={port}", "--bind-address=127.0.0.1,127.0.0.2", f"--ssl-ca={authority}",
               f"--ssl-cert={certificate}", f"--ssl-key={key}", "--require-secure-transport=1"]  # fmt: skip
    server = private_server.up(home / "mysql", kind, say=lambda _text: None, options=options)
    # Whoever comes by 127.0.0.2 has no name; the account is for any address.
    root = mysql_url.parse(server.url("root", "mysql"), "x")
    with closing(log_in.connect(root, "x")) as connection, connection.cursor() as cursor:
        cursor.execute(f"create user 'loader'@'127.0.0.%' identified by '{server.passwords['loader']}'")
        cursor.execute("grant select, lock tables on `order\\_he%`.* to 'loader'@'127.0.0.%'")
    yield TLSServer(
        server, DatabaseURL("loader", "127.0.0.1", port, "order_he", server.passwords["loader"]), Path(authority)
    )
    private_server.down(home / "mysql", say=lambda _text: None)
