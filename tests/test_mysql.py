"""Reading MySQL when something goes wrong: a read ends at the last row, or with a failure."""

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import closing
from dataclasses import replace

import pytest

from loaders.common.errors import Failure
from loaders.source import log_in, mysql, mysql_url
from loaders.source.conversion import Conversion
from loaders.types.type_contract import contract
from local_stack import private_server
from mysql_arrow import BLOCK_BYTES
from tests import chaos_proxy
from tests.own_database import OwnDatabase

ROWS = 20_000


MANY = (
    "create table t (id int primary key auto_increment, v varchar(1000))",
    "insert into t (v) values (repeat('x', 1000))",
    *["insert into t (v) select v from t"] * 14,
    f"insert into t (v) select v from t limit {ROWS - 2**14}",
)


# Four times as much: more than what is read ahead while nobody takes it.
MORE = ["insert into t (v) select v from t"] * 2


@pytest.fixture
def many(own):
    own.write(*MANY)
    return own


@pytest.fixture
def more(many):
    many.write(*MORE)
    return many


def read(snapshot, where=None):
    table = snapshot.tables()["t"]
    columns = [contract(column, "t") for column in table.columns]
    yield from snapshot.read(table, Conversion("t", columns, table.primary_key), [where])


def test_all_rows_arrive_in_batches_of_bounded_size(many):
    with many.snapshot() as snapshot:
        batches = list(read(snapshot))
    assert sum(batch.num_rows for batch in batches) == ROWS
    assert len({identifier.as_py() for batch in batches for identifier in batch["id"]}) == ROWS
    assert all(batch.nbytes < 2 * BLOCK_BYTES for batch in batches)


def test_a_part_of_the_rows_can_be_asked_for(many):
    with many.snapshot() as snapshot:
        (batch,) = read(snapshot, "`id` > 3 and `id` % 2 = 0 and `id` < 9")
    assert batch["id"].to_pylist() == [4, 6, 8]


@pytest.mark.parametrize("sent_bytes", [3000, 20_000, 333_333, 1_234_567, 4_000_000])
def test_a_connection_cut_in_mid_stream_is_a_failure_never_a_short_read(many, mysql_server, sent_bytes):
    with chaos_proxy.cutting_after(mysql_server.socket, sent_bytes) as path, pytest.raises(Failure) as caught:
        url = replace(mysql_url.parse(many.source_url, "x"), unix_socket=path)
        with (
            closing(log_in.connect(url, "x", **mysql.CONNECT_OPTIONS)) as connection,
            mysql.snapshot(connection) as snapshot,
        ):
            assert sum(batch.num_rows for batch in read(snapshot)) == -1, "it must not end by itself"
    assert "MySQL" in caught.value.problem


def test_a_killed_query_is_a_failure(more, mysql_server):
    with more.snapshot() as snapshot:
        batches = read(snapshot)
        next(batches)
        with closing(more.connect(mysql_server.url("root", "mysql"))) as other, other.cursor() as cursor:
            cursor.execute(f"kill {snapshot.connection.thread_id()}")
        with pytest.raises(Failure, match="MySQL stopped while table t was read"):
            list(batches)


def test_a_server_that_is_killed_is_a_failure(tmp_path):
    server = private_server.up(tmp_path / "mysql", say=lambda _text: None)
    try:
        own = OwnDatabase(server.url("shop", "order_he"), server.url("loader", "order_he"), tmp_path)
        own.write(*MANY, *MORE)
        with pytest.raises(Failure, match="while table t was read"), own.snapshot() as snapshot:
            batches = read(snapshot)
            next(batches)
            os.kill(server.pid, signal.SIGKILL)
            list(batches)
    finally:
        private_server.down(tmp_path / "mysql")


def test_a_reader_that_stops_early_closes_the_connection_without_reading_on_and_without_noise(more):
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with more.snapshot() as snapshot:
            batches = read(snapshot)
            next(batches)
            batches.close()
            assert not snapshot.connection.open
        gc.collect()


