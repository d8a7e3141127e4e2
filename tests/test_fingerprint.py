"""The hash tells rows apart that are easily confused, for every type there is."""

import json
import re
import struct
import zlib
from contextlib import closing, contextmanager
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.types import fingerprint
from loaders.types.fingerprint import hash_column
from loaders.types.type_contract import contract
from tests.own_database import sequence
from tests.test_type_matrix import BINARY, MARIADB_ONLY, MATRIX
from tests.test_verify import finding


def hashes(own, table: str = "t") -> list[int]:
    """Every row's hash, in the order of the column `id`."""
    with own.snapshot() as snapshot:
        source = snapshot.tables()[table]
        hashed = hash_column([contract(column, table) for column in source.columns], source.columns).select
        sums = snapshot.sums(source, "id", hashed)
    assert all(rows == 1 and total for rows, total in sums.values())
    return [sums[number][1] for number in sorted(sums)]


@pytest.mark.parametrize("name", [*MATRIX, *BINARY, *MARIADB_ONLY])
def test_every_value_of_a_type_has_a_hash_of_its_own(own, name):
    kind, literals, *_rest = (MATRIX | BINARY | MARIADB_ONLY)[name]
    own.write(f"create table t (id int, v {kind} null, w int)", "set sql_mode = ''")
    own.write(*(f"insert into t values ({n}, {literal}, 1)" for n, literal in enumerate(["null", *literals])))
    own.write("create table same as select id, v, w from t", "update same set id = 0", "update t set id = id")
    found = hashes(own)
    assert len(set(found)) == len(found) and all(0 <= value < 2**63 for value in found)


def test_what_moves_across_the_border_of_two_columns_changes_the_hash(own):
    pairs = [
        ("a|", "b"),
        ("a", "|b"),
        ("ab", ""),
        ("", "ab"),
        ("a", None),
        (None, "a"),
        (None, None),
        ("", ""),
        ("", None),
    ]
    for kind in ("varchar(9)", "varchar(9) character set latin1", "varbinary(9)", "blob", "mediumtext"):
        own.write("drop table if exists t", f"create table t (id int, a {kind} null, b {kind} null)")
        with own.connect(own.shop_url) as connection, connection.cursor() as cursor:
            cursor.executemany("insert into t values (0, %s, %s)", pairs)
            if "binary" in kind or kind == "blob":
                cursor.executemany(
                    "insert into t values (0, %s, %s)", [(b"\xff", b"x"), (b"", b"\xffx"), (b"\xfe", b"")]
                )
            cursor.execute("alter table t add n int auto_increment primary key")
            connection.commit()
        with own.snapshot() as snapshot:
            source = snapshot.tables()["t"]
            columns = [column for column in source.columns if column.name != "n"]
            hashed = hash_column([contract(column, "t") for column in columns], columns).select
            found = [total for _rows, total in snapshot.sums(source, "n", hashed).values()]
        assert len(set(found)) == len(found), kind


def test_equal_changes_of_two_rows_do_not_cancel_in_the_sum(own):
    """They would under a CRC, which is linear: the same change at the same place changes two CRCs by the same bits."""
    own.write("create table t (id int primary key, v varchar(9))")
    own.write(f"insert into t select seq, if(seq % 2, 'placed', 'queued') from {sequence(100_000, 140_000)}")
    with own.snapshot() as snapshot:
        source = snapshot.tables()["t"]
        hashed = hash_column([contract(column, "t") for column in source.columns], source.columns).select
        before = snapshot.sums(source, "id div 2", hashed)
    own.write("update t set v = if(v = 'placed', 'queued', 'placed')")
    with own.snapshot() as snapshot:
        after = snapshot.sums(source, "id div 2", hashed)
    assert before.keys() == after.keys() and all(before[pair] != after[pair] for pair in before)


