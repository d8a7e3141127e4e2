"""`erase`: a row leaves every file of the lake, raw and the histories; what is left still replays and loads."""

import datetime
import signal
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.lake import run_json, runs
from loaders.lake.spool import spool
from loaders.lake.store import sha256_of
from loaders.retention import erase, prune, traces
from loaders.retention.erase_lake import LakeSearch
from loaders.run import pipeline
from loaders.run.options import Options, Places
from loaders.types.column_type import ColumnType
from loaders.words import row_key
from loaders.words.run_record import Batch
from tests.own_database import OwnDatabase, fresh_database
from tests.test_cli import loaders, refused
from tests.test_kill import copied, run_to_step
from tests.test_prune import files_are_whole
from tests.test_replay import everything, replayed, unwatched

NAME = b"Nobody Knows"


def key_of(own, table: str, text: str):
    return row_key.parse(text, runs.newest_batches(own.lake, "raw_own", [table])[table])


def erased(own, table: str = "t", text: str = "2") -> int:
    """Erase as the command does, dbt's part aside; how many files were written anew."""
    key = key_of(own, table, text)
    with own.snapshot() as snapshot:
        erase.refuse_if_at_source(snapshot, key)
    with spool() as folder, own.opened("raw_own") as warehouse:
        search = LakeSearch(own.lake, "raw_own", key, folder)
        written = search.erase()
        erase.from_warehouse(warehouse, key, [erase.Relation("raw_own", table)])
        assert search.count()[0] == 0 == (warehouse.occurrences(key, "raw_own", table) or 0)
    return written


def without(state: dict[str, list], key: int, table: str = "t") -> dict[str, list]:
    """A raw schema without a row, and without what `_loads` tells of how many rows a run brought."""
    loads = [(row[:4], row[6]) for row in state["_loads"]]
    return state | {table: [row for row in state[table] if row[0] != key], "_loads": loads}


def test_a_run_that_was_reading_meanwhile_does_not_bring_the_person_back(history):
    own, _states = history
    own.write("insert into t values (4, 'Back for a day', null)")
    own.run()

    def leaves_and_is_erased(_name, _expected_rows, batches):
        yield from batches
        own.write("delete from t where id = 4")
        done = loaders(own, "erase", "--table", "t", "--key", "4", "--catalog", str(own.catalog_file))
        assert "nothing is left of t 4" in done.stdout, done.stderr

    newest = max(runs.numbers(own.lake))
    with spool() as folder:
        places = Places(own.lake, folder, None)
        with pytest.raises(Failure, match=r"were erased from the lake .* while this run was reading"):
            pipeline.extract(own.snapshot, own.discover(), places, Options(full=True), leaves_and_is_erased)
    assert max(runs.numbers(own.lake)) == newest
    assert not [file for file in own.lake.folder.rglob("*") if file.is_file() and b"for a day" in file.read_bytes()]
    assert not list(own.lake.keys("_open/"))
    own.run()
    assert own.live("t", "id") == [(1,), (3,)]


@pytest.fixture
def history(own) -> tuple[OwnDatabase, dict[int, dict[str, list]]]:
    """A person who came, changed, went, came back and went for good; raw as each run left it."""
    own.write(
        "create table t (id int primary key, v varchar(20), updated_at datetime(6))",
        "insert into t values (1, 'a', null), (2, 'Nobody Knows', '2026-01-01'), (3, 'c', '2026-01-02')",
    )
    (own.folder / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{own.warehouse_path}'}}}}}}"
    )
    states = {}
    for number, change in enumerate(
        (
            "update t set v = 'x' where id = 1",
            "update t set v = 'Nobody Knows now' where id = 2",
            "delete from t where id = 2",
            "insert into t values (2, 'Nobody Knows again', '2026-01-03')",
            "delete from t where id = 2",
            "update t set v = 'y' where id = 3",
        ),
        1,
    ):
        own.write(change)
        own.run()
        states[number] = everything(own)
    return own, states


def test_nothing_is_left_and_every_run_still_replays(history):
    own, states = history
    assert erased(own) > 3
    files_are_whole(own)
    assert without(everything(own), 2) == without(states[6], 2)
    assert not [row for row in own.raw("t") if row[0] == 2], "the deleted row too"
    for number in range(1, 7):
        assert replayed(own, number) == list(range(1, number + 1))
        assert without(everything(own), 2) == without(states[number], 2)
        assert not [row for row in own.raw("t") if row[0] == 2]
    own.warehouse_path.unlink()
    assert own.load() == [1, 2, 3, 4, 5, 6]
    assert {batch.mode for batch in own.run().batches} == {"incremental"}


