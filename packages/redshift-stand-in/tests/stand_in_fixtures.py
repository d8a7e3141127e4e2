"""Ways to use the running stack, for every test of it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing

import boto3
import pytest
import redshift_connector

from redshift_stand_in import Stack
from redshift_stand_in.names import REGION


@pytest.fixture(scope="session")
def redshift(redshift_stand_in) -> Iterator[Stack]:
    """The running stack. Its certificate's authority is made known to this process, as `env` would to a shell."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", redshift_stand_in.authority)
        yield redshift_stand_in


def connection_to(running: Stack, user: str = "admin", **changes):
    # A warehouse that is no stand-in connects by itself: tests/redshift/account.py.
    if connect := getattr(running, "connect", None):
        return connect(user, **changes)
    options = {
        "host": running.host,
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
def ask(redshift) -> Iterator[Callable[..., list[tuple]]]:
    """Run a statement as admin, in autocommit mode on one connection; its rows."""
    with closing(connection_to(redshift)) as connection:

        def run(sql: str) -> list[tuple]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        yield run


@pytest.fixture
def schema(ask) -> Iterator[str]:
    """The name of a fresh schema, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    ask(f"create schema {name}")
    yield name
    ask("rollback")
    ask(f"drop schema if exists {name} cascade")


@pytest.fixture
def table(ask, schema) -> str:
    ask(f"create table {schema}.t (id int)")
    return f"{schema}.t"


@pytest.fixture
def s3(redshift):
    """S3 as the account that writes the files."""
    return s3_of(redshift)


def s3_of(redshift: Stack):
    return boto3.client(
        "s3",
        endpoint_url=redshift.endpoint,
        region_name=REGION,
        aws_access_key_id=redshift.access_key,
        aws_secret_access_key=redshift.secret_key,
    )
