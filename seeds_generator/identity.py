"""Whether two connections lead to one database, by whatever names, ports and tunnels they got there."""

from pymysql.connections import Connection

# What tells servers apart. MySQL alone has server_uuid, and the newest MariaDBs server_uid.
SERVER = ("hostname", "port", "socket", "datadir", "server_uuid", "server_uid")


def same_database(one: Connection, other: Connection) -> bool:
    """By what the servers say of themselves. Names that differ in capitals count as one: on some servers they are."""
    return _identity(one) == _identity(other)


def _identity(connection: Connection) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute("select database()")
        (database,) = cursor.fetchone()
        cursor.execute("show global variables where variable_name in %s", [SERVER])
        return database.casefold(), sorted(cursor.fetchall())
