"""All that is known of PyMySQL's insides. tests/test_pymysql_seam.py fails by name when a new PyMySQL changes them.

PyMySQL asks for no compression and for no CLIENT_DEPRECATE_EOF, so a result is: the columns, then rows, then an EOF
or an ERR packet.
"""

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from pymysql import err
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CLIENT, COMMAND, CR, SERVER_STATUS

DEPRECATE_EOF = 1 << 24
COM_RESET_CONNECTION = 0x1F  # MySQL 5.7, MariaDB 10.2 and later; PyMySQL has no name for it
# At least what PyMySQL's buffered file holds; one read1 of as much empties it.
BUFFERED_BYTES = 1 << 16
SIGNS_OF_LIFE = 8  # how many are asked for before the other end counts as gone


@dataclass(frozen=True)
class Stream:
    """A query's answer, whose column definitions have been read: rows come next.

    names: the columns'. head: bytes that PyMySQL has received already. sequence: the next packet's number.
    """

    connection: Connection
    names: list[str]
    head: bytes
    sequence: int
    poll: Callable[[int], list] | None

    def receive(self, into: memoryview) -> int:
        """Wait for bytes and put them into `into`; how many they were. No more bytes: raises."""
        try:
            count = self.connection._sock.recv_into(into)
        except OSError as error:
            lost(self.connection, f" ({error})")
        return count or lost(self.connection)

    def waiting(self) -> bool:
        """Whether bytes are here already. False also when it cannot be told: TLS keeps records of its own."""
        return bool(self.poll and self.poll(0))


def start(connection: Connection, query: str) -> Stream:
    """Send the query and read the columns of its answer."""
    if connection.client_flag & (DEPRECATE_EOF | CLIENT.COMPRESS):
        raise err.NotSupportedError(0, "mysql_arrow reads neither compressed results nor results without EOF packets")
    connection._execute_command(COMMAND.COM_QUERY, query.encode(connection.encoding))
    result = MySQLResult(connection)
    result.init_unbuffered_query()
    # Otherwise PyMySQL would read the rows when the object goes away.
    result.unbuffered_active = False
    if not result.field_count:
        raise err.ProgrammingError(0, f"the statement gives no rows: {query[:80]}")
    names = [field.name for field in result.fields]
    return Stream(connection, names, _buffered(connection), connection._next_seq_id, _poll(connection._sock))


def wait_for_the_living(connection: Connection, dead_after: int) -> None:
    """From now on wait without end for a server that lives, and `dead_after` seconds for one that is gone.

    The system asks the server's system for a sign of life whenever the line is quiet. (A socket of this machine needs
    none: the other end's death is known at once.)
    """
    connection._read_timeout = None
    if connection._sock.family != socket.AF_UNIX:
        idle = max(1, dead_after // 3)
        # macOS has another name for the first, and not the last: sent bytes that nobody confirms.
        for names, value in (
            (("TCP_KEEPIDLE", "TCP_KEEPALIVE"), idle),
            (("TCP_KEEPINTVL",), max(1, (dead_after - idle) // SIGNS_OF_LIFE)),
            (("TCP_KEEPCNT",), SIGNS_OF_LIFE),
            (("TCP_USER_TIMEOUT",), dead_after * 1000),
        ):
            option = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
            if option is not None:
                connection._sock.setsockopt(socket.IPPROTO_TCP, option, value)
        connection._sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def reset(connection: Connection) -> None:
    """Make the session anew: no temporary tables, locks, transaction, variables of its own. Its database stays."""
    connection._execute_command(COM_RESET_CONNECTION, b"")
    connection._read_ok_packet()


def abandon(connection: Connection) -> None:
    """Close the connection without a word to the server, which may have gigabytes left to send."""
    if connection._result is not None:
        # An unbuffered cursor of PyMySQL's would read the rest when it goes away.
        connection._result.unbuffered_active = False
    if connection.open:
        connection._force_close()


def interrupt(connection: Connection) -> None:
    """Wake a thread that waits for this connection's bytes: it sees the connection as lost."""
    if connection.open:
        with suppress(OSError):
            # The plain socket's way, which leaves a TLS session to the thread that is using it.
            socket.socket.shutdown(connection._sock, socket.SHUT_RDWR)


def lost(connection: Connection, why: str = "") -> NoReturn:
    abandon(connection)
    raise err.OperationalError(CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query{why}")


def raise_error(packet: bytes) -> NoReturn:
    """What an ERR packet says, as the exception of PyMySQL's that is meant for it."""
    err.raise_mysql_exception(packet)


def more_results(eof_packet: bytes) -> bool:
    """Whether another result follows this one, as after CALL."""
    return bool(int.from_bytes(eof_packet[3:5], "little") & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS)


def _buffered(connection: Connection) -> bytes:
    """Empty PyMySQL's buffered file. If it is empty this waits for the server, which has at least an EOF to send."""
    try:
        return connection._rfile.read1(BUFFERED_BYTES) or lost(connection)
    except OSError as error:
        lost(connection, f" ({error})")


def _poll(sock: socket.socket) -> Callable[[int], list] | None:
    if isinstance(sock, ssl.SSLSocket):
        return None
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll
