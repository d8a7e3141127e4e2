"""Whoever writes into the lake gains nothing by it: what a record says is checked whole before anything is done."""

import copy
import hashlib
import json
from dataclasses import replace

import duckdb
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.lake import run_json, runs, strict
from loaders.types.column_type import ColumnType
from loaders.warehouse.duckdb_sql import read_parquet
from loaders.words.run_record import Batch, File, Run, Turns
from tests import commands
from tests.test_runs import TAKEN_AT, attempt

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/run-record.schema.json").read_text("utf-8")))
HASH = ColumnType("_source_hash", "bigint", "BIGINT", "BIGINT")
PRICE = ColumnType("price", "decimal(10,2)", "DECIMAL(10,2)", "DECIMAL(10,2)")
NAME = ColumnType("na\"me';--", "varchar(9)", "VARCHAR", "VARCHAR(36)")
KEY = ColumnType("id", "int", "INTEGER", "INTEGER")


def whole_record() -> Run:
    """A record in which everything is said that one can say."""
    folder = f"order/{attempt(7)}"
    file = File(f"{folder}/part-00000.parquet", 3, 1, "0" * 64)
    batch = Batch(
        "order", "incremental", (KEY, NAME, HASH), ("id",), (file,), 3, {NAME.name: 2}, "equal: 3 rows", "id", ("id",),
        (replace(file, key=f"{folder}/deleted-00000.parquet"),),
        3, 12345678901234567890123, 2, "2026-01-01", "2026-01-02 03:04:05", "updated_at", (NAME.name,), (PRICE,),
        ("id",), ("order: new column",), Turns("by key", 1, 3, (None, "2026-01-02 03:04:05")),
        by_hash=Turns("by key", 1, 3, (None, "2026-01-02 03:04:05")),
    )  # fmt: skip
    without = {"files": (), "deleted": (), "by_value": None, "by_hash": None, "hash_sum": None}
    other = replace(batch, table="고객", rows=0, mode="full", **without)
    return Run(7, attempt(7), "raw", "shop", "8.4.9", TAKEN_AT, (batch, other))


RECORD = json.loads(whole_record().to_json())
LIKELY = st.sampled_from([
    "", "x", "..", "../../victim", "/etc/x.parquet", "VARCHAR); copy (select 1) to 'x", "VARCHAR(99999999)",
    "DECIMAL(39,0)", "BIGINT", "full", "baseline-7-" + "0" * 16, "\0", "\ud800", "ID", "_run", "_loads", "order",
    -1, 0, 1, 6, 7, 8, 2**63, 10**38, 10**4000, 1.0, float("nan"), True, None, [], {}, [[]], [{}], {"x": 1},
])  # fmt: skip
ANY = LIKELY | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists, max_leaves=3)


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


PLACES = list(places(RECORD))[1:]


def mutated(record: dict, place: tuple, how: str, value) -> dict:
    record = copy.deepcopy(record)
    *way, last = place
    holder = record
    for step in way:
        holder = holder[step]
    if how == "remove":
        del holder[last]
    elif how == "add" and isinstance(holder, dict):
        holder[str(value)] = value
    elif how == "add":
        holder.insert(last, value)
    elif how == "repeat" and isinstance(holder, list):
        holder.insert(last, holder[last])
    else:
        holder[last] = value
    return record


@settings(max_examples=1500)
@given(st.sampled_from(PLACES), st.sampled_from(["replace", "replace", "remove", "add", "repeat"]), ANY)
def test_a_record_that_is_changed_anywhere_is_read_as_it_is_or_refused_by_name(place, how, value):
    """And by the published schema too, wherever that can say it."""
    changed = mutated(RECORD, place, how, value)
    try:
        run = run_json.from_json(json.dumps(changed).encode(), "_runs/7.json")
    except Failure as failure:
        assert "the run record _runs/7.json" in failure.problem and failure.problem.isprintable()
        assert len(failure.problem) < 400
        return
    SCHEMA.validate(changed)
    assert within(changed, json.loads(run.to_json())), "nothing was converted"
    assert run_json.from_json(run.to_json(), "_runs/7.json") == run


def within(said, read) -> bool:
    """What is said is what was read, where it was not left to a default."""
    if isinstance(said, dict):
        return isinstance(read, dict) and all(name in read and within(said[name], read[name]) for name in said)
    if isinstance(said, list):
        return isinstance(read, list) and len(said) == len(read) and all(map(within, said, read))
    return type(said) is type(read) and said == read


