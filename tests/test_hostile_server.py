"""A server is foreign input: whoever answers gets no secret, takes no more memory than is bounded, and is named."""

import ssl
import struct
import tracemalloc
from contextlib import closing, contextmanager

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loaders.common.errors import Failure
from loaders.source import log_in, mysql, mysql_url, standing
from loaders.source.conversion import Conversion
from loaders.types.type_contract import contract
from mysql_arrow import pymysql_seam
from redshift_stand_in import tls
from tests.hostile_server import EOF, OK, Client, definition, hostile, text

CANARY = "canary-8d41c7"
MOST = 2 << 20  # what is held in these tests; what the sockets hold comes on top of it
SOCKETS = 24 << 20


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name in ("ANSWER_BYTES", "ROW_BYTES"):
        monkeypatch.setattr(pymysql_seam, name, MOST)
    monkeypatch.setattr(log_in, "LOG_IN_SECONDS", 1)


class Fewer(Exception):
    """Other rows than the server counted: what every run compares."""


def url(port: int, **more) -> mysql_url.DatabaseURL:
    return mysql_url.DatabaseURL("u", "127.0.0.1", port, "d", CANARY, **more)


def read_everything(port: int) -> None:
    """What `extract` and `verify` ask of a server, one after the other."""
    with closing(log_in.connect(url(port), "SOURCE_URL", **mysql.CONNECT_OPTIONS)) as connection:
        standing.notice(connection)
        with mysql.snapshot(connection) as snapshot:
            table = snapshot.tables()["t"]
            columns = [contract(column, table.name) for column in table.columns]
            snapshot.count(table), snapshot.extremes(table, "id"), snapshot.sums(table, "1", "id")
            read = snapshot.read(table, Conversion("t", columns, ["id"]))
            deep = snapshot.printed(table, "select id from t order by id")
            if {sum(map(len, read)), sum(map(len, deep))} != {3}:
                raise Fewer


