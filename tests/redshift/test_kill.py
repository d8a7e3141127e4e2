"""Kill -9 at every step of a run that loads Redshift: raw is the old one or the new one, and the next run works."""

import signal
import subprocess

import pytest

from loaders.lake.s3 import S3
from loaders.words import catalog
from local_stack.redshift import environment
from tests import commands, forked
from tests.redshift.test_load import Both

TABLES = ("a", "b")


@pytest.fixture
def shop(own, s3, redshift, ask, schema):
    """Two tables, a catalog whose raw schema is the test's own, and the settings that lead to the stand-in."""
    own.write(*(f"create table {table} (id int primary key, v int)" for table in TABLES))
    own.write(*(f"insert into {table} values (1, -1), (2, -1)" for table in TABLES))
    own.discover()
    own.catalog_file.write_text(own.catalog_file.read_text().replace("schema: raw_own", f"schema: {schema}"))
    lake = S3(s3, redshift.bucket, f"{redshift.prefix}/{schema}")
    settings = commands.settings(own) | environment(redshift)
    return Both(own, lake, redshift, ask, schema), settings | {"CATALOG": str(own.catalog_file), "LAKE_URL": str(lake)}


def run_to_step(settings: dict[str, str], number: int, command: str = "extract") -> subprocess.CompletedProcess:
    return forked.run("-m", "tests.kill_at", str(number), command, environment=settings)


def test_killed_at_every_step_raw_is_old_or_new_and_the_next_run_works(shop):
    both, settings = shop
    assert run_to_step(settings, 0).returncode == 0
    # As after each kill below: the lake has no note of the newest run, so no run begins by asking whether it is idle.
    for value in (-2, 0):
        both.own.write(*(f"update {table} set v = {value}" for table in TABLES))
        if value:
            both.run(known=catalog.read(both.own.catalog_file))
    steps = [line for line in run_to_step(settings, 0).stdout.splitlines() if line.startswith(("before ", "after "))]
    assert any("before sql copy" in step for step in steps)
    last = steps.index("after sql commit")
    assert steps[last - 2 : last] == ["before lake create", "before sql commit"], "one commit inside the other"

    def raw() -> list[list[tuple]]:
        return [both.rows(table, "id, v") for table in TABLES]

    for number, step in enumerate(steps, start=1):
        both.own.write(*(f"update {table} set v = {number}" for table in TABLES))
        done = run_to_step(settings, number)
        assert done.returncode == -signal.SIGKILL, f"{step}: {done.stderr}"
        old, new = ([[(1, value), (2, value)]] * 2 for value in (number - 1, number))
        assert raw() in (old, new), step
        assert number <= last or raw() == new
        both.run(known=catalog.read(both.own.catalog_file))
        assert raw() == new, step
