"""What is open in Redshift while the source works, and what becomes of a session that was silent for long."""

import pytest

from loaders.common.errors import Failure
from loaders.lake.run_files import RunFiles
from loaders.warehouse import redshift_session
from loaders.words.buckets import Buckets
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.redshift.test_statements import sent


@pytest.fixture
def filled(both, monkeypatch):  # noqa: F811
    """Two rows, loaded; every session counts as silent from its first statement on."""
    both.own.write("create table t (id int primary key, v varchar(9))", "insert into t values (1, 'a'), (2, 'b')")
    both.run()
    monkeypatch.setattr(redshift_session, "SILENT_SECONDS", 0)
    return both


def end(both, session) -> None:  # noqa: F811
    """What SESSION TIMEOUT does."""
    (pid,) = session._connection.cursor().execute("select pg_backend_pid()").fetchone()
    assert both.ask(f"select pg_terminate_backend({pid})")[0][0]


def test_no_transaction_is_open_while_the_source_works(filled):
    """An open one costs RPUs on Serverless for as long as the source computes its sums."""
    filled.own.write("update t set v = 'new' where id = 1")
    with sent() as told:
        assert filled.run().batches[0].mode == "incremental"
    first = told.index("begin")
    assert told[first + 1].startswith("lock "), "the source is let go by then"
    assert any("sum(_source_hash)" in sql for sql in told[:first]), "and was compared with raw before"


def test_a_session_that_was_ended_in_a_silence_is_made_anew_with_the_rows_it_had_beside(filled):
    filled.own.write("update t set v = 'new' where id = 1", "insert into t values (3, 'new')")
    run = filled.extract(full=True)
    session = filled.session()
    key = [column for column in run.batches[0].columns if column.name == "id"]
    with filled.warehouse(session) as warehouse:
        end(filled, session)
        assert warehouse.last_applied()[0] == 1
        files = RunFiles(filled.lake, filled.own.folder)
        with warehouse.live(run.batches[0], run.attempt, files) as live:
            whole, before = Buckets(None, 1), None
            for _time in range(2):
                sums = live.sums(whole)
                assert sums[0][0] == 3 and before in (None, sums)
                before = sums
                end(filled, session)
        with warehouse.side(f'"{filled.schema}"."t"', key) as side:
            assert side.sums(whole)[0][0] == 2
    assert filled.load() == [2]


def test_a_transaction_that_was_ended_is_not_begun_anew_half_way(filled):
    """What it had done is lost with it: the next statement alone would be half a load."""
    session = filled.session()
    with filled.warehouse(session) as warehouse:
        rows = warehouse.stream(f'select id from "{filled.schema}"."t"', wide=True)
        next(rows)
        end(filled, session)
        with pytest.raises(Failure, match="could not read schema"):
            list(rows)
        assert warehouse.last_applied()[0] == 1, "and the session is of use again"


def test_a_load_between_the_questions_of_a_comparison_is_said(filled):
    filled.own.write("insert into t values (3, 'new')")
    filled.extract(full=True)
    said = pytest.raises(Failure, match=f"a run was applied to {filled.schema} while it was being compared")
    with filled.warehouse() as warehouse, said, warehouse.side(f'"{filled.schema}"."t"', []) as side:
        side.sums(Buckets(None, 1))
        assert filled.load() == [2]
