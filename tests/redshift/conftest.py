"""The Redshift stand-in with its S3, started once per run, and ways to use it."""

import secrets
from collections.abc import Callable
from contextlib import closing

import boto3
import pytest
import redshift_connector

from loaders.lake.s3 import S3
from local_stack.redshift import names, stack


@pytest.fixture(scope="session")
def redshift(tmp_path_factory):
    """The running stack. Its certificate's authority is made known to this process, as `env` would to a shell."""
    home = tmp_path_factory.mktemp("redshift")
    running = stack.up(home, say=lambda _text: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", running.authority)
        yield running
    stack.down(home)


def connection_to(running: stack.Stack, user: str = "admin", **changes):
    options = {
        "host": "localhost",
        "port": running.port,
        "database": running.database,
        "user": user,
        "password": running.passwords.get(user, ""),
        "ssl": True,
        "sslmode": "verify-full",
    }
    connection = redshift_connector.connect(**options | changes)
    connection.autocommit = True
    return connection


@pytest.fixture
def ask(redshift) -> Callable[..., list[tuple]]:
    """Run a statement as admin, in autocommit mode on one connection; its rows."""
    with closing(connection_to(redshift)) as connection:

        def run(sql: str) -> list[tuple]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        yield run


@pytest.fixture
def schema(ask) -> str:
    """The name of a fresh schema, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    ask(f"create schema {name}")
    yield name
    ask("rollback")
    ask(f"drop schema if exists {name} cascade")


@pytest.fixture
def s3(redshift):
    """S3 as the loaders' own account."""
    return boto3.client(
        "s3",
        endpoint_url=redshift.endpoint,
        region_name=names.REGION,
        aws_access_key_id=redshift.access_key,
        aws_secret_access_key=redshift.secret_key,
    )


@pytest.fixture
def lake(s3) -> S3:
    """A lake of the test's own, under the prefix that the account may use."""
    return S3(s3, names.BUCKET, f"{names.PREFIX}/{secrets.token_hex(6)}")