def test_a_person_whose_delete_no_run_has_seen_is_erased_all_the_same(history):
    own, _states = history
    own.write("insert into t values (2, 'Nobody Knows', null)")
    own.run()
    own.write("delete from t where id = 2")
    erased(own)
    assert [row[0] for row in own.raw("t")] == [1, 3]
    assert own.run().batches[0].verdict == "equal: 2 rows by hash, all by value"
    replayed(own)
    assert [row[0] for row in own.raw("t")] == [1, 3]


def test_what_is_still_at_the_source_is_refused(history):
    own, _states = history
    own.write("insert into t values (2, 'Nobody Knows', null)")
    before = {key: own.lake.read(key) for key in own.lake.keys("")}
    refused(loaders(own, "erase", "--table", "t", "--key", "2"), "t 2 is still at the source", "delete it there first")
    assert {key: own.lake.read(key) for key in own.lake.keys("")} == before


def test_a_pruned_lake_and_runs_that_wait_are_erased_too(history):
    own, _states = history
    own.write("insert into t values (2, 'Nobody Knows', null)")
    own.run()
    assert loaders(own, "prune", "--keep-days", "0").returncode == 0
    own.write("delete from t where id = 2")
    own.run()
    own.extract()
    erased(own)
    files_are_whole(own)
    for number in (7, 8, 9):
        replayed(own, number)
        assert [row[0] for row in own.raw("t")] == [1, 3]
    assert own.run().batches[0].verdict == "equal: 2 rows by hash, all by value"


def test_what_killed_runs_left_is_erased_or_named(history):
    own, _states = history
    file = next(key for key in own.lake.keys("t/1-") if key.endswith(".parquet"))
    data = own.lake.read(file)
    own.lake.create("t/3-lost/part-00000.parquet", data)
    own.lake.create("t/9-running/part-00000.parquet", data)
    with pytest.raises(Failure, match=r"t/9-running/.* holds the row"):
        erased(own)
    own.lake.delete(["t/9-running/part-00000.parquet"])
    erased(own)
    files_are_whole(own)


def test_a_key_that_cannot_be_one_is_refused(history):
    own, _states = history
    for text in ("x", "1,2", "2.7x", "", "1.5", "2.0001", "1e0", "0x2", " 2", "２", "99999999999"):
        with pytest.raises(Failure, match=r"t\.id is int.* is not exactly one"):
            key_of(own, "t", text)


def batch_of(*kinds: str) -> Batch:
    columns = tuple(ColumnType(f"k{place}", kind, kind, kind) for place, kind in enumerate(kinds))
    return Batch("t", "full", columns, tuple(column.name for column in columns), (), 0, {}, "")


def refused_or(kind: str, text: str) -> str | None:
    """The key of a table with one of that kind, as it is read of a text; None if it is refused."""
    try:
        (((key,),),) = (row_key.parse(text, batch_of(kind)).values,)
    except Failure as failure:
        said = "bytes in hex digits" if kind == "BLOB" else kind
        assert failure.problem == f"t.k0 is {said}, and {text!r} is not exactly one"
        return None
    return key


NUMBERS = st.one_of(
    st.integers().map(str),
    st.decimals(allow_nan=False, places=4, min_value=-40000, max_value=40000).map("{:f}".format),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text("0123456789.-+eEx_, '٣", max_size=6),
)


@settings(max_examples=300, derandomize=True, database=None)
@given(st.sampled_from(["SMALLINT", "INTEGER", "BIGINT", "DECIMAL(20,0)", "DECIMAL(6,2)", "FLOAT", "DOUBLE"]), NUMBERS)
def test_a_number_is_exactly_the_key_or_refused(kind, text):
    key = refused_or(kind, text)
    assert key is None or Decimal(key) == Decimal(text)
    if kind == "BIGINT" and text.lstrip("-").isdecimal() and text.isascii():
        assert (key is not None) == (-(2**63) <= int(text) < 2**63)


