"""`erase --deleted`: rows that the source deleted leave everything, once a run noticed that more than some days ago."""

import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.cli import erase as command
from loaders.lake.spool import spool
from loaders.retention import deleted
from loaders.retention.erase import Relation, relation
from loaders.retention.erase_lake import LakeSearch
from loaders.words import row_key
from tests.own_database import OwnDatabase, fresh_database
from tests.test_cli import loaders, refused
from tests.test_erase import changes
from tests.test_erase_histories import HISTORY
from tests.test_kill import copied, run_to_step
from tests.test_prune import files_are_whole
from tests.test_replay import replayed
from tests.test_verify import damaged, told

RAW = Relation("raw_own", "t", history=True, keeps=True)


def found(own, run, *histories: Relation) -> list[str]:
    """The keys of t that may go, if the run's moment is the last that is old enough."""
    with spool() as folder, own.opened("raw_own") as warehouse:
        search = LakeSearch(own.lake, "raw_own", row_key.of(run.batches[0], []), folder, deleted.NOTE)
        keys = deleted.Deleted(search, warehouse, [RAW, *histories], run.snapshot_at).keys(False)
    return [key for (key,) in keys.values]


@settings(max_examples=8, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(st.tuples(changes, st.booleans()), min_size=2, max_size=5))
def test_found_are_those_whose_last_going_was_noticed_by_then(mysql_server, tmp_path_factory, sequence):
    with fresh_database(mysql_server) as name:
        folder = tmp_path_factory.mktemp("deleted")
        own = OwnDatabase(mysql_server.url("shop", name), mysql_server.url("loader", name), folder)
        own.write(
            "create table t (id int primary key, v int, updated_at datetime(6))", "insert into t values (1,1,null)"
        )
        known, published, live, gone = own.discover(), [own.run()], {1}, {}
        for some, full in sequence:
            before = set(live)
            for key, what in some:
                if what == "delete":
                    own.write(f"delete from t where id = {key}")
                else:
                    own.write(f"replace into t values ({key}, {len(published)}, now(6))")
                (live.discard if what == "delete" else live.add)(key)
            published.append(own.run(known, full=full))
            gone = {key: run for key, run in gone.items() if key not in live}
            gone |= dict.fromkeys(before - live, published[-1].run)
        for run in published:
            assert found(own, run) == sorted(str(key) for key, noticed in gone.items() if noticed <= run.run)


@pytest.fixture
def gone(own, monkeypatch):
    """Of five people 2 went, 3 went and came back, 4 went and came back unnoticed, 5 went from a table without marks;
    a visit was 2's. What was 2's is in a history, as well as 9, of whom nothing else tells any more."""
    own.write(
        "create table person (id int primary key, name varchar(40), updated_at datetime(6))",
        "insert into person values (1, 'Somebody One', null), (2, 'Nobody Two', '2026-01-01'),"
        " (3, 'Somebody Three', null), (4, 'Somebody Four', null)",
        "create table visit (id int primary key, person int, foreign key (person) references person (id))",
        "insert into visit values (10, 2), (11, 1)",
    )
    own.run()
    damaged(
        own,
        "create schema analytics",
        "create table analytics.h as select id as person_id, name from raw_own.person",
        "insert into analytics.h values (9, 'Nobody Nine')",
    )
    own.write("update visit set person = 1 where id = 10", "delete from person where id > 1")
    own.run()
    own.write("insert into person values (3, 'Somebody Three', null)")
    own.run()
    own.write("insert into person values (4, 'Somebody Four', null)")
    node = HISTORY | {"config.meta": {"history_of": "person", "key": {"person_id": "id"}}}
    made = {"person": [relation(node, "person")]}
    monkeypatch.setattr(command.dbt_nodes, "made_of", lambda _catalog, table, _nodes: made.get(table, []))
    monkeypatch.setenv("KEEP_DELETED_DAYS", "0")
    return own


def erased(own, *more: str, code: int = 0) -> str:
    return told(own, "erase", "--deleted", "--catalog", str(own.catalog_file), *more, code=code)


