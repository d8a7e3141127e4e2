"""A run that raw refuses is taken back by one command, and the lake goes on; what raw holds is never taken back."""

import signal
from dataclasses import replace

import pytest

from loaders.common.errors import Failure
from loaders.lake import run_json, runs
from loaders.retention import replay, withdraw
from loaders.words import catalog
from tests import commands
from tests.test_kill import run_to_step

OLD, NEW = [(1,), (2,)], [(1,), (3,), (4,)]


@pytest.fixture
def waiting(own):
    """One run in raw, and two that wait."""
    own.write("create table t (id int primary key)", "insert into t values (1), (2)")
    own.discover()
    own.run()
    own.write("delete from t where id = 2", "insert into t values (3)")
    own.extract(full=True)
    own.write("insert into t values (4)")
    own.extract(full=True)
    return own


def loaders(own, *words: str):
    return commands.python(own, "loaders", *words, CATALOG=str(own.catalog_file))


def lose_file(own, number: int) -> str:
    """A file of a run that nobody can restore; its key."""
    key = runs.read(own.lake, number).batches[0].files[0].key
    (own.lake.folder / key).unlink()
    return key


def planned(own, number: int) -> list[withdraw.Waiting]:
    with own.opened("raw_own") as warehouse:
        return withdraw.plan(own.lake, warehouse, number)


def taken_back(own, number: int) -> None:
    with own.opened("raw_own") as warehouse:
        withdraw.withdraw(own.lake, warehouse, withdraw.plan(own.lake, warehouse, number))


def refused(own, number: int) -> Failure:
    with pytest.raises(Failure) as caught:
        planned(own, number)
    return caught.value


def test_a_lake_that_a_run_blocks_goes_on_by_the_command_that_the_failure_names(waiting):
    lost = lose_file(waiting, 2)
    for command in ("load", "extract"):
        done = loaders(waiting, command)
        assert done.returncode == 1 and lost in done.stderr and "`python -m loaders withdraw 2`" in done.stderr
    before = list(waiting.lake.keys(""))
    looked = commands.succeeded(loaders(waiting, "withdraw", "2", "--dry-run"))
    assert "run 2, as of" in looked and "run 3, as of" in looked and "t 3 rows" in looked
    assert list(waiting.lake.keys("")) == before
    assert "withdrawn: 2 runs" in commands.succeeded(loaders(waiting, "withdraw", "2"))
    assert runs.numbers(waiting.lake) == [1] and waiting.live("t", "id") == OLD
    assert {key.split("/")[1] for key in waiting.lake.keys("t/")} == {runs.read(waiting.lake, 1).attempt}
    assert "run 2: " in commands.succeeded(loaders(waiting, "extract"))
    assert waiting.live("t", "id") == NEW


def test_the_newest_alone_can_be_given_up(waiting):
    lose_file(waiting, 3)
    taken_back(waiting, 3)
    assert waiting.load() == [2]
    assert waiting.run().run == 3 and waiting.live("t", "id") == NEW


def test_a_record_that_is_damaged_can_be_given_up_too(waiting):
    (waiting.lake.folder / "_runs/3.json").write_text("{")
    done = loaders(waiting, "load")
    assert "_runs/3.json is damaged" in done.stderr and "withdraw" in done.stderr
    assert "its record is damaged" in commands.succeeded(loaders(waiting, "withdraw", "3"))
    assert waiting.run().run == 3 and waiting.live("t", "id") == NEW


def test_what_raw_holds_stays(waiting):
    waiting.load()
    failure = refused(waiting, 3)
    assert "holds the runs up to 3" in failure.problem and "leave it" in failure.fix


@pytest.mark.parametrize(("lost", "number"), [("damaged", 3), ("gone", 2), ("gone", 1)])
def test_out_of_a_broken_lake_whose_runs_raw_holds_the_messages_lead(waiting, lost, number):
    """No backup: `withdraw` said that the run blocks nothing, and `extract`, that it should be withdrawn."""
    waiting.load()
    record = waiting.lake.folder / run_json.key_of(number)
    record.write_text("{") if lost == "damaged" else record.unlink()
    named = number if lost == "damaged" else number + 1
    told = loaders(waiting, "extract").stderr
    assert "`python -m loaders withdraw" in told and (lost == "damaged" or f"withdraw {named}`" in told)
    said = commands.succeeded(loaders(waiting, "withdraw", str(named)))
    assert "replay --replace`" in said and "extract --no-load`" in said
    if loaders(waiting, "replay", "--replace").returncode:
        commands.succeeded(loaders(waiting, "extract", "--no-load"))
        commands.succeeded(loaders(waiting, "replay", "--replace"))
    waiting.write("insert into t values (9)")
    assert "1 repaired" in commands.succeeded(loaders(waiting, "extract")) or number > 1
    assert waiting.live("t", "id") == [*NEW, (9,)]
    commands.succeeded(loaders(waiting, "extract"))


def test_a_run_that_is_not_there_is_said_to_be_not_there(waiting):
    assert "has no run 7: it has 1 to 3" in refused(waiting, 7).problem


def test_the_runs_of_another_schema_are_not_ours_to_give_up(waiting):
    waiting.extract(replace(catalog.read(waiting.catalog_file), schema="raw_other"), full=True)
    failure = refused(waiting, 2)
    assert "run 4 is of schema raw_other" in failure.problem and "--catalog" in failure.fix


def test_another_warehouse_that_has_applied_it_is_built_anew(waiting, tmp_path):
    other = replace(waiting, folder=tmp_path / "other")
    other.folder.mkdir()
    waiting.copy_warehouse(other.warehouse_path)
    (other.folder / "lake").symlink_to(waiting.lake.folder)
    assert other.load() == [2, 3]
    taken_back(waiting, 2)
    waiting.run()
    with pytest.raises(Failure, match="holds run 3, which was withdrawn") as caught:
        other.load()
    assert "replay" in caught.value.fix
    with other.opened("raw_own") as warehouse:
        replay.replay(other.lake, warehouse, None, lambda steps, _count: steps)
    assert other.load() == [] and other.live("t", "id") == NEW


def test_a_run_that_is_published_meanwhile_keeps_what_it_builds_on(waiting):
    with waiting.opened("raw_own") as warehouse:
        chosen = withdraw.plan(waiting.lake, warehouse, 2)
        waiting.extract(full=True)
        with pytest.raises(Failure, match="another run was published or applied") as caught:
            withdraw.withdraw(waiting.lake, warehouse, chosen)
    assert "nothing was withdrawn" in caught.value.fix
    assert waiting.load() == [2, 3, 4]


def test_killed_at_any_step_it_is_run_again(waiting):
    step = 0
    while (done := run_to_step(waiting, step := step + 1, "withdraw", "2")).returncode == -signal.SIGKILL:
        left = runs.numbers(waiting.lake)
        assert left in ([1, 2, 3], [1, 2], [1]), "never a gap"
        assert waiting.live("t", "id") == OLD
    assert step > 6 and (done.returncode == 0 or "has no run 2" in done.stderr), done.stderr
    assert waiting.run().run == 2 and waiting.live("t", "id") == NEW
