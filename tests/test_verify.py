"""`verify`: equal is said only of what is equal, and what differs is named, with the next command; on DuckDB."""

import gc
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders import cli
from loaders.common.errors import Failure
from loaders.proof import raw_state, verify
from loaders.proof.side_by_side import side_by_side
from loaders.proof.verify import Ends, Finding
from loaders.run import backlog
from loaders.run.match_catalog import match
from tests import commands, deep_table, small_shop
from tests import test_type_matrix as matrix
from tests.own_database import sequence, watch
from tests.small_shop import customer, order, product


def damaged(own, *statements: str) -> None:
    with duckdb.connect(own.warehouse_path) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def ends_of(own, known, warehouse, lake=None, marts="analytics"):
    lake = lake or own.lake
    with own.snapshot() as snapshot:
        applied = raw_state.applied(lake, warehouse)
        yield Ends(snapshot, warehouse, applied, backlog.pending(lake, warehouse), marts, watch, True)


def findings(own, deep=False, known=None) -> dict[str, Finding]:
    known = known or own.discover()
    with own.opened("raw_own") as warehouse, ends_of(own, known, warehouse) as ends:
        return {
            table.name: verify.raw_table(ends, table, source, known, deep)
            for table, source in match(known, ends.snapshot)
        }


def finding(own, deep=False, known=None) -> Finding:
    (found,) = findings(own, deep, known).values()
    return found


@pytest.fixture
def filled(own):
    own.write(
        "create table t (id int primary key, v varchar(20), updated_at datetime)",
        f"insert into t select seq, 'old', '2026-01-01' + interval seq minute from {sequence(1, 3_000)}",
    )
    own.run()
    return own


@pytest.mark.parametrize("deep", [False, True])
def test_after_a_run_source_and_raw_are_equal(filled, deep):
    found = finding(filled, deep)
    assert (found.equal, found.rows, found.fix) == (True, 3000, "")
    assert found.said == ("equal by every value of 3 columns" if deep else "equal by hash")


@pytest.mark.parametrize("deep", [False, True])
def test_a_source_that_moved_on_is_unequal_now_and_no_fault_of_raw(filled, deep):
    filled.write(
        "delete from t where id = 7",
        "update t set v = 'new' where id in (8, 9)",
        "insert into t values (5000, 'new', null)",
    )
    found = finding(filled, deep)
    assert (found.equal, found.rows, found.fix) == (False, 3000, "make extract")
    assert found.said == "DIFFERENT, 3,000 rows in raw: the source changed since run 1"
    changed = ": v is 'new' at the source, 'old' here" if deep else ""
    assert found.details == [
        "only at the source: 1:", "  id=5000", "only here: 1:", "  id=7",
        "different: 2:", f"  id=8{changed}", f"  id=9{changed}",
    ]  # fmt: skip
    filled.run()
    assert finding(filled, deep).equal


def test_ten_keys_of_each_kind_are_shown_and_all_are_counted(filled):
    filled.write("delete from t where id <= 25")
    found = finding(filled)
    assert found.details[0] == "only here: 25, the first 10:" and found.details[1:3] == ["  id=1", "  id=2"]
    assert len(found.details) == 11


def test_a_row_that_is_in_raw_twice_is_unequal_and_the_command_mends_it(filled):
    damaged(filled, "insert into raw_own.t select * from raw_own.t where id = 5")
    found = finding(filled)
    assert (found.equal, found.fix, found.rows) == (False, "make extract", 3000)
    assert "3,001 rows in raw: raw is not as run 1 left it" in found.said
    assert "a key is there more than once" in found.details[-1]
    filled.run()
    assert finding(filled).equal


def test_a_run_that_waits_is_what_to_do_next(filled):
    filled.write("update t set v = 'new', updated_at = '2026-02-01' where id = 5")
    filled.extract(filled.discover())
    found = finding(filled)
    assert (found.fix, found.details[-1]) == ("make load", "  id=5")
    filled.load()
    assert finding(filled).equal


def test_raw_that_somebody_wrote_to_is_told_from_a_source_that_moved(filled):
    damaged(filled, "delete from raw_own.t where id = 3")
    found = finding(filled)
    assert "raw is not as run 1 left it" in found.said and found.details == ["only at the source: 1:", "  id=3"]
    filled.run()
    assert finding(filled).equal


def test_a_table_that_raw_lacks_or_holds_with_other_columns_is_unequal(filled):
    filled.write("create table other (id int primary key)", "alter table t add extra int default 7")
    found = findings(filled)
    assert found["other"].said == "is not in raw" and found["other"].fix == "make extract"
    assert found["t"].said == "is not in raw with the columns that the source has" and not found["t"].equal
    filled.run()
    damaged(filled, "drop table raw_own.other")
    assert not findings(filled)["other"].equal


