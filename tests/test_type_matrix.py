"""Every MySQL and MariaDB type, value by value: what the server prints is what DuckDB's raw holds in the end."""

import datetime
import struct
from contextlib import closing
from decimal import Decimal

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.words import catalog

TEXT = ["''", "'NULL'", "'\\\\N'", "' a '", "'a\\tb\\nc\\rd'", "'\"q\"'", "'it''s'", "'\\\\'", "'김민준'", "'é'"]
WIDE = [*TEXT, "'a\\0b'", "'😀 👩‍👩‍👧'", "repeat('😀', 250)"]


def text(server: str) -> str:
    return server


def moment(server: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(server.partition(".")[0]) + datetime.timedelta(
        microseconds=int(server.partition(".")[2].ljust(6, "0") or 0)
    )


# name -> (column type, SQL literals, how the server's print of a value becomes Python's)
MATRIX = {
    "tinyint": ("tinyint", ["-128", "127", "0"], int),
    "tinyint unsigned": ("tinyint unsigned", ["0", "255"], int),
    "bool keeps 2": ("tinyint(1)", ["0", "1", "2", "-1"], int),
    "bool": ("bool", ["true", "false"], int),
    "smallint": ("smallint", ["-32768", "32767"], int),
    "smallint unsigned": ("smallint unsigned", ["65535"], int),
    "mediumint": ("mediumint", ["-8388608", "8388607"], int),
    "mediumint unsigned": ("mediumint unsigned", ["16777215"], int),
    "int": ("int", ["-2147483648", "2147483647"], int),
    "int unsigned": ("int unsigned", ["4294967295"], int),
    "int zerofill": ("int(8) zerofill", ["7"], int),
    "bigint": ("bigint", ["-9223372036854775808", "9223372036854775807"], int),
    "bigint unsigned": ("bigint unsigned", ["0", "18446744073709551615"], int),
    "year": ("year", ["1901", "2155", "'0000'"], int),
    "decimal": ("decimal(10,2)", ["0.00", "-99999999.99", "99999999.99", "1.10", "-0.01"], Decimal),
    "decimal without places": ("decimal(38,0)", ["99999999999999999999999999999999999999"], Decimal),
    "decimal all places": ("decimal(30,30)", ["0.000000000000000000000000000001"], Decimal),
    "decimal unsigned": ("decimal(5,1) unsigned", ["9999.9"], Decimal),
    "decimal of 65 digits that fits": ("decimal(65,30)", ["12345678.000000000000000000000000000001", "-1"], Decimal),
    "double": (
        "double",
        ["0.1", "-1e308", "4.9e-324", "2.2250738585072014e-308", "1e0/3", "123456789.123456789"],
        float,
    ),
    "char": ("char(20)", TEXT, text),
    "varchar": ("varchar(250)", WIDE, text),
    "tinytext": ("tinytext", TEXT, text),
    "text": ("text", [*WIDE, "repeat('x', 65535)"], text),
    "mediumtext": ("mediumtext", [*WIDE, "repeat('é', 100000)"], text),
    "longtext": ("longtext", [*WIDE, "repeat('y', 300000)"], text),
    "latin1": ("varchar(20) character set latin1", ["'é€'", "'ÿ'", "''"], text),
    "ascii": ("varchar(20) character set ascii", ["'~'"], text),
    "utf8mb3": ("varchar(20) character set utf8mb3", ["'김'"], text),
    "utf16": ("varchar(20) character set utf16", ["'김😀'"], text),
    "utf32": ("varchar(20) character set utf32", ["'김😀'"], text),
    "ucs2": ("varchar(20) character set ucs2", ["'김'"], text),
    "euckr": ("varchar(20) character set euckr", ["'김민준'"], text),
    "sjis": ("varchar(20) character set sjis", ["'日本'"], text),
    "gbk": ("varchar(20) character set gbk", ["'中文'"], text),
    "big5": ("varchar(20) character set big5", ["'中文'"], text),
    "binary collation": ("varchar(20) collate utf8mb4_bin", ["'a'", "'A'"], text),
    "enum": ("enum('a','b c','김','')", ["'a'", "'b c'", "'김'", "''"], text),
    "set": ("set('x','y','z')", ["''", "'x'", "'x,z'", "'x,y,z'"], text),
    "json": ("json", ['\'{"b": 1, "a": [1.0, null, "김"]}\'', "'\"text\"'", "'18446744073709551615'"], text),
    "date": ("date", ["'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "'0001-01-01'"], datetime.date.fromisoformat),
    "datetime": ("datetime", ["'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'"], moment),
    "datetime(3)": ("datetime(3)", ["'2024-02-29 23:59:59.999'", "'2024-02-29 00:00:00'"], moment),
    "datetime(6)": ("datetime(6)", ["'9999-12-31 23:59:59.999999'", "'2024-01-01 00:00:00.000001'"], moment),
    "timestamp": ("timestamp null", ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"], moment),
    "timestamp(6)": ("timestamp(6) null", ["'2024-10-27 01:30:00.123456'"], moment),
    "time": ("time", ["'-838:59:59'", "'838:59:59'", "'00:00:00'", "'23:59:59'"], text),
    "time(6)": ("time(6)", ["'-838:59:58.999999'", "'-00:00:00.000001'", "'25:00:00.5'"], text),
}

BINARY = {
    "binary": ("binary(5)", ["''", "x'0001'", "x'ff00ff00ff'"]),
    "varbinary": ("varbinary(300)", ["''", "x'00'", "x'ffd8ffe0'", "repeat(x'00', 300)"]),
    "tinyblob": ("tinyblob", ["''", "x'0d0a09'"]),
    "blob": ("blob", ["''", "repeat(x'ff', 65535)"]),
    "mediumblob": ("mediumblob", ["repeat(x'00ff', 50000)"]),
    "longblob": ("longblob", ["x'89504e470d0a1a0a'"]),
    "geometry": ("geometry", ["st_geomfromtext('point(1 2)')", "st_geomfromtext('point(1 2)', 4326)"]),
    "point": ("point", ["st_geomfromtext('point(-1.5 2.25)')"]),
    "polygon": ("polygon", ["st_geomfromtext('polygon((0 0, 1 0, 1 1, 0 0))')"]),
}

MARIADB_ONLY = {
    "uuid": ("uuid", ["'123e4567-e89b-12d3-a456-426655440000'"], text),
    "inet6": ("inet6", ["'::1'", "'2001:db8::ff00:42:8329'"], text),
    "inet4": ("inet4", ["'255.255.255.255'"], text),
    "compressed": ("varchar(300) compressed", ["repeat('김', 100)"], text),
}


def is_mariadb(own) -> bool:
    with own.snapshot() as snapshot:
        return "MariaDB" in snapshot.server_version


def filled(own, kind: str, literals: list[str]) -> None:
    own.write(
        f"create table t (id int primary key, v {kind} null)",
        "set sql_mode = ''",
        *(f"insert into t values ({number}, {literal})" for number, literal in enumerate(["null", *literals])),
    )


def printed(own, expression: str) -> dict[int, str | None]:
    """What the server itself prints, asked by a plain connection in UTF-8 and UTC."""
    with closing(own.connect(own.source_url)) as connection, connection.cursor() as cursor:
        cursor.execute("set time_zone = '+00:00'")
        cursor.execute(f"select id, hex({expression}) from t")
        return dict(cursor.fetchall())


def arrived(own) -> dict:
    own.extract()
    own.load()
    return dict(own.raw("t", "id, v"))


@pytest.mark.parametrize("name", [*MATRIX, *MARIADB_ONLY])
def test_a_value_arrives_as_the_server_prints_it(own, name):
    kind, literals, python = (MATRIX | MARIADB_ONLY)[name]
    filled(own, kind, literals)
    expected = {
        number: None if value is None else python(bytes.fromhex(value).decode())
        for number, value in printed(own, "cast(v as char character set utf8mb4)").items()
    }
    assert len(expected) == len(literals) + 1
    assert arrived(own) == expected


@pytest.mark.parametrize("name", BINARY)
def test_bytes_arrive_as_they_are(own, name):
    kind, literals = BINARY[name]
    filled(own, kind, literals)
    expected = {n: None if value is None else bytes.fromhex(value) for n, value in printed(own, "v").items()}
    assert arrived(own) == expected


def test_bits_arrive_as_whole_numbers(own):
    filled(own, "bit(64)", ["b'0'", "b'1'", "18446744073709551615"])
    assert arrived(own) == {0: None, 1: 0, 2: 1, 3: 18446744073709551615}


@pytest.mark.parametrize("width", [1, 8, 63])
def test_narrower_bits_too(own, width):
    filled(own, f"bit({width})", ["b'0'", str(2**width - 1)])
    assert arrived(own) == {0: None, 1: 0, 2: 2**width - 1}


def bits(form: str, values: dict[int, str | float | None]) -> dict[int, bytes | None]:
    return {number: None if value is None else struct.pack(form, float(value)) for number, value in values.items()}


def floats_arrived(own) -> dict[int, str | None]:
    """In DuckDB's own digits, which are exact: its `order by all` would make 0.0 of -0.0."""
    own.run()
    return dict(own.raw("t", "id, cast(v as varchar)"))


@pytest.mark.parametrize(
    ("kind", "form", "patterns"),
    [
        ("float", "I", [1, 0x7FFFFF, 0x800000, 0x3DCCCCCD, 0x4B800001, 0x7F7FFFFF, 0x80000000, 0xC0490FDB]),
        ("double", "Q", [1, (1 << 52) - 1, 1 << 52, 0x3FB999999999999A, 0x7FEFFFFFFFFFFFFF, 1 << 63, (1 << 62) + 1]),
    ],
)
def test_every_bit_of_a_float_arrives(own, server_kind, kind, form, patterns):
    """MySQL prints a FLOAT with six digits; that is not what it holds. MariaDB takes -0.0 for 0.0, MySQL does not."""
    small = kind[0]
    values = [struct.unpack(f"<{small}", struct.pack(f"<{form}", pattern))[0] for pattern in patterns]
    filled(own, kind, [repr(value) + "e0" if "e" not in repr(value) else repr(value) for value in values])
    held = [0.0 if value == 0 and server_kind == "mariadb" else value for value in values]
    assert bits(small, floats_arrived(own)) == bits(small, dict(enumerate([None, *held])))


@pytest.mark.parametrize("kind", ["double(8,2)", "float(8,2)"])
def test_every_bit_of_a_float_that_is_shown_rounded_arrives(own, kind):
    """Of 1.57 the server keeps what its own rounding to two places makes, and prints 1.57."""
    filled(own, kind, ["1.57", "999999.99", "-0.01", "33333.335"])
    small = kind[0]
    with closing(own.connect(own.source_url)) as connection, connection.cursor() as cursor:
        cursor.execute("select id, v * 1e0 from t")
        held = bits(small, dict(cursor.fetchall()))
    assert bits(small, floats_arrived(own)) == held
    assert held[1] == struct.pack(small, 1.5699999999999998 if small == "d" else 1.5700000524520874)


def test_a_timestamp_is_utc_whatever_zone_server_and_session_had(own, mysql_server):
    own.write(
        "create table t (id int primary key, v timestamp(6) null, d datetime null)",
        "set time_zone = '-05:00'",
        "insert into t values (1, '2024-03-10 02:30:00.5', '2024-03-10 02:30:00')",
    )
    own.extract()
    own.load()
    assert own.raw("t", "id, v, d") == [
        (1, datetime.datetime(2024, 3, 10, 7, 30, 0, 500000), datetime.datetime(2024, 3, 10, 2, 30))
    ]


@pytest.mark.parametrize(
    ("kind", "literal", "shown"),
    [
        ("date", "'0000-00-00'", "0000-00-00"),
        ("date", "'2021-00-00'", "2021-00-00"),
        ("datetime(6)", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00.000000"),
        ("timestamp null", "'0000-00-00 00:00:00'", "0000-00-00 00:00:00"),
        ("decimal(65,30)", "123456789.5", "123456789.500000000000000000000000000000"),
        ("decimal(65,0)", str(2**128 + 1), str(2**128 + 1)),
        ("decimal(38,38)", "0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"),
    ],
)
def test_a_value_without_an_exact_home_stops_the_run_or_becomes_null_and_is_counted(own, kind, literal, shown):
    filled(own, kind, [literal])
    with pytest.raises(Failure) as caught:
        own.extract()
    assert f"t.v: the value {shown} of the row id=1 has no exact home" in caught.value.problem
    assert "on_invalid" in caught.value.fix and "`as: text`" in caught.value.fix
    assert own.extract(invalid_to_null=True).batches[0].invalid == {"v": 1}
    own.load()
    assert own.raw("t", "id, v") == [(0, None), (1, None)]


@pytest.mark.parametrize(
    ("charset", "lost", "kept"),
    [("euckr", "C9A1", "김?？"), ("sjis", "F040", "日本?"), ("gbk", "FEFE", "中文?"), ("hebrew", "BF", "א?")],
)
def test_a_character_that_unicode_has_not_is_refused_and_never_a_question_mark(own, charset, lost, kept):
    own.write(
        f"create table t (id int primary key, v varchar(20) character set {charset}, "
        f"w mediumtext character set {charset})",
        f"insert into t values (1, '{kept}', '{kept}'), (2, '?', '?')",
    )
    own.run()
    assert own.live("t", "id, v, w") == [(1, kept, kept), (2, "?", "?")]
    for column in "vw":
        own.write(f"update t set {column} = cast(x'3f{lost}' as binary) where id = 2")
        with pytest.raises(Failure, match=rf"t.{column}: the value 0xf8.* of the row id=2 has no exact home"):
            own.run()
        own.write(f"update t set {column} = '?' where id = 2")
    own.run()


def test_bytes_that_are_no_ascii_are_refused_and_never_question_marks(own, server_kind):
    """MariaDB lets them into such a column; MySQL does not."""
    own.write("create table t (id int primary key, v varbinary(9))", "insert into t values (1, x'E980')")
    alter = "alter table t modify v varchar(9) character set ascii"
    if server_kind == "mysql":
        with pytest.raises(pymysql.MySQLError, match="1366"):
            own.write(alter)
        return
    own.write(alter)
    with pytest.raises(Failure, match=r"t\.v: the value 0xf8.* of the row id=1 has no exact home"):
        own.run()


WITHOUT_HOME = {
    "decimal(65,30)": ["1234567890.123450000000000000000000000000", "-0.000000000000000000000000000001"],
    "decimal(65,0)": [str(2**128 + 1), "9" * 65, "-" + "9" * 65],
    "date": ["0000-00-00", "2021-00-00", "2021-02-30", "9999-12-31"],
    "datetime(6)": ["0000-00-00 00:00:00.000000", "2021-02-30 00:00:00.000001"],
    "timestamp null": ["0000-00-00 00:00:00", "2024-01-01 00:00:00"],
}


@pytest.mark.parametrize("kind", WITHOUT_HOME)
def test_a_column_read_as_text_is_exact_where_no_other_type_is(own, kind):
    own.write(
        f"create table t (id int primary key, v {kind})",
        "set sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'",
        *(f"insert into t values ({number}, '{value}')" for number, value in enumerate(WITHOUT_HOME[kind])),
        "insert into t values (99, null)",
    )
    own.discover()
    text = own.catalog_file.read_text() + "    columns: [{name: v, config: {meta: {as: text}}}]\n"
    own.catalog_file.write_text(text, encoding="utf-8")
    known = catalog.read(own.catalog_file)
    own.run(known)
    assert own.raw("t", "id, v") == [*enumerate(WITHOUT_HOME[kind]), (99, None)]
    own.write("update t set v = null where id = 0", "delete from t where id = 1")
    assert (
        own.run(known).batches[0].verdict
        == f"equal: {len(WITHOUT_HOME[kind])} rows by hash, all by value; 1 repaired; 1 gone"
    )
    assert own.live("t", "id, v") == [(0, None), *[*enumerate(WITHOUT_HOME[kind])][2:], (99, None)]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ("id int primary key, v double", "t.v is double, which is not read `as: text`"),
        ("id int, v decimal(65,30) primary key", "t.v is read `as: text`, and belongs to the key"),
    ],
)
def test_what_cannot_be_read_as_text_is_named(own, columns, problem):
    own.write(f"create table t ({columns})")
    own.discover()
    text = own.catalog_file.read_text() + "    columns: [{name: v, config: {meta: {as: text}}}]\n"
    own.catalog_file.write_text(text, encoding="utf-8")
    with pytest.raises(Failure) as caught:
        own.run(catalog.read(own.catalog_file))
    assert problem in caught.value.problem and "take `as: text`" in caught.value.fix


def test_impossible_dates_that_a_lax_server_kept_are_refused(own):
    own.write(
        "create table t (id int primary key, v date)",
        "set sql_mode = 'ALLOW_INVALID_DATES'",
        "insert into t values (1, '2021-02-31')",
    )
    with pytest.raises(Failure, match="2021-02-31 of the row id=1"):
        own.extract()


def test_a_composite_key_is_named_whole(own):
    own.write(
        "create table t (a int, b varchar(9), v date, primary key (a, b))",
        "set sql_mode = ''",
        "insert into t values (1, 'ok', '2021-01-01'), (2, '김', '0000-00-00')",
    )
    with pytest.raises(Failure, match=r"of the row a=2, b=김"):
        own.extract()


def test_a_value_of_more_than_16_megabytes_arrives(own):
    """One packet of the protocol holds 16 MB less a byte; longer values come in several."""
    own.write("create table t (id int primary key, v longblob)", "insert into t values (1, repeat(x'ab', 17000000))")
    own.extract()
    own.load()
    assert own.raw("t", "id, octet_length(v), md5(v) = md5(repeat('\\xAB'::blob, 17000000))") == [(1, 17_000_000, True)]


any_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
rows = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.integers(0, 2**64 - 1),
        st.none() | st.decimals(-(10**20), 10**20, places=6, allow_nan=False, allow_infinity=False),
        st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64),
        st.none() | any_text,
        st.none() | st.binary(max_size=40),
        st.none() | st.dates(datetime.date(1, 1, 1), datetime.date(9999, 12, 31)),
        st.none() | st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ),
    max_size=12,
)


def inserted(own, values: list[tuple]) -> tuple[list[str], list[tuple]]:
    """Make the table `t` anew with these rows, numbered; its columns' names and the rows as they went in."""
    kinds = (
        "bigint", "bigint unsigned", "decimal(30,6)", "double", "longtext", "longblob", "date", "datetime(6)",
    )  # fmt: skip
    names = [f"c{number}" for number in range(len(kinds))]
    own.write(
        "drop table if exists t",
        f"create table t (id int primary key, {', '.join(f'{n} {k}' for n, k in zip(names, kinds, strict=True))})",
    )
    numbered = [(number, *row) for number, row in enumerate(values)]
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        marks = ", ".join(["%s"] * (len(kinds) + 1))
        for row in numbered:
            cursor.execute(f"insert into {mysql_name('t')} values ({marks})", row)
        connection.commit()
    return names, numbered


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_random_rows_make_the_round_trip(own, values):
    names, numbered = inserted(own, values)
    own.run()
    assert own.live("t", f"id, {', '.join(names)}") == numbered
