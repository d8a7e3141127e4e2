"""A connection from a database URL: encrypted, or on this machine, and to nobody else before the password is sent."""

import struct
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.constants import ER

import mysql_arrow
from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.common.secret import Secret
from loaders.source import refusals, tls
from loaders.source.mysql_url import DatabaseURL
from loaders.source.statements import code_and_text, rows
from mysql_arrow import pymysql_seam

CONNECT_SECONDS = 10
# A connection that never leaves this machine need not be encrypted, and is if the server can, without a proof of who it
# is; every other is, and the server proves it.
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# A log-in is done at once or never. Afterwards a server may think for hours before the first row (sums over a large
# table), so only one that is gone ends the wait.
LOG_IN_SECONDS = 60
# What comes of reading bytes that are not MySQL's.
NOT_MYSQL = (LookupError, ValueError, TypeError, AttributeError, AssertionError, struct.error)
DEAD_AFTER_SECONDS = 180
WRITE_SECONDS = 600


def connect(url: DatabaseURL, setting: str, **options: Any) -> mysql_arrow.Connection:
    """Open a connection; `options` go to PyMySQL. A failure tells apart the link that broke and names `setting`."""
    address: dict[str, Any] = {"host": url.host, "port": url.port}
    if url.unix_socket:
        address = {"unix_socket": url.unix_socket}
    settings = {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": LOG_IN_SECONDS,
        "write_timeout": WRITE_SECONDS,
        **_secrecy(url, setting),
    }
    # As bytes: PyMySQL takes a text for Latin-1, MySQL's own client for UTF-8.
    password = Secret(url.password).revealed().encode()
    try:
        connection = _logged_in(url.database, user=url.user, password=password, **address, **{**settings, **options})
    except pymysql_seam.NotProven:
        raise refusals.not_proven(url, setting) from None
    except pymysql.MySQLError as error:
        raise refusals.explained(error, url, setting) from None
    except RuntimeError as error:
        raise Failure(
            f"user {url.user} cannot log in to MySQL: {error}", "run `make setup`, which installs it"
        ) from None
    except NOT_MYSQL as error:
        raise refusals.not_mysql(error, url, setting) from None
    try:
        _enter(connection, url.database)
        pymysql_seam.wait_for_the_living(connection, DEAD_AFTER_SECONDS)
    except pymysql.MySQLError as error:
        connection.close()
        raise refusals.explained(error, url, setting) from None
    except NOT_MYSQL as error:
        connection.close()
        raise refusals.not_mysql(error, url, setting) from None
    return connection


def _logged_in(database: str, **settings: Any) -> mysql_arrow.Connection:
    """A connection to the database: what init_connect does may need one. To none, where a role has to open it first."""
    try:
        return pymysql_seam.Connection(database=database, **settings)
    except pymysql.MySQLError as error:
        if code_and_text(error)[0] not in (ER.DBACCESS_DENIED_ERROR, ER.BAD_DB_ERROR):
            raise
        return pymysql_seam.Connection(**settings)


def _enter(connection: mysql_arrow.Connection, database: str) -> None:
    """Choose the database, with whatever roles the account has: what they grant counts only when they are active."""
    for role in _roles(connection):
        with suppress(pymysql.MySQLError):
            rows(connection, f"set role {role}")
            connection.select_db(database)
            break
    connection.select_db(database)
    connection.db = database


def _roles(connection: mysql_arrow.Connection) -> list[str]:
    """What to set as the role: all, or on MariaDB, which has one active role at a time, each that the account may have.

    A role that is active by default stays on MariaDB.
    """
    try:
        rows(connection, "set role all")
        return []
    except pymysql.MySQLError as error:
        if code_and_text(error)[0] != ER.PARSE_ERROR:
            raise
    # MariaDB, or a server so old that it has no roles.
    with suppress(pymysql.MySQLError):
        rows(connection, f"set session sql_select_limit = {2**64 - 1}")
        ((active,),) = rows(connection, "select current_role()")
        asked = "select distinct role_name from information_schema.applicable_roles order by role_name"
        names = [] if active else [name for (name,) in rows(connection, asked)]
        return [mysql_name(name.decode() if isinstance(name, bytes) else name) for name in names]
    return []


def _secrecy(url: DatabaseURL, setting: str) -> dict[str, Any]:
    """How the password is kept: sent by TLS or a socket that proves the server, or by a key of ours, or not at all."""
    on_this_machine = url.unix_socket is not None or url.host in THIS_MACHINE
    if not on_this_machine or url.ssl_ca or url.ssl_cert or url.ssl_mode:
        return {"ssl": tls.context(url, setting), "proven": True}
    if url.unix_socket:
        return {"proven": True}
    if not url.server_public_key:
        return {}
    # Through TLS a server wants the password itself.
    key = tls.read_file(url.server_public_key, "server_public_key", setting)
    return {"server_public_key": key, "ssl_disabled": True}