@pytest.mark.parametrize("deep", [False, True])
def test_rows_without_a_key_are_counted_and_added_up(own, deep):
    own.write("create table log (m varchar(20) null)", "insert into log values ('twice'), ('twice'), (null)")
    own.run()
    assert finding(own, deep).equal
    own.write("insert into log values ('twice')")
    found = finding(own, deep)
    assert (found.equal, found.rows) == (False, 4) and "3 rows in raw" in found.said
    own.run()
    damaged(own, "update raw_own.log set m = 'else' where m is null")
    assert finding(own).equal, "the hashes are as they were"
    assert not finding(own, deep=True).equal


KEYS = {
    "text": ("k varchar(20) collate utf8mb4_general_ci", "('a'), ('c'), ('B '), ('김'), (''), ('a-b'), ('ab'), ('é')"),
    "uuid": ("k binary(16)", "(x'00ff'), (x'ff00'), (x'')"),
    "moment": ("k datetime(3)", "('2024-01-01 00:00:00.5'), ('1000-01-01'), ('9999-12-31')"),
    "decimal": ("k decimal(10,3)", "(-1.5), (0), (100), (20), (3.25)"),
    "unsigned": ("k bigint unsigned", "(18446744073709551615), (0), (9), (10)"),
}


@pytest.mark.parametrize("kind", KEYS)
def test_both_ends_have_the_same_order_whatever_the_key(own, kind):
    declared, values = KEYS[kind]
    own.write(f"create table t ({declared} primary key)", "set sql_mode = ''", f"insert into t values {values}")
    own.run()
    found = finding(own, deep=True)
    assert found.equal, found
    assert found.rows == values.count("(")


def test_a_composite_key_too(own):
    own.write(
        "create table t (a int, b varchar(9), v int, primary key (a, b))",
        "insert into t values (2, 'x', 1), (10, 'y', 2), (10, 'x', 3), (-1, '', 4)",
    )
    own.run()
    damaged(own, "update raw_own.t set v = 9 where a = 10 and b = 'x'")
    assert finding(own).equal
    assert finding(own, deep=True).details == ["different: 1:", "  a=10, b=x: v is '3' at the source, '9' here"]


pairs = st.lists(st.tuples(st.integers(0, 6), st.sampled_from("ab")), max_size=12).map(sorted)


def in_batches(rows, size):
    """Rows (number, letter) as both ends print them, some at a time."""
    for start in range(0, len(rows), size):
        columns = zip(*rows[start : start + size], strict=True)
        yield pa.RecordBatch.from_arrays([pa.array([str(value) for value in one]) for one in columns], ["k", "v"])


def listed(batch):
    return [] if batch is None else [(int(k), v) for k, v in zip(*(c.to_pylist() for c in batch.columns), strict=True)]


@given(pairs, pairs, st.integers(1, 5), st.integers(1, 5))
def test_side_by_side_gives_every_row_of_both_ends_once_and_pairs_equal_keys(one, other, size, other_size):
    def order(batch):
        return (int(batch.column(0)[0].as_py()),)

    given_batches = in_batches(one, size), in_batches(other, other_size)
    found = [(listed(left), listed(right)) for left, right in side_by_side(*given_batches, [0], order)]
    assert [row for left, _ in found for row in left] == one
    assert [row for _, right in found for row in right] == other
    together = [pair for left, right in found if left and right for pair in zip(left, right, strict=True)]
    assert all(left[0] == right[0] for left, right in together)
    for key in {k for k, _ in one} | {k for k, _ in other}:
        both = min(sum(k == key for k, _ in side) for side in (one, other))
        assert sum(left[0] == key for left, _ in together) == both


@pytest.fixture(scope="module")
def every_type(module_own):
    names = deep_table.filled(module_own)
    module_own.run()
    damaged(module_own, "create schema kept", "create table kept.t as from raw_own.t")
    return module_own, names


def test_deep_compares_a_column_that_is_read_as_text(own):
    own.write("create table t (id int primary key, v decimal(65,30), d date)", "set sql_mode = ''")
    own.write(
        "set sql_mode = ''", "insert into t values (1, '1234567890.12345', '0000-00-00'), (2, null, '2026-01-01')"
    )
    known = own.discover()
    known = replace(known, tables=(replace(known.tables[0], as_text=frozenset({"v", "d"})),))
    own.run(known)
    assert finding(own, deep=True, known=known).equal
    damaged(own, "update raw_own.t set v = '1234567890.123450000000000000000000000001' where id = 1")
    found = finding(own, deep=True, known=known)
    assert not found.equal and "1234567890.123450000000000000000000000001" in " ".join(found.details)


