"""One client's conversation: half duplex, a whole batch of messages up to Sync, rewritten, forwarded, answered.

So COPY and the statements that follow a CREATE run in the client's own PostgreSQL session and transaction.
"""

import hashlib
import os
import socket
import threading
from dataclasses import dataclass, field
from typing import TypeGuard

from redshift_stand_in import correlated, wire
from redshift_stand_in.copying import run_copy
from redshift_stand_in.errors import RedshiftError
from redshift_stand_in.rewrite import Statement, literal, rewrite
from redshift_stand_in.wire import Connection, cut, message
from redshift_stand_in.world import World

# In this order the driver sends what it knows of itself; PostgreSQL takes these only.
KNOWN_PARAMETERS = (b"application_name",)
# The driver believes versions before 9.0 that COPY reports no row count, which is how Redshift reports it.
SERVER_VERSION = b"server_version\x008.0.2\0"
LOG_IN = """
select case when until is null or until > now() then password end, timeout from rs_users where name = %s
"""


@dataclass
class Session:
    """A client. number: PostgreSQL's of its backend; transaction: I idle, T within one, E failed (its own letters)."""

    world: World
    client: socket.socket
    statements: dict[bytes, Statement] = field(default_factory=dict)
    portals: dict[bytes, Statement | None] = field(default_factory=dict)
    transaction: bytes = b"I"
    number: int = 0

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            parameters = self._greeted()
            if parameters is not None:
                self.front = Connection(self.client)
                if self._authenticated(parameters):
                    server.connect(str(self.world.postgres))
                    self.back = Connection(server)
                    self._forward_start(parameters)
                    self._converse()
        except (EOFError, OSError, ValueError):
            pass  # the client has gone, or does not speak the protocol; its transaction ends with the connection
        finally:
            server.close()
            self.client.close()

    # -- the beginning: TLS, password, what PostgreSQL is told ----------------------------------------------------

    def _greeted(self) -> dict[bytes, bytes] | None:
        """The start-up parameters; only over TLS, as a warehouse with require_ssl has it."""
        secure = False
        while True:
            (length,) = wire.LENGTH.unpack(self._exactly(4))
            body = self._exactly(length - 4)
            (code,) = wire.LENGTH.unpack(body[:4])
            if code == wire.SSL_REQUEST:
                self.client.sendall(b"S")
                self.client = self.world.tls.wrap_socket(self.client, server_side=True)
                secure = True
            elif code == wire.CANCEL_REQUEST:
                return None
            else:
                break
        if not secure:
            self.client.sendall(wire.error_message(RedshiftError("no pg_hba.conf entry for host, SSL off", "28000")))
            return None
        parts = body[4:].split(b"\0")
        return dict(zip(parts[0::2], parts[1::2], strict=False))

    def _authenticated(self, parameters: dict[bytes, bytes]) -> bool:
        user, salt = parameters[b"user"].decode(), os.urandom(4)
        self.front.send(message(b"R", wire.LENGTH.pack(5) + salt))
        _kind, answer = self.front.read()
        given, password = answer.rstrip(b"\0"), self.world.users.get(user)
        # Of both kinds of passwords the limit of a session is the user's own (r_CREATE_USER, SESSION TIMEOUT).
        known = self.world.ask(LOG_IN, (user,))
        kept, timeout = known[0] if known else (None, None)
        inner = [str(kept)[3:]] if kept else []
        if password is not None:
            inner.append(hashlib.md5((password + user).encode()).hexdigest())  # noqa: S324 (the protocol's own)
        if given in [_salted(each, salt) for each in inner]:
            self.client.settimeout(None if timeout is None else float(str(timeout)))
            return True
        self.front.send(wire.error_message(RedshiftError(f'password authentication failed for user "{user}"', "28000")))
        return False

    def _forward_start(self, parameters: dict[bytes, bytes]) -> None:
        told = {b"user": parameters[b"user"], b"database": parameters.get(b"database", parameters[b"user"])}
        told |= {name: parameters[name] for name in KNOWN_PARAMETERS if name in parameters}
        told |= {b"client_encoding": b"UTF8", b"TimeZone": b"UTC"}
        body = wire.LENGTH.pack(wire.PROTOCOL_3) + b"".join(k + b"\0" + v + b"\0" for k, v in told.items()) + b"\0"
        self.back.send(wire.LENGTH.pack(len(body) + 4) + body)
        while True:
            kind, body = self.back.read()
            if kind == b"S" and body.startswith(b"server_version\0"):
                body = SERVER_VERSION
            elif kind == b"K":
                (self.number,) = wire.LENGTH.unpack(body[:4])
            self.front.send(message(kind, body))
            if kind == b"E":
                raise EOFError
            if kind == b"Z":
                return

    def _exactly(self, number: int) -> bytes:
        data = b""
        while len(data) < number:
            more = self.client.recv(number - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    # -- the conversation ----------------------------------------------------------------------------------------

    def _converse(self) -> None:
        batch: list[tuple[bytes, bytes]] = []
        while True:
            kind, body = self.front.read()
            if kind == b"X":
                return
            if kind == b"Q":
                self.front.send(self._simple(body) + message(b"Z", self.transaction))
            elif kind == b"S":
                self.front.send(self._extended(batch) + message(b"Z", self.transaction))
                batch = []
            elif kind != b"H":  # Flush: everything is answered at Sync
                batch.append((kind, body))

    def _simple(self, body: bytes) -> bytes:
        try:
            statement = rewrite(body.rstrip(b"\0").decode(), self.transaction != b"I")
            if statement.kind == "copy":
                return self._copy(statement)
            return self._forward([(b"Q", statement.sql.encode() + b"\0")], statement)
        except RedshiftError as error:
            return self._failed(error)

    def _extended(self, batch: list[tuple[bytes, bytes]]) -> bytes:
        """Parse/Describe and Bind/Execute as the drivers send them: one statement at a time."""
        forward: list[tuple[bytes, bytes]] = []
        running: Statement | None = None
        answer = b""
        try:
            for kind, body in batch:
                if kind == b"E":
                    running = self.portals.get(cut(body)[0])
                own, body = self._own_answer(kind, body)
                if own is None:
                    forward.append((kind, body))
                else:
                    answer += own
            if forward:
                answer += self._forward([*forward, (b"S", b"")], running)
        except RedshiftError as error:
            answer += self._failed(error)
        return answer

    def _own_answer(self, kind: bytes, body: bytes) -> tuple[bytes | None, bytes]:
        """The answer to a message about a COPY, which is run here; None and the body for those that go on."""
        if kind == b"P":
            name, rest = cut(body)
            sql, rest = cut(body, rest)
            statement = rewrite(sql.decode(), self.transaction != b"I")
            self.statements[name] = statement
            sent = name + b"\0" + statement.sql.encode() + b"\0" + body[rest:]
            return (message(b"1") if statement.kind == "copy" else None), sent
        if kind == b"B":
            portal, rest = cut(body)
            self.portals[portal] = self.statements.get(cut(body, rest)[0])
            return (message(b"2") if self._is_copy(self.portals[portal]) else None), body
        statement_of = self.portals.get(cut(body)[0]) if kind == b"E" else self._named(body)
        if kind not in (b"E", b"D", b"C") or not self._is_copy(statement_of):
            return None, body
        if kind == b"E":
            return self._copy(statement_of), body
        return (message(b"t", wire.SHORT.pack(0)) + message(b"n") if kind == b"D" else message(b"3")), body

    def _named(self, body: bytes) -> Statement | None:
        name = body[1:].rstrip(b"\0")
        return self.statements.get(name) if body[:1] == b"S" else self.portals.get(name)

    @staticmethod
    def _is_copy(statement: Statement | None) -> TypeGuard[Statement]:
        return statement is not None and statement.kind == "copy"

    def _forward(self, messages: list[tuple[bytes, bytes]], statement: Statement | None) -> bytes:
        """Send messages on, take the answer up to ReadyForQuery, and run what has to follow."""
        for sql in statement.first if statement is not None and self.transaction != b"E" else ():
            error, _rows = self.query(sql)
            if error:
                return message(b"E", error)
        if statement is not None and statement.judged and self.transaction != b"E":
            _error, rows = self.query(f"select rs_tree({literal(statement.judged)})")
            correlated.check(str(rows[0][0]) if rows else "")
        self.back.send(b"".join(message(kind, body) for kind, body in messages))
        answer, failed = [], False
        while True:
            kind, body = self.back.read()
            if kind == b"Z":
                self.transaction = body
                break
            failed = failed or kind == b"E"
            answer.append(wire.as_redshift_says(kind, body))
        if statement is not None and not failed:
            for sql in statement.then:
                error, _rows = self.query(sql)
                if error:
                    return message(b"E", error)
            if statement.kind == "truncate" and self.transaction == b"T":
                self.query("commit")  # TRUNCATE commits the transaction in which it is run (r_TRUNCATE)
        return b"".join(answer)

    def query(self, sql: str) -> tuple[bytes | None, list[list[str | None]]]:
        """Run SQL of the stand-in's own in the client's session: (error, rows)."""
        self.back.send(message(b"Q", sql.encode() + b"\0"))
        error, rows = None, []
        while True:
            kind, body = self.back.read()
            if kind == b"D":
                rows.append(wire.row_values(body))
            elif kind == b"E":
                error = body
            elif kind == b"Z":
                self.transaction = body
                return error, rows

    def _failed(self, error: RedshiftError) -> bytes:
        """An error of the stand-in's own must end the client's transaction as PostgreSQL's would."""
        if self.transaction == b"T":
            self.query("select rs_fail()")
        return wire.error_message(error)

    def _copy(self, statement: Statement) -> bytes:
        if self.transaction == b"E":
            aborted = "current transaction is aborted, commands ignored until end of transaction block"
            return wire.error_message(RedshiftError(aborted, "25P02"))
        return run_copy(self, statement.sql)


def _salted(inner: str, salt: bytes) -> bytes:
    return b"md5" + hashlib.md5(inner.encode() + salt).hexdigest().encode()  # noqa: S324
