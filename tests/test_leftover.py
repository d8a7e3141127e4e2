"""A first load that broke goes on: what it had read is compared with the source and taken over, the rest is read."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from contextlib import closing, contextmanager

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.lake import leftovers, parquet, signing
from loaders.lake.folder import Folder
from loaders.lake.s3 import S3
from loaders.lake.spool import spool
from loaders.lake.store import sha256_of
from loaders.run import leftover, pipeline, table_read
from loaders.run.options import Options, Places
from loaders.source import key_ranges, mysql
from loaders.source.mysql import Snapshot
from loaders.words.buckets import Buckets
from tests import commands
from tests.own_database import OwnDatabase, sequence
from tests.test_erase import erased
from tests.test_parallel import together

ROWS = 10_000
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.own_database import OwnDatabase
from tests.test_leftover import in_small, load_until
in_small(setattr)
load_until(OwnDatabase("", sys.argv[1], Path(sys.argv[2])), 0.9, lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


def in_small(put) -> None:
    """Blocks, row groups and files as of a table of a thousand times as many bytes: a file for each block."""
    for module, name, value in (
        (mysql, "BLOCK_BYTES", 30_000),
        (mysql, "AHEAD_BYTES", 30_000),
        (parquet, "ROW_GROUP_BYTES", 28_000),
        (parquet, "FILE_BYTES", 28_000),
        (table_read, "NOTED_FROM_ROWS", 1),
    ):
        put(module, name, value)


def fill(own: OwnDatabase, table: str = "t", key: str = "seq") -> None:
    own.write(
        f"create table {table} (id bigint primary key, n int, v varchar(200))",
        f"insert into {table} select {key}, 1, repeat(char(65 + seq % 26), 100) from {sequence(1, ROWS)}",
        f"analyze table {table}",
    )


@pytest.fixture
def filled(own, monkeypatch):
    """A large table, in small."""
    in_small(monkeypatch.setattr)
    fill(own)
    return own


def load_until(own: OwnDatabase, part: float, end, lake=None, opened=None, table: str = "t", **options) -> None:
    """`extract`, and call `end` when so much of the table is read."""

    def reading(doing, _expected, batches):
        rows = 0
        for batch in batches:
            yield batch
            rows += len(batch)
            if doing in (f"reading {table}", f"going on with {table}") and rows >= part * ROWS:
                end()

    with spool() as folder:
        places = Places(lake or own.lake, folder, None)
        pipeline.read(opened or own.snapshot, own.discover(), places, Options(value_parts=24, **options), reading)


def broken(own: OwnDatabase, part: float = 0.9, **how) -> None:
    """The server ends the connection in the middle of the table."""
    seen = []

    @contextmanager
    def watched():
        with how.get("opened", own.snapshot)() as snapshot:
            seen.append(snapshot.connection.thread_id())
            yield snapshot

    def end() -> None:
        with closing(own.connect(own.source_url)) as other, other.cursor() as cursor:
            cursor.execute(f"kill {seen.pop()}" if seen else "select 1")

    with pytest.raises(Failure, match="MySQL stopped while table t was read") as stopped:
        load_until(own, part, end, **(how | {"opened": watched}))
    assert "the next run goes on with what was read" in stopped.value.fix


@pytest.fixture
def read_rows(monkeypatch):
    """How many rows each query for rows has brought, since this was cleared."""
    brought = []
    read = Snapshot.read

    def counted(*arguments, **options):
        for batch in read(*arguments, **options):
            brought.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(Snapshot, "read", counted)
    return brought


def equal(own: OwnDatabase, table: str = "t") -> bool:
    with closing(own.connect(own.shop_url)) as shop, shop.cursor() as cursor:
        cursor.execute(f"select id, n, v from {table} order by id")
        return own.live(table, "id, n, v") == list(cursor.fetchall())


def left(own: OwnDatabase, table: str = "t") -> set[str]:
    """The attempts that have files or notes of a table."""
    return {key.split("/")[1] for key in own.lake.keys(f"{table}/")}


def test_killed_at_nine_tenths_the_next_run_reads_the_rest_and_what_changed(filled, read_rows):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, filled.source_url, str(filled.folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    filled.write(
        "update t set n = 2 where id in (7, 4500)",
        "delete from t where id in (500, 9999)",
        "update t set v = 'late' where id = 9700",
        f"insert into t values (-5, 1, 'early'), ({ROWS + 1}, 1, 'new')",
        "update t set id = 100001 where id = 6000",
    )
    (batch,) = filled.run().batches
    assert equal(filled)
    assert f"equal: 10,000 rows, all by value; {batch.taken_over:,} taken over" in batch.verdict
    assert sum(read_rows) + batch.taken_over == ROWS
    assert 0.1 * ROWS < sum(read_rows) < 0.2 * ROWS, f"{sum(read_rows)} rows were read"


def test_of_runs_that_broke_the_best_stays_and_nothing_once_a_run_is_published(filled, read_rows):
    broken(filled, 0.3)
    (first,) = left(filled)
    broken(filled, 0.7)
    (second,) = left(filled)
    broken(filled, 0.1, full=True)  # one that went on would have all that the second had
    assert left(filled) == {second} != {first} and not list(filled.lake.keys("_open/"))
    told = commands.succeeded(commands.python(filled, "loaders", "plan", CATALOG=str(filled.catalog_file)))
    assert re.search(r"first read; a run that broke has read [7-9],\d{3} rows of it", told)

    read_rows.clear()
    run = filled.run()
    assert run.batches[0].taken_over >= 0.7 * ROWS and equal(filled)
    assert sum(read_rows) + run.batches[0].taken_over == ROWS, "what was whole when it broke is not read again"
    assert left(filled) == {run.attempt}
    assert all(key.endswith(".parquet") for key in filled.lake.keys("t/"))


def test_ctrl_c_leaves_what_was_read_and_commands_tell_of_it(filled):
    with pytest.raises(KeyboardInterrupt):
        load_until(filled, 0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    done = commands.python(filled, "loaders", "extract", "--json", CATALOG=str(filled.catalog_file))
    (published,) = (json.loads(line) for line in done.stdout.splitlines() if '"published"' in line)
    assert published["tables"][0]["taken_over"] >= 0.45 * ROWS and equal(filled), done.stderr
    shown = commands.python(filled, "loaders", "status", "--lang", "ko", CATALOG=str(filled.catalog_file))
    assert "중단된 실행에서" in commands.succeeded(shown)


def test_a_table_that_was_whole_when_another_broke_is_not_read_again(filled, read_rows):
    """Keys with gaps, negative ones among them; of a key of several columns the first decides."""
    fill(filled, "a", key="seq * 1000000 - 5000000000")
    filled.write("create table b (id int, n int, v varchar(200), primary key (id, n))",
                 "insert into b select id div 7, id % 7, v from t")  # fmt: skip
    broken(filled, 0.5)
    read_rows.clear()
    batches = {batch.table: batch.taken_over for batch in filled.run().batches}
    assert batches["a"] == batches["b"] == ROWS and 0.5 * ROWS <= batches["t"] < ROWS
    assert all(map(equal, [filled] * 3, "abt")) and sum(read_rows) == ROWS - batches["t"]


def test_several_connections_go_on_where_several_broke(filled, monkeypatch):
    monkeypatch.setattr(key_ranges, "SPLIT_FROM_ROWS", 0)
    broken(filled, 0.6, opened=lambda: together(filled, 2))
    filled.write("delete from t where id % 2500 = 3")
    with spool() as folder:
        places = Places(filled.lake, folder, None)
        run = pipeline.extract(lambda: together(filled, 2), filled.discover(), places, Options(), lambda _n, _e, b: b)
    filled.load()
    assert equal(filled) and run.batches[0].taken_over > 0.5 * ROWS


def test_rows_of_other_columns_are_read_again_and_that_is_told(filled, read_rows):
    broken(filled)
    filled.write("alter table t modify n bigint")
    read_rows.clear()
    (batch,) = filled.run().batches
    assert batch.taken_over == 0 and sum(read_rows) == ROWS and equal(filled)
    assert "its columns, its key or the rules for its values were others" in batch.notices[0]


def test_full_takes_nothing_over(filled, read_rows):
    broken(filled)
    read_rows.clear()
    assert filled.run(full=True).batches[0].taken_over == 0 and sum(read_rows) == ROWS


def test_a_file_that_goes_while_it_is_compared_ends_the_run(filled, monkeypatch):
    """With `--no-load` nothing else would notice: no warehouse counts what was published."""
    broken(filled)
    (attempt,) = left(filled)
    files, real = leftovers.read(filled.lake, "t", attempt).files, leftover.Leftover._taken_over

    def meanwhile(*given):
        (filled.folder / "lake" / files[3].key).unlink()
        yield from real(*given)

    with monkeypatch.context() as patched, pytest.raises(Failure, match="was changed while it was compared"):
        patched.setattr(leftover.Leftover, "_taken_over", meanwhile)
        filled.run()
    (batch,) = filled.run().batches
    assert batch.taken_over and equal(filled)


def test_a_damaged_file_is_read_again_and_the_others_are_not(filled):
    broken(filled)
    (attempt,) = left(filled)
    whole = leftovers.read(filled.lake, "t", attempt)
    (filled.folder / "lake" / whole.files[3].key).write_bytes(b"PAR1")
    (filled.folder / "lake" / whole.files[5].key).unlink()
    (batch,) = filled.run().batches
    lost = whole.files[3].rows + whole.files[5].rows
    assert whole.rows - lost - 4 * 32 < batch.taken_over <= whole.rows - lost and equal(filled)
    assert "is damaged" in batch.notices[0] and "has no t/" in batch.notices[1]


@pytest.fixture
def forged(filled):
    """Whoever may write into the lake changes rows that a broken run left, and the note with them."""

    def forge(change) -> None:
        (attempt,) = left(filled)
        note = filled.folder / "lake" / "t" / attempt / leftovers.NOTE
        said = json.loads(note.read_bytes())
        file = said["files"][2]
        path = filled.folder / "lake" / file["key"]
        pq.write_table(change(pq.ParquetFile(path).read()), path, store_schema=False)
        file["sha256"] = sha256_of(path)
        note.write_text(json.dumps(said))

    return forge


def other(rows, name: str, value: object):
    place = rows.schema.get_field_index(name)
    return rows.set_column(
        place, rows.schema.field(place), pa.array([value] * len(rows), rows.schema.field(place).type)
    )


def test_rows_whose_hashes_are_not_the_sources_are_not_taken_over(filled, forged):
    broken(filled)
    forged(lambda rows: other(other(rows, "n", 666), "_source_hash", 666))
    assert filled.run().batches[0].taken_over > 0 and equal(filled)


def test_values_beside_true_hashes_end_the_run_and_the_next_believes_none(filled, forged):
    """Without LAKE_KEY, as with any file of the lake."""
    broken(filled)
    forged(lambda rows: other(rows, "n", 666))
    with pytest.raises(Failure, match="t in raw is not what it is at the source"):
        filled.run()
    assert filled.run().batches[0].taken_over == 0 and equal(filled)


def test_with_a_key_only_notes_that_it_signed_are_believed(filled, forged):
    keys = [signing.of(letter * 32) for letter in "ko"]
    lakes = [Folder(filled.folder / "lake", key) for key in keys]
    broken(filled, lake=lakes[0])
    with filled.opened("raw_own") as warehouse:
        (batch,) = filled.run_with(warehouse, filled.discover(), lakes[1]).batches
    assert batch.taken_over == 0 and "not what LAKE_KEY has signed there" in batch.notices[0] and equal(filled)


def test_a_lake_in_s3_goes_on_too(filled, s3_server):
    client, bucket = boto3.client("s3", **s3_server), f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    lake = S3(client, bucket, "order-he")
    broken(filled, lake=lake)
    with filled.opened("raw_own", lake) as warehouse:
        (batch,) = filled.run_with(warehouse, filled.discover(), lake).batches
    assert batch.taken_over > 0.8 * ROWS and equal(filled)


def test_a_person_is_not_erased_while_a_broken_run_has_the_row(filled):
    first = filled.run()
    broken(filled, full=True)
    filled.write("delete from t where id = 5")
    with pytest.raises(Failure, match=r"t/2-.* holds the row"):
        erased(filled, text="5")
    published = {first.attempt, filled.run().attempt}
    erased(filled, text="5")
    assert {key.split("/")[1] for key in filled.lake.keys("t/") if key.endswith(".parquet")} <= published


@given(st.lists(st.integers(-9, 9), min_size=1), st.integers(1, 5), st.integers(-60, 60))
def test_a_key_is_in_the_ranges_or_outside_of_them(buckets, size, key):
    ranges = Buckets("key", size).ranges({*buckets})
    inside = sum(first <= key <= last for first, last in ranges)
    outside = [eval(each, {"key": key}) for each in leftover._outside("key", ranges)]  # noqa: S307
    assert inside + sum(outside) == 1
