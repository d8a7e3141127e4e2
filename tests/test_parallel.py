"""Several connections, one snapshot: every row once and as it was at one moment, or a failure and nothing published."""

import os
import secrets
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import cli
from loaders.common.errors import Failure
from loaders.lake.spool import spool
from loaders.run import backlog, pipeline
from loaders.run.options import Options, Places
from loaders.source import key_ranges, mysql, mysql_url, shared_snapshot
from loaders.warehouse.duckdb_sql import read_parquet
from loaders.words.run_record import Run
from tests import commands
from tests.own_database import OwnDatabase, watch


@pytest.fixture
def split_all(monkeypatch):
    """Small tables are read in parts, too."""
    monkeypatch.setattr(key_ranges, "SPLIT_FROM_ROWS", 0)


@contextmanager
def together(own: OwnDatabase, count: int = 3, url: str | None = None, notices: list[str] | None = None):
    """A snapshot of `count` connections."""
    with ExitStack() as stack:
        *readers, locker = (
            stack.enter_context(closing(own.connect(url or own.source_url, **mysql.CONNECT_OPTIONS)))
            for _ in range(count + 1)
        )
        tables = [table.name for table in own.discover().tables]
        told = [] if notices is None else notices
        with shared_snapshot.shared_snapshot(readers, locker, tables, told.append) as snapshot:
            yield snapshot


def extract(own: OwnDatabase, progress=watch, warehouse=None, full=True, **how) -> Run:
    with spool() as folder:
        places, options = Places(own.lake, folder, warehouse), Options(full=full)
        return pipeline.extract(lambda: together(own, **how), own.discover(), places, options, progress)


def filled(own: OwnDatabase, table: str, columns: str, values: list[tuple]) -> None:
    """Make a table with these rows."""
    own.write("set sql_mode = ''", f"create table {table} ({columns})")
    with closing(own.connect(own.shop_url, sql_mode="")) as connection, connection.cursor() as cursor:
        cursor.executemany(f"insert into {table} values ({', '.join(['%s'] * len(values[0]))})", values)
        connection.commit()


def rows(own: OwnDatabase, run: Run, table: str, columns: str) -> list[tuple]:
    """What the run has put into the lake of a table."""
    (batch,) = (batch for batch in run.batches if batch.table == table)
    files = [own.lake.folder / file.key for file in batch.files]
    return duckdb.sql(f"select {columns} from {read_parquet(files)} order by all").fetchall()


@given(st.integers(-(2**63), 2**64), st.integers(0, 2**64), st.integers(1, 40), st.data())
def test_every_possible_key_is_in_exactly_one_range(low, size, parts, data):
    found = key_ranges.ranges("key", low, low + size, parts)
    assert len(found) <= parts
    key = data.draw(st.integers(low - 5, low + size + 5) | st.sampled_from([low, low + size, -(2**63), 2**64]))
    if found != [None]:
        assert sum(eval(condition, {"key": key}) for condition in found) == 1  # noqa: S307 (SQL that is Python too)


def test_all_rows_arrive_once_whatever_the_key_is(own, split_all):
    gaps = sorted((-n * n if n % 2 else n, n) for n in range(1, 3001))
    two = sorted((n % 7, str(n)) for n in range(1, 501))
    filled(own, "gaps", "id bigint primary key, v int", gaps)
    filled(own, "big", "id bigint unsigned primary key", [(0,), (1,), (2**64 - 1,)])
    filled(own, "two", "a int, b varchar(9), primary key (a, b)", two)
    filled(own, "text_key", "k varchar(9) primary key", [("a",), ("b",)])
    filled(own, "no_key", "v int", [(1,), (1,)])
    filled(own, "one", "id int primary key", [(7,)])
    own.write("create table nothing (id int primary key)")
    run = extract(own)
    assert rows(own, run, "gaps", "id, v") == gaps and rows(own, run, "two", "a, b") == two
    assert rows(own, run, "big", "id::varchar") == [("0",), ("1",), ("18446744073709551615",)]
    assert rows(own, run, "text_key", "k") == [("a",), ("b",)] and rows(own, run, "no_key", "v") == [(1,), (1,)]
    assert rows(own, run, "one", "id") == [(7,)]
    assert {batch.verdict.split(":")[0] for batch in run.batches} == {"equal"}


