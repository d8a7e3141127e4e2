"""`replay` on the Redshift stand-in: raw from the lake alone, to any run, or the old raw as it was."""

import signal

import pytest

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.retention.replay import replay
from loaders.words import catalog
from tests import commands
from tests.redshift.test_kill import run_to_step, shop  # noqa: F401 (a fixture)
from tests.redshift.test_load import Cut, both, breaking, line  # noqa: F401 (two fixtures)


def everything(both) -> dict[str, list]:  # noqa: F811
    return {"t": both.rows("t"), "_loads": both.rows("_loads", "run, attempt, table_name, mode, row_count, verdict")}


def replayed(both, to_run=None, session=None, **changes) -> list[int]:  # noqa: F811
    with both.warehouse(session, **changes) as warehouse:
        return [run.run for run in replay(both.lake, warehouse, to_run, lambda steps, _count: steps)]


@pytest.fixture
def history(both):  # noqa: F811
    """Three runs of a table that changes, and raw as each left it."""
    both.own.write("create table t (id int primary key, v varchar(9))", "insert into t values (1, 'a'), (2, 'b')")
    states = {}
    for number, change in enumerate(
        ("insert into t values (3, 'c ')", "delete from t where id = 2", "update t set v = 'x' where id = 1"), 1
    ):
        both.own.write(change)
        both.run()
        states[number] = everything(both)
    return both, states


def test_raw_is_as_it_was_after_any_run_and_load_goes_on_from_there(history):
    both, states = history  # noqa: F811
    for number in (2, 3, 1):
        both.ask(f"update {both.schema}.t set v = 'rubbish'")
        assert replayed(both, number) == list(range(1, number + 1))
        assert everything(both) == states[number]
    assert both.load() == [2, 3]
    assert everything(both) == states[3]
    both.ask(f"drop schema {both.schema} cascade")
    assert replayed(both) == [1, 2, 3]
    assert everything(both) == states[3]


def test_a_file_that_is_not_the_published_one_is_named_and_raw_stays(history, s3):
    both, states = history  # noqa: F811
    (file,) = runs.read(both.lake, 3).batches[0].files
    s3.put_object(Bucket=both.lake.bucket, Key=both.lake.prefix + file.key, Body=b"x" * file.bytes)
    with pytest.raises(Failure, match=file.key):
        replayed(both)
    both.lake.delete([file.key])
    with pytest.raises(Failure, match=file.key):
        replayed(both)
    assert everything(both) == states[3]


def test_a_commit_whose_answer_is_lost_is_looked_up(history, line):  # noqa: F811
    both, states = history  # noqa: F811
    both.ask(f"update {both.schema}.t set v = 'rubbish'")
    assert replayed(both, session=Cut(both, line, "commit")) == [1, 2, 3]
    assert everything(both) == states[3]


def test_a_connection_that_breaks_before_the_commit_leaves_raw_as_it_was(history):
    both, states = history  # noqa: F811
    with pytest.raises(Failure, match="at the COMMIT that was to rebuild schema") as caught:
        replayed(both, session=both.session(breaking(both, "commit", after=False)))
    assert "raw is unchanged" in caught.value.fix
    assert everything(both) == states[3]


def test_a_copy_that_fails_is_not_a_load_that_waits(history):
    both, states = history  # noqa: F811
    with pytest.raises(Failure, match=r"could not rebuild schema .*Access Denied") as caught:
        replayed(both, role=both.redshift.empty_role)
    assert "make load" not in caught.value.fix and "run it again" in caught.value.fix
    assert everything(both) == states[3]


def test_killed_before_its_commit_raw_is_the_old_one(shop):  # noqa: F811
    both, settings = shop  # noqa: F811
    both.run(known=catalog.read(both.own.catalog_file))
    both.ask(f"update {both.schema}.a set v = 7")
    done = run_to_step(settings, 0, "replay")
    assert done.returncode == 0, done.stderr
    steps = [step for step in done.stdout.splitlines() if step.startswith(("before ", "after "))]
    commit = steps.index("before sql commit") + 1
    both.ask(f"update {both.schema}.a set v = 7")
    for number, value in ((commit // 2, 7), (commit, 7), (commit + 1, -1)):
        assert run_to_step(settings, number, "replay").returncode == -signal.SIGKILL
        assert both.rows("a", "id, v") == [(1, value), (2, value)]
    assert "equal by count and hash" in commands.python(both.own, "loaders", "replay", **settings).stdout
