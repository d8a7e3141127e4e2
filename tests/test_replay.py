"""`replay`: raw from the lake alone, to any run, proved; damage is named; killed, the old raw stays."""

import shutil
import signal
from dataclasses import replace

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.lake import run_json, runs
from loaders.retention.replay import replay
from loaders.run import backlog
from tests.own_database import OwnDatabase, fresh_database
from tests.shop_model import KINDS, write
from tests.test_cli import loaders, refused
from tests.test_kill import run_to_step


def unwatched(steps, _count):
    return steps


def replayed(own, to_run=None, schema="raw_own") -> list[int]:
    with own.opened(schema) as warehouse:
        return [run.run for run in replay(own.lake, warehouse, to_run, unwatched)]


def everything(own, schema="raw_own") -> dict[str, list]:
    """All rows of every table of the schema, the deleted ones too; of `_loads`, all but when it was loaded."""
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        tables = connection.execute(
            f"select table_name from information_schema.tables where table_schema = '{schema}' order by 1"
        ).fetchall()
        return {
            table: connection.execute(
                f'select * {"exclude (loaded_at)" if table == "_loads" else ""} from {schema}."{table}" order by all'
            ).fetchall()
            for (table,) in tables
        }


@pytest.fixture
def history(own):
    """Three runs of a table that changes, a table that comes with the third, and raw as each left it."""
    own.write("create table t (id int primary key, v varchar(9))", "insert into t values (1, 'a'), (2, 'b'), (3, 'c')")
    own.run()
    states = {1: everything(own)}
    own.write("update t set v = 'new' where id = 1", "delete from t where id = 2")
    own.run()
    states[2] = everything(own)
    own.write(
        "insert into t values (2, 'back')", "create table late (id int primary key)", "insert into late values (9)"
    )
    own.run()
    (own.folder / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{own.warehouse_path}'}}}}}}"
    )
    return own, states | {3: everything(own)}


def test_raw_comes_back_from_the_lake_alone(history):
    own, states = history
    own.warehouse_path.unlink()
    own = replace(own, source_url="mysql://nobody@localhost:1/none")
    assert replayed(own) == [1, 2, 3]
    assert everything(own) == states[3]


def test_to_any_run_and_load_goes_on_from_there(history):
    own, states = history
    for number in (2, 1, 3, 1):
        assert replayed(own, number) == list(range(1, number + 1))
        assert everything(own) == states[number]
    assert own.load() == [2, 3]
    assert everything(own) == states[3]


def test_what_the_source_dropped_and_raw_keeps_comes_back_with_the_runs_that_had_it(history):
    own, states = history
    own.write("alter table t add column n int default 7")
    own.run()
    own.write("alter table t drop column n, modify v varchar(90)", "insert into t values (5, 'new')")
    own.run()
    own.write("update t set v = 'newer' where id = 1")
    own.run()
    states |= {6: everything(own)}
    own.warehouse_path.unlink()
    assert replayed(own) == [1, 2, 3, 4, 5, 6]
    assert everything(own) == states[6]
    replayed(own, 3)
    assert everything(own) == states[3]
    replayed(own)
    assert everything(own) == states[6]


def test_what_somebody_did_to_raw_is_undone_and_what_is_not_raws_stays(history):
    own, states = history
    with duckdb.connect(own.warehouse_path) as connection:
        connection.execute("update raw_own.t set v = 'rubbish'; drop table raw_own.late; delete from raw_own._loads")
        connection.execute("create schema analytics; create table analytics.customer_history as select 1 as id")
        connection.execute("create view analytics.stg as select * from raw_own.t")
    replayed(own)
    assert everything(own) == states[3]
    assert everything(own, "analytics")["customer_history"] == [(1,)]
    assert len(everything(own, "analytics")["stg"]) == 3


def test_a_run_that_is_not_there_is_refused_with_those_that_are(history):
    own, states = history
    for number in (0, 4):
        refused(loaders(own, "replay", "--to-run", str(number)), f"no run {number} of schema raw_own", "known: 1 to 3")
    assert everything(own) == states[3]
    empty = loaders(own, "replay", LAKE_URL=str(own.folder / "empty"))
    refused(empty, "holds no run", "make extract")


@pytest.mark.parametrize("table", ["t", "late"])
@pytest.mark.parametrize("damage", ["one bit", "missing", "another's", "shorter"])
def test_a_damaged_or_missing_file_is_named_and_raw_stays(history, damage, table):
    own, states = history
    (batch,) = (batch for batch in runs.read(own.lake, 3).batches if batch.table == table)
    file = batch.files[0]
    path = own.lake.folder / file.key
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "another's":
        shutil.copy(next(p for p in own.lake.folder.rglob("*.parquet") if p.read_bytes() != data), path)
    else:
        path.write_bytes(data[:-1] if damage == "shorter" else data[:40] + bytes([data[40] ^ 1]) + data[41:])
    refused(loaders(own, "replay"), file.key, "restore that file from a backup of the lake; raw is unchanged")
    assert everything(own) == states[3]
    assert replayed(own, 2) == [1, 2], "what does not need the file can be had"


def test_out_of_a_lake_that_has_lost_a_file_leads_what_the_failure_says(history):
    own, _states = history
    (own.lake.folder / runs.read(own.lake, 1).batches[0].files[0].key).unlink()
    refused(
        loaders(own, "replay"),
        "has no",
        "`python -m loaders extract --full`, then `python -m loaders prune --keep-days 0`",
    )
    live = own.live("t", "*")
    for words in (["extract", "--full"], ["prune", "--keep-days", "0"], ["replay"]):
        done = loaders(own, *words, "--catalog", str(own.catalog_file))
        assert done.returncode == 0, done.stderr
    assert [row[0] for row in own.live("t", "*")] == [row[0] for row in live]