@settings(max_examples=100, derandomize=True, database=None)
@given(st.datetimes(datetime.datetime(1, 1, 1)), st.sampled_from(["", "0", "5", "+09:00", "Z", " "]))
def test_a_moment_is_exactly_the_key_or_refused(moment, more):
    text = moment.isoformat(sep=" ", timespec="microseconds")
    key = refused_or("TIMESTAMP", text + more)
    assert (key is None) == bool(more)
    assert key is None or datetime.datetime.fromisoformat(key.ljust(26, "0") if "." in key else key) == moment
    assert (refused_or("DATE", text[:10] + more) is None) == bool(more)
    assert (refused_or("DATE", text) is None) == (moment.time() != datetime.time())


def test_composite_keys_and_bytes_are_exact_too():
    assert row_key.parse('1,"a,b"', batch_of("INTEGER", "VARCHAR")).values == (("1", "a,b"),)
    for text in ("1.2,x", '1,"a"b', "1,a\nb", "1"):
        with pytest.raises(Failure, match=r"t\.k0 is INTEGER|cannot be read|not '1'"):
            row_key.parse(text, batch_of("INTEGER", "VARCHAR"))
    assert [refused_or("BLOB", text) for text in ("00FF", "", "0", "00 ff", "x'00'")] == ["00ff", "", None, None, None]
    assert refused_or("VARCHAR", "\udcff") is None


def test_rows_are_read_whatever_a_files_statistics_say(own):
    own.write("create table t (id int primary key, v varchar(20))", "insert into t values (1, 'a'), (123456789, 'b')")
    (file,) = own.run().batches[0].files
    place = own.lake.folder / file.key
    data = place.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    largest, smallest = (number.to_bytes(4, "little") for number in (123456789, 1))
    assert data[footer:].count(largest) > 0
    place.write_bytes(data[:footer] + data[footer:].replace(largest, smallest))
    record = own.lake.folder / run_json.key_of(1)
    record.write_text(record.read_text().replace(file.sha256, sha256_of(place)))
    own.write("delete from t where id = 123456789")
    assert erased(own, text="123456789") == 1
    (left,) = runs.read(own.lake, 1).batches[0].files
    assert pq.ParquetFile(own.lake.folder / left.key).read().column("id").to_pylist() == [1]


def test_a_key_is_meant_byte_by_byte_whatever_its_type(own):
    own.write(
        "create table words (word varchar(9) collate utf8mb4_general_ci, part int, primary key (word, part))",
        "insert into words values ('a', 1), ('b', 1), ('a,\"b', 2), ('it''s\\\\', 3)",
        "create table bytes (b varbinary(4) primary key)",
        "insert into bytes values (x'00ff'), (x'00')",
        "create table times (at datetime(6) primary key)",
        "insert into times values ('2026-01-01 00:00:00.000001'), ('2026-01-01')",
        "create table logs (said varchar(9))",
        "insert into logs values ('x')",
    )
    own.run()
    own.write("update words set word = 'A' where word = 'a'", "delete from words where part > 1", "delete from bytes")
    own.write("delete from times where at = '2026-01-01'")
    with pytest.raises(Failure, match="words b, 1 is still at the source"):
        erased(own, "words", "b,1")
    erased(own, "words", "a,1")
    erased(own, "words", '"a,""b",2')
    erased(own, "words", "it's\\,3")
    erased(own, "bytes", "00FF")
    erased(own, "times", "2026-01-01")
    assert own.raw("words", "word") == [("b",)] and own.raw("bytes", "b") == [(b"\x00",)]
    assert own.raw("times", "*")[0][0] == datetime.datetime(2026, 1, 1, 0, 0, 0, 1)
    with pytest.raises(Failure, match="not 'a'"):
        key_of(own, "words", "a")
    with pytest.raises(Failure, match="logs has no primary key"):
        key_of(own, "logs", "x")
    own.run()
    replayed(own)
    assert sorted(own.live("words", "word, part")) == [("A", 1), ("b", 1)]


