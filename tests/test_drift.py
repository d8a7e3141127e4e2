"""When the source's columns change: what raw follows, what it keeps, what stops the run. On DuckDB."""

import re
import threading
import time

import pytest

from loaders.common.errors import Failure
from loaders.run import pipeline
from loaders.words import drift

ANEW = "python -m loaders extract --full --tables t"


@pytest.fixture
def shop(own):
    """Three rows, loaded."""
    own.write(
        "create table t (id int primary key, v varchar(20), n int, updated_at datetime)",
        "insert into t values (1, 'a', 10, '2026-01-01'), (2, 'b', 20, '2026-01-01'), (3, 'c', null, '2026-01-01')",
    )
    own.run()
    return own


def after(own, *statements: str, **options):
    """The batch of the run that follows a change."""
    own.write(*statements)
    (batch,) = own.run(**options).batches
    return batch


def without_widths(text: str) -> str:
    """MariaDB prints whole numbers with a display width, `int(11)`; MySQL 8 prints `int`."""
    return re.sub(r"\b(\w*int)\(\d+\)", r"\1", text)


def types(own, table: str = "t") -> dict[str, str]:
    columns = "column_name, data_type"
    return dict(own.raw("columns", columns, "information_schema", f"where table_name = '{table}'"))


def refused(own, *statements: str) -> Failure:
    """What the run after a change says; raw and lake stay as they were."""
    before, published = own.raw("t"), pipeline.runs.numbers(own.lake)
    own.write(*statements)
    with pytest.raises(Failure) as caught:
        own.run()
    assert own.raw("t") == before and pipeline.runs.numbers(own.lake) == published
    assert ANEW in caught.value.fix
    return caught.value


def test_a_new_column_is_read_in_the_same_run_with_its_default_in_old_rows(shop):
    batch = after(shop, "alter table t add column w varchar(9) not null default 'old' first")
    assert (batch.mode, batch.verdict) == ("full", "equal: 3 rows, all by value")
    assert batch.notices == ("t: new column w (varchar(9)): the table is read whole",)
    assert shop.live("t", "w, id") == [("old", 1), ("old", 2), ("old", 3)]
    assert after(shop).notices == (), "it is said once"


@pytest.mark.parametrize(
    ("change", "told", "mode"),
    [
        ("modify n bigint", "column n was int and is bigint: raw widens", "incremental"),
        ("modify n decimal(20,0)", "column n was int and is decimal(20,0): raw widens", "incremental"),
        ("modify v varchar(200)", "column v was varchar(20) and is varchar(200): raw widens", "incremental"),
        ("modify id bigint", "column id was int and is bigint: raw widens", "incremental"),
        (
            "modify n decimal(12,2)",
            "column n was int and is decimal(12,2): raw widens; the table is read whole",
            "full",
        ),
        ("modify v text", "column v was varchar(20) and is text: raw widens; the table is read whole", "full"),
        ("modify updated_at datetime(6)", "column updated_at was datetime and is datetime(6): the same in raw", "full"),
        ("modify n mediumint", "column n was int and is mediumint: the same in raw", "incremental"),
    ],
)  # fmt: skip
def test_a_wider_type_widens_raw_and_the_next_large_value_arrives(shop, change, told, mode):
    batch = after(shop, f"alter table t {change}")
    assert (batch.mode, tuple(map(without_widths, batch.notices))) == (mode, (f"t: {told}",))
    assert types(shop) == {column.name: column.duckdb for column in batch.columns} | {
        "_run": "BIGINT", "_extracted_at": "TIMESTAMP", "_deleted_at": "TIMESTAMP",
    }  # fmt: skip
    assert after(shop, "update t set n = 8000000, v = repeat('x', 20) where id = 2").notices == ()
    assert shop.live("t", "id, v, n") == [(1, "a", 10), (2, "x" * 20, 8_000_000), (3, "c", None)]


def test_another_character_set_is_what_a_notice_says(shop):
    said = "column v was and is varchar(20), but its character set is another: VARCHAR(80) became VARCHAR(60)"
    assert said in refused(shop, "alter table t modify v varchar(20) character set utf8mb3").problem
    shop.run(full=True)
    (notice,) = after(shop, "alter table t modify v varchar(20) character set utf8mb4").notices
    said = "column v was and is varchar(20), but its character set is another: VARCHAR(60) became VARCHAR(80)"
    assert notice == f"t: {said}: raw widens"


def test_a_widened_key_still_replaces_its_rows(shop):
    after(shop, "alter table t modify id bigint", "update t set v = 'new' where id = 2", "delete from t where id = 3")
    assert shop.live("t", "id, v") == [(1, "a"), (2, "new")]


