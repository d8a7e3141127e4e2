"""A session with Redshift: statements, and transactions of which it is known in the end whether they happened.

A lost connection ends a transaction. A lost answer to COMMIT is looked up on a new connection, not guessed. Redshift
ends a session in which nothing was asked for some time: that is connected anew where no transaction is on it.
"""

import socket
import struct
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from redshift_connector.error import Error as RedshiftError
from redshift_connector.error import InterfaceError

from loaders.common import telling
from loaders.common.errors import Exit, Failure
from loaders.common.quoting import sql_name
from loaders.warehouse.redshift_errors import is_conflict, said

# A user's SESSION TIMEOUT is 60 s at least (docs.aws.amazon.com/redshift/latest/dg/r_CREATE_USER.html).
SILENT_SECONDS = 50


@dataclass(frozen=True)
class Change:
    """What a transaction is to do, in words for failures.

    doing: "apply run 2 to schema raw". undone: how things are if it did not happen, and what to do then. again: what
    to do if nobody can say whether it happened; nothing is done twice by it.
    """

    doing: str
    undone: str
    again: str


class RedshiftSession:
    """connect: opens a connection in autocommit mode. host: for messages."""

    def __init__(self, connect: Callable[[], Any], host: str):
        self._connect = connect
        self._connection = connect()
        self._asked_at = time.monotonic()
        self._begun = self._cut = False
        self._make_beside: Callable[[], None] | None = None
        self.host = host

    def close(self) -> None:
        with suppress(RedshiftError, OSError):
            self._connection.close()

    def run(self, sql: str) -> None:
        try:
            with self._cursor() as cursor:
                self._begun = self._begun or sql == "begin"
                cursor.execute(sql)
        finally:
            self._begun = self._begun and sql not in ("commit", "rollback")

    def rows(self, sql: str) -> list[Any]:
        with self._cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def table(self, sql: str, in_hex: Collection[int]) -> pa.Table:
        """Rows as an Arrow table. in_hex: places of columns whose bytes the query asks for in hex digits."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            names = [str(column[0]) for column in cursor.description]
            values = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
        for place in in_hex:
            values[place] = tuple(map(bytes.fromhex, values[place]))
        return pa.Table.from_arrays(list(map(pa.array, values)), names)

    def interrupt(self) -> None:
        """Cut the connection: who waits for it wakes up, and its transaction ends. The driver cannot cancel."""
        self._cut = True
        with suppress(OSError):
            # The plain socket's way, which leaves a TLS session to the thread that is using it.
            socket.socket.shutdown(self._connection._usock, socket.SHUT_RDWR)

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """For one statement. After Ctrl-C the connection is cut: a rollback would wait for the statement's end."""
        self._connect_anew_if_ended()
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except (OSError, struct.error) as error:
            # The driver lets some faults of a cut connection through as they are.
            raise InterfaceError(f"the connection broke: {error}") from None
        except KeyboardInterrupt:
            self.interrupt()
            raise
        finally:
            self._asked_at = time.monotonic()

    def _connect_anew_if_ended(self) -> None:
        """After a silence, unless a transaction is on the session, which is lost with it."""
        if self._begun or self._cut or time.monotonic() - self._asked_at < SILENT_SECONDS:
            return
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("select 1")
        except (RedshiftError, OSError, struct.error):
            self.close()
            self._connection = self._connect()
            self._asked_at = time.monotonic()
            if self._make_beside:
                self._make_beside()

    @contextmanager
    def beside(self, table: str, make: Callable[[], None]) -> Iterator[None]:
        """A temporary table, which lives as long as the session does, and is made again where that has ended."""
        make()
        self._make_beside = make
        try:
            yield
        finally:
            self._make_beside = None
            with suppress(RedshiftError):
                self.run(f"drop table {sql_name(table)}")

    def roll_back(self) -> None:
        with suppress(RedshiftError):
            self.run("rollback")

    @contextmanager
    def rolled_back_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.roll_back()
            raise

    def commit(self, change: Change, lock: str, happened: Callable[[], bool]) -> None:
        """COMMIT; when its answer is lost, a new connection asks whether it `happened`.

        lock: the statement by which the transaction has locked out others; the new connection waits for it until the
        transaction without an answer has ended, either way.
        """
        try:
            self.run("commit")
        except RedshiftError as error:
            if is_conflict(error):
                raise
            broke = f"the connection to {self.host} broke at the COMMIT that was to {change.doing}"
            if not self._asked_anew(broke, change, lock, happened):
                raise Failure(f"{broke}: {telling.said(said(error))}", change.undone, ends=Exit.TRY_AGAIN) from None

    def _asked_anew(self, broke: str, change: Change, lock: str, happened: Callable[[], bool]) -> bool:
        try:
            self._connection = self._connect()
            self.run("begin")
            self.run(lock)
            answer = happened()
            self.run("rollback")
        except (Failure, RedshiftError) as error:
            why = error.problem if isinstance(error, Failure) else telling.said(said(error))
            raise Failure(
                f"{broke}, and whether it did cannot be asked: {why}",
                f"all of it has happened or nothing; when the warehouse answers, {change.again}",
                ends=Exit.TRY_AGAIN,
            ) from None
        return answer
