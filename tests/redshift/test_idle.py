"""What an idle shop costs: runs that find nothing leave Redshift asleep, and whatever changed wakes it."""

import json
from dataclasses import replace

import boto3
import pytest
import yaml

from infra.image import built
from infra.image.__main__ import run
from loaders import cli
from loaders.common import settings
from loaders.lake import runs, sequences
from loaders.run import idle
from local_stack.redshift import environment
from tests import commands
from tests.redshift.test_statements import sent
from tests.test_json import SCHEMA

RUNS_OF_A_DAY = 96  # one in a quarter of an hour


class Shop:
    """A table in a schema of its own, and `extract` in this process, whose statements to Redshift are counted."""

    def __init__(self, own, redshift, schema):
        known = own.discover()
        text = own.catalog_file.read_text().replace(f"schema: {known.schema}", f"schema: {schema}")
        own.catalog_file.write_text(text)
        self.own, self.schema = own, schema
        changes = environment(redshift) | {"CATALOG": str(own.catalog_file)}
        self.changes = changes
        self.chosen = settings.read(own.folder, commands.settings(own) | changes)
        self.whole = cli.connections.lake(self.chosen)

    @property
    def lake(self):
        return sequences.of(self.whole, self.schema)

    def extract(self, *words: str) -> int:
        """How many statements Redshift was sent."""
        arguments = cli.parser().parse_args(["extract", *words])
        with sent() as statements:
            arguments.run(arguments, self.chosen)
        return len(statements)


@pytest.fixture
def shop(own, redshift, schema, monkeypatch):
    for name, value in environment(redshift).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys that another test had
    own.write(
        "create table t (id int primary key, v varchar(9), at datetime(6))",
        "insert into t values (1, 'a', '2024-01-01'), (2, 'b', '2024-01-02')",
    )
    return Shop(own, redshift, schema)


def test_a_day_on_which_nothing_changes_sends_redshift_nothing(shop):
    assert shop.extract() > 0
    idle.forget(shop.lake)
    before = shop.extract()
    made = runs.numbers(shop.lake)
    after = sum(shop.extract() for _run in range(RUNS_OF_A_DAY))
    print(f"statements of a day of {RUNS_OF_A_DAY} idle runs: {before * RUNS_OF_A_DAY} before, {after} after")
    assert before > 10 and after == 0 and runs.numbers(shop.lake) == made
    done = commands.python(shop.own, "loaders", "extract", "--json", **shop.changes)
    (event,) = map(json.loads, commands.succeeded(done).splitlines())
    SCHEMA.validate(event)
    assert (event["event"], event["run"]) == ("unchanged", made[-1])


@pytest.mark.parametrize(
    "change",
    [
        "insert into t values (3, 'c', '2024-01-03')",
        "update t set v = 'z' where id = 1",
        "delete from t where id = 2",
        "alter table t add w int",
        "alter table t modify v varchar(20)",
    ],
)
def test_whatever_changed_wakes_it_and_is_loaded(shop, ask, change):
    shop.extract()
    assert shop.extract() == 0
    shop.own.write(change)
    assert shop.extract() > 0
    ((run,),) = ask(f"select max(run) from {shop.schema}._loads")
    assert run == runs.numbers(shop.lake)[-1] == 2
    assert shop.extract() == 0


class Runner:
    """The image's, whose extract is the shop's, and whose other steps end as they are told."""

    run_id = "r"

    def __init__(self, shop, code):
        self.shop, self.code, self.steps = shop, code, []

    def step(self, name, *_command):
        self.steps.append(name)
        if name == "extract":
            self.shop.extract()
            return 0
        return self.code

    def say(self, event, **what):
        self.steps += [what["text"].partition(":")[0]] if event == "step" else []


def steps(shop, code=0, **changes):
    """What a scheduled run does."""
    runner = Runner(shop, code)
    said = {**shop.chosen.environment, "SKIP_BUILD": "1", **changes}
    assert run(runner, replace(shop.chosen, environment=said)) == code
    return runner.steps[1:]


WHOLE = ["build", "catalog", "docs", "dashboard"]


def test_a_build_that_would_be_the_last_good_one_again_is_skipped_and_no_other(shop):
    assert steps(shop, code=1) == ["build"]
    assert steps(shop) == WHOLE, "the last one was not good, though nothing has changed"
    assert steps(shop) == ["skipped"]
    assert steps(shop, SKIP_BUILD="") == WHOLE
    assert steps(shop, BUILD_ARGS="--full-refresh") == WHOLE
    assert steps(shop) == WHOLE, "the last one was with other words"
    shop.own.write("update t set v = 'z' where id = 1")
    assert steps(shop) == WHOLE
    assert steps(shop) == ["skipped"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(built, "project", lambda _chosen: "another")
        assert steps(shop, code=1) == ["build"]
    assert steps(shop) == WHOLE, "of this project it was the last good one, but a bad one came after it"
    idle.forget(shop.lake)  # as erase and replay do
    assert steps(shop) == WHOLE


def test_each_file_of_the_project_and_its_name_count_but_not_what_dbt_writes(shop, tmp_path):
    chosen = replace(shop.chosen, project=tmp_path / "p")
    (tmp_path / "p/models").mkdir(parents=True)
    (tmp_path / "p/models/a.sql").write_text("select 1")
    before = built.project(chosen)
    (tmp_path / "p/target").mkdir()
    (tmp_path / "p/target/manifest.json").write_text("{}")
    assert built.project(chosen) == before
    (tmp_path / "p/models/a.sql").rename(tmp_path / "p/models/b.sql")
    renamed = built.project(chosen)
    (tmp_path / "p/models/b.sql").write_text("select 2")
    assert len({before, renamed, built.project(chosen)}) == 3


def test_of_a_table_in_parts_redshift_is_asked_each_time(shop):
    known = yaml.safe_load(shop.own.catalog_file.read_text())
    known["sources"][0]["tables"][0]["config"]["meta"] |= {"cursor": "at", "proof": {"share": 9}}
    shop.own.catalog_file.write_text(yaml.safe_dump(known))
    shop.extract()
    assert shop.extract() > 0 and runs.numbers(shop.lake)[-1] == 2


def age(shop, by):
    """Make the lake's newest run so much older."""
    newest = runs.read(shop.lake, runs.numbers(shop.lake)[-1])
    key = runs.key_of(newest.run)
    shop.lake.replace(key, runs.readable(shop.lake, replace(newest, snapshot_at=newest.snapshot_at - by), key))


def test_once_a_day_it_is_asked_all_the_same_so_that_freshness_stays_right(shop, ask):
    shop.extract()
    age(shop, idle.AT_MOST)
    assert shop.extract() > 0
    ((lines,),) = ask(f"select count(*) from {shop.schema}._loads")
    assert lines == 2 and shop.extract() == 0


def test_a_run_that_waits_a_full_one_and_another_warehouse_wake_it(shop):
    shop.extract()
    shop.extract("--no-load")
    assert shop.extract() > 0
    assert shop.extract("--full") > 0
    assert shop.extract() == 0
    newest = runs.read(shop.lake, runs.numbers(shop.lake)[-1])
    idle.note(shop.lake, newest, "another:5439/dev")
    assert shop.extract() > 0