def test_a_dropped_column_stays_with_the_values_of_rows_that_are_still_there(shop):
    batch = after(
        shop,
        "alter table t drop column n",
        "update t set v = 'new' where id = 1",
        "insert into t values (4, 'd', now())",
    )
    assert batch.mode == "full"
    (notice,) = batch.notices
    assert "the source dropped column n (int): raw keeps it" in without_widths(notice) and ANEW in notice
    assert shop.live("t", "id, v, n") == [(1, "new", 10), (2, "b", 20), (3, "c", None), (4, "d", None)]


def test_what_is_kept_survives_later_runs_of_either_kind(shop):
    after(shop, "alter table t drop column n")
    batch = after(shop, "update t set v = 'new' where id = 1", "delete from t where id = 2")
    assert batch.mode == "incremental" and "no longer has column n" in batch.notices[0]
    assert shop.live("t", "id, v, n") == [(1, "new", 10), (3, "c", None)]
    after(shop, "insert into t values (2, 'again', now())", "alter table t add column w int")
    assert shop.live("t", "id, v, n, w") == [(1, "new", 10, None), (2, "again", None, None), (3, "c", None, None)]


def test_a_replay_of_the_lake_gives_the_kept_values_too(shop):
    after(shop, "alter table t drop column n")
    after(shop, "update t set v = 'new' where id = 1")
    before = shop.raw("t")
    shop.warehouse_path.unlink()
    assert shop.load() == [1, 2, 3]
    assert shop.raw("t") == before


def test_full_takes_a_kept_column_out_of_raw_and_says_so(shop):
    after(shop, "alter table t drop column n")
    assert after(shop, full=True).notices == ("t: column n, which the source has no longer, leaves raw",)
    assert "n" not in types(shop) and after(shop).notices == ()


def test_without_a_key_nothing_tells_whose_a_dropped_value_was_and_it_is_said(own):
    own.write("create table t (v int, n int)", "insert into t values (1, 10)")
    own.run()
    batch = after(own, "alter table t drop column n")
    assert "raw keeps it, as NULL, for rows have no key" in batch.notices[0]
    assert own.live("t", "v, n") == [(1, None)]


def test_a_renamed_column_is_a_drop_and_an_add(shop):
    batch = after(shop, "alter table t rename column n to m")
    assert [notice.split(":")[1].split("(")[0] for notice in batch.notices] == [
        " new column m ", " the source dropped column n ",
    ]  # fmt: skip
    assert shop.live("t", "id, n, m") == [(1, 10, 10), (2, 20, 20), (3, None, None)]


def test_a_column_that_comes_back_is_the_sources_again(shop):
    after(shop, "alter table t drop column n")
    batch = after(shop, "alter table t add column n varchar(5) default 'x'")
    assert batch.kept == () and shop.live("t", "n") == [("x",)] * 3


def test_another_case_or_order_of_names_loses_nothing(shop):
    assert after(shop, "alter table t rename column n to N").live_rows == 3
    assert after(shop, "alter table t modify N int after id").mode == "full"
    assert shop.live("t", "id, n") == [(1, 10), (2, 20), (3, None)]
    assert after(shop).mode == "incremental"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("modify n smallint", "column n was int and is smallint"),
        ("modify v varchar(10)", "column v was varchar(20) and is varchar(10)"),
        ("modify n varchar(20)", "column n was int and is varchar(20)"),
        ("modify updated_at date", "column updated_at was datetime and is date"),
    ],
)
def test_a_narrower_or_other_type_stops_the_run_until_full_makes_the_table_anew(shop, change, told):
    failure = refused(shop, f"alter table t {change}")
    assert without_widths(failure.problem) == f"the source changed t so that raw cannot follow by itself: {told}"
    assert [*map(without_widths, after(shop, full=True).notices)] == [f"t: {told}: raw's table is made anew"]
    assert after(shop).mode == "incremental"


def test_every_change_is_named_in_one_go(shop):
    failure = refused(shop, "alter table t modify n smallint, modify v varchar(10), add column w int")
    assert without_widths(failure.problem).endswith(
        "column v was varchar(20) and is varchar(10); column n was int and is smallint"
    )


def test_a_changed_primary_key_stops_the_run(shop):
    known = shop.discover()
    shop.write("update t set n = id", "alter table t drop primary key, add primary key (id, n)")
    with pytest.raises(Failure, match=r"primary_key of t is \['id'\], the source's is \['id', 'n'\]") as caught:
        shop.run(known)
    assert ANEW in caught.value.fix
    failure = refused(shop)
    assert failure.problem.endswith("its primary key was ['id'] and is ['id', 'n']")
    assert after(shop, full=True).primary_key == ("id", "n")
    assert after(shop).mode == "incremental"


