"""Sums per bucket over several connections are those over one; they show how far they are, and Ctrl-C ends them."""

import io
import os
import re
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import duckdb
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.cli import report
from loaders.common.errors import Failure
from loaders.lake.spool import spool
from loaders.proof import raw_state, verify
from loaders.proof.compare import compare
from loaders.run import backlog, pipeline
from loaders.run.match_catalog import match
from loaders.run.options import Options, Places
from loaders.source import bucket_sums, key_ranges, mysql
from loaders.source.bucket_sums import PartSums, added_up
from loaders.source.mysql import Snapshot
from loaders.source.source_side import SourceSide, between, some_between
from loaders.types.column_type import ColumnType
from loaders.types.homes import homes
from loaders.words.buckets import Buckets
from tests.own_database import OwnDatabase, watch
from tests.test_parallel import filled as fill
from tests.test_parallel import split_all, threads, together  # noqa: F401 (split_all is a fixture)

INTEGER = ("id int", lambda n: [n], True)
# kind of key -> its columns, the key of row n, and whether it can be asked in ranges.
KEYS = {
    "integer": INTEGER,
    "signed": ("id bigint", lambda n: [-n * n if n % 2 else n * n], True),
    "sparse": ("id bigint unsigned", lambda n: [n * 5_000_000_000_000_000], True),
    "composite": ("a int, b varchar(9)", lambda n: [n % 7, f"{n}"], True),
    "string": ("k varchar(9)", lambda n: [f"k{n}"], False),
    "uuid": ("k char(36)", lambda n: [str(uuid.uuid5(uuid.NAMESPACE_OID, str(n)))], False),
}
ID = ColumnType("id", "int", "INTEGER", "INTEGER")
# A query over the table takes as long as it takes to wait for the moment when all connections ask.
SLOW = "sleep(0.02) + 1"


def side_of(snapshot: Snapshot, own: OwnDatabase, progress=watch) -> SourceSide:
    """The table `t` as one side of a comparison."""
    (table,) = own.discover().tables
    source = snapshot.tables()[table.name]
    columns = homes(table.name, source.columns, for_redshift=False)
    keys = [column for name in table.primary_key for column in columns if column.name == name]
    return SourceSide(snapshot, source, keys, columns[-1], progress)


def filled(own: OwnDatabase, kind: str = "integer", count: int = 3000) -> None:
    columns, key, _in_ranges = KEYS[kind]
    names = ", ".join(column.split()[0] for column in columns.split(", "))
    rows = [(*key(n), f"v{n}") for n in range(1, count + 1)]
    fill(own, "t", f"{columns}, v varchar(20), primary key ({names})", rows)


part = st.dictionaries(st.integers(-5, 5), st.tuples(st.integers(1, 9), st.integers(0, 2**70)))


@given(st.lists(part))
def test_sums_of_parts_add_up(parts):
    whole = added_up(map(PartSums, parts))
    assert whole.keys() == set().union(*parts)
    for bucket, (rows, total) in whole.items():
        assert rows == sum(sums[bucket][0] for sums in parts if bucket in sums)
        assert total == sum(sums[bucket][1] for sums in parts if bucket in sums)


@given(st.dictionaries(st.integers(-60, 60), st.integers(0, 2**63 - 1)), st.integers(1, 40), st.integers(1, 9))
def test_ranges_that_cut_buckets_in_two_leave_their_sums_as_they_are(rows, size, parts):
    def sums(condition: str | None) -> PartSums:
        chosen = [key for key in rows if condition is None or eval(condition, {"key": key})]  # noqa: S307
        found: dict[int, tuple[int, int]] = {}
        for key in chosen:
            count, total = found.get(int(key / size), (0, 0))
            found[int(key / size)] = (count + 1, total + rows[key])
        return PartSums(found)

    ranges = key_ranges.ranges("key", min(rows, default=0), max(rows, default=0), parts)
    assert added_up(map(sums, ranges)) == sums(None).sums


@pytest.mark.parametrize("kind", KEYS)
def test_sums_over_three_connections_are_those_over_one(own, kind, split_all):  # noqa: F811
    filled(own, kind)
    with own.snapshot() as one, together(own) as three:
        alone, shared = side_of(one, own), side_of(three, own)
        buckets = alone.buckets(3000)
        expected = one.sums(alone.table, alone.bucket(buckets), alone.hashed.select)
        assert shared.sums(buckets) == alone.sums(buckets) == expected
        assert sum(rows for rows, _total in expected.values()) == 3000
        assert (len(key_ranges.conditions(three, shared.table)) > 1) == KEYS[kind][2]
        assert key_ranges.conditions(one, alone.table) == [None], "which would cost the server more"


