"""`prune`: old runs go behind a baseline that equals raw; what is young or waits stays; killed, nothing breaks."""

import datetime
import signal

import duckdb
import pyarrow.parquet as pq
import pytest

from loaders.common.errors import Failure
from loaders.lake import attempts, run_json, runs
from loaders.lake.spool import spool
from loaders.retention import baseline, prune
from loaders.words import catalog
from tests.own_database import OwnDatabase
from tests.test_cli import loaders, refused
from tests.test_kill import run_to_step
from tests.test_replay import replayed, unwatched

VALUES = "id, v, moment, d, b, _source_hash"


@pytest.fixture
def history(own) -> tuple[OwnDatabase, dict[int, dict[str, list]]]:
    """Five runs of two tables, one of which the last two do not read; raw's live rows as each run left them."""
    own.write(
        "create table t (id int primary key, v varchar(9), moment datetime(6), d decimal(9,2), b varbinary(4))",
        "insert into t values (1, 'a', '2026-01-01 00:00:00.000001', 1.5, x'00ff'), (2, '김', null, null, null)",
        "create table quiet (id int primary key, v varchar(9), moment datetime, d decimal(9,2), b varbinary(4))",
        "insert into quiet values (7, 'q', null, 0, '')",
    )
    (own.folder / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{own.warehouse_path}'}}}}}}"
    )
    known = own.discover()
    states = {}
    for number, change in enumerate(
        (
            "insert into t values (3, 'c', '2026-01-02', 9, '')",
            "delete from t where id = 2",
            "update t set v = 'x' where id = 1",
            "insert into t values (2, 'back', '1999-01-01', -1, x'01')",
            "update t set d = 2 where id = 3",
        ),
        1,
    ):
        own.write(change)
        own.run(known if number < 4 else known.only(["t"]))
        states[number] = live(own)
    return own, states


def live(own) -> dict[str, list]:
    return {table: own.live(table, VALUES) for table in ("t", "quiet")}


def age(own, days: dict[int, float]) -> None:
    """Let runs have happened so many days ago."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
    for number, ago in days.items():
        file = own.lake.folder / run_json.key_of(number)
        was = runs.read(own.lake, number).snapshot_at.isoformat(sep=" ")
        file.write_text(file.read_text().replace(was, (now - datetime.timedelta(days=ago)).isoformat(sep=" ")))


@pytest.fixture
def old(history):
    """The first three runs are 40 to 38 days old."""
    age(history[0], {1: 40, 2: 39, 3: 38})
    return history


def pruned(own, days: int = 30):
    done = loaders(own, "prune", "--keep-days", str(days))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_are_whole(own) -> None:
    """Every record's files are there, and no other."""
    records = [runs.read(own.lake, number) for number in runs.numbers(own.lake)]
    records += [runs.read_baseline(own.lake, number) for number in runs.baseline_numbers(own.lake)]
    named = {file.key for run in records for batch in run.batches for file in (*batch.files, *batch.deleted)}
    assert {key for key in own.lake.keys("") if key.endswith(".parquet")} == named


def test_old_runs_go_and_every_younger_one_can_still_be_replayed(old):
    own, states = old
    before = own.raw("t"), own.raw("_loads")
    said = pruned(own)
    assert "baseline of run 3, schema raw_own: " in said and "read back and equal" in said
    assert "removed 2 runs (1 to 2)" in said and "3 runs stay" in said
    assert "replay of schema raw_own reaches back to run 3" in said
    assert (own.raw("t"), own.raw("_loads")) == before, "raw is not touched"
    assert runs.numbers(own.lake) == [3, 4, 5] and runs.baseline_numbers(own.lake) == [3]
    files_are_whole(own)
    for number in (4, 3, 5):
        assert replayed(own, number) == list(range(3, number + 1))
        assert live(own) == states[number]
    refused(loaders(own, "replay", "--to-run", "2"), "no run 2", "known: 3 to 5; older ones were pruned")