def test_a_damaged_file_of_deleted_keys_is_named(history):
    own, _states = history
    (file,) = runs.read(own.lake, 2).batches[0].deleted
    (own.lake.folder / file.key).write_bytes(b"x")
    refused(loaders(own, "replay"), file.key, "restore that file")


def test_a_record_that_does_not_fit_its_files_is_told(history):
    own, states = history
    record = own.lake.folder / run_json.key_of(2)
    text = record.read_text()
    record.write_text(text.replace('"live_rows": 2', '"live_rows": 3'))
    refused(loaders(own, "replay"), "raw_own.t would not equal the source of run 2", "restore the lake from a backup")
    record.write_text(text.replace('"rows": 1', '"rows": 7'))
    refused(loaders(own, "replay"), "run 2 published 7 rows, 1 arrived", "restore them from a backup")
    assert everything(own) == states[3]


def test_another_lakes_raw_is_not_replaced(history):
    own, states = history
    other = replace(own, folder=own.folder / "other")
    other.folder.mkdir()
    other.discover()
    other.extract()
    done = loaders(own, "replay", LAKE_URL=str(other.lake))
    refused(done, "holds run 3, which is not from the lake", "`python -m loaders replay --replace`")
    assert everything(own) == states[3]
    done = loaders(own, "replay", "--replace", LAKE_URL=str(other.lake))
    assert "runs 1 to 1 of the lake" in done.stdout and own.raw("_loads", "max(run)") == [(1,)]


def test_the_summary_tells_runs_tables_proof_and_what_waits(history):
    own, _states = history
    done = loaders(own, "replay", "--to-run", "2")
    assert done.returncode == 0, done.stderr
    assert (
        "runs 1 to 2 of the lake, as of 20" in done.stdout and f"-> {own.warehouse_path}, schema raw_own" in done.stdout
    )
    assert "2 rows, equal by count and hash to what run 2 found" in done.stdout
    assert "1 later runs wait in the lake" in done.stdout


def test_a_run_without_a_comparison_says_so(history):
    own, _states = history
    own.extract()
    assert "run 4 was published without a comparison" in loaders(own, "replay").stdout
    assert {batch.table: batch.live_rows for batch in own.run().batches} == {"t": 3, "late": 1}


def test_changes_without_a_whole_read_are_named(history):
    own, states = history
    own.lake.replace(
        run_json.key_of(1), own.lake.read(run_json.key_of(1)).replace(b'"mode": "full"', b'"mode": "incremental"')
    )
    refused(loaders(own, "replay"), "changes of t (run 1) and no run that read it whole", "--full --tables t")
    assert everything(own) == states[3]


def test_killed_at_any_step_raw_is_the_old_or_the_new_and_replay_works_again(history):
    own, states = history
    whole = run_to_step(own, 0, "replay")
    steps = [line for line in whole.stdout.splitlines() if line.startswith(("before ", "after "))]
    committed = steps.index("after sql commit") + 1
    assert committed > 15
    for number, step in enumerate(steps, 1):
        if number % 4 and number not in (committed - 1, committed):
            continue
        with duckdb.connect(own.warehouse_path) as connection:
            connection.execute("update raw_own.t set v = 'rubbish'")
        old = everything(own)
        assert run_to_step(own, number, "replay").returncode == -signal.SIGKILL, step
        assert everything(own) == (states[3] if number >= committed else old), step
    replayed(own)
    assert everything(own) == states[3]


keys = st.integers(0, 5)
changes = st.lists(
    st.tuples(st.sampled_from([*KINDS.values()]), st.sampled_from(["put", "delete"]), keys, st.sampled_from("xyz")),
    max_size=6,
)


@settings(max_examples=7, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), sequence=st.lists(st.tuples(changes, st.booleans()), min_size=3, max_size=6))
def test_replay_to_any_run_is_raw_as_it_was_after_that_run(mysql_server, tmp_path_factory, data, sequence):
    with fresh_database(mysql_server) as name:
        folder = tmp_path_factory.mktemp("replay")
        own = OwnDatabase(mysql_server.url("shop", name), mysql_server.url("loader", name), folder)
        states = {}
        with own.connect(own.shop_url, autocommit=True) as shop:
            for kind in KINDS.values():
                write(shop, kind.create)
            for number, (some, full) in enumerate(sequence, 1):
                for change in some:
                    applied(shop, *change)
                own.run(full=full)
                states[number] = everything(own)
        for number in data.draw(st.permutations([*states])):
            replayed(own, number)
            assert everything(own) == states[number]
        own.load()
        assert everything(own) == states[len(sequence)]


def applied(shop, kind, what: str, place: int, value: str) -> None:
    key = kind.keys[place % len(kind.keys)]
    if what == "put":
        write(shop, kind.insert, *key, value, "1.5", 0.5, value.encode(), place, None)
    else:
        write(shop, f"delete from {kind.table} where {kind.where}", *key)


def test_pending_says_what_replay_would_mend(history):
    own, _states = history
    with duckdb.connect(own.warehouse_path) as connection:
        connection.execute("update raw_own._loads set attempt = 'x'")
    with own.opened("raw_own") as warehouse, pytest.raises(Failure, match="holds run 3, which is not from the lake"):
        backlog.pending(own.lake, warehouse)
