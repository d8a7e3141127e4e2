"""All that is known of PyMySQL's insides. tests/test_pymysql_seam.py fails by name when a new PyMySQL changes them.

PyMySQL asks for no compression and for no CLIENT_DEPRECATE_EOF, so a result is: the columns, then rows, then an EOF
or an ERR packet.
"""

import io
import select
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from pymysql import connections, err
from pymysql.connections import MySQLResult
from pymysql.constants import CLIENT, COMMAND, CR, SERVER_STATUS
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

DEPRECATE_EOF = 1 << 24
COM_STMT_CLOSE = 0x19
COM_RESET_CONNECTION = 0x1F  # MySQL 5.7, MariaDB 10.2 and later; PyMySQL has no name for it
# At least what PyMySQL's buffered file holds; one read1 of as much empties it.
BUFFERED_BYTES = 1 << 16
SIGNS_OF_LIFE = 8  # how many are asked for before the other end counts as gone
# Ways to log in that give the password, or nearly, to whoever asks for it.
CLEAR_TEXT = (b"mysql_clear_password", b"dialog", b"mysql_old_password")
# What is held of a log-in, of an answer that is held whole, and of one row: MySQL's own client takes no larger row
# (the largest max_allowed_packet that there is).
LOG_IN_BYTES, ANSWER_BYTES, ROW_BYTES = 1 << 20, 1 << 29, 1 << 30
# What Python needs for a value, and PyMySQL for a column.
VALUE_BYTES, COLUMN_BYTES = 50, 1_000


if TYPE_CHECKING:
    from pymysql.cursors import Cursor

    # What the type stubs leave out.
    class PyMySQL(connections.Connection[Cursor]):
        _sock: socket.socket
        _rfile: io.BufferedReader
        _result: MySQLResult | None
        _next_seq_id: int
        _read_timeout: float | None
        _auth_plugin_name: str

        def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext: ...
        def _get_server_information(self) -> None: ...
        def _process_auth(self, plugin_name: bytes, auth_packet: MysqlPacket, handler: Any = None) -> MysqlPacket: ...
        def _execute_command(self, command: int, sql: str | bytes) -> None: ...
        def _read_query_result(self, unbuffered: bool = False) -> int: ...
        def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> Any: ...
        def _read_ok_packet(self) -> MysqlPacket: ...
        def _read_bytes(self, num_bytes: int) -> bytes: ...
        def _force_close(self) -> None: ...

    class Result(MySQLResult):
        fields: "Sequence[Field]"

    class Field(FieldDescriptorPacket):
        name: str
        type_code: int
        flags: int
        length: int
        scale: int
        charsetnr: int
else:
    PyMySQL, Result, Field = connections.Connection, MySQLResult, FieldDescriptorPacket


class NotProven(err.OperationalError):
    """The password is asked for by a server that has not shown who it is."""

    def __init__(self) -> None:
        super().__init__(
            CR.CR_AUTH_PLUGIN_ERR,
            "the password was not sent: the server has not shown who it is (proven=True says that "
            "TLS or a socket shows it; or give its server_public_key)",
        )


class Connection(PyMySQL):
    """PyMySQL's, for a server that is not trusted.

    It shows the password only to a server that has proven who it is, or by a public key that was given; what it holds
    of an answer is bounded; and what cannot be MySQL's protocol is an error of PyMySQL's.

    proven: TLS or the socket of this machine shows who the server is.
    """

    _encrypted = False
    _key: bytes | None = None
    _held, _columns, _most = 0, 0, LOG_IN_BYTES

    def __init__(self, *, proven: bool = False, **settings: Any):
        self._proven = proven
        super().__init__(**settings)

    @property
    def _secure(self) -> bool:
        """What PyMySQL takes for a way on which a password may be sent as it is: any TLS."""
        return self._encrypted and self._proven

    @_secure.setter
    def _secure(self, encrypted: bool) -> None:
        self._encrypted = encrypted

    @property
    def server_public_key(self) -> bytes:
        """By which PyMySQL sends the password; if there is none it would ask the server for one."""
        if self._key is None:
            raise NotProven
        return self._key

    @server_public_key.setter
    def server_public_key(self, key: bytes | None) -> None:
        # The first is ours, or None; any other is the server's.
        if "_key" not in self.__dict__:
            self._key = key

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        if sslp:
            return super()._create_ssl_ctx(sslp)
        # TLS without a proof of who the server is: whom this machine trusts need not be read, which takes 25 ms.
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE
        return secure

    def _get_server_information(self) -> None:
        super()._get_server_information()
        if self._auth_plugin_name == "sha256_password":
            # PyMySQL would send the password at once, through any TLS. Now the server has to ask.
            self._auth_plugin_name = ""

    def _process_auth(self, plugin_name: bytes, auth_packet: MysqlPacket, handler: Any = None) -> MysqlPacket:
        if plugin_name in CLEAR_TEXT and not self._secure:
            raise NotProven
        return super()._process_auth(plugin_name, auth_packet, handler)

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        self._held, self._columns, self._most = 0, 0, ANSWER_BYTES
        super()._execute_command(command, sql)

    def _read_query_result(self, unbuffered: bool = False) -> int:
        with spoken(self):
            return super()._read_query_result(unbuffered)

    def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> Any:
        if self._result is not None and self._result.unbuffered_active:
            self._held, self._most = 0, ROW_BYTES  # row by row: what came before is not held
        describes = packet_type is Field
        self._columns += describes
        self._hold(COLUMN_BYTES if describes else VALUE_BYTES * (1 + self._columns))
        return super()._read_packet(packet_type)

    def _read_bytes(self, num_bytes: int) -> bytes:
        self._hold(num_bytes)
        return super()._read_bytes(num_bytes)

    def _hold(self, count: int) -> None:
        self._held += count
        if self._held > self._most:
            abandon(self)
            raise too_large("an answer", self._most)