# -- no secret ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A server's own, by an authority that nobody knows, and the RSA key of its own that it gives away."""
    _authority, chain, key = tls.make(tmp_path_factory.mktemp("own"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, _rsa_key()


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _public(private: rsa.RSAPrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _can_read(private: rsa.RSAPrivateKey, received: bytearray) -> bool:
    """Whether the last that was sent is for this key."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 (MySQL's own)
    try:
        return bool(private.decrypt(bytes(received[-private.key_size // 8 :]), oaep))
    except ValueError:
        return False


PLUGINS = ["caching_sha2_password", "sha256_password", "mysql_clear_password", "dialog", "mysql_old_password"]


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("plugin", PLUGINS)
def test_no_way_to_log_in_gives_the_password_to_a_server_that_proves_nothing(certificate, plugin, first, encrypted):
    """With its own TLS or none, with its own RSA key, asked for in the greeting or by a switch."""
    context, private = certificate
    public = _public(private)

    def ask(client: Client, query: bytes) -> bool:
        client.greet(plugin.encode() if first else b"mysql_native_password")
        if not first or plugin == "sha256_password":
            client.send(b"\xfe" + plugin.encode() + b"\0" + b"c" * 20 + b"\0")
            client.read()
        client.send(b"\x01\x04" if plugin == "caching_sha2_password" else b"\x01" + public)
        client.read()
        client.send(b"\x01" + public)
        client.read()
        return True

    with hostile(ask, context if encrypted else None) as server, pytest.raises(Failure) as caught:
        log_in.connect(url(server.port), "SOURCE_URL")
    assert CANARY.encode() not in server.received and CANARY not in str(caught.value)
    assert not _can_read(private, server.received)
    if plugin != "dialog" and not (first and plugin in PLUGINS[2:]):
        assert f"127.0.0.1:{server.port} asks for the password and has not shown" in caught.value.problem
        assert "server_public_key=" in caught.value.fix and "verify_ca" in caught.value.fix


def test_a_key_that_was_given_stays_the_only_one(certificate, tmp_path):
    """A server may send another key when the password has come under the right one, which it cannot read."""
    _context, private = certificate
    pinned = tmp_path / "key.pem"
    pinned.write_bytes(_public(_rsa_key()))

    def ask(client: Client, query: bytes) -> bool:
        client.greet()
        client.send(b"\xfesha256_password\0" + b"c" * 20 + b"\0")
        client.read()
        client.send(b"\x01" + _public(private))
        client.read()
        client.read()
        return True

    with hostile(ask) as server, pytest.raises(Failure):
        log_in.connect(url(server.port, server_public_key=str(pinned)), "SOURCE_URL")
    assert len(server.received) > 2 * private.key_size // 8, "it was sent twice, by the key that was given"
    assert not _can_read(private, server.received)


def test_a_file_of_this_machine_is_not_sent(tmp_path):
    (tmp_path / "secret").write_text(CANARY)
    for when in (b"set role", b"set session", b"information_schema", b"select `id` from"):

        def ask(client: Client, query: bytes, when=when) -> bool:
            if when in query.lower():
                client.send(b"\xfb" + str(tmp_path / "secret").encode())
                client.read()
                return True
            return False

        with hostile(ask) as server, pytest.raises(Failure, match="asked for a file of this machine") as caught:
            read_everything(server.port)
        assert CANARY.encode() not in server.received and CANARY not in str(caught.value)


# -- bounded memory, one sentence --------------------------------------------------------------------------------------


def endless_row(client: Client) -> None:
    for each in (b"\1", definition(b"c"), EOF):
        client.send(each)
    while True:
        client.send(bytes(0xFFFFFF))


def endless_columns(client: Client) -> None:
    client.send(b"\xfe" + struct.pack("<Q", 2**62))
    while True:
        client.raw(b"".join(_numbered(client, definition(b"c")) for _ in range(500)))


def endless_rows(client: Client) -> None:
    for each in (b"\3", *[definition(b"c")] * 3, EOF):
        client.send(each)
    while True:
        client.raw(b"".join(_numbered(client, text(b"12") * 3) for _ in range(500)))


def endless_first_packet(client: Client) -> None:
    while True:
        client.send(bytes(0xFFFFFF))


def _numbered(client: Client, payload: bytes) -> bytes:
    number, client.number = client.number, (client.number + 1) % 256
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


ENDLESS = [endless_row, endless_columns, endless_rows, endless_first_packet]


def at(words: bytes, act):
    """Do it instead of answering a question in which these words are, and hang up."""

    def deed(client: Client, query: bytes) -> bool:
        if query and words in query.lower():
            act(client)
            raise EOFError
        return False

    return deed


@contextmanager
def one_sentence():
    with pytest.raises(Failure) as caught:
        yield caught
    assert CANARY not in str(caught.value) and len(str(caught.value).splitlines()) == 2
    assert len(caught.value.problem) < 500 and caught.value.fix


QUESTIONS = {
    "log-in": b"set names", "session": b"set session", "snapshot": b"select database()",
    "columns": b"information_schema.columns", "sums": b"sum(", "rows": b"select `id` from `t`", "deep": b"order by id",
}  # fmt: skip


# A table may have any number of rows: those are read in blocks, and none is held longer than its block.
HELD = [(act, question) for act in ENDLESS for question in QUESTIONS
        if act is not endless_rows or question not in ("rows", "deep")]  # fmt: skip


@pytest.mark.parametrize(("act", "question"), HELD)
def test_what_never_ends_is_held_up_to_a_bound(act, question):
    with hostile(at(QUESTIONS[question], act)) as server, one_sentence():
        read_everything(server.port)
    assert server.taken < MOST + SOCKETS


@pytest.mark.parametrize("act", [endless_columns, endless_rows])
def test_what_python_makes_of_an_answer_counts_not_its_bytes(act):
    """A column of 40 bytes is an object of a thousand, and a row of nine bytes one of 200."""
    with hostile(at(QUESTIONS["columns"], act)) as server:
        tracemalloc.start()
        try:
            with one_sentence():
                read_everything(server.port)
            assert tracemalloc.get_traced_memory()[1] < 3 * MOST
        finally:
            tracemalloc.stop()


def test_a_log_in_that_never_ends_is_held_up_to_a_bound():
    with hostile(lambda client, _query: endless_first_packet(client) or True) as server, one_sentence():
        log_in.connect(url(server.port), "SOURCE_URL")
    assert server.taken < MOST + SOCKETS


def announced(client: Client) -> None:
    client.raw(b"\xff\xff\xff" + bytes([client.number]) + b"only this")


def half(client: Client) -> None:
    client.send(b"\1")
    client.raw(_numbered(client, definition(b"c"))[:9])


LIES = {
    "half an answer": half,
    "a giant that is announced only": announced,
    "a row whose length lies": lambda c: [c.send(x) for x in (b"\1", definition(b"c"), EOF, b"\xfe" + b"\xff" * 8)],
    "a row whose length is past it": lambda c: [c.send(x) for x in (b"\1", definition(b"c"), EOF, b"\x20ab", EOF)],
    "a definition that is none": lambda c: [c.send(x) for x in (b"\1", b"\xfe\xff", EOF)],
    "an OK that is cut": lambda c: c.send(b"\0\xfe"),
    "an empty packet": lambda c: c.send(b""),
    "columns without number": lambda c: c.send(b"\xfb"),
    "no columns": lambda c: c.rows([], []),
    "one NULL": lambda c: c.rows([b"c"], [[None]]),
    "a row too many columns": lambda c: c.rows([b"c"] * 12, [[b"\xff\xfe"] * 12]),
    "texts that are no UTF-8": lambda c: c.rows([b"c"] * 3, [[b"\xff\xfe"] * 3] * 2),
    "packets out of order": lambda c: c.raw(b"\1\0\0\x63\1"),
    "an error without text": lambda c: c.send(b"\xff"),
    "another result after it": lambda c: [c.send(x) for x in (b"\1", definition(b"c"), EOF, b"\xfe\0\0\x0a\0")],
    "OK instead of rows": lambda c: c.send(OK),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_no_answer_is_said_so(question):
    """Each lie to each question: a failure of one sentence, or an answer that reading does not need; no traceback."""
    refused = 0
    for lie in LIES.values():
        with hostile(at(QUESTIONS[question], lie)) as server:
            try:
                read_everything(server.port)
            except Failure as failure:
                refused += 1
                assert len(str(failure).splitlines()) == 2 and CANARY not in str(failure), str(failure)
            except Fewer:
                refused += 1
    assert refused >= len(LIES) - 3


def test_silence_at_the_log_in_ends_by_itself():
    with hostile(lambda client, _query: bool(client.read())) as server, one_sentence() as caught:
        log_in.connect(url(server.port), "SOURCE_URL")
    assert "timed out" in caught.value.problem
