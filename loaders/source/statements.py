"""Statements on a connection to the source, and what it means when one fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pymysql
from pymysql.constants import CR, ER

import mysql_arrow
from loaders.common.errors import Exit, Failure
from loaders.common.telling import said

# Codes that PyMySQL has no names for. MySQL's max_execution_time; MariaDB's limit is ER.STATEMENT_TIMEOUT.
STATEMENT_TIMEOUT = 3024
KILLED = 1927
IDLE_TOO_LONG = 4031
MUST_CHANGE_PASSWORD, MUST_CHANGE_PASSWORD_LOGIN = 1820, 1862


def rows(connection: mysql_arrow.Connection, sql: str) -> tuple[tuple[Any, ...], ...]:
    """All rows of the statement's answer."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def code_and_text(error: pymysql.MySQLError) -> tuple[int, str]:
    """What the server said, and its number (0: none)."""
    (code, said) = error.args if len(error.args) == 2 else (0, error)
    return (code, str(said)) if isinstance(code, int) else (0, str(error))


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the server or the network says while `what` is read into a failure with a remedy."""
    try:
        yield
    except pymysql.MySQLError as error:
        code, text = code_and_text(error)
        problem = f"MySQL stopped while {what} was read: {said(text)} ({code})"
        remedy = _REMEDIES.get(code, _RETRY)
        raise Failure(problem, remedy, ends=Exit.TRY_AGAIN if remedy in _PASSES else Exit.FAILED) from None
    except pa.ArrowInvalid as error:
        raise _not_understood(what, error) from None
    except OSError as error:
        problem = f"the connection to MySQL broke while {what} was read: {error}"
        raise Failure(problem, _LOST, ends=Exit.TRY_AGAIN) from None


@contextmanager
def asked(what: str) -> Iterator[None]:
    """The same for a question whose answer is read here at once: one of another shape is a failure too."""
    try:
        with explained(what):
            yield
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise _not_understood(what, error) from None


def _not_understood(what: str, error: Exception) -> Failure:
    return Failure(
        f"what the server answered about {what} cannot be understood ({type(error).__name__}: {said(str(error))})",
        "is SOURCE_URL the database's own server? Nothing was published",
    )


_RETRY = "nothing was published; run it again, and look into the server's log if it happens again"
# The session waits long for us, and we for ever for a server that lives: neither side gives up on a slow other.
_LOST = (
    "nothing was published; run it again. If it happens again: the server's log says whether it ended the connection "
    "(a restart, `kill`, memory); else something between here and there did (a proxy's or a tunnel's time limit)"
)
_ALTERED = "the table was altered during the run; run it again"
_KILLED = "somebody, or a rule of the server's, killed the query or its connection; run it again"
_LOCKED = "somebody alters or locks the table; run it again when that is done"
_USED_UP = (
    "the account in SOURCE_URL has used up what it may ask in an hour; run it again in an hour, or raise "
    "max_queries_per_hour and max_connections_per_hour of the account (`alter user … with …`)"
)
_SHUTS_DOWN = "the server shuts down; run it again when it is back"
_PASSES = (_LOST, _ALTERED, _KILLED, _LOCKED, _USED_UP, _SHUTS_DOWN)
_LACKS = "the server lacks a function that every run needs: read from MySQL 5.7 or MariaDB 10.2 or later"
_REMEDIES = {
    ER.TABLE_DEF_CHANGED: _ALTERED,
    ER.BAD_FIELD_ERROR: _ALTERED,
    ER.NO_SUCH_TABLE: "the table was dropped during the run; run it again, or take it out of the catalog",
    ER.TABLEACCESS_DENIED_ERROR: "grant select on it to the account in SOURCE_URL",
    ER.COLUMNACCESS_DENIED_ERROR: "grant select on the whole table to the account in SOURCE_URL",
    ER.LOCK_WAIT_TIMEOUT: _LOCKED,
    # The session states no limit, so another set one: a plug-in, a proxy, MySQL's own for the account.
    ER.STATEMENT_TIMEOUT: _KILLED,
    STATEMENT_TIMEOUT: _KILLED,
    ER.QUERY_INTERRUPTED: _KILLED,
    KILLED: _KILLED,
    ER.USER_LIMIT_REACHED: _USED_UP,
    ER.RECORD_FILE_FULL: "the server has no room for temporary tables: free some on its disk, then run it again",
    ER.SP_DOES_NOT_EXIST: _LACKS,
    ER.PROCACCESS_DENIED_ERROR: _LACKS,
    ER.SERVER_SHUTDOWN: _SHUTS_DOWN,
    MUST_CHANGE_PASSWORD: "the password of the account in SOURCE_URL has expired: set a new one (`alter user …`)",
    IDLE_TOO_LONG: _LOST,
    CR.CR_SERVER_LOST: _LOST,
    CR.CR_SERVER_GONE_ERROR: _LOST,
}
