"""`prune` and `erase` on the Redshift stand-in: the lake is S3, and COPY goes by manifests."""

import datetime

from loaders.lake import runs
from loaders.lake.spool import spool
from loaders.retention import erase, erase_key, prune
from loaders.retention.erase_lake import LakeSearch
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
        key = erase_key.parse(text, runs.read(both.lake, 3).batches[0])
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
    key = erase_key.parse("1", run.batches[0])
    with both.warehouse(Cut(both, line, "commit")) as warehouse:
        assert erase.from_warehouse(warehouse, key, [erase.Relation(both.schema, "t", history=True)])
    assert both.rows(columns="id") == [(2,)]
