"""`verify --against`: tables that somebody else filled, in DuckDB; what differs is named, and what was not compared."""

import duckdb
import pytest

from loaders.proof import replica
from loaders.proof.verify import Finding
from loaders.run.match_catalog import match
from tests.own_database import watch
from tests.test_verify import told

SOURCE = (
    "create table T (Id int primary key, Name varchar(20), code char(5), price decimal(10,4), placed datetime(6), "
    "seen timestamp(6) null, day date, note longtext, doc json, flag tinyint(1), ratio double, pic blob)",
    "insert into T values (1, 'Kim', 'ab', 1.2345, '2026-01-02 03:04:05.678901', '2026-01-02 03:04:05', '2026-01-02', "
    "repeat('x', 70000), '{\"b\": 1, \"a\": [1, 2]}', 1, 0.1, x'00ff'), "
    "(2, '', 'ab', 0, null, null, null, null, null, 0, -0.5, null), "
    "(3, 'ö ', 'z', -7.5, '2026-01-01', '2026-01-01', '2026-01-01', '', 'null', null, null, '')",
)
# As such tools hold it: lower case, a column of their own, other integers; SUPER is a STRUCT here.
TYPES = {
    "id": "bigint", "name": "varchar", "code": "varchar", "price": "decimal(18,4)", "placed": "timestamp",
    "seen": "timestamptz", "day": "date", "note": "varchar", "flag": "boolean", "ratio": "double", "pic": "blob",
    "doc": "varchar", "padb_internal_txn_seq_col": "bigint",
}  # fmt: skip


@pytest.fixture
def copied(own):
    own.write("set time_zone = '+00:00'", *SOURCE)
    with own.snapshot() as snapshot:
        (table,) = snapshot.tables().values()
        names = [name for name in TYPES if name in {column.name.lower() for column in table.columns}]
        with snapshot.connection.cursor() as cursor:
            cursor.execute(f"select {', '.join(f'`{name}`' for name in names)} from `{table.name}`")
            rows = [
                [each.decode() if isinstance(each, bytes) and name != "pic" else each for name, each in pairs]
                for pairs in (list(zip(names, row, strict=True)) for row in cursor.fetchall())
            ]
    with duckdb.connect(own.warehouse_path) as connection:
        connection.execute("set timezone = 'UTC'; create schema replica")
        connection.execute(f"create table replica.t ({', '.join(f'{name} {kind}' for name, kind in TYPES.items())})")
        for row in rows:
            connection.execute(f"insert into replica.t values ({'?, ' * len(row)} 7)", row)
    return own


def finding(own, deep=True, schema="replica") -> Finding:
    known = own.discover()
    with own.opened("raw_own") as warehouse, own.snapshot() as snapshot:
        ((table, source),) = match(known, snapshot)
        return replica.finding(table, source, replica.Ends(snapshot, warehouse, schema, watch), deep)


def changed(own, *statements: str) -> None:
    with duckdb.connect(own.warehouse_path) as connection:
        connection.execute("set timezone = 'UTC'")
        for statement in statements:
            connection.execute(statement)


def test_a_true_replica_is_equal_by_every_value_and_says_what_was_compared(copied):
    found = finding(copied)
    assert (found.equal, found.rows, found.details) == (True, 3, []), found
    assert found.said == (
        "no difference, 3 rows there; compared: rows, keys, every value of 12 of 12 columns; "
        "only there: padb_internal_txn_seq_col"
    )
    shallow = finding(copied, deep=False)
    assert shallow.equal is None and "compared: rows, keys, no other value" in shallow.said


