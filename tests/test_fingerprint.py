"""The hash tells rows apart that are easily confused, for every type there is."""

import pytest

from loaders.errors import Failure
from loaders.proof.fingerprint import hash_column
from loaders.type_contract import contract
from tests.own_database import sequence
from tests.test_type_matrix import BINARY, MARIADB_ONLY, MATRIX


def hashes(own, table: str = "t") -> list[int]:
    """Every row's hash, in the order of the column `id`."""
    with own.snapshot() as snapshot:
        source = snapshot.tables()[table]
        hashed = hash_column([contract(column, table) for column in source.columns], source.columns).select
        sums = snapshot.sums(source, "id", hashed)
    assert all(rows == 1 for rows, _total in sums.values())
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
        own.write(f"create or replace table t (id int, a {kind} null, b {kind} null)")
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
    """CRCs are linear: the same change at the same place changes two CRCs by the same bits."""
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


def test_a_row_longer_than_a_packet_is_refused_and_never_without_a_hash(own, mysql_server):
    texts = ", ".join(f"c{number} text" for number in range(40))
    own.write(f"create table t (id int primary key, {texts})")
    own.write(f"insert into t values (1{', repeat(char(120), 65535)' * 40})")
    own.discover()
    with own.connect(mysql_server.url("root", "mysql")) as connection, connection.cursor() as cursor:
        cursor.execute("select @@global.max_allowed_packet")
        ((usual,),) = cursor.fetchall()
        cursor.execute("set global max_allowed_packet = 2097152")
        try:
            with pytest.raises(Failure, match=r"t: the server gave 1 rows no hash.*max_allowed_packet"):
                own.extract()
        finally:
            cursor.execute(f"set global max_allowed_packet = {usual}")
    assert own.extract().batches[0].rows == 1
