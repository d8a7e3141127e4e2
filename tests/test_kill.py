"""Kill -9 at every step of a run: raw is the old one or the new one, and the next run simply works."""

import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from loaders.lake import runs
from tests import forked

OLD = [(1, "old", 1), (2, "old", 1)]
NEW = [(1, "new", 2), (3, "new", 2)]


@pytest.fixture
def prepared(own):
    """Two tables, loaded once; then both change."""
    own.write(
        "create table a (id int primary key, v varchar(9))",
        "create table b (id int primary key, v varchar(9))",
        *(f"insert into {table} values (1, 'old'), (2, 'old')" for table in "ab"),
    )
    own.discover()
    own.extract()
    own.load()
    own.write(
        *(f"delete from {table} where id = 2" for table in "ab"),
        *(f"update {table} set v = 'new'" for table in "ab"),
        *(f"insert into {table} values (3, 'new')" for table in "ab"),
    )
    return own


def copied(own, number: int):
    """The same lake and warehouse, for one kill of their own."""
    folder = own.folder / f"kill {number}"
    folder.mkdir()
    shutil.copytree(own.folder / "lake", folder / "lake")
    for file in (own.warehouse_path, own.catalog_file):
        shutil.copy(file, folder)
    return replace(own, folder=folder)


def run_to_step(own, number: int, *command: str) -> subprocess.CompletedProcess:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "AWS_"))}
    (own.folder / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{own.warehouse_path}'}}}}}}"
    )
    environment |= {
        "SOURCE_URL": own.source_url,
        "LAKE_URL": str(own.folder / "lake"),
        "CATALOG": str(own.catalog_file),
        "DBT_PROFILES_DIR": str(own.folder),
        "DBT_TARGET": "d",
        "DUCKDB_PATH": "",
    }
    return forked.run("-m", "tests.kill_at", str(number), *(command or ["extract"]), environment=environment)


def rows(own, table: str) -> list[tuple]:
    return own.live(table, "id, v, _run")


def check_one(prepared, number: int, name: str) -> str | None:
    """Kill at a step, look, and run again; what is wrong, or None."""
    own = copied(prepared, number)
    done = run_to_step(own, number)
    if done.returncode != -signal.SIGKILL:
        return f"step {number} ({name}): not killed, but ended with {done.returncode}: {done.stderr}"
    now = [rows(own, table) for table in "ab"]
    if now not in ([OLD, OLD], [NEW, NEW]):
        return f"step {number} ({name}): raw is half loaded: {now}"
    for published in runs.numbers(own.lake):
        for batch in runs.read(own.lake, published).batches:
            for file in batch.files:
                if not (own.lake.folder / file.key).is_file():
                    return f"step {number} ({name}): run {published} is published without {file.key}"
    if 2 in runs.numbers(own.lake):
        own.load()
        if [rows(own, table) for table in "ab"] != [NEW, NEW]:
            return f"step {number} ({name}): the run was published, and `load` did not bring it"
    elif now == [NEW, NEW]:
        return f"step {number} ({name}): raw holds a run that was never published"
    own.run()
    after = [[row[:2] for row in rows(own, table)] for table in "ab"]
    if after != [[row[:2] for row in NEW]] * 2:
        return f"step {number} ({name}): the next run did not mend it: {after}"
    return None


def test_killed_at_every_step_raw_is_old_or_new_and_the_next_run_works(prepared):
    first = copied(prepared, 0)
    whole = run_to_step(first, 0)
    assert whole.returncode == 0, whole.stderr
    steps = [line for line in whole.stdout.splitlines() if line.startswith(("before ", "after "))]
    committed = steps.index("after sql commit") - 1
    between = ["after the lake's commit", "before sql commit"]
    assert steps[committed - 1 : committed + 1] == between, "one commit inside the other, and nothing between them"
    assert len(steps) > 25
    with ThreadPoolExecutor(2) as pool:
        wrong = list(pool.map(lambda step: check_one(prepared, *step), enumerate(steps, start=1)))
    assert [fault for fault in wrong if fault] == []


def test_what_killed_runs_left_in_the_lake_is_swept_by_the_run_after_the_next(prepared):
    steps = [line for line in run_to_step(copied(prepared, 0), 0).stdout.splitlines() if line.startswith("before ")]
    record = max(number for number, step in enumerate(steps, 1) if step == "before lake create")
    assert run_to_step(prepared, record).returncode == -signal.SIGKILL
    left = {key.split("/")[1] for key in prepared.lake.keys("a/")}
    assert len(left) == 2, "the first run's files and what the killed one left"
    published = [prepared.extract(full=True).attempt, prepared.extract(full=True).attempt]
    kept = {key.split("/")[1] for key in prepared.lake.keys("a/")}
    assert kept == {runs.read(prepared.lake, 1).attempt, *published}