def test_a_condition_names_fifty_ranges_at_most_because_each_row_is_held_against_all_before_its_own():
    ranges = [(10 * number, 10 * number + 3) for number in range(120)]
    found = some_between("k", ranges)
    assert [each.count(" between ") for each in found] == [50, 50, 20]
    assert " or ".join(found) == between("k", ranges)


def test_an_empty_table_has_no_sums(own, split_all):  # noqa: F811
    own.write("create table t (id int primary key)")
    with together(own) as snapshot:
        assert side_of(snapshot, own).sums(Buckets("id", 1024)) == {}


def test_sums_that_the_server_cuts_are_not_taken_for_the_tables(own):
    """`sql_select_limit`, set globally, once made of 98,304 rows 96,255: "equal", published, and refused for ever."""
    filled(own)
    with own.snapshot() as snapshot:

        def cutting(_doing, _rows, answers):
            mysql.rows(snapshot.connection, "set session sql_select_limit = 2")
            return answers

        with pytest.raises(Failure, match=r"t: the server's sums of hashes are those of .* it counts 3,000") as caught:
            side_of(snapshot, own, cutting).sums(Buckets("id", 1024))
    assert "nothing was published" in caught.value.fix


def run(own: OwnDatabase, count: int):
    """What `make extract ARGS="--parallel N"` does; the batch of `t`."""
    known = own.discover()
    with spool() as folder, own.opened(known.schema) as warehouse:
        places = Places(own.lake, folder, warehouse)
        published = pipeline.extract(lambda: together(own, count), known, places, Options(), watch)
        list(backlog.load(own.lake, warehouse))
    return published.batches[0]


@pytest.mark.parametrize("kind", ["integer", "composite", "string"])
def test_a_run_over_three_connections_finds_the_same_repairs_and_deletes(own, kind, split_all):  # noqa: F811
    filled(own, kind)
    other = replace(own, folder=own.folder / "other")
    other.folder.mkdir()
    for each in (own, other):
        run(each, 1)
    own.write(
        "update t set v = 'silent' where v in ('v7', 'v1500', 'v3000')",
        "delete from t where v in ('v1', 'v1024', 'v2999')",
    )
    one, three = run(own, 1), run(other, 3)
    assert one.verdict == three.verdict == "equal: 2,997 rows by hash; 3 repaired; 3 gone"
    assert (one.live_rows, one.hash_sum, one.deleted_rows) == (three.live_rows, three.hash_sum, three.deleted_rows)
    rows = "* exclude (_extracted_at, _deleted_at), _deleted_at is null"
    assert own.raw("t", rows) == other.raw("t", rows)


@contextmanager
def once_all_are_asked(own: OwnDatabase, mysql_server, snapshot: Snapshot, act: Callable[[list[int]], None]):
    """Act, in a thread, on the numbers of the snapshot's connections as soon as each runs a slow query."""
    numbers = [connection.thread_id() for connection in snapshot.connections]
    busy = (
        "select count(*) from information_schema.processlist "
        f"where id in ({', '.join(map(str, numbers))}) and info like '%sleep%'"
    )

    def wait_and_act() -> None:
        with closing(own.connect(mysql_server.url("root", "mysql"))) as other, other.cursor() as cursor:
            while cursor.execute(busy) and cursor.fetchone()[0] < len(numbers):
                time.sleep(0.01)
            act(numbers)

    watching = threading.Thread(target=wait_and_act, daemon=True)
    watching.start()
    try:
        yield
        watching.join()
    finally:
        kill(own, mysql_server, numbers)


def kill(own: OwnDatabase, mysql_server, numbers: list[int]) -> None:
    """End connections that are there still: a server goes on with a query though nobody waits for it."""
    with closing(own.connect(mysql_server.url("root", "mysql"))) as administrator, administrator.cursor() as cursor:
        for number in numbers:
            with suppress(pymysql.MySQLError):
                cursor.execute(f"kill {number}")


