"""Raw in DuckDB: a run is applied whole or not at all, once."""

import datetime
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders.common.errors import Failure
from loaders.types.column_type import ColumnType
from loaders.warehouse import duckdb_memory, duckdb_warehouse
from loaders.warehouse.duckdb_connection import setting, size
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, File, Run

TAKEN_AT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
COLUMNS = (
    ColumnType('na"me', "varchar(9)", "VARCHAR", "VARCHAR(36)"),
    ColumnType("price", "decimal(10,2)", "DECIMAL(10,2)", "DECIMAL(10,2)"),
    ColumnType("at", "datetime(6)", "TIMESTAMP", "TIMESTAMP"),
)
SCHEMA = pa.schema([('na"me', pa.string()), ("price", pa.decimal128(10, 2)), ("at", pa.timestamp("us", "UTC"))])
ROWS = [
    ("a", Decimal("1.10"), TAKEN_AT),
    ("", None, None),
    (None, Decimal("-0.01"), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("b", Decimal("0.00"), datetime.datetime(1, 1, 1)),
    ("c", Decimal("0.01"), datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)),
]


@pytest.fixture
def run_of(tmp_path):
    """Makes a run of one table (its file has an odd name), and the run's files as a warehouse gets them."""

    def make(number: int, rows=ROWS, said_rows: int | None = None, table="order"):
        path = tmp_path / f"it's [{number}] {table}.parquet"
        columns = [
            pa.array(values, type=field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)
        ]
        pq.write_table(pa.table(columns, schema=SCHEMA), path)
        file = File("key", len(rows), 0, "")
        count = len(rows) if said_rows is None else said_rows
        batch = Batch(table, "full", COLUMNS, (), (file,), count, {"at": 2}, "counts equal")
        return Run(number, f"{number}-x", "raw", "shop", "8.4", TAKEN_AT, (batch,)), SimpleNamespace(
            local=lambda _file, _columns: path
        )

    return make


def proved(_lost, _elsewhere):
    """Nobody publishes anything."""
    return lambda: None


def read(path, sql):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_run_arrives_with_exact_values_and_its_line_in_loads(tmp_path, run_of):
    path = tmp_path / "new folder" / "w.duckdb"
    run, files = run_of(1)
    with open_warehouse(path, "raw", folders=[tmp_path]) as warehouse:
        assert warehouse.last_applied() == (0, "")
        warehouse.apply(run, files, proved)
        assert warehouse.last_applied() == (1, "1-x")
    assert read(path, 'select "na""me", price, "at" from raw."order"') == ROWS
    assert read(path, 'select distinct _run, _extracted_at, _deleted_at from raw."order"') == [(1, TAKEN_AT, None)]
    loads = read(path, "select run, table_name, mode, row_count, invalid_count, snapshot_at, verdict from raw._loads")
    assert loads == [(1, "order", "full", 5, 2, TAKEN_AT, "counts equal")]


def test_applying_a_run_again_changes_nothing(tmp_path, run_of):
    run, files = run_of(1)
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(run, files, proved)
        warehouse.apply(run, files, proved)
    assert read(tmp_path / "w.duckdb", 'select count(*), (select count(*) from raw._loads) from raw."order"') == [
        (len(ROWS), 1)
    ]


