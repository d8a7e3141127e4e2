"""Ctrl-C while Redshift works on a statement: nobody waits for its end. On the stand-in."""

import os
import signal
import threading
from dataclasses import replace

import pytest
from redshift_connector.error import Error as RedshiftError

from loaders.common.errors import Failure
from loaders.proof.compare import compare
from loaders.words.buckets import Buckets
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.test_parallel import threads
from tests.test_sums import ID, filled, side_of


@pytest.fixture
def slow(both):  # noqa: F811
    """A table, and a query over it of some seconds: the server goes on with it though nobody waits any more."""
    filled(both.own, count=300)
    both.run()
    t = f"{both.schema}.t"
    rows = f"select a.id, a._source_hash, a._deleted_at from {t} as a cross join {t} as b cross join {t} as c"
    return both, f"({rows})"


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_while_the_source_is_asked_ends_what_redshift_is_asked_too(slow):
    both, rows = slow  # noqa: F811
    before, asked, ended = threads(), threading.Event(), []

    def stop(_doing, _rows, answers):
        asked.wait()
        press_ctrl_c()
        return answers

    with both.own.snapshot() as snapshot, both.warehouse() as warehouse:
        source = side_of(snapshot, both.own, stop)
        with pytest.raises(KeyboardInterrupt), warehouse.side(rows, [ID]) as raw:

            def ask(sql: str):
                asked.set()
                try:
                    return raw.ask(sql)
                except RedshiftError as error:
                    ended.append(error)
                    raise

            compare(source, replace(raw, ask=ask), Buckets("id", 1024))
    assert "Broken" in str(ended), "it had no answer"
    assert threads() == before
    assert both.run().batches[0].verdict == "equal: 300 rows by hash, all by value", "and the next run works"


def test_ctrl_c_in_a_statement_of_redshift_does_not_wait_for_a_rollback_behind_it(slow):
    both, rows = slow  # noqa: F811
    with both.warehouse() as warehouse:
        pressing = threading.Timer(0.3, press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            pressing.start()
            warehouse.ask(f"select sum(r._source_hash % 7) from {rows} as r")
        with pytest.raises(Failure, match="could not read"):
            warehouse.last_applied()
    assert both.run().batches[0].verdict == "equal: 300 rows by hash, all by value"