def test_nothing_is_read_before_every_table_is_known_to_be_fit(shop):
    shop.write("create table a (id int primary key)", "alter table t modify n smallint")
    with pytest.raises(Failure, match="the source changed t"):
        shop.run()
    assert list(shop.lake.keys("a/")) == []


def test_a_table_that_joins_the_catalog_is_read_whole_beside_the_others(shop):
    shop.write("create table late (id int primary key)", "insert into late values (1)")
    assert [(batch.table, batch.mode) for batch in shop.run().batches] == [("late", "full"), ("t", "incremental")]


def test_a_table_that_leaves_the_catalog_stays_in_raw_as_it_was(shop):
    shop.write("create table late (id int primary key)", "insert into late values (1)")
    both = shop.discover()
    shop.run(both)
    shop.run(both.only(["t"]))
    assert shop.live("late", "id, _run") == [(1, 2)]
    with shop.opened("raw_own") as warehouse:
        loaded = [row[0] for row in warehouse.newest()]
    assert drift.left_out(loaded, ["t"]) == ["late is not in the catalog: raw keeps it as it is"]
    assert shop.run(both).batches[0].mode == "incremental", "and goes on when it is back"


@pytest.fixture
def altered_in_mid_run(shop, monkeypatch):
    """A run during which a statement is executed, once: after the snapshot, before the first table is held."""

    def run(statement: str):
        original = pipeline.Snapshot.hold
        left = [statement]

        def hold(snapshot, name):
            if left:
                shop.write(left.pop())
            return original(snapshot, name)

        known = shop.discover()
        monkeypatch.setattr(pipeline.Snapshot, "hold", hold)
        return shop.run(known)

    return run


@pytest.mark.parametrize(
    "change",
    [
        "add column w int default 5",
        "add column w int default 5 first",
        "drop column n",
        "rename column n to m",
        "modify n bigint",
        "modify v varchar(9)",
        "drop primary key",
        "rename to gone",
    ],
)
def test_an_alter_as_a_run_begins_is_explained_or_the_run_is_right(shop, altered_in_mid_run, change):
    """The server refuses old rows under new columns, but where it changes a table in place: then they are right."""
    before = shop.raw("t")
    try:
        altered_in_mid_run(f"alter table t {change}")
    except Failure as failure:
        assert any(way in failure.fix for way in ("run it again", "extract --full --tables t", "known are gone"))
        assert shop.raw("t") == before and pipeline.runs.numbers(shop.lake) == [1]
    after = shop.run(full=True).batches
    assert [batch.verdict for batch in after] == ["equal: 3 rows, all by value"]
    names = [column.name for column in after[0].columns if column.name != "_source_hash"]
    listed = ", ".join(names)
    with shop.connect(shop.shop_url) as connection, connection.cursor() as cursor:
        cursor.execute(f"select {listed} from {after[0].table} order by id")
        assert sorted(shop.live(after[0].table, listed), key=str) == sorted(cursor.fetchall(), key=str)


def test_an_alter_in_the_middle_of_a_run_waits_for_its_end(shop, monkeypatch):
    """So no table has other columns, or other rows, at its end than when it began."""
    original, waiting = pipeline.Snapshot.tables, []

    def tables(snapshot):
        if not waiting:
            waiting.append(threading.Thread(target=shop.write, args=("alter table t add column w int default 5",)))
            waiting[0].start()
            time.sleep(0.3)
        return original(snapshot)

    known = shop.discover()
    monkeypatch.setattr(pipeline.Snapshot, "tables", tables)
    (batch,) = shop.run(known).batches
    waiting[0].join()
    assert batch.verdict.startswith("equal: 3 rows") and "w" not in [column.name for column in batch.columns]
    assert shop.run().batches[0].verdict == "equal: 3 rows, all by value"
    assert shop.live("t", "w") == [(5,)] * 3


def test_an_alter_between_the_snapshot_and_the_first_look_is_never_a_wrong_raw(shop, altered_in_mid_run):
    """Old rows under new columns are refused by the server."""
    with pytest.raises(Failure, match="Table definition has changed") as caught:
        altered_in_mid_run("alter table t add column w int not null default 5, algorithm=copy")
    assert caught.value.fix == "the table was altered during the run; run it again"
    assert shop.run().batches[0].verdict == "equal: 3 rows, all by value"
    assert shop.live("t", "w") == [(5,)] * 3