@contextmanager
def small_packets(own, mysql_server):
    """Sessions that begin meanwhile have 2 MB for a row's text."""
    with own.connect(mysql_server.url("root", "mysql")) as connection, connection.cursor() as cursor:
        cursor.execute("select @@global.max_allowed_packet")
        ((usual,),) = cursor.fetchall()
        cursor.execute("set global max_allowed_packet = 2097152")
        try:
            yield
        finally:
            cursor.execute(f"set global max_allowed_packet = {usual}")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("int", "t: the server gave 1 row, id=7 the first, no hash"),
        ("varchar(9)", "t: 1 row has a key that is NULL, or a length for which the server gives no hash"),
    ],
)
def test_a_row_longer_than_a_packet_is_refused_and_never_without_a_hash(own, mysql_server, key, said):
    """The server has no digest of it. That is no NULL in the row, and nothing that a sum may leave out."""
    texts = ", ".join(f"c{number} text" for number in range(40))
    filled = ", ".join(f"c{number} = repeat('x', 65535)" for number in range(40))
    own.write(f"create table t (id {key} primary key, {texts})", "insert into t (id) values (1), (7)")
    known = own.discover()
    own.run(known)
    own.write(f"update t set {filled} where id = '7'")
    with small_packets(own, mysql_server):
        with pytest.raises(Failure, match=re.escape(said)) as stopped:
            own.run(known)
        with pytest.raises(Failure, match="no hash"):
            own.run(known, full=True)
    assert "max_allowed_packet" in stopped.value.fix
    assert own.run(known).batches[0].verdict == "equal: 2 rows by hash, all by value; 1 repaired"


@pytest.mark.parametrize("kind", ["varchar(9)", "varbinary(9)", "mediumtext", "mediumblob", "json", "point"])
def test_a_row_of_whose_value_the_server_gives_nothing_has_no_hash(own, kind):
    """As MD5 gave NULL in builds for FIPS: not the mark of a NULL, not left out, but no hash at all."""
    own.write(f"create table t (id int primary key, v {kind} null)", "insert into t values (1, null)")
    own.write(f"insert into t values (2, {'point(1, 2)' if kind == 'point' else repr('[1]')})")
    with own.snapshot() as snapshot:
        source = snapshot.tables()["t"]
        given = [contract(column, "t") for column in source.columns]
        nothing = [given[0], replace(given[1], select="if(id = 2, null, `v`)")]
        sums = [snapshot.sums(source, "id", hash_column(one, source.columns).select) for one in (given, nothing)]
    assert sums[0][1] == sums[1][1] and sums[0][2] != (1, 0) and sums[1][2] == (1, 0)


COLUMNS = {
    "a": "int", "b": "int", "t": "varchar(999) collate utf8mb4_bin", "u": "varchar(999) collate utf8mb4_general_ci",
    "v": "varchar(999) character set latin1", "x": "varbinary(99)",
    "m": "mediumtext", "f": "double", "d": "datetime(6)",
}  # fmt: skip
small = st.none() | st.sampled_from(["", " ", "a", "A", "a ", "ab", "ba", "1", "12", "21", "é", "-0", "NULL", "fe"])
wild = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.none() | st.sampled_from([0, 1, 2, 12, 21, -1, -12])
rows = st.tuples(
    numbers, numbers, small | wild, small | wild, small, st.none() | st.binary(max_size=9), small | wild,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.sampled_from(["2021-12-12 00:00:00.000000", "2012-12-21 00:00:00.000000"]),
)  # fmt: skip


def mutants(row: tuple) -> set[tuple]:
    """The row and what is easily confused with it, within the same columns' types."""
    a, b, t, u, v, x, m, f, d = row
    texts = (t, u, m)
    found = {row, (b, a, t, u, v, x, m, f, d), (a, b, u, t, v, x, m, f, d), (a, b, m, t, v, x, u, f, d)}
    for number, text in enumerate(texts):
        for other in _otherwise(text):
            changed = [*texts]
            changed[number] = other
            found.add((a, b, changed[0], changed[1], v, x, changed[2], f, d))
    if t and u is not None:
        found |= {(a, b, t[:-1], t[-1] + u, v, x, m, f, d), (a, b, None, t + u, v, x, m, f, d)}
    found |= {(a, None, t, u, v, x, m, f, d), (None, a, t, u, v, x, m, f, d), (a, b, t, u, v, None, m, f, d)}
    found |= {(a, b, t, u, v, other, m, f, d) for other in (b"", (x or b"")[::-1], (x or b"") + b"\xff", b"\xfe")}
    return found


