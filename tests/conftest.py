"""Real parts, started once per run and shared: a private MySQL server and an S3 server."""

import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from loaders.source import mysql_url
from local_stack import private_server
from tests import tls_server as tls_server_of_its_own
from tests.dashboard.pages import browser, open_page  # noqa: F401 (fixtures; one browser for all tests of a worker)
from tests.own_database import OwnDatabase

pytest.register_assert_rewrite("tests.mixes")

# `make test-long`: 20,000 steps of the state machine.
settings.register_profile(
    "long",
    max_examples=480,
    stateful_step_count=50,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class ServiceServer:
    """A server that is there already (CI's mysql:8.4), with accounts like the private server's."""

    admin: mysql_url.DatabaseURL
    passwords: dict[str, str]

    def url(self, account: str, database: str) -> str:
        user, password = (
            (self.admin.user, self.admin.password) if account == "root" else (account, self.passwords[account])
        )
        return mysql_url.DatabaseURL(user, self.admin.host, self.admin.port, database, password).text()


def service_server(admin_url: str) -> ServiceServer:
    admin = mysql_url.parse(admin_url, "TEST_MYSQL_URL")
    passwords = {account: secrets.token_urlsafe(24) for account in ("shop", "loader")}
    with closing(mysql_url.connect(admin, "TEST_MYSQL_URL")) as connection, connection.cursor() as cursor:
        for account, rights in (("shop", "all privileges"), ("loader", "select, lock tables")):
            cursor.execute(f"drop user if exists '{account}'@'%%'", ())
            cursor.execute(f"create user '{account}'@'%%' identified by '{passwords[account]}'", ())
            cursor.execute(f"grant {rights} on `order\\_he%%`.* to '{account}'@'%%'", ())
    return ServiceServer(admin, passwords)


@pytest.fixture(scope="session")
def mysql_server(tmp_path_factory):
    """A MySQL server for the tests alone. TEST_MYSQL_URL, an administrator's URL, names one to use instead."""
    if os.environ.get("TEST_MYSQL_URL"):
        yield service_server(os.environ["TEST_MYSQL_URL"])
        return
    home = tmp_path_factory.mktemp("mysql")
    yield private_server.up(home, say=lambda text: None)
    private_server.down(home)


@contextmanager
def fresh_database(server) -> Iterator[str]:
    """The name of an empty database that is dropped in the end."""
    name = f"order_he_test_{secrets.token_hex(6)}"
    administrator = mysql_url.parse(server.url("root", "mysql"), "the server's URL")
    with closing(mysql_url.connect(administrator, "the server's URL")) as connection, connection.cursor() as cursor:
        cursor.execute(f"create database {name} character set utf8mb4")
    yield name
    with closing(mysql_url.connect(administrator, "the server's URL")) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop database {name}")


@pytest.fixture
def database(mysql_server):
    """The name of a fresh, empty database."""
    with fresh_database(mysql_server) as name:
        yield name


@pytest.fixture(scope="module")
def module_own(mysql_server, tmp_path_factory):
    """Like `own`, shared by the tests of a module."""
    with fresh_database(mysql_server) as name:
        folder = tmp_path_factory.mktemp("own")
        yield OwnDatabase(mysql_server.url("shop", name), mysql_server.url("loader", name), folder)


@pytest.fixture
def own(mysql_server, database, tmp_path):
    """A database of the test's own, with lake and warehouse in a folder."""
    return OwnDatabase(mysql_server.url("shop", database), mysql_server.url("loader", database), tmp_path)


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory):
    """A MySQL server that insists on TLS."""
    with tls_server_of_its_own.started(tmp_path_factory.mktemp("secured")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server():
    """What boto3.client("s3", …) needs to reach an S3 server of the tests' own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    server.stop()
