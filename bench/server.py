"""The bench's own server on a port of this machine, with a demo shop of the wanted size; kept for the next time."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pymysql

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.source import log_in, mysql_url
from loaders.source.mysql_url import DatabaseURL
from local_stack import private_server

TABLE = "order"
ACCOUNT = "bench"
OPTIONS = ("--skip-networking=0", "--bind-address=127.0.0.1", "--skip-name-resolve")
# MySQL makes itself certificates: some readers would take them, others not.
WITHOUT_TLS = {"mariadb": ("--skip-ssl",), "mysql": ("--tls-version=",)}
# mydumper wants the last ones for a consistent dump.
RIGHTS = "select, lock tables, show view, trigger, event, reload, process"
BACKUP = {"mariadb": "", "mysql": ", replication client, backup_admin"}
# The whole table stays in memory, so that no disk is measured: 4 million orders take 0.9 GB.
ORDERS_PER_GIGABYTE = 4_000_000


@dataclass(frozen=True)
class Source:
    """The table to read. writer: an account that may write to the same database. pid: the server's process.

    kind: mariadb or mysql.
    """

    kind: str
    url: DatabaseURL
    writer: DatabaseURL
    version: str
    rows: int
    pid: int

    def connect(self, **options) -> pymysql.Connection:
        return log_in.connect(self.url, "the bench's URL", **options)

    def write(self, *statements: str) -> None:
        with closing(log_in.connect(self.writer, "the bench's URL")) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()


@contextmanager
def running(home: Path, orders: int, kind: str) -> Iterator[Source]:
    """Start the server of `home`, with a shop of so many orders, and stop it in the end.

    By TCP, because not every reader speaks Unix sockets, and no source of anybody's is on one.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    private_server.down(home)
    memory = f"--innodb-buffer-pool-size={-(-orders // ORDERS_PER_GIGABYTE)}G"
    private = private_server.up(home, kind, options=(*OPTIONS, *WITHOUT_TLS[kind], memory, f"--port={port}"))
    try:
        url = DatabaseURL(ACCOUNT, "127.0.0.1", port, private_server.DATABASE, private.passwords["loader"])
        version = _account(private, url)
        _fill(private, orders)
        shop = mysql_url.parse(private.url("shop"), "the bench's URL")
        yield Source(kind, url, shop, version, orders, private.pid)
    finally:
        private_server.down(home)


def _account(private: private_server.Server, url: DatabaseURL) -> str:
    """An account for the port that may read and lock; returns the server's version."""
    root = mysql_url.parse(private.url("root", "mysql"), "the bench's URL")
    with closing(log_in.connect(root, "the bench's URL")) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop user if exists '{ACCOUNT}'@'127.0.0.1'")
        cursor.execute(f"create user '{ACCOUNT}'@'127.0.0.1' identified by '{url.password.revealed()}'")
        cursor.execute(f"grant {RIGHTS}{BACKUP[private.kind]} on *.* to '{ACCOUNT}'@'127.0.0.1'")
        if private.kind == "mariadb":
            # Made with the data folder, without passwords; no matter as long as there is no port.
            cursor.execute("delete from global_priv where user = 'root' and host <> 'localhost'")
            cursor.execute("flush privileges")
        else:
            # Once it has logged in with the server's key, an account needs none until the server stops.
            key = str(private.data / "public_key.pem")
            log_in.connect(replace(url, server_public_key=key), "the bench's URL").close()
        cursor.execute("select version()")
        return cursor.fetchone()[0]


def _fill(private: private_server.Server, orders: int) -> None:
    shop = private.url("shop")
    if _orders(shop) == orders:
        return
    sizes = [f"--orders={orders}", f"--customers={max(300, orders // 100)}", f"--products={max(50, orders // 1000)}"]
    done = subprocess.run(
        [sys.executable, "-m", "seeds_generator", "fill", "--fresh", "--yes", *sizes],
        cwd=ROOT,
        env=dict(os.environ) | {"SHOP_URL": shop, "SOURCE_URL": ""},
    )
    if done.returncode:
        raise Failure(f"the shop of {orders:,} orders was not filled", f"see above; then remove {private.home}")


def _orders(shop: str) -> int:
    with closing(log_in.connect(mysql_url.parse(shop, "x"), "x")) as connection, connection.cursor() as cursor:
        cursor.execute("show tables like 'order'")
        if not cursor.fetchone():
            return 0
        cursor.execute("select count(*) from `order`")
        return cursor.fetchone()[0]