def slow_sums(snapshot: Snapshot, own: OwnDatabase) -> list[PartSums]:
    side = side_of(snapshot, own)
    parts = key_ranges.conditions(snapshot, side.table)
    with closing(bucket_sums.in_parts(snapshot, side.table, "0", SLOW, parts)) as answers:
        return list(answers)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_error_on_one_connection_ends_all_and_names_the_table(own, mysql_server, split_all, which):  # noqa: F811
    filled(own)
    before = threads()
    with together(own) as snapshot:
        killing = once_all_are_asked(own, mysql_server, snapshot, lambda all_: kill(own, mysql_server, [all_[which]]))
        with killing, pytest.raises(Failure, match="MySQL stopped while table t was read"):
            slow_sums(snapshot, own)
        assert not any(connection.open for connection in snapshot.connections)
    assert threads() == before


@pytest.mark.parametrize("count", [1, 3])
def test_ctrl_c_ends_the_sums_of_all_connections(own, mysql_server, split_all, count):  # noqa: F811
    filled(own)
    before = threads()
    with together(own, count) as snapshot:
        stopping = once_all_are_asked(own, mysql_server, snapshot, lambda _all: os.kill(os.getpid(), signal.SIGINT))
        with stopping, pytest.raises(KeyboardInterrupt):
            slow_sums(snapshot, own)
        assert not any(connection.open for connection in snapshot.connections)
    assert threads() == before


def test_ctrl_c_ends_what_the_warehouse_is_asked_meanwhile(own):
    """A query of hours, of which Ctrl-C leaves neither a thread nor a warehouse that cannot be asked."""
    filled(own, count=10)
    own.run()
    before, asked, ended = threads(), threading.Event(), []

    def stop(_doing, _rows, answers):
        asked.wait()
        os.kill(os.getpid(), signal.SIGINT)
        return answers

    endless = "(select range as id, range as _source_hash, null::timestamp as _deleted_at from range(1000000000000))"
    with own.snapshot() as snapshot, own.opened("raw_own") as warehouse:
        source = side_of(snapshot, own, stop)
        with (
            pytest.raises(KeyboardInterrupt),
            warehouse.side(endless, [ID]) as raw,
        ):

            def ask(sql: str):
                asked.set()
                try:
                    return raw.ask(sql)
                except duckdb.InterruptException as error:
                    ended.append(error)
                    raise

            compare(source, replace(raw, ask=ask), Buckets("id", 1024))
        assert len(ended) == 1 and threads() == before
        assert warehouse.ask("select count(*) from raw_own.t") == [(10,)]


class Terminal(io.StringIO):
    """What a terminal would have been sent."""

    def isatty(self) -> bool:
        return True

    def shows(self, text: str) -> None:
        while not re.search(text, self.getvalue()):
            time.sleep(0.001)


def test_what_is_done_is_said_on_a_terminal_before_the_first_rows_and_then_how_far_it_is(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(report, "SECONDS", 0.01)

    def parts():
        terminal.shows(r"\r  comparing t, about 2,000 rows … 00:00")
        yield PartSums({1: (900, 5), 2: (100, 5)})
        terminal.shows(r"\r  comparing t:  50%.* 1.00k/2.00k ")

    list(report.progress("comparing t", 2000, parts()))
    assert re.search(r"\r +\r+$", terminal.getvalue()), "nothing is left of it"


def test_nothing_is_shown_where_there_is_no_terminal(capsys):
    assert list(report.progress("comparing t", 2000, [PartSums({})])) == [PartSums({})]
    assert capsys.readouterr().err == ""


def test_incremental_runs_and_verify_tell_that_they_compare(own):
    filled(own, count=10)
    own.run()
    told = []

    def progress(doing, _rows, batches):
        told.append(doing)
        return batches

    known = own.discover()
    with spool() as folder, own.opened(known.schema) as warehouse, own.snapshot() as snapshot:
        places = Places(own.lake, folder, warehouse)
        pipeline.extract(own.snapshot, known, places, Options(), progress)
        assert told == ["comparing t"], "and then reads what differs, here nothing"
        applied = raw_state.applied(own.lake, warehouse)
        ends = verify.Ends(snapshot, warehouse, applied, [], "marts", progress, whole=True)
        ((table, source),) = match(known, snapshot)
        assert verify.raw_table(ends, table, source, known, deep=False).equal
        assert told[1:] == ["comparing t"]
