"""One moment for several connections: the tables are locked against writing while each begins its transaction.

The lock is MySQL's LOCK TABLES … READ, on a connection of its own, held for milliseconds. It waits for transactions
that have written to the tables, and whoever writes next waits for it; so it gives up soon, and one connection reads.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pymysql
from pymysql.constants import ER

import mysql_arrow
from loaders.common.quoting import mysql_name
from loaders.source import session, standing
from loaders.source.burden import Burden
from loaders.source.mysql import Snapshot, begin
from loaders.source.statements import code_and_text, rows

LOCK_SECONDS = 5
FORBIDDEN = (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.SPECIFIC_ACCESS_DENIED_ERROR)


@contextmanager
def shared_snapshot(
    connections: Sequence[mysql_arrow.Connection],
    locker: mysql_arrow.Connection,
    tables: Sequence[str],
    notice: Callable[[str], None],
) -> Iterator[Snapshot]:
    """The snapshot of all connections; of the first alone, with a notice of the reason, if `tables` cannot be locked.

    `locker` is one more connection. Only `tables` are sure to be the same on all connections.
    """
    # What needs no lock comes before it: a lock makes writers wait.
    for each in (*connections, locker):
        session.state(each)
    burden, unheld = Burden(), _unheld(locker)
    asked_at = burden.clock()

    def unlock() -> None:
        rows(locker, "unlock tables")
        burden.locked = burden.clock() - asked_at

    reason = unheld or _lock(locker, tables)
    if reason:
        notice(f"{reason}; reading over one connection")
        if not unheld:
            burden.locked = burden.clock() - asked_at  # whoever came to write meanwhile may have waited behind it
        with begin(connections[:1], burden) as alone:
            yield alone
        return
    with begin(connections, burden, unlock) as together:
        yield together


def may_lock(connection: mysql_arrow.Connection) -> bool:
    """Whether the account may lock tables: the right is looked at before the table, so none need be locked."""
    try:
        rows(connection, f"lock tables {mysql_name('no such table: may this account lock?')} read")
    except pymysql.MySQLError as error:
        return code_and_text(error)[0] not in FORBIDDEN
    return True


def _unheld(connection: mysql_arrow.Connection) -> str | None:
    """Why a lock on this server would not keep the tables as they are, because another server writes to them."""
    on = standing.read_only(connection) & {"innodb_read_only", "super_read_only"}
    return (
        f"the server only reads ({' and '.join(sorted(on))}), what another one writes cannot be held off"
        if on
        else None
    )


def _lock(locker: mysql_arrow.Connection, tables: Sequence[str]) -> str | None:
    """Lock the tables against writing; if that cannot be, the reason, and nothing is locked."""
    try:
        rows(locker, f"set session lock_wait_timeout = {LOCK_SECONDS}")
        rows(locker, f"lock tables {', '.join(f'{mysql_name(table)} read' for table in tables)}")
    except pymysql.MySQLError as error:
        code, said = code_and_text(error)
        if code in FORBIDDEN:
            return "the account in SOURCE_URL may not lock (`grant lock tables on …` would let it)"
        if code == ER.LOCK_WAIT_TIMEOUT:
            return f"the tables could not be locked within {LOCK_SECONDS} s, somebody writes a long transaction"
        return f"the tables could not be locked ({said})"
    return None