@pytest.mark.parametrize("split_from_rows", [0, 100_000])
def test_all_connections_see_the_same_moment_while_others_write(own, monkeypatch, split_from_rows):
    """Money moves between the first and the last range, and between two tables; the sum must never change.

    Read in parts over all connections, and each table over one.
    """
    monkeypatch.setattr(key_ranges, "SPLIT_FROM_ROWS", split_from_rows)
    for table in ("a", "b"):
        filled(own, table, "id int primary key, v int", [(key, 1000) for key in range(1, 401)])
    stop = threading.Event()

    def move(number: int) -> None:
        with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                for table, change, key in (("a", -1, 1 + number), ("a", 1, 399 - number), ("b", 1, 9), ("a", -1, 9)):
                    cursor.execute(f"update {table} set v = v + {change} where id = {key}")
                connection.commit()

    writers = [threading.Thread(target=move, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        notices, sums, moved = [], set(), set()
        for _ in range(15):
            run = extract(own, notices=notices)
            total = [rows(own, run, table, "sum(v)")[0][0] for table in ("a", "b")]
            sums.add(sum(total))
            moved.add(total[1])
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert notices == [] and sums == {800_000} and len(moved) > 10, "the writers wrote meanwhile"


def test_an_account_that_may_not_lock_reads_over_one_connection_and_is_told(own, mysql_server, split_all):
    filled(own, "t", "id int primary key", [(key,) for key in range(1, 101)])
    name, password = f"reader_{secrets.token_hex(3)}", secrets.token_hex(8)
    source = mysql_url.parse(own.source_url, "x")
    with (
        closing(own.connect(mysql_server.url("root", "mysql"))) as administrator,
        administrator.cursor() as cursor,
    ):
        cursor.execute(f"create user {name} identified by '{password}'")
        cursor.execute(f"grant select on `{source.database}`.* to {name}")
        try:
            notices = []
            url = own.source_url.replace(f"//loader:{source.password.revealed()}", f"//{name}:{password}")
            run = extract(own, url=url, notices=notices)
        finally:
            cursor.execute(f"drop user {name}")
    assert run.batches[0].rows == 100
    assert notices == [
        "the account in SOURCE_URL may not lock (`grant lock tables on …` would let it); reading over one connection"
    ]


def test_a_long_transaction_of_others_is_not_waited_for(own, split_all, monkeypatch):
    monkeypatch.setattr(shared_snapshot, "LOCK_SECONDS", 1)
    filled(own, "t", "id int primary key", [(key,) for key in range(1, 101)])
    with closing(own.connect(own.shop_url)) as writer, writer.cursor() as cursor:
        cursor.execute("insert into t values (1000)")
        notices = []
        run = extract(own, notices=notices)
        assert run.batches[0].rows == 100 and "somebody writes a long transaction" in notices[0]
        writer.commit()


def test_no_lock_is_left_when_reading_begins(own, split_all):
    own.write("create table t (id int primary key)", "insert into t values (1)")
    with together(own) as snapshot:
        own.write("insert into t values (2)")
        assert snapshot.count(snapshot.tables()["t"]) == 1


@pytest.fixture
def wide(own, split_all):
    """A table that fills the readers' queue several times over."""
    filled(own, "t", "id int primary key, v longtext", [(key, "x" * 20_000) for key in range(4000)])
    return own


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread is not threading.main_thread()}


def failing(own: OwnDatabase, at_first_batch):
    """A progress that does something when the first batch is there."""

    def progress(_name, _expected_rows, batches):
        for number, batch in enumerate(batches):
            if number == 0:
                at_first_batch()
            yield batch

    return progress


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_connection_that_is_killed_ends_the_whole_run(wide, mysql_server, which):
    before, seen = threads(), []

    @contextmanager
    def watched():
        with together(wide) as snapshot:
            seen.extend(connection.thread_id() for connection in snapshot.connections)
            yield snapshot

    def kill() -> None:
        with closing(wide.connect(mysql_server.url("root", "mysql"))) as other, other.cursor() as cursor:
            cursor.execute(f"kill {seen[which]}")

    with spool() as folder, pytest.raises(Failure, match="MySQL stopped while table t was read"):
        places, options = Places(wide.lake, folder, None), Options(full=True)
        pipeline.extract(watched, wide.discover(), places, options, failing(wide, kill))
    assert threads() == before and list(wide.lake.keys("")) == []


def test_ctrl_c_ends_all_connections_and_publishes_nothing(wide):
    before = threads()
    with pytest.raises(KeyboardInterrupt):
        extract(wide, progress=failing(wide, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert threads() == before and list(wide.lake.keys("")) == []


def test_a_value_without_a_home_in_one_part_ends_the_run_and_is_named(own, split_all):
    days = [(key, "0000-00-00" if key == 777 else "2026-01-01") for key in range(1000)]
    filled(own, "t", "id int primary key, at date", days)
    with pytest.raises(Failure, match=r"t\.at.*id=777"):
        extract(own)
    assert list(own.lake.keys("")) == []


def test_the_command_reads_in_parallel(own):
    commands.succeeded(commands.python(own, "seeds_generator", "fill", "--yes", "--orders", "120000", SOURCE_URL=""))
    told = commands.python(own, "loaders", "extract", "--parallel", "2")
    assert "equal: 120,000 rows" in commands.succeeded(told) and "notice" not in told.stderr
    assert own.live("order", "count(*), count(distinct order_id)", schema="raw") == [(120_000, 120_000)]


@pytest.mark.parametrize("wrong", ["0", "-1", "x", "99", ""])
def test_a_number_of_connections_that_is_none_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.parser().parse_args(["extract", f"--parallel={wrong}"])
    assert ended.value.code == 2 and "is not a number from 1 to 16" in capsys.readouterr().err


def many(own: OwnDatabase, count: int = 9) -> list[str]:
    """Make small tables, `count` with keys to split them by and one of each kind without; the catalog's names."""
    for number in range(count):
        filled(own, f"t{number}", "id int primary key, v varchar(99), at datetime(6)",
               [(key, f"{number} {key}", "2026-01-02 03:04:05.6") for key in range(number * 100 + 2)])  # fmt: skip
    filled(own, "no_key", "v int", [(1,), (1,)])
    filled(own, "text_key", "k varchar(9) primary key", [("a",), ("b",)])
    filled(own, "not_held", "id int primary key", [(1,), (2,)])
    own.write("alter table not_held engine = myisam", "create table nothing (id int primary key)")
    return [table.name for table in own.discover().tables]


def test_what_raw_holds_is_compared_and_only_the_others_are_read_whole(own):
    many(own)
    own.run()
    own.write("delete from t3 where id = 5", "update t5 set v = 'new' where id = 7", "insert into no_key values (2)")
    own.write("create table u (id int primary key)", "insert into u values (1)")
    with own.opened("raw_own") as warehouse:
        run = extract(own, warehouse=warehouse, full=False)
        list(backlog.load(own.lake, warehouse))
    whole = {batch.table for batch in run.batches if batch.mode == "full"}
    assert whole == {"no_key", "not_held", "u"}
    assert [batch.table for batch in run.batches] == [table.name for table in own.discover().tables]
    assert own.live("t3", "count(*)") == [(301,)] and own.live("t5", "count(*) filter (v = 'new')") == [(1,)]
    assert own.live("no_key", "v") == [(1,), (1,), (2,)] and own.live("u", "id") == [(1,)]


MEASURED = """
import sys
from pathlib import Path
from loaders.source import key_ranges
from tests.own_database import OwnDatabase
from tests.test_parallel import extract
key_ranges.SPLIT_FROM_ROWS = int(sys.argv[3])
def peak_kb():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])
before = peak_kb()
extract(OwnDatabase("", sys.argv[1], Path(sys.argv[2])), count=2)
print(peak_kb() - before)
"""


@pytest.mark.parametrize("split_from_rows", [0, 100_000])
def test_two_connections_take_no_more_memory_than_is_promised(own, split_from_rows):
    """Rows of a megabyte, of a table that is read in parts, and of one that is not.

    200 MB of 300; the rest is for what the command imports, which is less than what this test does.
    """
    for name in ("a", "b"):
        own.write(
            f"create table {name} (id int primary key auto_increment, v longtext)",
            f"insert into {name} (v) values (repeat('x', 1000000))",
            *[f"insert into {name} (v) select concat(id, v) from {name}"] * 7,
        )
    command = [sys.executable, "-c", MEASURED, own.source_url, str(own.folder), str(split_from_rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 200_000_000, f"grew by {int(done.stdout) * 1024:,} bytes"
