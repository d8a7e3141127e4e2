"""The reader by itself: however the network cuts a result, it gives what the plain cursor gives, or a failure."""

import struct
from contextlib import closing, nullcontext

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymysql import MySQLError
from pymysql.converters import encoders
from pymysql.cursors import SSCursor

import mysql_arrow
from mysql_arrow import lanes, packets, pymysql_seam
from mysql_arrow.block import Block

BYTES = {"use_unicode": False, "conv": dict(encoders)}
LONGEST = packets.LONGEST


class Replay:
    """A stream that gives an answer's bytes again, in pieces of the given sizes (the last one again and again)."""

    def __init__(self, answer: bytes, sizes=(1 << 20,), sequence: int = 0, head: int = 0):
        self.rest, self.sizes, self.sequence = answer[head:], list(sizes), sequence
        self.head = answer[:head]

    def receive(self, into: memoryview) -> int:
        size = min(len(into), self.sizes.pop(0) if len(self.sizes) > 1 else self.sizes[0])
        piece, self.rest = self.rest[:size], self.rest[size:]
        if not piece:
            raise pymysql_seam.err.OperationalError(2013, "the answer is over, and did not end")
        into[: len(piece)] = piece
        return len(piece)

    def waiting(self, _milliseconds: int) -> bool:
        return len(self.sizes) > 1 and bool(self.rest)


class Recording:
    """A stream that keeps what passes through it."""

    def __init__(self, stream):
        self.stream, self.head, self.sequence = stream, stream.head, stream.sequence
        self.bytes = bytearray(stream.head)

    def receive(self, into: memoryview) -> int:
        count = self.stream.receive(into)
        self.bytes += into[:count]
        return count

    def waiting(self, milliseconds: int) -> bool:
        return self.stream.waiting(milliseconds)


def packet(payload: bytes, number: int) -> bytes:
    """The packet or packets of a payload, numbered from `number`."""
    parts = [payload[at : at + LONGEST] for at in range(0, len(payload) + 1, LONGEST)]
    return b"".join(
        struct.pack("<I", len(part))[:3] + bytes([(number + i) & 0xFF]) + part for i, part in enumerate(parts)
    )


def printed(value: bytes | None) -> bytes:
    if value is None:
        return b"\xfb"
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    return (b"\xfc" + struct.pack("<H", size) if size < 1 << 16 else b"\xfd" + struct.pack("<I", size)[:3]) + value


def eof(status: int = 2) -> bytes:
    return b"\xfe" + struct.pack("<HH", 0, status)


def answer(table, first: int = 0, end: bytes | None = None) -> bytes:
    """Rows, and what ends them, as a server sends them."""
    sent, number = [], first
    for row in [*(b"".join(map(printed, row)) for row in table), eof() if end is None else end]:
        sent.append(packet(row, number))
        number += 1 + len(row) // LONGEST
    return b"".join(sent)


def values(found, width: int) -> list[tuple]:
    """The rows of blocks, value by value, by way of Arrow."""
    rows = []
    for block in (Block(*each, width) for each in found):
        columns = [block.column(index).binary() for index in range(width)]
        for column in columns:
            column.validate(full=True)
        rows += zip(*(column.to_pylist() for column in columns), strict=True)
    return rows


SMALL = [(b"1", None, b""), (b"-12", "김".encode(), None), (b"3" * 250, b"4" * 251, b"5" * 300), (None, None, None)]


@pytest.mark.parametrize("block_bytes", [64, 1 << 16])
def test_a_result_cut_at_every_byte_into_two_reads_the_same(block_bytes):
    whole = answer(SMALL, first=250)
    for at in range(1, len(whole)):
        found = packets.blocks(Replay(whole, (at, len(whole)), 250), block_bytes)
        assert values(found, 3) == SMALL, f"cut at byte {at}"


def test_what_comes_in_drops_is_looked_into_when_a_block_is_full_and_at_the_end_at_once(monkeypatch):
    class Drops(Replay):
        def waiting(self, _milliseconds: int) -> bool:
            return True  # so whoever receives after the end is told that it did not end

    looks, walk = [], lanes.walk
    monkeypatch.setattr(lanes, "walk", lambda *arguments: looks.append(arguments) or walk(*arguments))
    table = SMALL * 100
    found = list(packets.blocks(Drops(answer(table), (100,)), 1 << 16))
    assert values(found, 3) == table
    assert len(looks) == 2 * len(found) == 4  # of what was held, and of all


