"""What a run did to its source is told, and SOURCE_PACE holds, by a clock of the test's own."""

from contextlib import closing
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.lake.spool import spool
from loaders.run import backlog, pipeline
from loaders.run.options import Options, Places
from loaders.source import bucket_sums, key_ranges, mysql, session, shared_snapshot
from loaders.source.burden import Burden
from tests import commands
from tests.own_database import sequence, watch
from tests.test_parallel import together


class Clock:
    """Goes on only by what is worked, and by rests. asked: seconds of the work."""

    def __init__(self) -> None:
        self.now, self.asked = 0.0, 0.0

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def work(self, seconds: float) -> None:
        self.now, self.asked = self.now + seconds, self.asked + seconds


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)), min_size=1), st.integers(1, 100))
def test_whatever_queries_take_at_most_the_share_of_the_time_is_spent_in_them(work, percent):
    """Between two queries there is work of our own, which is rest to the source."""
    clock = Clock()
    burden = Burden(percent / 100, clock, clock.rest)
    for query, between in work:
        with burden.query():
            # When a query begins, all before it have rested.
            assert clock.asked <= percent / 100 * clock.now + 1e-6
            clock.work(query)
        clock.now += between
    assert burden.taken == pytest.approx([query for query, _ in work], abs=1e-6)
    if percent == 100:
        assert clock.now == pytest.approx(sum(map(sum, work))), "all of the time means no rest"


def test_a_query_that_failed_is_none():
    burden = Burden()
    with pytest.raises(ZeroDivisionError), burden.query():
        1 / 0  # noqa: B018
    assert burden.taken == []


def test_whoever_rests_is_woken():
    burden = Burden(0.01, rested_at=Burden().clock() + 3_600)
    burden.stop()
    with burden.query():
        pass


def filled(own, rows: int) -> None:
    own.write(
        "create table t (id int primary key, v varchar(20))",
        f"insert into t select seq, concat('v', seq) from {sequence(1, rows)}",
    )
    own.write("analyze table t")


def test_a_run_tells_what_it_did(own):
    """Rows by the server's counters: all are read, and once more for the comparison by value.

    Each is counted, too; by no counter of MySQL's, where the table has no other index.
    """
    filled(own, 3_000)
    whole = own.run().source_cost
    assert 6_000 <= whole.rows_scanned < 10_000 and whole.locked_ms == 0
    assert whole.longest_query_ms <= whole.queries_ms <= whole.snapshot_ms
    own.write("update t set v = 'other' where id = 7")
    again = own.run()
    assert "1 repaired" in again.batches[0].verdict
    # Sums, the server's count, and the comparison by value; of the one bucket that differs, its 64 rows.
    assert 6_000 <= again.source_cost.rows_scanned < 9_500


def test_each_connection_is_counted_and_the_lock_is_timed(own):
    filled(own, 3_000)
    with together(own) as snapshot:
        table = snapshot.tables()["t"]
        before = snapshot.cost().rows_scanned
        assert list(bucket_sums.in_parts(snapshot, table, "1", "id", ["id <= 1000", "id = 7", "id > 1000"]))
        # A range begins with a look for its first row, and ends with the one after its last.
        assert 3_000 <= snapshot.cost().rows_scanned - before < 3_100
        assert len(snapshot.burden.taken) == 3
        assert snapshot.burden.locked > 0


def test_locks_that_did_not_come_are_counted_too(own, monkeypatch):
    """Whoever came to write while the lock was waited for may have waited behind it."""
    monkeypatch.setattr(shared_snapshot, "LOCK_SECONDS", 1)
    filled(own, 3)
    told = []
    with closing(own.connect(own.shop_url)) as writer, writer.cursor() as cursor:
        cursor.execute("update t set v = 'x' where id = 1")
        with together(own, notices=told) as snapshot:
            assert "reading over one connection" in told[0]
            assert snapshot.cost().locked_ms >= 1_000


class Paced(Clock):
    """Every look at the clock takes a second, so that each query does."""

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_rows_and_sums_are_asked_for_in_parts_with_rests_between(own, monkeypatch):
    monkeypatch.setattr(key_ranges, "ROWS_BETWEEN_RESTS", 100)
    filled(own, 3_000)
    known, runs = own.discover(), []
    for turn in range(2):
        own.write(f"update t set v = '{turn}' where id = 7")
        clock = Paced()
        burden = Burden(0.1, clock, clock.rest)
        with closing(own.connect(own.source_url, **mysql.CONNECT_OPTIONS)) as connection:
            session.state(connection)
            with own.opened(known.schema) as warehouse, spool() as folder:
                places = Places(own.lake, folder, warehouse)
                paced = partial(mysql.begin, [connection], burden)
                runs.append(pipeline.extract(paced, known, places, Options(), watch))
                list(backlog.load(own.lake, warehouse))
        # About 31 parts, by the server's estimate of its rows.
        assert len(burden.taken) > 25
        assert sum(burden.taken) <= 0.1 * clock.now + max(burden.taken)
        assert runs[-1].source_cost.queries_ms <= 0.1 * runs[-1].source_cost.snapshot_ms + 1_000
    assert [run.batches[0].verdict for run in runs] == ["equal: 3,000 rows", "equal: 3,000 rows by hash; 1 repaired"]


def test_the_command_takes_its_pace_from_the_settings_and_does_not_hurry(own):
    filled(own, 30)
    own.discover()
    chosen = {"CATALOG": str(own.catalog_file), "SOURCE_PACE": "50%"}
    refused = commands.python(own, "loaders", "extract", "--parallel", "2", **chosen)
    assert refused.returncode == 1 and "[pace-contradicted]: --parallel hurries" in refused.stderr
    assert "equal: 30 rows" in commands.succeeded(commands.python(own, "loaders", "extract", **chosen))
