"""After every run raw equals the source, row by row, and the run says so: on DuckDB."""

from dataclasses import replace

import duckdb
import pytest

from loaders.common.errors import Failure
from loaders.run import pipeline
from loaders.source import mysql_url
from loaders.words.delete_limit import DeleteLimit
from tests import mixes
from tests.own_database import OwnDatabase, fresh_database, sequence


@pytest.mark.parametrize("kind", mixes.KINDS)
def test_after_any_mix_raw_equals_the_source(own, kind):
    mixes.after_any_mix(own, own.run, lambda: own.live("t", "* exclude (_run, _extracted_at, _deleted_at)"), kind)


@pytest.fixture
def filled(own):
    """1,000 rows, one a minute, loaded; a cursor that updates forget."""
    own.write(
        "create table t (id int primary key, v varchar(20), updated_at datetime)",
        f"insert into t select seq, 'old', '2026-01-01' + interval seq minute from {sequence(1, 1_000)}",
    )
    own.run()
    return own


def damaged(own, *statements: str) -> None:
    with duckdb.connect(own.warehouse_path) as connection:
        for statement in statements:
            connection.execute(statement)


def test_deleted_rows_keep_their_values_and_say_when_they_were_seen_gone(filled):
    filled.write("delete from t where id = 7")
    run = filled.run()
    assert filled.raw("t", "id, v, _run, _deleted_at", where="where _deleted_at is not null") == [
        (7, "old", 2, run.snapshot_at)
    ]
    (batch,) = run.batches
    assert (batch.deleted_rows, batch.live_rows) == (1, 999)


def test_what_was_deleted_stays_so_in_later_runs(filled):
    filled.write("delete from t where id = 7")
    gone_at = filled.run().snapshot_at
    assert filled.run().batches[0].deleted == ()
    assert filled.raw("t", "_deleted_at", where="where id = 7") == [(gone_at,)]


def test_rows_of_the_lookback_that_raw_has_as_they_are_are_not_read(filled):
    (batch,) = filled.run().batches
    assert (batch.files, batch.rows, batch.cursor_to) == ((), 0, "2026-01-01 16:40:00")
    assert batch.cursor_from == "2026-01-01 15:40:00"
    assert {run for (run,) in filled.raw("t", "_run")} == {1}


def test_repaired_are_those_rows_that_the_cursor_would_not_have_shown(filled):
    """From 15:40 on it shows rows: the last of them, one without a date, and a new one."""
    filled.write(
        "alter table t modify updated_at datetime null",
        "insert into t values (1001, 'new', '2026-01-01 17:00:00')",
        "update t set v = 'new' where id in (1, 939, 940, 1000)",
        "update t set updated_at = null where id = 2",
    )
    (batch,) = filled.run().batches
    assert (batch.rows, batch.repaired_rows) == (6, 2)
    assert batch.verdict == "equal: 1,001 rows by hash, all by value; 2 repaired"
    assert batch.cursor_to == "2026-01-01 17:00:00"


@pytest.fixture
def much(filled, monkeypatch):
    """A table of which more differs than keys are compared of."""
    monkeypatch.setattr("loaders.run.incremental.FEW", 100)
    monkeypatch.setattr("loaders.words.buckets.ROWS_PER_BUCKET", 1024)
    return filled


CHANGED = "update t set v = 'new', updated_at = '2026-02-01' where id % 100 = 7"


@pytest.mark.parametrize("ranges", [500, 0])
def test_where_much_differs_rows_are_read_by_the_cursor(much, monkeypatch, ranges):
    """61 rows of the lookback are read again, for fewer keys compared; rows in buckets that are alike are not."""
    monkeypatch.setattr("loaders.run.incremental.NAMED_AT_ONCE", ranges)
    much.write(CHANGED, "update t set v = 'late' where id = 3", f"insert into t select seq, '', now() from {far()}")
    (batch,) = much.run().batches
    assert (batch.rows, batch.repaired_rows) == (61 + 10 + 300 + 1, 1)
    assert batch.verdict == "equal: 1,300 rows by hash, all by value; 1 repaired"
    much.write("update t set v = 'more', updated_at = now() where id > 3000")
    (batch,) = much.run().batches
    assert batch.rows == 300, "a bucket that differs, and all of it within the lookback"