def test_a_later_run_replaces_the_table_and_views_on_it_keep_working(tmp_path, run_of):
    path = tmp_path / "w.duckdb"
    run, files = run_of(1)
    with open_warehouse(path, "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(run, files, proved)
        warehouse.connection.execute('create view main.v as select * from raw."order"')
        run, files = run_of(2, ROWS[:1])
        warehouse.apply(run, files, proved)
    assert read(path, "select count(*) from main.v") == [(1,)]


def test_rows_of_a_megabyte_get_the_memory_that_they_need(tmp_path, run_of):
    run, files = run_of(1, rows=[(chr(65 + number % 26) * 1_000_000, None, None) for number in range(300)])
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.connection.execute(f"set memory_limit = '{duckdb_memory.of_load(run, threads=1)}B'")
        with pytest.raises(duckdb_warehouse.Refused):
            warehouse._apply_run(run, files, proved)
        assert warehouse.last_applied() == (0, "")
        warehouse.apply(run, files, proved)
    assert read(tmp_path / "w.duckdb", 'select count(*), sum(length("na""me")) from raw."order"') == [
        (300, 300_000_000)
    ]


def test_a_delete_that_lacked_memory_is_done_with_more(tmp_path, monkeypatch):
    """DuckDB 1.5 leaves marks behind on that connection, and refused the second try: `Conflict on tuple deletion`."""
    path = tmp_path / "w.duckdb"
    key = ColumnType("id", "int", "INTEGER", "INTEGER")
    rows = {"part": 2_000_000, "changed": 1_000}
    for name, count in rows.items():
        every = rows["part"] // count
        pq.write_table(pa.table({"id": pa.array(range(0, rows["part"], every), pa.int32())}), tmp_path / name)

    def batch(mode, name):
        return Batch("order", mode, (key,), ("id",), (File(name, rows[name], 0, ""),), rows[name], {}, "")

    first = Run(1, "1-x", "raw", "shop", "8.4", TAKEN_AT, (batch("full", "part"),))
    second = replace(first, run=2, attempt="2-x", batches=(batch("incremental", "changed"),))
    files = SimpleNamespace(local=lambda file, _columns: tmp_path / file.key)
    with open_warehouse(path, "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(first, files, proved)
    monkeypatch.setattr(duckdb_memory, "of_load", lambda *_: 8_000_000)
    tries = []
    monkeypatch.setattr(duckdb_warehouse, "connected", spied(duckdb_warehouse.connected, tries))
    with open_warehouse(path, "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(second, files, proved)
        assert warehouse.connection.execute("select 1").fetchone() == (1,)
    assert len(tries) == 2
    assert read(path, 'select count(*), count(distinct id), count(*) filter (_run = 2) from raw."order"') == [
        (2_000_000, 2_000_000, 1_000)
    ]


def test_what_is_read_in_a_load_s_transaction_gets_more_memory_too(tmp_path, run_of, monkeypatch):
    """Of 10,000,000 orders the marks of changed rows took what comparing by value needed: no run ended any more."""
    run, files = run_of(1)
    tries = []

    def compared(_lost, _elsewhere):
        with_long_texts = "select range as id, repeat(range::varchar, 40) from range(300000) order by hash(range)"
        tries.append(sum(batch.num_rows for batch in warehouse.stream(with_long_texts, wide=False)))
        return lambda: None

    monkeypatch.setattr(duckdb_memory, "of_load", lambda *_: 8_000_000)
    monkeypatch.setattr(duckdb_memory, "STREAM_IN_LOAD", 1_000_000)
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(run, files, compared)
        assert warehouse.last_applied() == (1, "1-x")
    assert tries == [300_000]


def spied(function, calls: list):
    def call(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return call


def test_the_memory_of_a_load_grows_with_its_threads_and_with_the_rows_around_deleted_ones(run_of):
    full, _files = run_of(1)
    (batch,) = full.batches
    million = replace(batch, mode="incremental", rows=1_000_000, live_rows=20_000_000)
    scattered = replace(full, batches=(million,))
    assert duckdb_memory.load_threads(full, 4) == 4
    assert duckdb_memory.load_threads(scattered, 4) == 1
    assert duckdb_memory.of_load(full, 1) == duckdb_memory.LOAD
    assert duckdb_memory.of_load(full, 4) == 4 * duckdb_memory.LOAD_THREAD
    assert duckdb_memory.of_load(scattered, 1) == 196_000_000
    few = replace(full, batches=(replace(million, rows=10),))
    assert duckdb_memory.of_load(few, 1) == duckdb_memory.LOAD
    assert duckdb_memory.of_stream(scattered, 196_000_000) == 196_000_000 + 440_000_000, "a sort beside the marks"
    assert duckdb_memory.of_stream(few, duckdb_memory.LOAD) == duckdb_memory.LOAD + duckdb_memory.STREAM_IN_LOAD
    uncounted = replace(full, batches=(replace(million, live_rows=None, rows=10_000),))
    assert duckdb_memory.of_load(uncounted, 1) > 180_000_000
    wide = replace(full, batches=(replace(batch, columns=200 * batch.columns[:1]),))
    assert duckdb_memory.of_load(wide, 1) == 130_000_000


@pytest.mark.parametrize("counted", [True, False])
def test_a_row_of_200_columns_changes(own, counted, monkeypatch):
    """It took 95 MiB, which no load was let have, and nobody noticed by DuckDB's words that memory was lacking."""
    names = [f"c{number}" for number in range(200)]
    own.write(
        f"create table t (id int primary key, {', '.join(f'{name} int' for name in names)})",
        *(f"insert into t values ({row}, {', '.join(['1'] * len(names))})" for row in (1, 2)),
    )
    own.run()
    tries = []
    monkeypatch.setattr(duckdb_warehouse, "connected", spied(duckdb_warehouse.connected, tries))
    if not counted:
        monkeypatch.setattr(duckdb_memory, "COLUMN", 0)
    own.write("update t set c7 = 2 where id = 1")
    assert own.run().batches[0].verdict == "equal: 2 rows by hash, all by value; 1 repaired"
    assert own.live("t", "id, c7") == [(1, 2), (2, 1)]
    assert len(tries) == (1 if counted else 2)


def test_a_load_is_not_let_have_more_than_the_machine_has(tmp_path, monkeypatch, run_of):
    run, files = run_of(1)
    monkeypatch.setattr(duckdb_memory, "of_load", lambda *_: 10**15)
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(run, files, proved)
        limit, whole = (
            size(warehouse.connection, said)
            for said in (setting(warehouse.connection, "memory_limit"), warehouse.all_memory)
        )
        assert 0.9 * whole < limit <= whole


def test_a_machine_of_many_cores_does_not_take_more_memory(tmp_path, monkeypatch):
    """Every thread has blocks of its own: with 32 of them a comparison failed for want of memory."""
    monkeypatch.setattr(duckdb_memory, "THREADS", 1)
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        assert warehouse.threads == 1


def test_an_empty_table_is_made_with_its_types(tmp_path, run_of):
    run, files = run_of(1)
    run = replace(run, batches=(replace(run.batches[0], files=(), rows=0),))
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(run, files, proved)
    assert read(
        tmp_path / "w.duckdb", "select column_name, data_type from duckdb_columns() where table_name = 'order'"
    ) == [
        ('na"me', "VARCHAR"),
        ("price", "DECIMAL(10,2)"),
        ("at", "TIMESTAMP"),
        ("_run", "BIGINT"),
        ("_extracted_at", "TIMESTAMP"),
        ("_deleted_at", "TIMESTAMP"),
    ]


def test_a_wrong_row_count_leaves_every_table_of_the_run_as_it_was(tmp_path, run_of):
    path = tmp_path / "w.duckdb"
    first, files = run_of(1)
    good, files_good = run_of(2, ROWS[:1], table="customer")
    short, files_short = run_of(2, ROWS, said_rows=4)
    with open_warehouse(path, "raw", folders=[tmp_path]) as warehouse:
        warehouse.apply(first, files, proved)
        with pytest.raises(Failure, match=r"raw\.order: run 2 published 4 rows, 5 arrived"):
            both = iter([files_good.local(None, ()), files_short.local(None, ())])
            warehouse.apply(
                replace(good, batches=good.batches + short.batches),
                SimpleNamespace(local=lambda _file, _columns: next(both)),
                proved,
            )
        assert warehouse.last_applied() == (1, "1-x")
    assert read(path, 'select count(*) from raw."order"') == [(len(ROWS),)]
    assert read(path, "select count(*) from duckdb_tables() where table_name = 'customer'") == [(0,)]


@pytest.mark.parametrize("damage", ["cut", "a block", "nothing in it"])
def test_a_damaged_file_is_not_said_to_be_in_use_and_what_is_said_leads_out(own, damage):
    own.write("create table t (id int primary key)", "insert into t values (1), (2)")
    own.run()
    content, block = own.warehouse_path.read_bytes(), 4096 * 3
    damaged = {
        "cut": content[: len(content) // 2],
        "a block": content[:block] + b"\7" * (len(content) - block),
        "nothing in it": b"",
    }[damage]
    own.warehouse_path.write_bytes(damaged)
    with pytest.raises(Failure, match=r"cannot be opened|could not read") as caught:
        own.load()
    assert "in use" not in caught.value.problem and "move it away: `make load`" in caught.value.fix
    own.warehouse_path.rename(own.folder / "aside")
    assert own.load() == [1] and own.live("t", "id") == [(1,), (2,)]


@pytest.mark.parametrize("damage", ["another's", "a byte"])
def test_a_log_that_cannot_be_applied_is_moved_away_and_the_lake_gives_what_it_had(own, tmp_path, damage):
    own.write("create table t (id int primary key)", "insert into t values (1), (2)")
    own.run()
    before = own.warehouse_path.read_bytes()
    own.write("insert into t values (3)")
    own.run()
    other = tmp_path / "other.duckdb"
    left = "create table o (i int); checkpoint; drop table o"
    killed = f"import duckdb, os; kept = duckdb.connect({str(other)!r}); kept.execute({left!r}); os._exit(0)"
    subprocess.run([sys.executable, "-c", killed], check=True)
    own.warehouse_path.write_bytes(before)
    log = other.with_name("other.duckdb.wal").rename(f"{own.warehouse_path}.wal")
    if damage == "a byte":
        log.write_bytes(log.read_bytes()[:-1] + b"?")
    with pytest.raises(Failure, match="replaying WAL") as caught:
        own.load()
    assert f"{log} is damaged, or of another state" in caught.value.fix and "Stack" not in caught.value.problem
    log.unlink()
    assert own.load() == [2] and own.live("t", "id") == [(1,), (2,), (3,)]


def test_a_file_in_use_names_the_file_and_its_holder(tmp_path):
    path = tmp_path / "w.duckdb"
    holding = f"import duckdb, time; c = duckdb.connect({str(path)!r}); print('ready', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"ready\n"
            with pytest.raises(Failure) as caught, open_warehouse(path, "raw", folders=[tmp_path]):
                pass
        finally:
            holder.kill()
    assert f"the warehouse {path} is in use by" in caught.value.problem
    assert f"PID {holder.pid}" in caught.value.problem
    assert "close it there" in caught.value.fix


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "w.duckdb").write_text("no database" * 1000)
    with pytest.raises(Failure, match="cannot be opened"), open_warehouse(tmp_path / "w.duckdb", "raw"):
        pass


ASKED = {
    "last_applied": lambda warehouse, _batch: warehouse.last_applied(),
    "newest": lambda warehouse, _batch: warehouse.newest(),
    "holds": lambda warehouse, batch: warehouse.holds(batch),
    "occurrences": lambda warehouse, batch: warehouse.occurrences(Keys("t", batch.columns[:1], (("x",),)), "raw", "t"),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_whatever_duckdb_says_when_it_is_asked_is_a_failure(tmp_path, run_of, ask):
    run, _files = run_of(1)
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.connection.close()
        with pytest.raises(Failure, match=r"DuckDB could not read .*w\.duckdb: Connection Error"):
            ask(warehouse, run.batches[0])


def test_a_table_of_somebody_elses_in_the_place_of_loads_is_named(tmp_path):
    with open_warehouse(tmp_path / "w.duckdb", "raw", folders=[tmp_path]) as warehouse:
        warehouse.connection.execute("create schema raw")
        warehouse.connection.execute("create table raw._loads (x int)")
        for ask in (warehouse.last_applied, warehouse.newest):
            with pytest.raises(Failure, match="could not read"):
                ask()
