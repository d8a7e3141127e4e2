"""`prune` and `erase` on the Redshift stand-in: the lake is S3, and COPY goes by manifests."""

import datetime

from loaders.lake import runs
from loaders.lake.spool import spool
from loaders.retention import deleted, erase, prune, spellings
from loaders.retention.erase_lake import LakeSearch
from loaders.words import row_key
from tests.redshift.test_load import Cut, both, line  # noqa: F401 (two fixtures)
from tests.redshift.test_replay import replayed


def test_a_row_leaves_lake_raw_and_history_and_a_pruned_lake_still_loads(both):  # noqa: F811
    both.own.write(
        "create table t (shop int, word varchar(9) collate utf8mb4_bin, primary key (shop, word), v varbinary(4))",
        "insert into t values (1, 'a', x'00ff'), (1, 'A', x'01'), (2, 'it''s\\\\', null)",
    )
    both.run()
    both.own.write("update t set v = x'02' where shop = 1", "insert into t values (3, 'new', null)")
    both.run()
    with both.warehouse() as warehouse, spool() as folder:
        planned = prune.plan(both.lake, warehouse, datetime.datetime(2099, 1, 1))
        (base,) = prune.write_baselines(both.lake, planned, folder, lambda steps, _count: steps)
        list(prune.remove(both.lake, planned))
    assert (runs.numbers(both.lake), base.batches[0].rows) == ([2], 4)
    both.ask(f"create table {both.schema}.t_history as select shop, word, v as kept from {both.schema}.t")
    both.own.write("delete from t where shop in (1, 2) and word <> 'A'")
    both.run()
    for text in ("1,a", "2,it's\\"):
        key = row_key.parse(text, runs.read(both.lake, 3).batches[0])
        histories = [erase.Relation(both.schema, table, history=True) for table in ("t", "t_history", "nowhere")]
        with both.warehouse() as warehouse, spool() as folder, both.own.snapshot() as snapshot:
            erase.refuse_if_at_source(snapshot, key)
            search = LakeSearch(both.lake, both.schema, key, folder)
            assert search.erase() > 0
            counts = erase.from_warehouse(warehouse, key, histories)
            assert list(counts.values()) == [1, 1]
            assert search.count()[0] == 0 == warehouse.occurrences(key, both.schema, "t")
    assert both.rows("t_history", "shop, word") == [(1, "A"), (3, "new")]
    for number, live in ((2, 2), (3, 2)):
        assert replayed(both, number)[-1] == number
        assert len(both.rows("t")) == live
    both.ask(f"drop schema {both.schema} cascade")
    assert both.load() == [2, 3]
    assert both.rows("t", "shop, word") == [(1, "A"), (3, "new")]
    assert both.run().batches[0].verdict == "equal: 2 rows by hash, all by value"


def test_a_commit_whose_answer_is_lost_is_looked_up(both, line):  # noqa: F811
    both.own.write("create table t (id int primary key, v int)", "insert into t values (1, 10), (2, 20)")
    run = both.run()
    key = row_key.parse("1", run.batches[0])
    with both.warehouse(Cut(both, line, "commit")) as warehouse:
        assert erase.from_warehouse(warehouse, key, [erase.Relation(both.schema, "t", history=True)])
    assert both.rows(columns="id") == [(2,)]


def test_rows_that_the_source_deleted_are_found_in_raw_and_histories_and_leave_all_at_once(both):  # noqa: F811
    both.own.write(
        "create table t (word varchar(9) collate utf8mb4_bin, b varbinary(4), primary key (word, b), v int)",
        "insert into t values ('a', x'00ff', 1), ('A', x'00ff', 2), ('a ', x'01', 3), ('it''s\\\\', x'02', 4)",
    )
    both.run()
    both.ask(f"create table {both.schema}.h as select word as w, b, v from {both.schema}.t")
    both.ask(f"insert into {both.schema}.h select 'x', b, v from {both.schema}.t where v = 1")
    both.own.write("delete from t where v in (1, 3, 4)")
    run = both.run()
    both.own.write("delete from t where v = 2", "insert into t values ('a', x'00ff', 5)")
    both.run()
    kept = [erase.Relation(both.schema, "t", history=True)]
    kept.append(erase.Relation(both.schema, "h", history=True, renamed=(("word", "w"),)))
    with both.warehouse() as warehouse, spool() as folder:
        search = LakeSearch(both.lake, both.schema, row_key.of(run.batches[0], []), folder, deleted.NOTE)
        keys = deleted.Deleted(search, warehouse, kept, run.snapshot_at).keys(begun=False)
        assert keys.values == (("a ", "01"), ("it's\\", "02"), ("x", "00ff")), (
            "neither what came back nor what went since"
        )
        assert deleted.waiting(warehouse, ["t"], run.snapshot_at) == 2
        search = LakeSearch(both.lake, both.schema, keys, folder)
        assert search.erase() > 0 and search.count()[0] == 0
        assert list(erase.from_warehouse(warehouse, keys, kept).values()) == [2, 3]
    assert both.rows("h", "w, v") == [("A", 2), ("a", 1)]
    assert replayed(both)[-1] == 3 and both.rows("t", "word, v") == [("A", 2), ("a", 5)]


def test_other_spellings_of_a_key_are_found_in_raw_as_in_the_lake(both):  # noqa: F811
    both.own.write(
        "create table t (word varchar(9), b varbinary(4), at datetime, primary key (word, b, at)) collate utf8mb4_bin",
        "insert into t values ('zoe', x'00', '2026-01-01'), ('Zoé ', x'00', '2026-01-01')",
        "insert into t values ('Zoe', x'01', '2026-01-01')",
    )
    run = both.run()
    key, other = (row_key.parse(f"{word},00,2026-01-01", run.batches[0]) for word in ("zoe", "ZOE"))
    with both.warehouse() as warehouse, spool() as folder:
        # Of another schema the lake has nothing, and what is found is raw's.
        for schema, keys, words in (
            (both.schema, key, {"Zoé "}),
            ("no", key, {"Zoé "}),
            ("no", other, {"zoe", "Zoé "}),
        ):
            found = spellings.keys_of(LakeSearch(both.lake, schema, keys, folder), warehouse, keys.columns)
            assert {word for word, *_rest in found.values} == words