def test_a_long_value_that_is_gone_is_not_taken_for_null_by_rule(own, server_kind):
    """Of a long text it cannot be told, and that is said; MariaDB's JSON is one."""
    own.write(
        "create table t (id int primary key, b blob, j json, v mediumtext)",
        "insert into t values (1, x'00ff', '1', 'v')",
    )
    own.run(invalid_to_null=True)
    for column in "bj":
        damaged(own, f"update raw_own.t set {column} = null")
        found = finding(own, deep=True)
        assert found.equal == (column == "j" and server_kind == "mariadb")
        own.run(full=True, invalid_to_null=True)
    damaged(own, "update raw_own.t set v = null")
    said = finding(own, deep=True).said
    assert said.endswith("1 values NULL by rule, or lost: 1 are long texts, compared by their digest alone")


def test_deep_says_equal_of_every_type(every_type):
    own, names = every_type
    found = finding(own, deep=True)
    assert found.equal, found
    assert found.said == f"equal by every value of {len(names) + 1} columns"


def test_a_change_of_any_column_that_keeps_the_hash_is_found_by_deep_alone(every_type):
    own, names = every_type
    with duckdb.connect(own.warehouse_path) as connection:
        types = dict(
            connection.execute(
                "select column_name, data_type from information_schema.columns where table_name = 't'"
            ).fetchall()
        )
        for column in names:
            kind = types[column].partition("(")[0]
            change = deep_table.CHANGES[kind].format(column)
            connection.execute(f"update raw_own.t set {column} = {change} where id = 0")
    assert finding(own).equal
    found = finding(own, deep=True)
    (line,) = found.details[1:]
    assert [f"{column} is" in line for column in names] == [True] * len(names), line
    assert found.fix == 'make extract ARGS="--full --tables t"'
    damaged(own, "delete from raw_own.t", "insert into raw_own.t from kept.t")
    assert finding(own, deep=True).equal


def test_null_instead_of_a_value_and_a_value_instead_of_null_are_found(every_type):
    own, names = every_type
    for column in ("c0", list(names)[-1]):
        damaged(own, f"update raw_own.t set {column} = null where id = 0")
        assert f"{column} is '" in finding(own, deep=True).details[1]
        assert "NULL here" in finding(own, deep=True).details[1]
        damaged(own, f"update raw_own.t set {column} = (select {column} from kept.t where id = 0) where id = 0")
    assert finding(own, deep=True).equal


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(matrix.rows)
def test_random_values_are_printed_alike_by_both_ends(own, values):
    matrix.inserted(own, values)
    own.run()
    assert finding(own, deep=True) == Finding("t", True, "equal by every value of 9 columns", len(values))


def test_a_table_that_the_snapshot_does_not_hold_still_is_named(own):
    own.write("create table t (id int primary key) engine=myisam", "insert into t values (1)")
    own.run()
    assert finding(own).said == "equal by hash; MyISAM tables are not held still meanwhile"


def test_what_a_rule_made_null_is_counted_and_anything_else_that_is_null_is_found(own):
    own.write(
        "create table t (id int primary key, d date null, n decimal(65,30) null, at datetime(6) null)",
        "set sql_mode = ''",
        "insert into t values (1, '0000-00-00', 123456789.5, '0000-00-00'), (2, '2021-00-00', 1, '2021-01-01'), "
        "(3, '2024-02-29', 2, null)",
    )
    own.run(invalid_to_null=True)
    assert finding(own).equal
    found = finding(own, deep=True)
    assert found.said == "equal by every value of 4 columns; 4 values NULL by rule"
    damaged(own, "update raw_own.t set d = null where id = 3")
    found = finding(own, deep=True)
    assert found.details == ["different: 1:", "  id=3: d is '2024-02-29' at the source, NULL here"]


