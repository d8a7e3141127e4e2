"""Whether the source is a server that follows another one: its rows may then be older than its clock says."""

from typing import Any

import pymysql
from pymysql.cursors import DictCursor

import mysql_arrow
from loaders.source.statements import asked, rows

# How servers call it, newest first; one that does not know the words, or the account's right to ask, is passed over.
ASKED = ("show replica status", "show slave status")
BEHIND = ("Seconds_Behind_Source", "Seconds_Behind_Master")


def read_only(connection: mysql_arrow.Connection) -> set[str]:
    """Which of the server's switches that forbid writing are on."""
    names = "'read_only', 'super_read_only', 'innodb_read_only'"
    with asked("whether it only reads"):
        found = rows(connection, f"show global variables where variable_name in ({names}) and value = 'ON'")
        return {_text(name) for name, _value in found}


def notice(connection: mysql_arrow.Connection) -> str | None:
    """What to say of a server that follows another one, or may."""
    with asked("what it follows"):
        status = _replication(connection)
        behind = next((status[name] for name in BEHIND if name in status), None) if status else None
        late = f"{int(behind):,} s behind" if behind is not None else "and does not follow at the moment"
    if status is not None:
        return f"the source is a replica, {late}: a run holds what its server had then, under the replica's time"
    if read_only(connection):
        return "the source only reads, as replicas do: its rows may be older than its clock says"
    return None


def _replication(connection: mysql_arrow.Connection) -> dict[str, Any] | None:
    """The first row that says how it follows; None if it does not, or does not say."""
    for words in ASKED:
        try:
            with connection.cursor(DictCursor) as cursor:
                cursor.execute(words)
                return cursor.fetchone()
        except pymysql.MySQLError:
            continue
    return None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