def test_a_prune_that_was_reading_meanwhile_does_not_bring_an_erased_row_back(old):
    own, _states = old

    def erased_meanwhile(*progress):
        attempts.end_all(own.lake)
        return unwatched(*progress)

    with spool() as folder, pytest.raises(Failure, match="were erased from the lake"):
        baseline.write(own.lake, [runs.read(own.lake, number) for number in (1, 2)], folder, erased_meanwhile)
    assert not list(own.lake.keys("_baselines/")) and not list(own.lake.keys("_open/"))


def test_an_empty_warehouse_can_be_loaded_from_a_pruned_lake(old):
    own, states = old
    pruned(own)
    own.warehouse_path.unlink()
    assert own.load() == [3, 4, 5]
    assert live(own) == states[5]


@pytest.mark.parametrize("replays", [False, True])
def test_runs_go_on_after_a_prune_also_of_a_table_that_only_the_baseline_has(old, replays):
    own, _states = old
    pruned(own)
    if replays:
        replayed(own, 3)
    own.write("update quiet set v = 'new'", "delete from t where id = 1")
    run = own.run()
    assert {batch.table: batch.mode for batch in run.batches} == {"t": "incremental", "quiet": "incremental"}
    assert [row[:2] for row in own.live("quiet", VALUES)] == [(7, "new")]
    replayed(own)
    assert [row[0] for row in own.live("t", VALUES)] == [2, 3]


def test_the_baselines_files_are_written_as_any_others(old):
    own, _states = old
    (first,) = (batch.files[0] for batch in runs.read(own.lake, 1).batches if batch.table == "t")
    as_read = pq.ParquetFile(own.lake.folder / first.key).schema_arrow
    pruned(own)
    (base,) = (batch for batch in runs.read_baseline(own.lake, 3).batches if batch.table == "t")
    assert pq.ParquetFile(own.lake.folder / base.files[0].key).schema_arrow == as_read
    assert (base.mode, base.rows, base.live_rows, base.deleted) == ("full", 2, 2, ())


def test_what_the_source_dropped_is_in_the_baseline(history):
    own, _states = history
    own.write("alter table t add column n int default 7")
    own.run()
    own.write("alter table t drop column n")
    newest = own.run().run
    age(own, dict.fromkeys(range(1, newest + 1), 90))
    before = own.live("t", f"{VALUES}, n")
    pruned(own)
    own.warehouse_path.unlink()
    own.load()
    assert own.live("t", f"{VALUES}, n") == before
    own.write("insert into t (id, v) values (77, 'x')")
    own.run()
    now = own.live("t", "id, v, n")
    assert (77, "x", None) in now and len(now) == len(before) + 1 and (1, "x", 7) in now


def test_pruning_again_replaces_the_baseline(old):
    own, states = old
    pruned(own)
    assert "nothing to prune" in pruned(own)
    assert "removed 2 runs (3 to 4)" in pruned(own, 0)
    assert runs.numbers(own.lake) == [5] and runs.baseline_numbers(own.lake) == [5]
    files_are_whole(own)
    own.warehouse_path.unlink()
    assert own.load() == [5]
    assert live(own) == states[5]
    assert own.run().run == 6
    files_are_whole(own)


def test_a_dry_run_says_what_would_go_and_changes_nothing(old):
    own, _states = old
    before = sorted(own.lake.keys(""))
    said = loaders(own, "prune", "--keep-days", "30", "--dry-run").stdout
    assert "would remove 2 runs (1 to 2)" in said and "schema raw_own as run 3 left it" in said
    assert sorted(own.lake.keys("")) == before


def test_nothing_old_nothing_done(history):
    own, _states = history
    assert "nothing to prune: at most one run" in pruned(own, 1)
    assert runs.numbers(own.lake) == [1, 2, 3, 4, 5] and not runs.baseline_numbers(own.lake)
    wrong = loaders(own, "prune", "--keep-days", "-1")
    assert wrong.returncode == 2 and "'-1' is not a number from 0 to 100,000" in wrong.stderr


def test_what_waits_to_be_loaded_does_not_go(old):
    own, states = old
    replayed(own, 2)
    refused(loaders(own, "prune", "--keep-days", "30"), "runs up to 3 are old enough to go", "make load")
    assert runs.numbers(own.lake) == [1, 2, 3, 4, 5]
    own.load()
    pruned(own)
    assert live(own) == states[5]