def test_killed_anywhere_the_lake_still_replays_and_erasing_again_completes(history):
    own, states = history
    command = ("erase", "--table", "t", "--key", "2")
    steps = [s for s in run_to_step(copied(own, 0), 0, *command).stdout.splitlines() if s.startswith("before ")]
    replaced = steps.index("before lake replace") + 1
    deleted = steps.index("before lake delete", replaced) + 1
    for number in (replaced, replaced + 1, deleted, len(steps) // 2, steps.index("before sql commit") + 1):
        done = run_to_step(own, number, *command)
        assert done.returncode == -signal.SIGKILL, done.stderr
        replayed(own)
        assert without(everything(own), 2) == without(states[6], 2)
    assert "nothing is left of t 2" in run_to_step(own, 0, *command).stdout
    files_are_whole(own)
    assert NAME not in b"".join(own.lake.read(key) for key in own.lake.keys(""))
    refused(
        loaders(own, *command), "t 2 was not in the lake, raw or the histories (raw_own.t): it never was", "check --key"
    )


def test_killed_while_the_file_is_written_anew_it_is_the_old_or_the_new_one(history):
    own, states = history
    command = ("erase", "--table", "t", "--key", "2")
    steps = run_to_step(copied(own, 0), 0, *command).stdout.splitlines()
    steps = [step for step in steps if step.startswith(("before ", "after "))]
    copying = next(place for place, step in enumerate(steps) if step.startswith("before sql copy from database"))
    swapped = steps.index("after a file is in place", copying)
    assert NAME in own.warehouse_path.read_bytes()
    for step in (copying + 2, swapped, swapped + 1):
        one = copied(own, step)
        assert run_to_step(one, step, *command).returncode == -signal.SIGKILL
        assert without(everything(one), 2) == without(states[6], 2)
        done = run_to_step(one, 0, *command)
        assert done.returncode == 0 and "nothing is left of t 2" in done.stdout, done.stderr
        for file in (each for each in one.folder.rglob("*") if each.is_file()):
            assert NAME not in file.read_bytes(), file
        assert not [file for file in one.folder.iterdir() if ".anew" in file.name]


changes = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["put", "touch", "delete"])), max_size=4)


@settings(max_examples=6, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(st.tuples(changes, st.booleans()), min_size=2, max_size=6), pruned=st.booleans())
def test_after_any_history_the_others_rows_are_as_they_were(mysql_server, tmp_path_factory, sequence, pruned):
    with fresh_database(mysql_server) as name:
        folder = tmp_path_factory.mktemp("erase")
        own = OwnDatabase(mysql_server.url("shop", name), mysql_server.url("loader", name), folder)
        own.write("create table t (id int primary key, v int, updated_at datetime(6))")
        states = {}
        for number, (some, full) in enumerate([*sequence, ([(2, "delete")], False)], 1):
            for key, what in some:
                own.write(
                    f"delete from t where id = {key}"
                    if what == "delete"
                    else f"insert into t values ({key}, {number}, now(6)) on duplicate key update v = {number * 7}"
                    + (", updated_at = now(6)" if what == "touch" else "")
                )
            own.run(full=full)
            states[number] = everything(own)
        erased(own)
        for number, state in states.items():
            replayed(own, number)
            assert without(everything(own), 2) == without(state, 2)
            assert not [row for row in own.raw("t") if row[0] == 2]
        own.load()
        assert own.run().batches[0].live_rows == len([row for row in states[number]["t"] if row[-1] is None])


def test_after_a_killed_prune_that_is_ended_first(history):
    own, _states = history
    with spool() as folder, own.opened("raw_own") as warehouse:
        planned = prune.plan(own.lake, warehouse, datetime.datetime(2099, 1, 1))
        list(prune.write_baselines(own.lake, planned, folder, unwatched))
    with pytest.raises(Failure, match="a prune was killed: run 1 is still there, before the baseline of run 6"):
        erased(own)
    list(prune.remove(own.lake, planned))
    erased(own)
    assert NAME not in b"".join(own.lake.read(key) for key in own.lake.keys(""))


def test_when_not_all_texts_are_looked_for_the_answer_says_so(own, capsys):
    own.write("create table t (id int primary key, v varchar(20))", "insert into t values (1, 'text 000'), (2, 'b')")
    own.run()
    key, found = key_of(own, "t", "2"), {f"text {number:03}" for number in range(101)}
    with own.opened("raw_own") as warehouse:
        assert len(traces.only_theirs(warehouse, key, found)) == 100 and capsys.readouterr().err == ""
        assert len(traces.only_theirs(warehouse, key, found | {"text 101"})) == 100
    assert "of 101 texts that only these rows of t had, the 100 longest are looked for" in capsys.readouterr().err