def told(own, *arguments: str, code: int = 0) -> str:
    """What `python -m loaders …` prints, in this process: so many commands would start Python too often."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        for name, value in commands.settings(own).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["loaders", *arguments])
        try:
            ended = cli.main() or 0
        except Failure as failure:
            print(failure)
            ended = 1
    assert ended == code, out.getvalue() + err.getvalue()
    return out.getvalue() + err.getvalue()


@pytest.fixture
def small(own):
    small_shop.create(own)
    own.write(
        customer(1, "Korea", "2024-01-01"), product(1, "Cup", "8.00", "2024-01-01"),
        *(order(number, 1, 1, "2024-02-28 10:00:00") for number in (1, 2, 3)),
    )  # fmt: skip
    return own


def test_the_command_before_and_after_the_first_run(small):
    nothing = told(small, "verify", code=1)
    assert "does not exist yet" in nothing and "make extract" in nothing
    told(small, "extract")
    first = told(small, "verify")
    assert "order_mart" in first and "not built yet" in first and "next: make build" in first
    by_hash = "equal; raw by hash, `make verify ARGS=--deep` compares every value"
    assert first.splitlines()[-1] == f"{by_hash}; not compared: order_mart"
    assert told(small, "verify", "--deep").splitlines()[-1] == "equal; not compared: order_mart"
    damaged(small, "create schema analytics", "create table analytics.something (i int)")
    assert told(small, "verify", code=1).splitlines()[-1] == "NOT EQUAL: order_mart"
    small.write("update `order` set amount = 11 where order_id = 1")
    moved = told(small, "verify", code=1)
    assert "the source changed since run 1" in moved and moved.splitlines()[-1] == "NOT EQUAL: order, order_mart"


def contents(folder) -> dict:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_plan_says_what_each_run_then_does_and_writes_nothing(small):
    before = told(small, "plan", "--sql")
    assert "does not exist yet" in before and not small.warehouse_path.exists() and not (small.folder / "lake").exists()
    assert "run 1 would read 3 tables" in before and "order: full, about 3 rows" in before and "first read" in before
    assert 'create table if not exists "raw"."order"' in before and "from `order`;" in before
    told(small, "extract", "--no-load")
    waits = told(small, "plan")
    assert "first it loads run 1, which waits in the lake: 5 rows" in waits and "order: incremental" in waits
    told(small, "load")
    held = contents(small.folder)
    now = told(small, "plan", "--sql")
    assert "compared by hash, rows that differ are read; if many do, those from 2024-02-28 09:00:00 on by u" in now
    assert " div 64, count(*)" in now and "where `updated_at` >=" not in now
    assert now.count(" order by `order_id`;") == 1, "and what is compared by value"
    assert "columns: --full" in told(small, "plan", "--full", "--tables", "order")
    assert contents(small.folder) == held
    small.write("alter table product add extra int", "drop table `order`", "alter table customer engine = myisam")
    changed = told(small, "plan", "--tables", "product,customer")
    assert "columns are others" in changed and "MyISAM tables take no part in the snapshot" in changed


def test_status_tells_run_bound_live_rows_age_verdict_and_what_waits(small):
    told(small, "extract")
    small.write("delete from `order` where order_id = 2")
    told(small, "extract")
    lines = told(small, "status").splitlines()
    (line,) = [line for line in lines if line.startswith("  order")]
    assert " run    2 " in line and " 2 rows " in line and " old " in line
    assert (
        "updated_at to 2024-02-28 10:00:00" in line
        and "equal: 2 rows by hash, all by value; 1 gone; whole by value since 20" in line
    )
    assert lines[-2:] == ["  as fresh as the catalog asks: 3 of 3 tables", "  0 runs wait in the lake"]
    told(small, "extract", "--no-load")
    assert told(small, "status").splitlines()[-1].startswith("  1 run waits in the lake (3); ")


def test_of_a_long_value_the_part_that_differs_is_shown(own):
    own.write(
        "create table t (id int primary key, v longblob, w mediumtext, x text)",
        "insert into t select seq, repeat(x'ab', 1000000), repeat('y', 1000000), repeat('z', 60000) "
        f"from {sequence(1, 9)}",
    )
    own.run()
    damaged(own, "update raw_own.t set x = left(x, 30000) || 'a' || substring(x, 30002) where id = 7")
    (line,) = finding(own, deep=True).details[1:]
    assert "id=7: x is 'zzz" in line and "(60,000 characters, shown from 29,981)" in line


def test_stopped_in_the_middle_it_closes_what_it_reads_without_a_word(own):
    own.write("create table t (id int primary key)", f"insert into t select seq from {sequence(1, 20_000)}")
    known, ignored = own.discover(), []
    own.run(known)

    def stopped(_name, _expected_rows, batches):
        yield next(iter(batches))
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", ignored.append)
        with (
            pytest.raises(KeyboardInterrupt),
            own.opened("raw_own") as warehouse,
            ends_of(own, known, warehouse) as ends,
        ):
            ((table, source),) = match(known, ends.snapshot)
            verify.raw_table(replace(ends, progress=stopped), table, source, known, deep=True)
        gc.collect()
    assert ignored == []