CHANGES = {
    "name": ("'kim'", "Name is 'Kim' at the source, 'kim' here"),
    "code": ("'ab   '", "code is 'ab' at the source, 'ab   ' here"),
    "price": ("1.23", "price is '1.2345' at the source, '1.2300' here"),
    "placed": ("date_trunc('second', placed)", "05.678901' at the source, '2026-01-02 03:04:05.000000' here"),
    "seen": ("seen + interval 9 hour", "'2026-01-02 12:04:05.000000' here"),
    "day": ("null", "day is '2026-01-02' at the source, NULL here"),
    "note": ("left(note, 65535)", "70000 bytes"),
    "flag": ("false", "flag is '1' at the source, '0' here"),
    "ratio": ("0.1::float", "ratio is '0.1' at the source, '0.10000000149"),
    "pic": ("'\\x00'::blob", "pic is '00FF… (2 bytes"),
    "doc": ("'{}'", "doc is "),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_planted_difference_of_each_kind_is_named_with_both_values(copied, column):
    value, told = CHANGES[column]
    changed(copied, f"update replica.t set {column} = {value} where id = 1")
    found = finding(copied)
    assert found.equal is False and found.said.startswith("DIFFERENT") and len(found.details) == 2
    assert "Id=1: " in found.details[1] and told in found.details[1]
    assert finding(copied, deep=False).equal is None, "keys alone do not show it"


@pytest.mark.parametrize("deep", [False, True])
def test_rows_that_are_missing_too_many_or_there_twice_are_named_by_key(copied, deep):
    changed(
        copied, "delete from replica.t where id = 2", "insert into replica.t (id) values (9)",
        "insert into replica.t select * from replica.t where id = 3",
    )  # fmt: skip
    found = finding(copied, deep)
    assert not found.equal and (found.rows, found.said.split(";")[0]) == (3, "DIFFERENT, 4 rows there")
    assert found.details == ["only at the source: 1:", "  Id=2", "only here: 2:", "  Id=3", "  Id=9"]


UNLIKE = {
    "a moment without a zone as one with a zone": ("placed", "timestamptz", "timestamp with time zone there"),
    "JSON as a nested value": ("doc", "struct(a integer[])", "STRUCT"),
    "a decimal as a double": ("price", "double", "decimal(10,4) at the source, double there"),
    "a date as a moment": ("day", "timestamp", "date at the source, timestamp there"),
    "bytes as a text": ("pic", "varchar", "blob at the source, varchar there"),
}


@pytest.mark.parametrize("kind", UNLIKE)
def test_what_a_type_cannot_say_is_not_compared_and_never_equal(copied, kind):
    column, data_type, told = UNLIKE[kind]
    changed(copied, f"alter table replica.t drop {column}", f"alter table replica.t add {column} {data_type}")
    found = finding(copied)
    assert found.equal is False and found.details == [] and "11 of 12 columns; not compared: " in found.said
    assert told.lower() in found.said.lower()


def test_a_column_table_or_key_that_is_absent_is_said(copied):
    changed(copied, "alter table replica.t drop note")
    found = finding(copied)
    assert found.equal is False and "not compared: note (longtext at the source, absent there)" in found.said
    changed(copied, "alter table replica.t drop id")
    found = finding(copied)
    assert not found.equal and "the number of rows alone, because the key Id cannot be compared" in found.said
    assert (finding(copied, schema="nowhere").equal, finding(copied, schema="nowhere").said) == (
        False, "is not in nowhere",
    )  # fmt: skip


def test_rows_that_a_replica_keeps_and_marks_as_gone_are_left_out_and_said(copied):
    changed(
        copied, "alter table replica.t add _record_is_active boolean default true",
        "insert into replica.t (id, name, _record_is_active) values (1, 'earlier', false)",
    )  # fmt: skip
    found = finding(copied)
    assert found.equal and "rows that _record_is_active marks as gone left out" in found.said


def test_the_command_says_what_was_compared_and_ends_with_1_where_anything_was_not(copied):
    copied.discover()
    verify = ("verify", "--catalog", str(copied.catalog_file), "--against", "replica")
    said = told(copied, *verify)
    assert "no difference, 3 rows there; compared: rows, keys, no other value" in said
    assert said.splitlines()[-1] == "the same rows by key; values not compared: --deep does"
    assert '"equal": false' in told(copied, *verify, "--json")
    assert told(copied, *verify, "--deep").splitlines()[-1] == "equal"
    changed(copied, "update replica.t set name = 'kim' where id = 1", "alter table replica.t drop doc")
    said = told(copied, *verify, "--deep", code=1)
    assert "Id=1: Name is 'Kim' at the source, 'kim' here" in said and "not compared: doc (" in said
    assert said.splitlines()[-1] == "NOT EQUAL: T"
