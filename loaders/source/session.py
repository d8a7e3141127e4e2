"""A session as reading needs it: nothing left over in it, and everything stated that changes an answer, cuts it short,
refuses or ends it. The server's, the account's and init_connect's own ideas then play no part.

Every other variable of MySQL 9.7 and MariaDB 10.11 was set to other values: no answer changed (docs/decisions, 0083).
What no session can set, the server refuses in words (statements.py): limits of the account (max_queries_per_hour,
max_user_connections), KILL, a server that goes offline. A resource group only makes it slow.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pymysql
from pymysql.constants import ER

import mysql_arrow
from loaders.common.errors import Failure
from loaders.source.statements import asked, code_and_text, rows
from mysql_arrow import pymysql_seam

UNLIMITED = 2**64 - 1
# The server waits this long for us, when the disk or the lake is slow.
HOUR = 3_600
# A connection has nothing to do for as long as another one reads. A machine that is gone is noticed earlier, by the
# server's own keep-alive.
WEEK = 7 * 24 * HOUR


class Setting(NamedTuple):
    """A session variable, what it is set to (as SQL), and what another value would do."""

    name: str
    value: str | int
    why: str


# MariaDB's limits would end or refuse the very question which variables there are, so they are lifted first.
MARIADB_LIMITS = (
    Setting("max_statement_time", 0, "MariaDB: ends a statement after so many seconds"),
    Setting("max_session_mem_used", 2**63 - 1, "MariaDB: refuses a statement that needs more memory"),
)
EVERYWHERE = (
    Setting("sql_select_limit", UNLIMITED, "ends every answer after so many rows, sums per bucket too"),
    Setting("max_join_size", UNLIMITED, "refuses what would look at more rows"),
    Setting("sql_mode", "''", "PAD_CHAR_TO_FULL_LENGTH pads values, ANSI_QUOTES takes texts for names"),
    Setting("time_zone", "'+00:00'", "moves every TIMESTAMP"),
    Setting("max_sort_length", 65_536, "leaves longer values in any order, so that the two ends differ in it"),
    Setting("sort_buffer_size", 8 << 20, "refuses what cannot be put in order in so little"),
    Setting("div_precision_increment", 4, "rounds quotients"),
    Setting("completion_type", 0, "CHAIN leaves a transaction open, RELEASE ends the connection"),
    Setting("sql_buffer_result", 0, "puts all of a table into a temporary one first, on the server's disk"),
    Setting("wait_timeout", WEEK, "ends a connection that has nothing to do while another reads"),
    Setting("net_write_timeout", HOUR, "ends a connection when disk or lake are slow to take rows"),
    Setting("lock_wait_timeout", 60, "waits a year for a table that is being altered"),
)
# Of these a server has those of its kind and version.
SOMEWHERE = (
    Setting("max_execution_time", 0, "MySQL: ends a query after so many milliseconds"),
    Setting("information_schema_stats_expiry", 0, "MySQL: estimates of rows are a day old, so no table is split"),
    Setting("show_gipk_in_create_table_and_information_schema", 1, "MySQL: hides a generated primary key"),
    Setting("use_secondary_engine", "off", "MySQL: an engine answers that takes no part in the snapshot"),
    Setting("idle_transaction_timeout", 0, "MariaDB: ends a connection that waits within a transaction"),
    Setting("idle_readonly_transaction_timeout", 0, "MariaDB: the same, if the transaction only reads"),
    Setting("system_versioning_asof", "default", "MariaDB: reads system-versioned tables as of another moment"),
    Setting("tmp_disk_table_size", UNLIMITED, "MariaDB: refuses sums whose temporary table is larger"),
)


def state(connection: mysql_arrow.Connection) -> None:
    """Make the session what reading needs. `connection` was opened by log_in.connect."""
    with asked("the session"):
        # init_connect may have left temporary tables that hide others, locks, a transaction, another database.
        pymysql_seam.reset(connection)
        connection.set_character_set(connection.charset)
        connection.select_db(connection.db)
        _set(connection, MARIADB_LIMITS, unknown_to_mysql=True)
        _set(connection, EVERYWHERE)
        names = ", ".join(f"'{setting.name}'" for setting in SOMEWHERE)
        known = {name.decode() for name, _value in rows(connection, f"show variables where variable_name in ({names})")}
        _set(connection, [setting for setting in SOMEWHERE if setting.name in known])
        rows(connection, "set session transaction isolation level repeatable read")


def _set(connection: mysql_arrow.Connection, settings: Sequence[Setting], unknown_to_mysql: bool = False) -> None:
    """All in one statement; if that is refused one after the other, so that the one is named that may not be set."""
    try:
        rows(connection, "set session " + ", ".join(f"{name} = {value}" for name, value, _why in settings))
    except pymysql.MySQLError as error:
        code, said = code_and_text(error)
        if unknown_to_mysql and code == ER.UNKNOWN_SYSTEM_VARIABLE:
            return
        if not connection.open:
            raise
        for setting in settings if len(settings) > 1 else ():
            _set(connection, [setting])
        (name, value, why) = settings[-1]
        raise Failure(
            f"MySQL does not let the session set {name} to {value}: {said} ({code})",
            f"let the account in SOURCE_URL set it; what another value does: {why.rpartition(': ')[2]}",
        ) from None
