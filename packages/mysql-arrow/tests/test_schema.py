"""The types of an answer are the server's own description of it, and every value of every type is exact in them."""

from contextlib import closing

import duckdb
import pyarrow as pa
import pytest
from pymysql import MySQLError, NotSupportedError

import mysql_arrow
from mysql_arrow import printed

# Column type -> Arrow type, values as SQL, and what they are as Python's.
TYPES = {
    "tinyint": (pa.int8(), "-128", -128),
    "tinyint unsigned": (pa.uint8(), "255", 255),
    "smallint unsigned zerofill": (pa.uint16(), "7", 7),
    "mediumint": (pa.int32(), "-8388608", -8388608),
    "int unsigned": (pa.uint32(), "4294967295", 4294967295),
    "bigint": (pa.int64(), "-9223372036854775808", -(2**63)),
    "bigint unsigned": (pa.uint64(), "18446744073709551615", 2**64 - 1),
    "year": (pa.uint16(), "2155", 2155),
    "bit(1)": (pa.uint64(), "b'1'", 1),
    "bit(12)": (pa.uint64(), "b'100000000001'", 2049),
    "bit(64)": (pa.uint64(), "x'FFFFFFFFFFFFFFFE'", 2**64 - 2),
    "decimal(5,2)": (pa.decimal128(5, 2), "-999.99", "-999.99"),
    "decimal(38,0) unsigned": (pa.decimal128(38, 0), "9" * 38, "9" * 38),
    "decimal(65,30)": (pa.decimal256(65, 30), "-" + "9" * 35 + "." + "9" * 30, "-" + "9" * 35 + "." + "9" * 30),
    "double": (pa.float64(), "-1.7976931348623157e308", -1.7976931348623157e308),
    "date": (pa.date32(), "'9999-12-31'", "9999-12-31"),
    "datetime(6)": (pa.timestamp("us"), "'1000-01-01 00:00:00.000001'", "1000-01-01 00:00:00.000001"),
    "datetime": (pa.timestamp("us"), "'2026-01-02 03:04:05'", "2026-01-02 03:04:05"),
    "time(3)": (pa.string(), "'-838:59:58.999'", "-838:59:58.999"),
    "char(3)": (pa.string(), "'김'", "김"),
    "longtext": (pa.string(), "'😍\\0'", "😍\0"),
    "enum('a','b')": (pa.string(), "'b'", "b"),
    "varbinary(9)": (pa.binary(), "x'00ff'", b"\0\xff"),
    "longblob": (pa.binary(), "x''", b""),
    "point": (pa.binary(), "point(1, 2)", bytes.fromhex("000000000101000000000000000000f03f0000000000000040")),
}


@pytest.fixture(scope="module")
def table(module_own):
    columns = ", ".join(f"c{place} {kind}" for place, kind in enumerate(TYPES))
    module_own.write(
        f"create table t ({columns})",
        f"insert into t values ({', '.join(sql for _arrow, sql, _value in TYPES.values())})",
        f"insert into t values ({', '.join(['null'] * len(TYPES))})",
    )
    with closing(module_own.connect(module_own.source_url)) as connection:
        yield connection


def test_every_type_is_exact_in_the_type_that_the_server_describes(table):
    found = mysql_arrow.read(table, "select * from t").read_all()
    assert found.schema.types == [arrow for arrow, _sql, _value in TYPES.values()]
    assert mysql_arrow.schema_of(table, "select * from t") == found.schema
    for column, (kind, (_arrow, _sql, expected)) in zip(found.columns, TYPES.items(), strict=True):
        value, null = column.to_pylist()
        assert (value if type(value) is type(expected) else str(value)) == expected and null is None, kind


def test_what_is_prepared_is_not_run_and_the_connection_goes_on(table):
    assert mysql_arrow.schema_of(table, "select sleep(100) as a, null as b").names == ["a", "b"]
    assert mysql_arrow.read(table, "select 1 as one union all select null").read_all().to_pydict() == {"one": [1, None]}


@pytest.mark.parametrize("expression", ["cast(1 as float)", "f", "d"])
def test_what_is_printed_inexactly_is_refused_by_name_and_as_the_message_says_it_is_exact(own, expression):
    own.write("create table t (f float, d double(10,2))", "insert into t values (16777217.3, 0.1)")
    with closing(own.connect(own.source_url)) as connection:
        for ask in (mysql_arrow.schema_of, mysql_arrow.read):
            if not connection.open:
                connection.connect()
            with pytest.raises(NotSupportedError, match=r"select it `\* 1e0`"):
                ask(connection, f"select {expression} as v from t")
        if not connection.open:
            connection.connect()
        (row,) = mysql_arrow.read(connection, "select f * 1e0 as f, d * 1e0 as d from t").read_all().to_pylist()
        assert row == {"f": 16777218.0, "d": 0.1}


@pytest.mark.parametrize("query", ["do 1", "selec 1", "select ?", "insert into t values ()"])
def test_a_statement_without_rows_has_no_schema(own, query):
    own.write("create table t (a int)")
    with closing(own.connect(own.shop_url)) as connection, pytest.raises(MySQLError):
        mysql_arrow.schema_of(connection, query)
    with closing(own.connect(own.shop_url)) as connection:
        assert mysql_arrow.read(connection, "select a from t").read_all().num_rows == 0


def test_a_value_without_a_home_is_a_failure_and_no_null(own):
    own.write("create table t (d date)", "insert into t values ('2026-01-01')", "set sql_mode = ''")
    with closing(own.connect(own.shop_url)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("set session sql_mode = ''")
            cursor.execute("insert into t values ('0000-00-00')")
        with pytest.raises(pa.ArrowInvalid, match="0000-00-00"):
            mysql_arrow.read(connection, "select d from t").read_all()


def test_duckdb_takes_the_stream_as_it_comes(table):
    with duckdb.connect() as warehouse:
        warehouse.register("stream", mysql_arrow.read(table, "select c5 as n from t"))
        assert warehouse.sql("select min(n) from stream").fetchall() == [(-(2**63),)]


def test_a_reader_that_is_closed_early_closes_its_connection(own):
    own.write(
        "create table t (a longtext)",
        "insert into t select repeat('x', 1000000) from information_schema.columns limit 40",
    )
    connection = own.connect(own.source_url)
    with mysql_arrow.read(connection, "select a from t") as reader:
        next(iter(reader))
    del reader
    assert not connection.open


@pytest.mark.parametrize("values", [[None, None], [b"\x01\x00", None, b"\xff\xff"], []])
def test_bits_of_slices_keep_their_place(values):
    array = pa.array([b"zz", *values], pa.binary()).slice(1)
    expected = [None if value is None else int.from_bytes(value, "big") for value in values]
    assert printed.bits(array).to_pylist() == expected