def test_a_result_that_pymysql_has_received_a_part_of_reads_the_same():
    whole = answer(SMALL)
    for held in range(len(whole) + 1):
        assert values(packets.blocks(Replay(whole, head=held)), 3) == SMALL, f"{held} bytes held"


def test_a_result_that_stops_at_any_byte_is_a_failure():
    whole = answer(SMALL)
    for end in range(len(whole)):
        with pytest.raises(MySQLError, match="did not end"):
            values(packets.blocks(Replay(whole[:end])), 3)


cells = st.none() | st.binary(max_size=12) | st.binary(min_size=249, max_size=254)
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[cells] * width), min_size=1, max_size=60))


@settings(deadline=None)
@given(tables, st.lists(st.integers(1, 900), min_size=1, max_size=30), st.integers(0, 255), st.integers(1, 2000))
def test_any_table_in_any_pieces_in_blocks_of_any_size(table, sizes, first, block_bytes):
    found = packets.blocks(Replay(answer(table, first), sizes, first), block_bytes)
    assert values(found, len(table[0])) == table


@settings(deadline=None, max_examples=300)
@given(tables, st.integers(0, 255), st.data())
def test_a_damaged_result_is_a_failure_or_other_values_never_fewer(table, first, data):
    """The protocol has no checksum, so a changed letter is a changed letter; but rows are not lost."""
    whole = bytearray(answer(table, first))
    at = data.draw(st.integers(0, len(whole) - 10))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        rows = values(packets.blocks(Replay(bytes(whole), sequence=first)), len(table[0]))
    except MySQLError:
        return
    assert len(rows) == len(table)