def far() -> str:
    """Rows in a bucket of their own."""
    return sequence(3_001, 3_300)


def test_within_the_lookback_of_a_bulk_load_what_differs_is_read_alone(much):
    much.write("update t set updated_at = '2026-01-31 23:50:00'")
    much.run(full=True)
    much.write(CHANGED)
    (batch,) = much.run().batches
    assert (batch.mode, batch.rows, batch.repaired_rows) == ("incremental", 10, 0)
    assert much.run().batches[0].rows == 0


def test_an_older_copy_of_the_source_is_followed(filled, mysql_server):
    """After a failover, say: rows that the old server still took are gone, and others are as they were before."""
    with fresh_database(mysql_server) as name:
        older = OwnDatabase(mysql_server.url("shop", name), mysql_server.url("loader", name), filled.folder)
        here = mysql_url.parse(filled.shop_url, "the test's URL").database
        older.write(f"create table t like {here}.t", f"insert into t select * from {here}.t")
        filled.write(
            f"insert into t select seq, 'new', '2026-01-02' + interval seq minute from {sequence(1_001, 1_020)}",
            "update t set v = 'changed', updated_at = '2026-01-02' where id <= 5",
        )
        filled.run()
        (batch,) = older.run(filled.discover()).batches
        assert batch.verdict == "equal: 1,000 rows by hash, all by value; 5 repaired; 20 gone"
    assert filled.live("t", "count(*), min(v), max(v), max(updated_at)::varchar") == [
        (1000, "old", "old", "2026-01-01 16:40:00")
    ]


def test_rows_dated_beyond_the_servers_clock_hide_nothing(filled):
    filled.write("update t set updated_at = '2099-01-01' where id = 1")
    (batch,) = filled.run().batches
    assert batch.cursor_to < "2099"
    filled.write("insert into t values (1001, 'new', utc_timestamp())")
    (batch,) = filled.run().batches
    assert batch.verdict == "equal: 1,001 rows by hash, all by value"


def test_a_large_delete_is_refused_until_it_is_allowed(filled):
    filled.write("delete from t where id <= 101")
    with pytest.raises(Failure, match=r"101 of the 1,000 rows of t are gone.*100 rows or 10%") as caught:
        filled.run()
    assert "--allow-deletes" in caught.value.fix
    assert len(filled.live("t", "id")) == 1000 and pipeline.runs.numbers(filled.lake) == [1]
    assert (
        filled.run(deletes=DeleteLimit(lifted=True)).batches[0].verdict
        == "equal: 899 rows by hash, all by value; 101 gone"
    )
    assert filled.run(deletes=DeleteLimit(share=0.01, rows=5)).batches[0].live_rows == 899


def test_a_table_that_is_suddenly_empty_is_refused_also_when_it_is_read_whole(filled):
    filled.write("truncate table t")
    for full in (False, True):
        with pytest.raises(Failure, match="1,000 of the 1,000 rows of t are gone"):
            filled.run(full=full)
    filled.run(deletes=DeleteLimit(lifted=True))
    assert filled.live("t", "id") == []


def test_new_rows_do_not_make_up_for_old_ones_that_are_gone(filled):
    """1,000 rows, of which 150 go, and 1,000 others come: 15 % of what was there, however it is read."""
    filled.write("delete from t where id <= 150", f"insert into t select seq, 'n', now() from {sequence(2001, 3000)}")
    for full in (False, True):
        with pytest.raises(Failure) as caught:
            filled.run(full=full)
        assert caught.value.problem.startswith("150 of the 1,000 rows of t are gone at the source")
        assert "--allow-deletes" in caught.value.fix
    assert len(filled.live("t", "id")) == 1000 and pipeline.runs.numbers(filled.lake) == [1]
    assert (
        filled.run(full=True, deletes=DeleteLimit(lifted=True)).batches[0].verdict == "equal: 1,850 rows, all by value"
    )


