"""A key that was read chooses, written into a statement, exactly the row that it was read from."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loaders.source.conversion import Conversion
from loaders.source.mysql import rows as asked
from loaders.source.source_side import by_keys
from loaders.types.type_contract import contract

texts = st.text(st.characters(codec="utf-8"), max_size=12)
days = st.dates(datetime.date(1, 1, 1))
moments = st.datetimes(datetime.datetime(1, 1, 1))
tiny = "0.0000001234567890123456789"
# name -> (type of the key, values of it, what must be among them).
KEYS = {
    "bigint": ("bigint", st.integers(-(2**63), 2**63 - 1), [-(2**63), 2**53 + 1, 2**53]),
    "unsigned": ("bigint unsigned", st.integers(0, 2**64 - 1), [2**64 - 1, 2**64 - 2]),
    "year": ("year", st.integers(1901, 2155), ["0000", 2000, 1970]),
    "bits": ("bit(64)", st.integers(0, 2**64 - 1), [0, 2**64 - 1]),
    "decimal": ("decimal(38,30)", st.decimals(-9999999, 9999999, places=30), [tiny, "0", "-1e-30", "99999999"]),
    "long decimal": ("decimal(38,0)", st.integers(-(10**38) + 1, 10**38 - 1), [10**37, 10**37 + 1]),
    "double": ("double", st.floats(allow_nan=False, allow_infinity=False), [0.1, 5e-324, 1e23, 1.7976931348623157e308]),
    "float": ("float", st.floats(allow_nan=False, allow_infinity=False, width=32), [0.1, 16777217.0, 3.4e38]),
    "shown rounded": ("double(8,2)", st.floats(-99999, 99999), [1.57, 33333.335]),
    "date": ("date", days, ["0001-01-01", "9999-12-31"]),
    "datetime": ("datetime(6)", moments, ["0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999"]),
    "timestamp": ("timestamp(6)", moments.filter(lambda at: 1971 < at.year < 2037), ["2024-10-27 01:30:00.5"]),
    "time": ("time(6)", st.sampled_from(["-838:59:58.999999", "25:00:00.5"]), ["-00:00:00.000001", "00:00:00"]),
    "folds case": ("varchar(99) collate utf8mb4_general_ci", texts, ["it's", "a\\b", "김", "\0", "%_", ""]),
    "folds nothing": ("varchar(99) collate utf8mb4_bin", texts, ["a", "A", "a ", "é", "e"]),
    "latin1": ("varchar(99) character set latin1 collate latin1_bin", st.sampled_from("éÿ€\\'"), ["a", "A"]),
    "utf16": ("varchar(99) character set utf16 collate utf16_bin", texts, ["😀", "김"]),
    "char": ("char(20) collate utf8mb4_bin", texts.map(str.strip), ["a"]),
    "enum": ("enum('a', 'b c', '1', '2', 'it''s')", st.sampled_from(["a", "b c"]), ["1", "2", "it's"]),
    "set": ("set('x', 'y', '1')", st.sampled_from(["x", "x,y"]), ["", "1"]),
    "bytes": ("varbinary(99)", st.binary(max_size=20), [b"", b"\0", b"\xff'\\", b"a", b"A"]),
    "padded bytes": ("binary(16)", st.binary(min_size=16, max_size=16), [b"\0" * 16]),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_written_as_a_literal_chooses_its_row_alone(module_own, name):
    kind, values, always = KEYS[name]

    @settings(max_examples=5, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(values, max_size=6))
    @example([])
    def each_chooses_its_own(drawn):
        assert_each_chooses_its_own(module_own, f"v {kind}", "v", [(value,) for value in [*always, *drawn]])

    each_chooses_its_own()


def test_keys_of_several_columns_do_too(module_own):
    rows = [(1, tiny, "a"), (1, tiny, "A "), (1, "0.1", "a"), (2, tiny, "it's")]
    columns = "i int, d decimal(38,30), t varchar(9) collate utf8mb4_bin"
    assert_each_chooses_its_own(module_own, columns, "i, d, t", rows)


def assert_each_chooses_its_own(own, columns: str, key: str, rows: list[tuple]) -> None:
    own.write("drop table if exists t", f"create table t (n int auto_increment unique, {columns}, primary key ({key}))")
    marks = ", ".join(["%s"] * len(rows[0]))
    with own.connect(own.shop_url) as connection, connection.cursor() as cursor:
        cursor.execute("set sql_mode = '', time_zone = '+00:00'")
        cursor.executemany(f"insert ignore into t ({key}) values ({marks})", rows)
        connection.commit()
    with own.snapshot() as snapshot:
        table = snapshot.tables()["t"]
        described = [contract(column, "t") for column in table.columns]
        read = pa.Table.from_batches(snapshot.read(table, Conversion("t", described, table.primary_key)))
        keys = [column for column in described if column.name in table.primary_key]
        for row in range(read.num_rows):
            (condition,) = by_keys(keys, read.slice(row, 1))
            found = asked(snapshot.connection, f"select n from t where {condition}")
            assert [int(number) for (number,) in found] == [read.column("n")[row].as_py()], condition