def _otherwise(text: str | None) -> set[str | None]:
    text = text or ""
    return {None, "", text[::-1], text + " ", " " + text, text.swapcase(), text.encode().hex()}


def inserted(own, table: str, values: list[tuple]) -> None:
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        cursor.executemany(f"insert into {table} values ({', '.join(['%s'] * len(values[0]))})", values)
        connection.commit()


def hashes_without(own, name: str, table: str = "t") -> list[int]:
    """Hashes of the rows over all columns but `name`, in its order."""
    with own.snapshot() as snapshot:
        source = snapshot.tables()[table]
        columns = [column for column in source.columns if column.name != name]
        hashed = hash_column([contract(column, table) for column in columns], columns).select
        sums = snapshot.sums(source, name, hashed)
    return [sums[number][1] for number in sorted(sums)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
@example((1, 12, "follower", "followee", "é", b"\x00\xff", "12", -0.0, None))
def test_rows_have_one_hash_if_and_only_if_they_are_equal(own, row):
    """Mirrored, permuted, moved across a border, in another case, NULL for empty, a blank more: each tells."""
    own.write(
        "drop table if exists t",
        f"create table t (n int primary key, {', '.join(f'{name} {kind} null' for name, kind in COLUMNS.items())})",
    )
    different = sorted(mutants(row), key=repr)
    inserted(own, "t", [(number, *one) for number, one in enumerate(different + different)])
    found = hashes_without(own, "n")
    assert found[: len(different)] == found[len(different) :]
    assert len(set(found)) == len(different) and all(0 <= value < 2**63 for value in found)


def crc_twins() -> tuple[str, str]:
    """Two texts with the same CRC-32 forwards and backwards: a CRC is linear, so some set of changes leaves both."""
    base, sets = bytearray(b"a" * 80), {}
    for place in range(len(base)):
        changes = 1 << place
        found = _crcs(_changed(base, changes)) ^ _crcs(base)
        while found and found.bit_length() in sets:
            other, more = sets[found.bit_length()]
            found, changes = found ^ other, changes ^ more
        if not found:
            return base.decode(), _changed(base, changes).decode()
        sets[found.bit_length()] = (found, changes)
    raise AssertionError("80 changes in 64 bits, and none depends on the others")


def _changed(text: bytearray, changes: int) -> bytearray:
    return bytearray(letter ^ (2 if changes >> place & 1 else 0) for place, letter in enumerate(text))


def _crcs(text: bytearray) -> int:
    return zlib.crc32(text) << 32 | zlib.crc32(text[::-1])


@pytest.mark.parametrize(
    ("columns", "row", "mirrored"),
    [
        ("follower int, followee int, primary key (follower, followee)", "(1, 2)", "(2, 1)"),
        ("user_id int primary key", "(12)", "(21)"),
        ("id int primary key, quantity int, active int", "(1, 12, 1)", "(1, 21, 1)"),
    ],
)
def test_a_row_and_its_mirror_image_are_two(own, columns, row, mirrored):
    """By version 1 of the hash they were one: `extract` brought nothing and `verify` said equal."""
    own.write(f"create table t ({columns})", f"insert into t values {row}")
    known = own.discover()
    own.run(known)
    own.write("delete from t", f"insert into t values {mirrored}")
    assert not finding(own, known=known).equal
    own.run(known)
    assert finding(own, known=known).equal
    names = [part.split()[0] for part in columns.split(", ") if not part.startswith(("primary", "followee)"))]
    assert [list(found) for found in own.live("t", ", ".join(names))] == [json.loads(f"[{mirrored.strip('()')}]")]


def test_two_texts_of_one_crc_are_told_apart(own):
    """By version 1 of the hash they were not: `extract` brought nothing and `verify` said equal."""
    one, other = crc_twins()
    assert one != other and _crcs(bytearray(one.encode())) == _crcs(bytearray(other.encode()))
    own.write("create table t (id int primary key, v varchar(99))", f"insert into t values (1, '{one}')")
    known = own.discover()
    own.run(known)
    own.write(f"update t set v = '{other}'")
    assert own.run(known).batches[0].verdict == "equal: 1 rows by hash, all by value; 1 repaired"
    assert own.live("t", "id, v") == [(1, other)]


def test_all_63_bits_are_used(own):
    own.write("create table t (id int primary key)")
    inserted(own, "t", [(number,) for number in range(200)])
    ones, zeros = 0, 0
    for value in hashes(own):
        ones, zeros = ones | value, zeros | (value ^ (2**63 - 1))
    assert ones == zeros == 2**63 - 1


def test_digits_are_the_number_that_the_server_makes_of_them_or_nothing():
    given = pa.array([b"f" * 16, None, b"0" * 15 + b"3"], pa.binary())
    assert fingerprint.number(given).to_pylist() == [2**63 - 1, None, 1]
    for wrong in (b"g" * 16, b"f" * 15, b""):
        with pytest.raises(pa.ArrowInvalid):
            fingerprint.number(pa.array([wrong, b"0" * 16], pa.binary()))


def test_the_connections_character_set_changes_no_hash(own):
    own.write(
        "create table t (id int primary key, n decimal(9,2), v varchar(9), l varchar(9) character set latin1, d date)",
        "insert into t values (1, 1.50, '김é', 'é', '2026-01-01')",
    )
    with own.snapshot() as snapshot:
        columns = snapshot.tables()["t"].columns
    hashed = hash_column([contract(column, "t") for column in columns], columns).select
    found = set()
    with closing(own.connect(own.source_url)) as connection, connection.cursor() as cursor:
        for names in ("utf8mb4", "utf8mb4 collate utf8mb4_bin", "utf8mb3", "latin1", "euckr", "sjis", "binary"):
            cursor.execute(f"set names {names}")
            cursor.execute(f"select {hashed} from t")
            found.add(int(cursor.fetchone()[0]))
    assert len(found) == 1


def test_a_table_hashed_by_an_earlier_version_is_read_whole_once_and_says_so(own, monkeypatch):
    own.write("create table t (id int primary key, v int)", "insert into t values (1, 1)")
    known = own.discover()
    with monkeypatch.context() as earlier:
        earlier.setattr(fingerprint, "VERSION", 1)
        assert own.run(known).batches[0].hash_version == 1
    found = finding(own, known=known)
    assert (found.equal, found.fix) == (False, "make extract") and "not of version 2" in found.said
    (batch,) = own.run(known).batches
    assert (batch.mode, batch.hash_version) == ("full", 2)
    assert batch.notices == ("t: raw's hashes are not of version 2: the table is read whole, once",)
    (batch,) = own.run(known).batches
    assert (batch.mode, batch.notices) == ("incremental", ())


def test_no_statement_for_mysql_needs_a_function_that_it_has_no_longer():
    """MD5() and SHA1() left MySQL in 9.6, and builds for FIPS refuse them."""
    speak_to_mysql = [*ROOT.glob("loaders/**/*.py"), *ROOT.glob("seeds_generator/*.py"), ROOT / "bench/values.py"]
    assert len(speak_to_mysql) > 50
    for file in speak_to_mysql:
        assert not re.search(r"\b(md5|sha1?)\s*\(", file.read_text(), re.IGNORECASE), file


def test_columns_of_no_width_generated_and_invisible_ones_have_their_part_in_the_hash(own):
    own.write(
        "create table t (id int primary key, a int null, nothing char(0) null, none varbinary(0) null, "
        "double_a int generated always as (a * 2) virtual, unseen int default 7 invisible)",
        "insert into t (id, a, nothing, none) values (1, null, null, null), (2, null, '', null), (3, null, null, '')",
        "insert into t (id, a) values (4, 1), (5, 2)",
        "insert into t (id, unseen) values (6, 8)",
    )
    found = hashes_without(own, "id")
    assert len(set(found)) == 6
    own.write("update t set unseen = 9 where id = 6")
    assert hashes_without(own, "id")[:5] == found[:5] and hashes_without(own, "id")[5] != found[5]


def test_a_vector_arrives_and_is_hashed(own):
    own.write("create table t (id int primary key, v vector(3) null)")
    own.write("insert into t values (1, null), (2, to_vector('[1, -0.5, 3e9]'))")
    own.run()
    assert own.live("t", "id, v") == [(1, None), (2, struct.pack("<3f", 1, -0.5, 3e9))]
    assert finding(own, deep=True).equal and len(set(hashes_without(own, "id"))) == 2