def test_a_table_altered_within_the_snapshot_says_run_again(many):
    with many.snapshot() as snapshot:
        tables = snapshot.tables()
        many.write("alter table t modify v varchar(1001), algorithm=copy")
        with pytest.raises(Failure) as caught:
            snapshot.count(tables["t"])
    assert "table t" in caught.value.problem
    assert caught.value.fix == "the table was altered during the run; run it again"


def test_a_table_that_is_locked_for_long_is_a_failure_naming_it(many):
    with many.snapshot() as snapshot, closing(many.connect(many.shop_url)) as other, other.cursor() as cursor:
        table = snapshot.tables()["t"]
        with snapshot.connection.cursor() as session:
            session.execute("set session lock_wait_timeout = 1")
        cursor.execute("lock tables t write")
        with pytest.raises(Failure, match="table t was read: Lock wait timeout") as caught:
            snapshot.count(table)
        assert "alters or locks" in caught.value.fix


def test_what_the_server_defaults_to_does_not_change_values(own, mysql_server):
    """PAD_CHAR_TO_FULL_LENGTH pads CHAR, a zone moves TIMESTAMP, a short max_statement_time would end a read."""
    own.write("create table t (id int primary key, v char(5))", "insert into t values (1, 'a')")
    with closing(own.connect(mysql_server.url("root", "mysql"))) as administrator, administrator.cursor() as cursor:
        cursor.execute("select @@global.sql_mode, @@global.time_zone")
        before = cursor.fetchone()
        try:
            cursor.execute("set global sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES', global time_zone = '+09:00'")
            own.extract()
        finally:
            cursor.execute("set global sql_mode = %s, global time_zone = %s", before)
    own.load()
    assert own.raw("t", "id, v") == [(1, "a")]


@pytest.fixture
def impatient(more, mysql_server):
    """A server that by default waits a second for whoever reads slowly."""
    with closing(more.connect(mysql_server.url("root", "mysql"))) as administrator, administrator.cursor() as cursor:
        cursor.execute("select @@global.net_write_timeout")
        (before,) = cursor.fetchone()
        cursor.execute("set global net_write_timeout = 1")
        yield more
        cursor.execute("set global net_write_timeout = %s", (before,))


def read_slowly(snapshot) -> int:
    """The lake does not answer for a while. How many rows came."""
    batches = read(snapshot)
    first = next(batches)
    time.sleep(4)
    return first.num_rows + sum(batch.num_rows for batch in batches)


def test_a_server_that_is_impatient_by_default_waits_for_a_slow_lake(impatient):
    with impatient.snapshot() as snapshot:
        assert read_slowly(snapshot) == 4 * ROWS


def test_a_server_that_gives_up_on_a_slow_lake_is_a_failure_never_a_short_read(impatient):
    with impatient.snapshot() as snapshot, pytest.raises(Failure, match="while table t was read"):
        mysql.rows(snapshot.connection, "set session net_write_timeout = 1")
        read_slowly(snapshot)


def test_the_account_must_be_allowed_to_read(own, mysql_server):
    own.write("create table t (id int primary key)")
    with own.snapshot() as snapshot:
        table = snapshot.tables()["t"]
    forbidden = replace(table, name="nowhere")
    with own.snapshot() as snapshot, pytest.raises(Failure, match=r"table nowhere.*1146"):
        snapshot.count(forbidden)


WIDE = """
import resource, sys
from contextlib import closing
from tests.own_database import OwnDatabase
from pathlib import Path
own = OwnDatabase("", sys.argv[1], Path(sys.argv[2]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
own.extract()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_follows_bytes_not_rows(own):
    """400 rows of a megabyte each: a batch of a fixed number of rows would hold them all."""
    own.write(
        "create table t (id int primary key auto_increment, v longtext)",
        "insert into t (v) values (repeat('x', 1000000))",
        *["insert into t (v) select v from t"] * 8,
        "insert into t (v) select v from t limit 144",
    )
    done = subprocess.run(
        [sys.executable, "-c", WIDE, own.source_url, str(own.folder)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 300, f"grew by {done.stdout} MB, block is {BLOCK_BYTES >> 20} MB"
