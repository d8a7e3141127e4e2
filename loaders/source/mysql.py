"""Reading MySQL: one consistent snapshot of all tables, and each table's rows as Arrow record batches.

Values are taken as the server prints them and cast column by column (type_contract.py); no value passes through a
Python type on its way.
"""

import datetime
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import pyarrow as pa
import pymysql
from pymysql.constants import ER
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

import mysql_arrow
from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.common.threads import Shared, merged
from loaders.source import described, session
from loaders.source.burden import Burden, rows_scanned
from loaders.source.conversion import Conversion
from loaders.source.described import ForeignKey, SourceTable
from loaders.source.statements import asked, code_and_text, explained, rows
from loaders.types.type_contract import Column, lake_schema
from loaders.words.buckets import Sums, read_sums
from loaders.words.run_record import SourceCost
from mysql_arrow import BLOCK_BYTES

# A connection for `snapshot`: values stay the bytes that the server sent.
CONNECT_OPTIONS = {"use_unicode": False, "conv": dict(encoders)}

# Decoded batches that may wait for their encoder, of all connections together.
AHEAD_BYTES = 2 << 20
# Rows that `printed` hands on together.
ROWS_AT_ONCE = 1_000


@contextmanager
def snapshot(connection: mysql_arrow.Connection, share: float = 1) -> Iterator["Snapshot"]:
    """Hold one moment of the whole database for reading. The connection was opened with CONNECT_OPTIONS.

    share: of the time, as Burden has it.
    """
    session.state(connection)
    with begin([connection], Burden(share)) as begun:
        yield begun


@contextmanager
def begin(
    everybody: Sequence[mysql_arrow.Connection], burden: Burden, begun: Callable[[], object] = lambda: None
) -> Iterator["Snapshot"]:
    """The same over several connections whose sessions are stated, each with a transaction of its own.

    Somebody must keep the tables as they are until all have begun (shared_snapshot.py), which `begun` is told.
    taken_at is read before the moment itself, by the server's clock: nothing that was committed before it is missed.
    """
    (connection, *helpers) = everybody
    with asked("the snapshot"):
        ((database, version, taken_at),) = rows(connection, "select database(), version(), utc_timestamp(6)")
        moment = datetime.datetime.fromisoformat(taken_at.decode())
        before = sum(map(rows_scanned, everybody))
        found = Snapshot(connection, database.decode(), version.decode(), moment, tuple(helpers), burden, before)
        burden.began = burden.clock()
        for each in everybody:
            rows(each, "start transaction with consistent snapshot, read only")
        begun()
    yield found
    for each in everybody:
        if each.open:
            with explained("the snapshot"):
                rows(each, "rollback")


