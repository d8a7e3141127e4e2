"""The type contract as a table, and how it judges single values."""

import datetime
import decimal
import re

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.types.decoding import decode
from loaders.types.type_contract import SourceColumn, contract
from mysql_arrow.printed import cast

DOCUMENTED = re.findall(
    r"^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs/types.md").read_text(), re.MULTILINE
)
OCTETS = {"longblob": 2**32 - 1}
CHARACTERS = {"text": 65_535, "longtext": 2**32 - 1, "json": 2**32 - 1, "enum('a','b')": 1, "set('x','y')": 3}


def described(column_type: str) -> SourceColumn:
    """A column of this type as INFORMATION_SCHEMA would describe it."""
    kind = re.match(r"[a-z0-9]+", column_type).group()
    sizes = [int(size) for size in re.findall(r"\d+", column_type.partition("(")[2])]
    first, second = (*sizes, None, None)[:2]
    return SourceColumn(
        "v",
        kind,
        column_type,
        characters=CHARACTERS.get(column_type, first),
        octets=OCTETS.get(column_type, first),
        precision=first,
        scale=second,
        character_set="utf8mb4",
    )


def column(column_type: str):
    return contract(described(column_type), "t")


@pytest.mark.parametrize(("mysql", "arrow", "duckdb", "redshift"), DOCUMENTED, ids=[row[0] for row in DOCUMENTED])
def test_the_documented_table_is_the_contract(mysql, arrow, duckdb, redshift):
    found = column(mysql)
    assert (str(found.arrow), found.duckdb, found.redshift) == (arrow, duckdb, redshift)


def test_the_table_covers_every_kind():
    assert len(DOCUMENTED) > 30


@pytest.mark.parametrize(
    ("charset", "width"), [("ascii", 10), ("latin1", 30), ("utf8mb3", 30), ("utf8mb4", 40), ("gbk", 40)]
)
def test_redshift_widths_are_bytes(charset, width):
    given_column = SourceColumn("v", "varchar", "varchar(10)", characters=10, character_set=charset)
    assert contract(given_column, "t").redshift == f"VARCHAR({width})"


def test_an_unknown_type_is_named():
    with pytest.raises(Failure, match=r"t\.v has the type xmltype"):
        column("xmltype")


@pytest.mark.parametrize(
    ("column_type", "values", "bad"),
    [
        ("text", [b"ok", b"\xff", None, b"\xed\xbe\x84", "é".encode()], [1, 3]),
        ("date", [b"2024-02-29", b"0000-00-00", b"2023-02-29", None, b"2021-00-01"], [1, 2, 4]),
        ("date", [b"0001-01-01", b"0000-01-01"], [1]),
        ("datetime(6)", [b"0000-01-01 00:00:00.000000", b"9999-12-31 23:59:59.999999"], [0]),
        ("timestamp", [b"0000-00-00 00:00:00", b"2024-01-01 00:00:00"], [0]),
        ("decimal(65,30)", [b"1.5", b"123456789.0", b"-12345678.999999999999999999999999999999"], [1]),
        # 2**128 units of the last place: Arrow reads it as 0 where only 128 bits are at hand.
        ("decimal(65,30)", [b"340282366.920938463463374607431768211456"], [0]),
        ("decimal(65,0)", [b"340282366920938463463374607431768211457", b"9" * 38, b"9" * 65], [0, 2]),
        ("decimal(38,38)", [b"0.00000000000000000000000000000000000001", b"0.10"], [0]),
        ("decimal(39,38)", [b"2.00000000000000000000000000000000000000"], []),
    ],
)
def test_values_without_an_exact_home_are_found_by_position_and_become_null(column_type, values, bad):
    array, found = decode(column(column_type), pa.array(values, pa.binary()))
    assert list(found) == bad
    assert [value is None for value in array.to_pylist()] == [
        value is None or position in bad for position, value in enumerate(values)
    ]


def printed(values):
    return pa.array([None if value is None else str(value).encode() for value in values], pa.binary())


@given(st.lists(st.none() | st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31))))
def test_every_moment_from_year_one_on_is_exact(values):
    texts = [None if value is None else value.isoformat(" ", "microseconds") for value in values]
    array, bad = decode(column("datetime(6)"), printed(texts))
    assert not len(bad)
    assert [None if value is None else value.replace(tzinfo=None) for value in array.to_pylist()] == values


@example(decimal.Decimal(2**128).scaleb(-30))
@example(decimal.Decimal(-(2**127)).scaleb(-30))
@given(st.decimals(allow_nan=False, allow_infinity=False, places=30, min_value=-(10**20), max_value=10**20))
def test_a_decimal_arrives_exactly_or_is_refused(value):
    array, bad = decode(column("decimal(65,30)"), pa.array([format(value, "f").encode()], pa.binary()))
    fits = abs(value) < decimal.Decimal(10) ** 8
    assert len(bad) == (0 if fits else 1)
    assert array.to_pylist() == [value if fits else None]


@given(st.binary(max_size=12))
def test_bytes_are_a_text_exactly_if_they_are_utf_8(value):
    array, bad = decode(column("text"), pa.array([value], pa.binary()))
    try:
        assert (array.to_pylist(), len(bad)) == ([value.decode()], 0)
    except UnicodeDecodeError:
        assert (array.to_pylist(), len(bad)) == ([None], 1)


@pytest.mark.parametrize("kind", [pa.int64(), pa.decimal128(9, 2), pa.decimal128(38, 2), pa.timestamp("us", "UTC"),
                                  pa.date32(), pa.float64(), pa.string(), pa.large_string()])  # fmt: skip
def test_bytes_that_are_no_text_are_refused_whatever_they_should_be(kind):
    with pytest.raises(pa.ArrowInvalid):
        cast(pa.array([b"1", b"\xff\xfe"], pa.binary()), kind)
