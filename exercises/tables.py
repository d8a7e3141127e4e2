"""Exercise 3: a table of MySQL's by the type contract, and a learner's table as Redshift describes it."""

import os
from contextlib import closing
from pathlib import Path

from redshift_connector.error import Error as RedshiftError

from loaders.common.errors import Failure
from loaders.source import log_in, mysql
from loaders.source.mysql_url import DatabaseURL
from loaders.types.type_contract import contract
from loaders.warehouse import profile, redshift_connection, redshift_sql
from local_stack import redshift
from redshift_stand_in import Stack

SCHEMA = "mine"


def by_contract(url: DatabaseURL, ddl: str) -> dict[str, tuple[str, str]]:
    """Column -> (its type in Redshift, its type in MySQL), after running `ddl` in an empty database."""
    with closing(log_in.connect(url, "the scratch database", **mysql.CONNECT_OPTIONS)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(ddl)
        with mysql.snapshot(connection) as snapshot:
            (table,) = snapshot.tables().values()
    columns = [contract(column, table.name) for column in table.columns]
    return {column.name: (column.redshift, column.mysql_type) for column in columns}


def in_redshift(running: Stack, file: Path) -> dict[str, str]:
    """Column -> type, as Redshift describes the table that the file makes. Nothing stays."""
    known = redshift.environment(running)
    os.environ["SSL_CERT_FILE"] = known["SSL_CERT_FILE"]
    target = profile.Target(known["DBT_TARGET"], "redshift", _values(running))
    with closing(redshift_connection.connect(target)) as connection, connection.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(f"create schema {SCHEMA}")
        try:
            cursor.execute(file.read_text(encoding="utf-8"))
        except RedshiftError as error:
            said = error.args[0]["M"] if isinstance(error.args[0], dict) else error.args[0]
            raise Failure(f"{file.name}: Redshift says: {said}", "mend it, then check it again") from None
        cursor.execute(redshift_sql.columns_of(SCHEMA, "review"))
        found = {row[0]: redshift_sql.declared(row) for row in cursor.fetchall()}
        cursor.execute("rollback")
    if not found:
        raise Failure(f"{file.name} makes no table {SCHEMA}.review", "keep its name; the check looks for it")
    return found


def _values(running: Stack) -> dict[str, object]:
    password = running.passwords["admin"]
    return {
        "host": "localhost",
        "port": running.port,
        "dbname": running.database,
        "user": "admin",
        "password": password,
    }