@dataclass(frozen=True)
class Snapshot:
    """One moment of a database. taken_at is UTC, without a zone. helpers: more connections that see the same moment.

    scanned: rows that the sessions had looked at before.
    """

    connection: mysql_arrow.Connection
    database: str
    server_version: str
    taken_at: datetime.datetime
    helpers: tuple[mysql_arrow.Connection, ...] = ()
    burden: Burden = field(default_factory=Burden)
    scanned: int = 0

    @property
    def connections(self) -> tuple[mysql_arrow.Connection, ...]:
        """All that may be asked, each for one thing at a time."""
        return (self.connection, *self.helpers)

    def interrupt(self) -> None:
        """Wake the threads that wait for the server, or rest: each sees its connection as lost."""
        self.burden.stop()
        for connection in self.connections:
            mysql_arrow.interrupt(connection)

    def cost(self) -> SourceCost:
        """What the source was asked so far."""
        with asked("the server's counters"):
            scanned = sum(map(rows_scanned, self.connections)) - self.scanned
        taken, age = self.burden.taken, self.burden.clock() - self.burden.began
        seconds = (age, sum(taken), max(taken, default=0), self.burden.locked)
        snapshot, queries, longest, locked = (round(each * 1000) for each in seconds)
        return SourceCost(snapshot, queries, longest, locked, scanned)

    def tables(self) -> dict[str, SourceTable]:
        """All tables, as described.tables has them."""
        with asked(f"database {self.database}"):
            return described.tables(self.connection)

    def said(self) -> described.Said:
        """Comments, foreign keys and views, as described.said has them."""
        with asked(f"database {self.database}"):
            return described.said(self.connection)

    def foreign_keys(self, parent: str) -> list[ForeignKey]:
        """Those that refer to a table."""
        with asked(f"table {parent}"):
            return [each for each in described.foreign_keys(self.connection) if each.parent == parent]

    def hold(self, name: str) -> Failure | None:
        """Let no table take the place of this one until the snapshot ends: RENAME and ALTER wait from here on.

        A table that takes another's place later has the rows of the snapshot's moment, but not those that were copied
        into it since. All columns are asked for, so that one which the account may not see does not just seem absent.
        What to say if the account may not read all of the table; None also if there is none.
        """
        with explained(f"table {name}"):
            for connection in self.connections:
                try:
                    rows(connection, f"select * from {mysql_name(name)} limit 0")
                except pymysql.MySQLError as error:
                    code, _said = code_and_text(error)
                    if code in (ER.NO_SUCH_TABLE, ER.VIEW_INVALID):
                        return None
                    if code in (ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR):
                        return self._may_not_read(name)
                    raise
        return None

    def _may_not_read(self, name: str) -> Failure:
        whole = f"{mysql_name(self.database)}.{mysql_name(name)}"
        return Failure(
            f"the account {self.account} may not read all of table {name} of database {self.database}, if there is one",
            f"`grant select on {whole} to {self.account}`; or take it out of the catalog",
        )

    @cached_property
    def account(self) -> str:
        """'user'@'host', as grants have it."""
        with asked("the account"):
            user, _, host = rows(self.connection, "select current_user()")[0][0].decode().rpartition("@")
        return f"'{user}'@'{host}'"

    def read(
        self, table: SourceTable, conversion: Conversion, conditions: Iterable[str | None] = (None,)
    ) -> Generator[pa.RecordBatch]:
        """The rows of each SQL condition (None: all), in batches of bounded size and of the conversion's columns.

        A query for each condition, on all connections at once: batches come in no order. A read that ends before the
        last row, for whatever reason, raises; when the caller stops early the connections are closed, because the
        server would have to send the rest.
        """
        columns = conversion.columns
        schema, left = lake_schema(columns), Shared(conditions)

        def answers(connection: mysql_arrow.Connection) -> Generator[pa.RecordBatch]:
            for where in left:
                sql = rows_sql(table, columns, where)
                with self.burden.query():
                    yield from mysql_arrow.batches(connection, sql, schema, conversion.convert, BLOCK_BYTES)

        with explained(f"table {table.name}"):
            sources = [answers(connection) for connection in self.connections]
            yield from merged(sources, AHEAD_BYTES, self.interrupt)

    def printed(self, table: SourceTable, sql: str) -> Generator[Sequence[tuple[bytes | None, ...]]]:
        """The rows of a query about the table, some at a time, as PyMySQL by itself reads them: without mysql_arrow.

        Closed early, it closes the connection: the server would have to send the rest.
        """
        with explained(f"table {table.name}"), self.burden.query():
            cursor = self.connection.cursor(SSCursor)
            try:
                cursor.execute(sql)
                while rows := self._fetched(cursor):
                    yield rows
            except BaseException:
                mysql_arrow.abandon(self.connection)
                raise
            cursor.close()

    def _fetched(self, cursor: SSCursor) -> Sequence[tuple[bytes | None, ...]]:
        fetched, size = list[tuple[bytes | None, ...]](), 0
        with mysql_arrow.spoken(self.connection):
            while len(fetched) < ROWS_AT_ONCE and size < AHEAD_BYTES and (row := cursor.fetchone()):
                fetched.append(row)
                size += sum(map(len, filter(None, row)))
        return fetched

    def texts(self, table: SourceTable, sql: str, width: int) -> Iterator[pa.RecordBatch]:
        """The same by mysql_arrow, in a third of the time: batches of `width` columns of bytes, in their order."""
        schema = pa.schema([(str(place), pa.binary()) for place in range(width)])
        with explained(f"table {table.name}"), self.burden.query():
            yield from mysql_arrow.batches(self.connection, sql, schema)

    def let(self, variable: str, value: bytes) -> None:
        """Set a variable of the sessions, on every connection."""
        with asked("the session"):
            for connection in self.connections:
                rows(connection, f"set {variable} = x'{value.hex()}'")

    def encrypted(self) -> bool:
        """Whether the connection is TLS."""
        with asked("the connection"):
            return bool(rows(self.connection, "show status like 'ssl_cipher'")[0][1])

    def count(self, table: SourceTable, where: str | None = None) -> int:
        """The server's own count of the table's rows, or of those for which the SQL is true."""
        with asked(f"table {table.name}"), self.burden.query():
            return int(rows(self.connection, count_sql(table, where))[0][0])

    def attempt(self, table: SourceTable, columns: Sequence[Column]) -> None:
        """Send what a run sends, over one row and over none: what the server refuses, it refuses now.

        The last column is the hash. The connection is as it was, whatever is refused.
        """
        sql = f"{rows_sql(table, columns)} limit 1"
        with asked(f"table {table.name}"), closing(mysql_arrow.blocks(self.connection, sql)) as blocks:
            first = [block.row(0)[-1] for block in islice(blocks, 2)]
            rows(self.connection, sums_sql(table, "1", columns[-1].select, "false"))
        if first == [None]:
            raise Failure(
                f"{table.name}: the server gives its first row no hash",
                "raise max_allowed_packet of the server if the row is longer; else leave the table out of the catalog",
            )

    def sums(self, table: SourceTable, bucket: str, hashed: str, where: str | None = None) -> Sums:
        """The server's own count and sum of hashes per bucket; `bucket`, `hashed` and `where` are expressions."""
        with asked(f"table {table.name}"), self.burden.query():
            found = rows(self.connection, sums_sql(table, bucket, hashed, where))
            numbers = ([None if value is None else int(value) for value in row] for row in found)
            return read_sums(table.name, numbers)

    def extremes(self, table: SourceTable, column: str) -> tuple[int, int] | None:
        """The smallest and largest value of an integer column; None of an empty table."""
        name = mysql_name(column)
        with asked(f"table {table.name}"), self.burden.query():
            ((low, high),) = rows(self.connection, f"select min({name}), max({name}) from {mysql_name(table.name)}")
            return None if low is None else (int(low), int(high))


def rows_sql(table: SourceTable, columns: Sequence[Column], where: str | None = None) -> str:
    """What `Snapshot.read` sends."""
    sql = f"select {', '.join(column.sent or column.select for column in columns)} from {mysql_name(table.name)}"
    return f"{sql} where {where}" if where else sql


def count_sql(table: SourceTable, where: str | None = None) -> str:
    """What `Snapshot.count` sends."""
    sql = f"select count(*) from {mysql_name(table.name)}"
    return f"{sql} where {where}" if where else sql


def sums_sql(table: SourceTable, bucket: str, hashed: str, where: str | None = None) -> str:
    """What `Snapshot.sums` sends."""
    sql = f"select {bucket}, count(*), sum({hashed}) from {mysql_name(table.name)}"
    return f"{sql}{f' where {where}' if where else ''} group by 1 order by null"