def test_a_damaged_lake_is_not_pruned(old):
    own, _states = old
    (file,) = runs.read(own.lake, 2).batches[0].deleted or runs.read(own.lake, 2).batches[1].deleted
    (own.lake.folder / file.key).write_bytes(b"x")
    refused(loaders(own, "prune", "--keep-days", "30"), file.key, "restore that file")
    assert runs.numbers(own.lake) == [1, 2, 3, 4, 5] and not runs.baseline_numbers(own.lake)
    assert not [key for key in own.lake.keys("") if "baseline-" in key]


def test_two_schemas_share_a_sequence(old):
    """As those of lakes did that were begun before each had one of its own."""
    own, states = old
    text = own.catalog_file.read_text()
    own.catalog_file.write_text(text.replace("schema: raw_own", "schema: other"))
    with own.opened("other") as warehouse:
        assert own.run_with(warehouse, catalog.read(own.catalog_file)).run == 6
    age(own, {4: 37, 5: 36, 6: 35})
    said = pruned(own)
    assert "baseline of run 5, schema raw_own" in said and "baseline of run 6, schema other" in said
    assert runs.numbers(own.lake) == [6]
    assert replayed(own) == [5] and live(own) == states[5]
    assert replayed(own, schema="other") == [6]
    own.catalog_file.write_text(text)
    assert "run 7" in loaders(own, "extract").stdout
    assert replayed(own) == [5, 7] and live(own) == states[5]


def test_a_raw_older_than_the_baseline_is_told_to_replay(old):
    own, states = old
    behind = own.folder / "behind.duckdb"
    replayed(own, 2)
    own.warehouse_path.rename(behind)
    replayed(own)
    pruned(own)
    behind.rename(own.warehouse_path)
    refused(loaders(own, "load"), "holds run 2, which was pruned from the lake", "`python -m loaders replay` builds")
    replayed(own)
    assert live(own) == states[5]


def test_killed_anywhere_the_lake_works_and_a_prune_ends_what_was_begun(old):
    own, states = old
    whole = run_to_step(own, 0, "prune", "--keep-days", "30", "--dry-run")
    assert whole.returncode == 0, whole.stderr
    keys = sorted(own.lake.keys(""))
    killed = 0
    for number in range(6, 400, 14):
        done = run_to_step(own, number, "prune", "--keep-days", "30")
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        known = replayed(own)
        assert known[-3:] == [3, 4, 5] and live(own) == states[5]
        if not runs.baseline_numbers(own.lake):
            assert set(keys) <= set(own.lake.keys("")), "nothing goes before the baseline is there"
    assert killed > 3
    pruned(own, 0)
    assert runs.numbers(own.lake) == [5]
    files_are_whole(own)
    replayed(own)
    assert live(own) == states[5]


def test_of_two_prunes_at_once_one_baseline_stays(old):
    own, states = old
    with own.opened("raw_own") as warehouse, spool() as one, spool() as other:
        planned = prune.plan(own.lake, warehouse, datetime.datetime.now() - datetime.timedelta(days=30))
        (first,) = prune.write_baselines(own.lake, planned, one, unwatched)
        (own.lake.folder / "aside").mkdir()
        (own.lake.folder / run_json.baseline_key(3)).rename(own.lake.folder / "aside/3.json")
        beaten = slow(own, planned, other)
        assert beaten.attempt == first.attempt
        list(prune.remove(own.lake, planned))
    files_are_whole(own)
    replayed(own)
    assert live(own) == states[5]


def slow(own, planned, folder):
    """A baseline that is written while another one's record comes back just before its own is published."""

    class Late(type(own.lake)):
        def create(self, key, data):
            aside = self.folder / "aside/3.json"
            if key == run_json.baseline_key(3) and aside.exists():
                aside.rename(self.folder / key)
            return super().create(key, data)

    (base,) = prune.write_baselines(Late(own.lake.folder), planned, folder, unwatched)
    return base


def test_a_gap_made_by_hand_is_still_a_failure(old):
    own, _states = old
    own.lake.delete([run_json.key_of(2)])
    with duckdb.connect(own.warehouse_path), pytest.raises(Failure, match="misses a run"):
        runs.numbers(own.lake)