row_bytes = st.lists(st.binary(max_size=30) | st.binary(min_size=200, max_size=400), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(row_bytes, st.integers(0, 255), st.integers(0, 40))
def test_lanes_find_the_packets_that_are_found_one_by_one(rows, first, cut):
    rows = rows * (200_000 // max(1, sum(map(len, rows)) + 4 * len(rows)))
    sent = b"".join(packet(row, first + number) for number, row in enumerate(rows))
    data = np.frombuffer(sent + bytes(packets.MARGIN), np.uint8)
    filled = max(0, len(sent) - cut)
    expected, end = lanes.one_by_one(data, 0, filled)
    for found in (lanes.walk(data, 0, filled), lanes.in_lanes(data, 0, filled, 4 + len(sent) // (len(rows) or 1))):
        assert found is None or (np.array_equal(found[0], expected) and found[1] == end)


def test_rows_that_look_like_packets_are_not_taken_for_them():
    """Each row is full of packets that look right: guesses go wrong, and are seen to."""
    inside = b"".join(packet(b"x" * 6, number) for number in range(60))
    table = [(inside,)] * 3000
    assert values(packets.blocks(Replay(answer(table))), 1) == table


@pytest.mark.parametrize("size", [LONGEST - 5, LONGEST - 4, LONGEST - 3, LONGEST + 7, 2 * LONGEST - 4, 2 * LONGEST])
def test_rows_about_as_long_as_a_packet_can_be(size):
    """A row of exactly LONGEST bytes is followed by an empty packet."""
    giant = bytes(size - 9)  # with its length of 9 bytes it is size
    rows = [b"\x01a", b"\xfe" + struct.pack("<Q", len(giant)) + giant, b"\x01b"]
    sent, number = b"", 0
    for row in [*rows, eof()]:
        sent += packet(row, number)
        number += 1 + len(row) // LONGEST
    found = values(packets.blocks(Replay(sent, (1 << 22,))), 1)
    assert [row == (expected,) for row, expected in zip(found, [b"a", giant, b"b"], strict=True)] == [True] * 3


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (answer(SMALL, first=1), "packet number 1 came, expected was 0"),
        (answer(SMALL[:2]) + answer(SMALL[2:], first=3), "is not a row of 3 values"),
        (answer(SMALL, end=b"\xff" + struct.pack("<H", 1317) + b"#70100Query was killed"), "1317.*was killed"),
        (answer(SMALL, end=eof(status=8)), "more than one result"),
        (answer(SMALL) + b"more", "bytes came after the end"),
        (answer([(b"1", b"2")]), "is not a row of 3 values"),
        (answer([(b"1", b"2", b"3", b"4")]), "is not a row of 3 values"),
        (packet(b"", 0) + answer(SMALL, first=1), "is not a row of 3 values"),
        (packet(b"\xff\x01\x01", 0) + answer(SMALL, first=1), "is not a row of 3 values"),
    ],
)
def test_what_is_not_the_protocol_is_a_failure(sent, why):
    with pytest.raises(MySQLError, match=why):
        values(packets.blocks(Replay(sent)), 3)


kinds = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "decimal(20,6)": st.decimals(-(10**13), 10**13, places=6),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "longtext": st.text(st.characters(exclude_categories=("Cs",)), max_size=300),
    "longblob": st.binary(max_size=300),
    "datetime(6)": st.datetimes(),
}
server_tables = st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=5).flatmap(
    lambda chosen: st.tuples(
        st.just(chosen), st.lists(st.tuples(*(st.none() | kinds[kind] for kind in chosen)), max_size=20)
    )
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(server_tables)
def test_a_servers_table_reads_as_by_the_plain_cursor_whatever_byte_it_is_cut_at(own, drawn):
    chosen, rows = drawn
    names = [f"c{number}" for number in range(len(chosen))]
    own.write(
        "drop table if exists t",
        f"create table t ({', '.join(f'{n} {k}' for n, k in zip(names, chosen, strict=True))}) engine=memory"
        if not {"longtext", "longblob"} & set(chosen)
        else f"create table t ({', '.join(f'{n} {k}' for n, k in zip(names, chosen, strict=True))})",
    )
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        cursor.executemany(f"insert into t values ({', '.join(['%s'] * len(names))})", rows)
        connection.commit()
    with closing(own.connect(own.source_url, **BYTES)) as connection:
        with closing(SSCursor(connection)) as cursor:
            cursor.execute("select * from t")
            expected = list(cursor.fetchall())
        recording = Recording(pymysql_seam.start(connection, "select * from t"))
        assert values(packets.blocks(recording), len(names)) == expected
    whole = bytes(recording.bytes)
    for at in range(1, len(whole), 1 + len(whole) // 500):
        found = packets.blocks(Replay(whole, (at, len(whole)), recording.sequence))
        assert values(found, len(names)) == expected, f"cut at byte {at}"


def test_the_public_face_as_its_documentation_shows_it(own):
    own.write(
        "create table product (id bigint primary key, price decimal(10,2), name varchar(99), at datetime(6))",
        "insert into product values (1, 1.10, '김', '2026-01-02 03:04:05.000006'), (2, null, '', null)",
    )
    schema = pa.schema(
        [("id", pa.int64()), ("price", pa.decimal128(10, 2)), ("name", pa.string()), ("at", pa.timestamp("us"))]
    )
    with closing(own.connect(own.source_url)) as connection:
        (batch,) = mysql_arrow.batches(connection, "select id, price, name, at from product order by id", schema)
        assert (
            list(mysql_arrow.batches(connection, "select id, price, name, at from product where id < 0", schema)) == []
        )
        with connection.cursor() as cursor:
            cursor.execute("select id, price, name, at from product order by id")
            assert [tuple(row.values()) for row in batch.to_pylist()] == list(cursor.fetchall())
    assert batch.schema == schema


@pytest.mark.parametrize(
    ("query", "schema", "raised"),
    [
        ("select 'x'", pa.schema([("v", pa.int32())]), pytest.raises(pa.ArrowInvalid)),
        (
            "select 1, 2",
            pa.schema([("v", pa.int32())]),
            pytest.raises(pa.ArrowInvalid, match="2 columns, the"),
        ),
        ("do 1", pa.schema([]), pytest.raises(MySQLError, match="gives no rows")),
        ("selec 1", pa.schema([]), pytest.raises(MySQLError, match="SQL syntax")),
        ("select 1 where 1 = 0", pa.schema([("v", pa.int32())]), nullcontext()),
    ],
)
def test_what_a_query_cannot_give_is_a_failure(own, query, schema, raised):
    with closing(own.connect(own.source_url)) as connection, raised:
        assert list(mysql_arrow.batches(connection, query, schema)) == []
