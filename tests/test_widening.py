"""Which change of a column is which: each has exactly one name; a wider type holds all that the narrower one held."""

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from loaders.types import fingerprint
from loaders.types.column_type import ColumnType
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.type_contract import SourceColumn, contract
from loaders.types.widening import can_hold, same_home
from loaders.words import drift
from loaders.words.run_record import Batch

names = st.sampled_from(["a", "A", "b", "c", "d", "order", "김", SOURCE_HASH])
whole = st.sampled_from(["tinyint", "smallint", "mediumint", "int", "bigint", "year"])


@st.composite
def described(draw, name=None):
    """Any column that the contract knows."""
    name = draw(names) if name is None else name
    kind = draw(st.sampled_from(["whole", "unsigned", "decimal", "text", "bytes", "other"]))
    if kind in ("whole", "unsigned"):
        word = draw(whole)
        return SourceColumn(name, word, f"{word} unsigned" if kind == "unsigned" else word)
    if kind == "decimal":
        digits = draw(st.integers(1, 65))
        places = draw(st.integers(0, min(digits, 30)))
        return SourceColumn(name, "decimal", f"decimal({digits},{places})", precision=digits, scale=places)
    size = draw(st.sampled_from([1, 9, 36, 255, 16_383, 65_535]))
    if kind == "text":
        word, charset = draw(st.sampled_from(["char", "varchar", "text"])), draw(st.sampled_from(["ascii", "utf8mb4"]))
        return SourceColumn(name, word, f"{word}({size})", characters=size, octets=size * 4, character_set=charset)
    if kind == "bytes":
        return SourceColumn(name, "varbinary", f"varbinary({size})", octets=size)
    word = draw(st.sampled_from(["float", "double", "date", "datetime", "timestamp", "time", "uuid", "json"]))
    return SourceColumn(name, word, word)


def typed(column: SourceColumn) -> ColumnType:
    found = contract(column, "t")
    return ColumnType(found.name, found.mysql_type, found.duckdb, found.redshift)


columns = st.lists(described(), max_size=6, unique_by=lambda column: column.name.lower()).map(
    lambda found: tuple(map(typed, found))
)
types = described("c").map(typed)


def base(then: tuple[ColumnType, ...], kept: tuple[ColumnType, ...] = ()) -> Batch:
    return Batch("t", "full", then, (), (), 0, {}, "", kept=kept, hash_version=fingerprint.VERSION)


@given(columns, columns, columns)
def test_every_column_of_then_and_now_is_classified_exactly_once(then, now, kept):
    found = drift.between(base(then, kept), "t", now, ())
    pairs = found.widened + found.redeclared + found.changed
    before = [column for column in then if column.name != SOURCE_HASH]
    after = [column for column in now if column.name != SOURCE_HASH]
    unchanged = [column for column in after if column in before]
    assert sorted(map(repr, [*found.dropped, *(old for old, _new in pairs), *unchanged])) == sorted(map(repr, before))
    assert sorted(map(repr, [*found.added, *(new for _old, new in pairs), *unchanged])) == sorted(map(repr, after))
    assert {column.name.lower() for column in found.kept}.isdisjoint(column.name.lower() for column in after)
    assert set(found.dropped) <= set(found.kept)


@given(columns)
def test_nothing_differs_from_itself_and_a_first_run_has_nothing_to_differ_from(now):
    for found in (drift.between(base(now), "t", now, ()), drift.between(None, "t", now, ("a",))):
        assert not found.whole and found.notices(False) == () and found.kept == ()
        found.refuse()


@given(types, types, types)
def test_can_hold_is_a_partial_order(one, other, third):
    assert can_hold(one, one)
    if can_hold(other, one) and can_hold(one, other):
        assert same_home(one, other)
    if can_hold(other, one) and can_hold(third, other):
        assert can_hold(third, one)


EXTREMES = {"SMALLINT": 2**15, "INTEGER": 2**31, "BIGINT": 2**63}


def largest(kind: str) -> tuple[int, pa.DataType] | None:
    """The largest value of a whole type or DECIMAL, times ten to its places, and its Arrow type."""
    if kind in EXTREMES:
        return EXTREMES[kind] - 1, pa.decimal128(19, 0)
    if kind.startswith("DECIMAL"):
        digits, places = map(int, kind[8:-1].split(","))
        return 10**digits - 1, pa.decimal128(digits, places)
    return None


@given(described("c"), described("c"))
@example(SourceColumn("c", "bigint", "bigint"), SourceColumn("c", "bigint", "bigint unsigned"))
@example(
    SourceColumn("c", "decimal", "decimal(10,2)", precision=10, scale=2),
    SourceColumn("c", "decimal", "decimal(12,4)", precision=12, scale=4),
)
def test_a_wider_type_holds_the_largest_value_of_the_narrower(old, new):
    narrow, wide = typed(old), typed(new)
    if not can_hold(wide, narrow):
        return
    if largest(narrow.duckdb) and largest(wide.duckdb):
        (value, kind), (bound, home) = largest(narrow.duckdb), largest(wide.duckdb)
        assert home.scale >= kind.scale and value * 10 ** (home.scale - kind.scale) <= bound
    elif narrow.redshift.startswith("VAR"):
        assert wide.redshift.split("(")[0] == narrow.redshift.split("(")[0]
        assert int(wide.redshift.split("(")[1][:-1]) >= int(narrow.redshift.split("(")[1][:-1])
    else:
        assert same_home(narrow, wide) or (narrow.duckdb, wide.duckdb) == ("FLOAT", "DOUBLE")