def test_those_that_went_leave_lake_raw_and_histories_and_those_that_came_back_live(gone, monkeypatch):
    own = gone
    before = {key: own.lake.read(key) for key in own.lake.keys("")}
    said = erased(own, "--dry-run")
    assert "  person: 2; 1 more are at the source again, and stay" in said and "  visit: 0" in said
    assert "without --dry-run they go" in said and before == {key: own.lake.read(key) for key in own.lake.keys("")}
    at = ("--catalog", str(own.catalog_file))
    assert "2 rows are marked as deleted for KEEP_DELETED_DAYS (0) or longer" in told(own, "status", *at)
    said = erased(own)
    assert "visit 10, referring to 2 rows of person by person" in said, said
    assert "analytics.h: 2 rows removed" in said and "nothing is left of 2 rows of person in the lake" in said
    assert own.raw("h", "person_id", "analytics") == [(1,), (3,), (4,)]
    assert own.raw("person", "id") == [(1,), (3,), (4,)] and own.live("visit", "id") == [(10,), (11,)]
    held = [own.lake.read(key) for key in own.lake.keys("")] + [own.warehouse_path.read_bytes()]
    assert not any(name in data for data in held for name in (b"Nobody Two", b"Nobody Nine"))
    files_are_whole(own)
    own.run()
    assert all(batch.verdict.startswith("equal") for batch in own.run().batches)
    assert "nothing was erased" in erased(own)
    monkeypatch.setenv("KEEP_DELETED_DAYS", "1")
    own.write("delete from person where id = 3")
    own.run()
    assert "  person: 0" in erased(own) and own.raw("person", "id")[1] == (3,), "a day is not over"
    replayed(own)
    assert own.live("person", "id") == [(1,), (4,)]


def test_a_pruned_lake_gives_what_only_a_history_has(gone):
    own = gone
    told(own, "prune", "--keep-days", "0", "--catalog", str(own.catalog_file))
    assert "  person: 2; 1 more are at the source again" in erased(own, "--dry-run"), "raw's marks tell"
    replayed(own)
    assert own.raw("person", "id") == [(1,), (3,)], "raw has no marks any more"
    assert "analytics.h: 2 rows removed" in erased(own)
    assert own.raw("h", "person_id", "analytics") == [(1,), (3,), (4,)]


def test_without_the_setting_it_says_so(gone, monkeypatch):
    monkeypatch.setenv("KEEP_DELETED_DAYS", "")
    refused(loaders(gone, "erase", "--deleted"), "KEEP_DELETED_DAYS is not set", "KEEP_DELETED_DAYS=30")
    monkeypatch.setenv("KEEP_DELETED_DAYS", "soon")
    refused(loaders(gone, "erase", "--deleted"), "KEEP_DELETED_DAYS is 'soon'", "write a whole number")


def test_killed_anywhere_and_repeated_nothing_is_left(own, monkeypatch):
    """Of a table that is read whole: raw has no marks that would lead to the rows once the lake's records are new."""
    monkeypatch.setenv("KEEP_DELETED_DAYS", "0")
    own.write("create table t (id int primary key, v varchar(40))")
    own.write("insert into t values (1, 'Somebody One'), (2, 'Nobody Two'), (3, 'Nobody Three')")
    known = own.discover()
    own.run(known)
    own.write("delete from t where id > 1")
    own.run(known, full=True)
    do = ("erase", "--deleted")
    steps = [s for s in run_to_step(copied(own, 0), 0, *do).stdout.splitlines() if s.startswith(("before ", "after "))]
    replaced = next(place for place, step in enumerate(steps) if step.startswith("before lake replace"))
    removed = next(place for place, step in enumerate(steps[replaced:], replaced) if step == "before lake delete")
    copying = next(place for place, step in enumerate(steps) if step.startswith("before sql copy from database"))
    for step in (replaced + 1, removed + 1, copying + 1):
        one = copied(own, step)
        assert run_to_step(one, step, *do).returncode == -signal.SIGKILL, steps
        done = run_to_step(one, 0, *do)
        assert done.returncode == 0 and "nothing is left of" in done.stdout, done.stderr
        for file in (each for each in one.folder.rglob("*") if each.is_file()):
            assert b"Nobody" not in file.read_bytes(), (step, file)
        assert not list(one.lake.keys("_erasing/"))
        assert [run.batches[0].live_rows for run in [one.run(known)]] == [1]
