"""Kill -9 at every step of a run that loads Redshift: raw is the old one or the new one, and the next run works."""

import signal
import subprocess
import sys

import pytest

from loaders.settings import ROOT
from tests import commands

TABLES = ("a", "b")


@pytest.fixture
def shop(own, redshift, schema):
    """Two tables, a catalog whose raw schema is the test's own, and the settings that lead to the stand-in."""
    own.write(*(f"create table {table} (id int primary key, v int)" for table in TABLES))
    own.write(*(f"insert into {table} values (1, 0), (2, 0)" for table in TABLES))
    own.discover()
    own.catalog_file.write_text(own.catalog_file.read_text().replace("schema: raw_own", f"schema: {schema}"))
    lake = f"{redshift.lake_url}/{schema}"
    settings = commands.settings(own) | redshift.environment() | {"CATALOG": str(own.catalog_file), "LAKE_URL": lake}
    return own, settings


def run(settings: dict[str, str], *command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=settings, capture_output=True, text=True)


def test_killed_at_every_step_raw_is_old_or_new_and_the_next_run_works(shop, ask, schema):
    own, settings = shop
    first = run(settings, "tests.kill_at", "0", "extract")
    assert first.returncode == 0, first.stderr
    steps = [line for line in run(settings, "tests.kill_at", "0", "extract").stdout.splitlines() if "before" in line]
    assert any("copy" in step for step in steps) and any("before sql commit" in step for step in steps)

    def raw() -> list[list[tuple]]:
        return [sorted(ask(f"select id, v from {schema}.{table}")) for table in TABLES]

    for number, step in enumerate(steps, start=1):
        own.write(*(f"update {table} set v = {number}" for table in TABLES))
        done = run(settings, "tests.kill_at", str(number), "extract")
        assert done.returncode == -signal.SIGKILL, f"{step}: {done.stderr}"
        old, new = ([[(1, value), (2, value)]] * 2 for value in (number - 1, number))
        assert raw() in (old, new), step
        again = run(settings, "loaders", "extract")
        assert again.returncode == 0, f"{step}: {again.stderr}"
        assert raw() == new, step
