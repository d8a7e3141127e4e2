"""The lake's commit inside the warehouse's: what raw refuses is never published, and nobody else's run is harmed."""

from contextlib import nullcontext

import pytest

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.run import pipeline
from loaders.run.options import Options, Places
from loaders.words.delete_limit import DeleteLimit
from loaders.words.run_record import Run
from tests.own_database import watch

OLD, NEW = [(1,), (2,)], [(1,), (3,)]


@pytest.fixture
def changed(own):
    """A table in raw, which has changed since."""
    own.write("create table t (id int primary key)", "insert into t values (1), (2)")
    own.run()
    own.write("delete from t where id = 2", "insert into t values (3)")
    return own


def read(own, **options) -> Run:
    """A run that has compared itself with raw, and is not published."""
    known = own.discover()
    with spool() as folder, own.opened(known.schema) as warehouse:
        places = Places(own.lake, folder, warehouse)
        return pipeline.read(own.snapshot, known, places, Options(**options), watch)


def commit(own, run: Run, lake=None) -> None:
    places = Places(lake or own.lake, own.folder, None)
    pipeline.commit_both(places, run, lambda: own.opened(run.schema), DeleteLimit())


def refused(own, run: Run, lake=None) -> Failure:
    with pytest.raises(Failure) as caught:
        commit(own, run, lake)
    return caught.value


def raw(own) -> list[tuple]:
    return own.live("t", "id")


def left_of(own, run: Run) -> list[str]:
    """The files in the lake of an attempt."""
    return [key for key in own.lake.keys("t/") if run.attempt in key]


def test_the_record_is_written_before_raws_commit_when_raw_is_proved(changed):
    class Watched(Folder):
        """A lake that looks at raw when it publishes."""

        def create(self, key, data):
            if key.startswith("_runs/"):
                seen.append(warehouse.ask("select count(*) from raw_own.t where _run = 2 and _deleted_at is null"))
            return super().create(key, data)

    run, seen = read(changed, full=True), []
    with changed.opened("raw_own") as warehouse:
        places = Places(Watched(changed.lake.folder), changed.folder, None)
        pipeline.commit_both(places, run, lambda: nullcontext(warehouse), DeleteLimit())
    assert seen == [[(2,)]]
    assert raw(changed) == NEW and runs.read(changed.lake, 2) == run


@pytest.mark.parametrize("full", [False, True])
def test_what_raw_refuses_is_not_published_and_the_next_run_works(changed, full):
    run = read(changed, full=full)
    (file,) = run.batches[0].files
    (changed.lake.folder / file.key).write_bytes(b"damaged")
    failure = refused(changed, run)
    assert "is damaged" in failure.problem and "nothing of this run was published" in failure.fix
    assert runs.numbers(changed.lake) == [1] and left_of(changed, run) == []
    assert raw(changed) == OLD
    assert changed.run().run == 2
    assert raw(changed) == NEW


def test_raw_that_changes_between_comparison_and_load_is_refused_and_read_anew(changed):
    run = read(changed)
    with changed.opened("raw_own") as warehouse:
        warehouse.connection.execute("delete from raw_own.t where id = 1")
    assert "would not equal the source" in refused(changed, run).problem
    assert runs.numbers(changed.lake) == [1]
    assert changed.run().batches[0].verdict == "equal: 2 rows by hash, all by value; 2 repaired; 1 gone"
    assert raw(changed) == NEW


@pytest.mark.parametrize("loaded", [False, True])
def test_a_run_that_another_has_overtaken_leaves_nothing(changed, loaded):
    late = read(changed)
    assert changed.extract(full=True).run == 2
    assert not loaded or changed.load() == [2]
    failure = refused(changed, late)
    assert failure.problem.startswith("another run published number 2") and "nothing of this run" in failure.fix
    assert left_of(changed, late) == []
    assert raw(changed) == (NEW if loaded else OLD)
    assert changed.load() == ([] if loaded else [2])


def test_a_lake_that_cannot_be_written_takes_raw_back(changed):
    class Full(Folder):
        """A lake whose disk is full when the record comes."""

        def create(self, key, data):
            raise Failure(f"the lake {self} cannot be written (No space left on device)", "free some space")

    run = read(changed)
    failure = refused(changed, run, Full(changed.lake.folder))
    assert "No space left" in failure.problem
    assert runs.numbers(changed.lake) == [1] and raw(changed) == OLD
    assert changed.run().run == 2 and raw(changed) == NEW


def test_stopped_by_ctrl_c_between_the_commits_the_run_waits_with_all_its_files(changed):
    class Stopped(Folder):
        """Ctrl-C comes when the record is in place."""

        def create(self, key, data):
            super().create(key, data)
            raise KeyboardInterrupt

    run = read(changed)
    with pytest.raises(KeyboardInterrupt):
        commit(changed, run, Stopped(changed.lake.folder))
    assert raw(changed) == OLD
    assert changed.load() == [2] and raw(changed) == NEW