@settings(max_examples=500)
@given(st.sampled_from(PLACES), st.sampled_from(["replace", "remove", "add"]), ANY)
def test_the_schema_refuses_what_is_not_of_its_type_and_nothing_else(place, how, value):
    changed = mutated(RECORD, place, how, value)
    parsed = {name: inner for name, inner in changed.items() if name != "parent"}
    if type(changed.get("parent")) is not int or changed.get("format_version") != 1:
        return
    try:
        strict.made(Run, parsed)
        fits = True
    except strict.Unlike:
        fits = False
    assert SCHEMA.is_valid(changed) == fits or _as_python_only_has_it(changed)


def _as_python_only_has_it(changed) -> bool:
    """1.0, which a schema takes for an integer; and texts that are none."""
    texts = [each for each in leaves(changed) if isinstance(each, str)]
    return any(isinstance(each, float) for each in leaves(changed)) or not all(map(strict.TEXT.fullmatch, texts))


def leaves(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from leaves(each)
    if isinstance(value, dict):
        yield from value
    if not isinstance(value, dict | list):
        yield value


def test_every_fields_type_is_published():
    SCHEMA.check_schema(SCHEMA.schema)
    SCHEMA.validate(RECORD)


@pytest.mark.parametrize(
    "data", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"[]", b"7", b"NaN", b'{"format_version": 1, "parent": 6}'],
    ids=["deep", "deep objects", "no text", "a list", "a number", "NaN", "nothing said"],
)  # fmt: skip
def test_what_is_no_record_is_one_sentence(data):
    with pytest.raises(Failure, match=r"_runs/7\.json is damaged"):
        run_json.from_json(data, "_runs/7.json")


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("a column of the types", lambda batch: {"columns": [batch["columns"][0] | {"duckdb": "VARCHAR"}]}),
        ("which is not its own", lambda batch: {"files": [batch["files"][0] | {"key": "order/../../x.parquet"}]}),
        ("which is not its own", lambda batch: {"files": [batch["files"][0] | {"key": "/proc/self/environ"}]}),
        ("which is not its own", lambda batch: {"files": [batch["files"][0] | {"key": f"x/{attempt(7)}/p.parquet"}]}),
        ("which is not its own", lambda batch: {"deleted": [batch["files"][0] | {"key": f"order/{attempt(6)}/p"}]}),
        ("'order' has no column", lambda _batch: {"primary_key": ["ID"]}),
        ("'id' twice", lambda batch: {"kept": [batch["columns"][0] | {"name": "Id"}]}),
        ("'_run' twice", lambda batch: {"kept": [batch["columns"][0] | {"name": "_RUN"}]}),
        ("the table '_loads' twice", lambda _batch: {"table": "_Loads"}),
        ("rows, and other ones", lambda _batch: {"rows": 4}),
        ("no key by which", lambda _batch: {"primary_key": []}),
        ("a part that it does not", lambda batch: {"by_value": batch["by_value"] | {"part": 2}}),
        ("a part that it does not", lambda batch: {"by_hash": batch["by_hash"] | {"part": 0, "compared": []}}),
    ],
)  # fmt: skip
def test_what_no_type_says_is_refused_too(said, change):
    changed = copy.deepcopy(RECORD)
    changed["batches"][0] |= change(changed["batches"][0])
    with pytest.raises(Failure, match=said):
        run_json.from_json(json.dumps(changed).encode(), "_runs/7.json")


@pytest.fixture
def waiting(own):
    """A run in raw, and one that waits."""
    own.write(
        "create table t (id int primary key, v varchar(9), d decimal(10,2))", "insert into t values (1, 'a', 3.6)"
    )
    own.run()
    own.write("insert into t values (2, 'b', 4.5)")
    own.extract(full=True)
    return own


def rewrite(own, number: int, change) -> None:
    """The record as somebody edits it who may write into the lake."""
    file = own.lake.folder / run_json.key_of(number)
    record = json.loads(file.read_text("utf-8"))
    change(record)
    file.write_text(json.dumps(record), encoding="utf-8")


def loaders(own, *words: str):
    return commands.python(own, "loaders", *words, CATALOG=str(own.catalog_file))


