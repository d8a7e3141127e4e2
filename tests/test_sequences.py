"""Each raw schema has a sequence of runs of its own in a lake: a small catalog never stops a large one."""

import pytest

from loaders.lake import runs, sequences
from loaders.lake.spool import spool
from loaders.run import pipeline
from loaders.run.options import Options, Places
from loaders.words import catalog
from loaders.words.delete_limit import DeleteLimit
from tests import commands
from tests.own_database import sequence
from tests.test_verify import told


@pytest.fixture
def two(own):
    """A big table in one catalog and a small one in another, both for the lake of `own`."""
    own.write(
        "create table big (id int primary key, v varchar(20))",
        f"insert into big select seq, 'old' from {sequence(1, 2_000)}",
        "create table small (id int primary key)",
        "insert into small values (1)",
    )
    text = own.discover().file.read_text()
    head = text[: text.index("tables:")]
    parts = {}
    for schema in ("raw_big", "raw_small"):
        name = schema.removeprefix("raw_")
        parts[name] = own.folder / f"{name}.yml"
        tables = f"tables:\n      - name: {name}\n        config: {{meta: {{primary_key: [id]}}}}\n"
        parts[name].write_text(head.replace("raw_own", schema) + tables)
    return own, parts


def test_small_runs_published_meanwhile_do_not_stop_a_big_one(two):
    """The big run is in this process; each small one is a command of its own, as a schedule starts them."""
    own, parts = two
    small = commands.python(own, "loaders", "extract", "--no-load", CATALOG=str(parts["small"]))
    commands.succeeded(small)
    big, published = catalog.read(parts["big"]), []
    lake = sequences.of(own.lake, big.schema)

    def meanwhile(_name, _expected_rows, batches):
        for batch in batches:
            done = commands.python(own, "loaders", "extract", "--no-load", CATALOG=str(parts["small"]))
            published.append(commands.succeeded(done))
            yield batch

    with spool() as folder, own.opened(big.schema) as warehouse:
        places = Places(lake, folder, warehouse)
        run = pipeline.read(own.snapshot, big, places, Options(), meanwhile)
    pipeline.commit_both(places, run, lambda: own.opened(big.schema), DeleteLimit())
    assert published and run.run == 1
    assert own.live("big", "count(*)", "raw_big") == [(2000,)]
    assert runs.numbers(own.lake) == list(range(1, 2 + len(published)))


def test_every_command_of_either_catalog_finds_its_own_runs(two):
    own, parts = two
    for name in ("big", "small", "small"):
        told(own, "extract", "--catalog", str(parts[name]))
    assert list(own.lake.keys("_runs/")) == ["_runs/1.json"]
    assert sorted(own.lake.keys("_schemas/raw_small/_runs/")) == [
        "_schemas/raw_small/_runs/1.json", "_schemas/raw_small/_runs/2.json",
    ]  # fmt: skip
    own.write("delete from small", "insert into small values (2)", "delete from big where id = 7")
    for name, newest in (("big", 2), ("small", 3)):
        at = ("--catalog", str(parts[name]))
        assert f"run {newest} would read" in told(own, "plan", *at)
        assert f"run {newest}: " in told(own, "extract", *at)
        assert told(own, "verify", *at).splitlines()[-1].startswith("equal; raw by hash")
        assert f"({newest} runs)" in told(own, "status", *at)
        assert f"to {newest} of the lake" in told(own, "replay", *at)
        assert "nothing waits" in told(own, "load", *at)
    told(own, "erase", "--table", "small", "--key", "1", "--catalog", str(parts["small"]))
    assert own.raw("small", "id", "raw_small") == [(2,)]
    told(own, "prune", "--keep-days", "0", "--catalog", str(parts["small"]))
    assert list(own.lake.keys("_schemas/raw_small/_runs/")) == ["_schemas/raw_small/_runs/3.json"]
    assert len(list(own.lake.keys("_runs/"))) == 2


def test_schemas_that_share_a_sequence_already_go_on_so(two):
    own, parts = two
    big, small = (catalog.read(parts[name]) for name in ("big", "small"))
    with own.opened(big.schema) as warehouse:
        own.run_with(warehouse, big)
    with own.opened(small.schema) as warehouse:
        own.run_with(warehouse, small)
    assert runs.numbers(own.lake) == [1, 2]
    for name, newest in (("big", 3), ("small", 4)):
        assert f"run {newest}: " in told(own, "extract", "--catalog", str(parts[name]))
    assert not list(own.lake.keys("_schemas/"))


def test_two_sources_in_one_schema_are_told_that_they_share_its_numbers(two):
    own, parts = two
    text = parts["small"].read_text().replace("raw_small", "raw_big").replace("name: own", "name: other")
    parts["small"].write_text(text)
    assert "notice:" not in told(own, "extract", "--catalog", str(parts["big"]))
    said = told(own, "extract", "--catalog", str(parts["small"]))
    assert "notice: run 1 of schema raw_big is of the source own: those of other share its numbers" in said
    assert runs.numbers(own.lake) == [1, 2]


def test_a_lake_whose_runs_were_pruned_to_a_baseline_keeps_its_schema(two):
    own, parts = two
    at = ("--catalog", str(parts["big"]))
    for _ in range(2):
        told(own, "extract", *at)
    told(own, "prune", "--keep-days", "0", *at)
    assert sequences.of(own.lake, "raw_big").folder == own.lake.folder
    assert sequences.of(own.lake, "raw_other").folder == own.lake.folder / "_schemas/raw_other"