def too_large(what: str, most: int) -> err.InternalError:
    return err.InternalError(0, f"it sent {what} of more than {most:,} bytes, which is not held")


@contextmanager
def spoken(connection: Connection) -> Iterator[None]:
    """Turn what PyMySQL makes of bytes that are not the protocol's into an error of its own, and hang up."""
    try:
        yield
    except (LookupError, ValueError, TypeError, AssertionError, RuntimeError, struct.error) as error:
        abandon(connection)
        if "LOAD_LOCAL" in str(error):
            raise err.InternalError(0, "it asked for a file of this machine, which was not sent") from None
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise err.InternalError(0, f"its answer is not MySQL's protocol ({why})") from None


@dataclass(frozen=True)
class Stream:
    """A query's answer, whose column definitions have been read: rows come next.

    fields: the columns, as the server describes them. head: bytes that PyMySQL has received already. sequence: the next
    packet's number.
    """

    connection: Connection
    fields: Sequence[Field]
    head: bytes
    sequence: int
    poll: Callable[[int], object]

    def receive(self, into: memoryview) -> int:
        """Wait for bytes and put them into `into`; how many they were. No more bytes: raises."""
        try:
            count = self.connection._sock.recv_into(into)
        except OSError as error:
            lost(self.connection, f" ({error})")
        return count or lost(self.connection)

    def waiting(self, milliseconds: int) -> bool:
        """Whether bytes are here, or come by then."""
        return bool(self.poll(milliseconds))


def start(connection: Connection, query: str) -> Stream:
    """Send the query and read the columns of its answer."""
    if connection.client_flag & (DEPRECATE_EOF | CLIENT.COMPRESS):
        raise err.NotSupportedError(0, "mysql_arrow reads neither compressed results nor results without EOF packets")
    connection._execute_command(COMMAND.COM_QUERY, query.encode(connection.encoding))
    result = Result(connection)
    with spoken(connection):
        result.init_unbuffered_query()
    # Otherwise PyMySQL would read the rows when the object goes away.
    result.unbuffered_active = False
    if not result.field_count:
        raise err.ProgrammingError(0, f"the statement gives no rows: {query[:80]}")
    return Stream(connection, result.fields, _buffered(connection), connection._next_seq_id, _poll(connection._sock))


def described(connection: Connection, query: str) -> Sequence[Field]:
    """The columns of the query's answer, by preparing it: the server does not run it."""
    connection._execute_command(COMMAND.COM_STMT_PREPARE, query.encode(connection.encoding))
    with spoken(connection):
        statement, columns, parameters = struct.unpack_from("<IHH", connection._read_packet().get_all_data(), 1)
        if parameters:
            abandon(connection)
            raise err.ProgrammingError(0, f"the statement has parameters: {query[:80]}")
        fields = [connection._read_packet(Field) for _ in range(columns)]
        if columns:
            connection._read_packet()  # EOF
    connection._execute_command(COM_STMT_CLOSE, struct.pack("<I", statement))  # has no answer
    if not columns:
        raise err.ProgrammingError(0, f"the statement gives no rows: {query[:80]}")
    return fields


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


def _poll(sock: socket.socket) -> Callable[[int], object]:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if isinstance(sock, ssl.SSLSocket):
        # OpenSSL may hold the rest of a record, of which the system knows nothing any more.
        return lambda milliseconds: sock.pending() or poll.poll(milliseconds)
    return poll.poll