def test_rows_of_a_run_that_raw_was_not_compared_with_are_counted_in_raw(filled):
    known = filled.discover()
    filled.write(f"insert into t select seq, 'n', '2026-02-01' from {sequence(2001, 2300)}")
    filled.extract(known)
    filled.load()
    filled.write(
        "delete from t where id > 2160", f"insert into t select seq, 'n', '2026-02-02' from {sequence(3001, 5000)}"
    )
    with pytest.raises(Failure, match="140 of the 1,300 rows of t are gone"):
        filled.run(known)


def test_a_key_of_a_wider_type_is_compared_all_the_same(filled):
    filled.write(
        "delete from t where id <= 150", f"insert into t select seq, 'n', now() from {sequence(2001, 3000)}",
        "alter table t modify id bigint",
    )  # fmt: skip
    with pytest.raises(Failure, match="150 of the 1,000 rows of t are gone"):
        filled.run(full=True)


def test_rows_without_a_key_are_counted_only_and_that_is_said(own):
    own.write("create table log (m int)", f"insert into log select seq from {sequence(1, 1000)}")
    own.run()
    own.write("delete from log where m <= 150")
    with pytest.raises(Failure, match="at least 150 of the 1,000 rows of log are gone"):
        own.run()
    own.write(f"insert into log select seq from {sequence(2001, 3000)}")
    assert own.run().batches[0].live_rows == 1850


def test_up_to_a_hundred_rows_may_go_whatever_their_share(filled):
    filled.write("delete from t where id > 50")
    filled.run(deletes=DeleteLimit(lifted=True))
    filled.write("delete from t")
    assert filled.run().batches[0].verdict == "equal: 0 rows by hash, all by value; 50 gone"


def test_without_a_cursor_the_same_rows_are_found_and_nothing_else_is_read(filled):
    known = filled.discover()
    known = replace(known, tables=(replace(known.tables[0], cursor=None),))
    filled.write("update t set v = 'new' where id % 300 = 1", "delete from t where id = 2")
    (batch,) = filled.run(known).batches
    assert (batch.rows, batch.verdict) == (4, "equal: 999 rows by hash, all by value; 4 repaired; 1 gone")
    assert filled.run(known).batches[0].files == ()


def test_what_was_repaired_is_not_repaired_again(filled):
    filled.write("update t set v = 'new' where id % 300 = 1", "delete from t where id = 2")
    assert filled.run().batches[0].verdict == "equal: 999 rows by hash, all by value; 4 repaired; 1 gone"
    (batch,) = filled.run().batches
    assert (batch.rows, batch.verdict) == (0, "equal: 999 rows by hash, all by value")


def test_a_table_without_a_key_is_read_again_only_if_it_differs(own):
    own.write("create table log (m varchar(20) null)", "insert into log values ('twice'), ('twice'), (null)")
    own.run()
    assert [(b.mode, b.rows, b.verdict) for b in own.run().batches] == [
        ("incremental", 0, "equal: 3 rows by hash, all by value")
    ]
    own.write("update log set m = '' where m is null")
    assert own.run().batches[0].mode == "full"
    assert own.live("log", "m") == [("",), ("twice",), ("twice",)]


def test_tables_of_engines_without_snapshots_are_read_whole_and_named(own):
    own.write("create table t (id int primary key) engine=myisam", "insert into t values (1)")
    own.run()
    (batch,) = own.run().batches
    assert (batch.mode, batch.verdict) == ("full", "not compared: MyISAM tables take no part in the snapshot")


def test_without_loading_a_run_is_unverified_and_the_next_one_compares(filled):
    filled.write("update t set v = 'new', updated_at = '2026-02-01' where id = 5", "delete from t where id = 6")
    (batch,) = filled.extract(filled.discover()).batches
    assert batch.rows == 1 + 61 and batch.verdict.startswith("unverified: ") and batch.live_rows is None
    assert filled.run().batches[0].verdict == "equal: 999 rows by hash, all by value; 1 gone"
    assert ("new", 2) in filled.live("t", "v, _run"), "it is not read again"