def test_a_record_that_would_have_run_a_statement_or_removed_files_elsewhere_does_neither(waiting):
    own = waiting
    victim = own.folder / "victim"
    victim.mkdir()
    (victim / "part-00000.parquet").write_text("theirs")
    stolen = own.folder / "stolen"
    evil = f"VARCHAR); copy (select content from read_text('/etc/passwd')) to '{stolen}'; create table x (y INT"
    rewrite(own, 2, lambda record: record["batches"][0]["columns"][1].update(duckdb=evil))
    for command in (["load"], ["replay"], ["extract"], ["plan"], ["prune", "--keep-days", "0"], ["verify"]):
        done = loaders(own, *command)
        assert done.returncode == 1 and "_runs/2.json is damaged" in done.stderr, command
        assert "Traceback" not in done.stderr
    rewrite(own, 2, lambda record: record.update(attempt="../../victim"))
    rewrite(own, 1, lambda record: record.update(attempt="../../victim"))
    assert "_runs/1.json is damaged" in loaders(own, "prune", "--keep-days", "0").stderr
    assert not stolen.exists() and (victim / "part-00000.parquet").read_text() == "theirs"
    assert own.raw("t", "id, v") == [(1, "a")]
    assert "withdrawn: 1 run; raw stays" in commands.succeeded(loaders(own, "withdraw", "2"))


def test_a_connection_of_the_loaders_reaches_its_database_and_the_lake_alone(waiting, tmp_path):
    """So that even a statement which somebody has smuggled in finds nothing."""
    own = waiting
    file = own.lake.folder / runs.read(own.lake, 1).batches[0].files[0].key
    (own.folder / "outside.parquet").write_bytes(file.read_bytes())
    (own.lake.folder / "link.parquet").symlink_to(own.folder / "outside.parquet")
    with own.opened("raw_own") as warehouse:
        ask = warehouse.connection.execute
        assert ask(f"select id from {read_parquet([file])}").fetchall() == [(1,)]
        for statement in (
            "select content from read_text('/etc/passwd')",
            f"from {read_parquet([own.folder / 'outside.parquet'])}",
            f"from {read_parquet([own.lake.folder / 'link.parquet'])}",
            f"copy (select 1) to '{own.folder / 'x'}'",
            f"attach '{own.folder / 'x.duckdb'}'",
            "install httpfs",
            "load httpfs",
            "copy x from 'http://127.0.0.1:9/x.csv'",
            "set enable_external_access = true",
            "set lock_configuration = false",
            f"set temp_directory = '{own.folder}'",
        ):
            with pytest.raises(duckdb.Error):
                ask(statement)
    assert not (own.folder / "x").exists()
    assert own.load() == [2]


def exchanged(own, table: pa.Table) -> None:
    """The waiting run's file holds another table, and the record says its sum."""
    (file,) = runs.read(own.lake, 2).batches[0].files
    path = own.lake.folder / file.key
    pq.write_table(table, path)
    sums = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    rewrite(own, 2, lambda record: record["batches"][0]["files"][0].update(sums))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.set_column(2, "d", t["d"].cast(pa.float64())), "'d', double instead of 'd', decimal128(10, 2)"),
        (lambda t: t.set_column(0, "id", t["id"].cast(pa.int64())), "'id', int64 instead of 'id', int32"),
        (lambda t: t.select(["v", "id", "d", "_source_hash"]), "'v', string instead of 'id', int32"),
        (lambda t: t.drop_columns(["d"]), "'_source_hash', int64 instead of 'd', decimal128(10, 2)"),
        (lambda t: t.append_column("more", t["v"]), "'more', string instead of no column"),
    ],
)
def test_a_file_with_other_columns_than_its_record_says_is_not_loaded(waiting, change, said):
    """DuckDB would cast them: 3.6 becomes 4."""
    (file,) = runs.read(waiting.lake, 2).batches[0].files
    exchanged(waiting, change(pq.ParquetFile(waiting.lake.folder / file.key).read()))
    with pytest.raises(Failure, match="does not hold what its run record says") as caught:
        waiting.load()
    assert said in caught.value.problem
    assert waiting.raw("t", "id") == [(1,)]


def test_a_file_that_is_no_parquet_is_one_sentence(waiting):
    (file,) = runs.read(waiting.lake, 2).batches[0].files
    path = waiting.lake.folder / file.key
    path.write_bytes(b"PAR1" + b"\xff" * 50 + b"PAR1")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    rewrite(waiting, 2, lambda record: record["batches"][0]["files"][0].update(sha256=sha256))
    done = loaders(waiting, "load")
    assert "cannot be read as Parquet" in done.stderr and "Traceback" not in done.stderr


def test_a_stray_record_far_away_is_given_up_by_the_command_that_the_failure_names(waiting):
    (waiting.lake.folder / "_runs/300000000.json").touch()
    done = loaders(waiting, "load")
    assert "misses a run between 1 and 300000000" in done.stderr and "withdraw 300000000`" in done.stderr
    assert "withdrawn: 1 run" in commands.succeeded(loaders(waiting, "withdraw", "300000000"))
    assert "run 2" in commands.succeeded(loaders(waiting, "load"))