def test_whoever_writes_to_raw_is_corrected_by_the_next_run(filled):
    damaged(
        filled,
        "delete from raw_own.t where id = 3",
        "update raw_own.t set _deleted_at = now() where id = 4",
        "insert into raw_own.t by name select 9999 as id, 5 as _source_hash",
    )
    assert filled.run().batches[0].verdict == "equal: 1,000 rows by hash, all by value; 2 repaired; 1 gone"


@pytest.mark.parametrize("key", ["int", "varchar(9)"])
def test_a_row_that_stands_twice_in_raw_is_read_whole(own, key):
    """No key explains it: "equal" was published, and then refused by every load."""
    own.write(f"create table t (id {key} primary key, v int)", "insert into t values (1, 1), (2, 2), (3, 3)")
    own.run()
    damaged(own, "insert into raw_own.t select * from raw_own.t where id = '2'")
    (batch,) = own.run().batches
    assert (batch.mode, batch.verdict) == ("full", "equal: 3 rows, all by value")
    assert own.raw("t", "v") == [(1,), (2,), (3,)]


def test_raw_that_changes_between_reading_and_loading_stops_the_load(filled):
    filled.write("update t set v = 'new', updated_at = '2026-02-01' where id = 5")
    with filled.opened("raw_own") as warehouse:
        filled.extract(filled.discover(), warehouse=warehouse)
    damaged(filled, "delete from raw_own.t where id = 3")
    with pytest.raises(Failure, match=r"raw_own\.t would not equal the source of run 2: 999 rows where .* 1,000"):
        filled.load()
    assert filled.raw("_loads", "max(run)") == [(1,)]


def test_raw_must_be_up_to_date_before_it_is_compared(filled):
    filled.extract(filled.discover())
    with filled.opened("raw_own") as warehouse, pytest.raises(Failure, match=r"1 run of the lake .* is not in raw"):
        filled.extract(filled.discover(), warehouse=warehouse)


def test_a_raw_table_that_is_not_there_is_read_whole(filled):
    damaged(filled, "drop table raw_own.t")
    assert filled.run().batches[0].mode == "full"


def test_a_change_of_everything_is_read_whole_instead_of_row_by_row(filled, monkeypatch):
    monkeypatch.setattr("loaders.proof.compare.WORTH_READING", 100)
    filled.write("update t set v = 'new'")
    (batch,) = filled.run().batches
    assert (batch.mode, batch.rows) == ("full", 1000)
    assert len(list(filled.lake.keys(f"t/{batch.files[0].key.split('/')[1]}/"))) == 1, "a file, no more"


def test_full_reads_whole_what_could_be_compared(filled):
    assert filled.run(full=True).batches[0].mode == "full"


def test_two_hundred_scattered_faults_read_thousands_of_pairs_not_the_table(own, monkeypatch):
    own.write(
        "create table t (id int primary key, v int)",
        f"insert into t select seq, 0 from {sequence(1, 200_000)}",
    )
    own.run()
    own.write("update t set v = 1 where id % 1000 = 7")
    asked = []
    original = pipeline.Snapshot.read
    monkeypatch.setattr(
        pipeline.Snapshot,
        "read",
        lambda *arguments: (asked.append(batch.num_rows) or batch for batch in original(*arguments)),
    )
    assert own.run().batches[0].verdict == "equal: 200,000 rows by hash, part 2 of 24 by value; 200 repaired"
    assert sum(asked) <= 200 * 64 + 200


def test_a_key_that_stands_twice_in_raw_in_two_buckets_is_mended_by_what_the_failure_names(own):
    """By hash the two rows are in different buckets, of which one is like the source's: so its key seems to be gone."""
    own.write("create table t (id varchar(9) primary key, v int)")
    own.write(f"insert into t select concat('k', seq), seq from {sequence(1, 4000)}")
    own.run()
    damaged(own, "insert into raw_own.t by name select * replace (7 as _source_hash) from raw_own.t where id = 'k2'")
    with pytest.raises(Failure, match=r"would not equal the source of run 2: 3,999 rows where .* 4,000") as caught:
        own.run()
    assert "`python -m loaders extract --full --tables t`" in caught.value.fix
    assert own.run(full=True).batches[0].verdict == "equal: 4,000 rows, all by value"
    assert own.run().batches[0].verdict == "equal: 4,000 rows by hash, all by value"
