"""`make build` meets another dbt, a warehouse in use, a folder it may not write: a sentence, not dbt's traceback."""

import json
import os
import subprocess
import sys
import time

import duckdb
import pytest

from loaders.cli import dbt as dbt_command
from loaders.cli import dbt_folder
from loaders.common import settings
from loaders.common.errors import Exit, Failure
from loaders.common.settings import ROOT
from local_stack import own_builds
from tests import commands
from tests.own_database import OwnDatabase
from tests.test_cli import refused


@pytest.fixture
def place(tmp_path):
    """No database: dbt parses, and asks none."""
    return OwnDatabase("mysql://u:p@127.0.0.1:9/x", "mysql://u:p@127.0.0.1:9/x", tmp_path)


def dbt(place, *words: str):
    return commands.python(place, "loaders", "dbt", *words)


def test_of_two_at_once_the_second_is_told_and_the_next_works(place):
    command = [sys.executable, "-m", "loaders", "dbt", "parse", "--no-partial-parse"]
    with subprocess.Popen(command, cwd=ROOT, env=commands.settings(place), stdout=-1, stderr=-1) as first:
        # Made just before it is locked; a second command takes longer to begin.
        while first.poll() is None and not (place.folder / "target" / dbt_folder.LOCK).exists():
            time.sleep(0.01)
        refused(dbt(place, "parse"), "another dbt works in", "wait until it has ended")
        assert first.wait() == 0, first.communicate()
    assert "installed" in commands.succeeded(dbt(place, "--version"))


def test_a_warehouse_in_use_is_named_with_its_user(place):
    with duckdb.connect(place.warehouse_path):
        refused(dbt(place, "parse"), f"PID {os.getpid()}", "close it there", Exit.TRY_AGAIN)


def test_the_folders_that_the_settings_name_are_made_and_held(tmp_path):
    dbt_folder.take(tmp_path, {"DBT_LOG_PATH": "elsewhere"})
    assert (tmp_path / "target").is_dir() and (tmp_path / "elsewhere").is_dir()
    with pytest.raises(Failure, match="another dbt works in"):
        dbt_folder.take(tmp_path, {})


def test_what_is_set_to_nothing_takes_back_a_setting_and_no_variable_of_others(tmp_path):
    given = dict.fromkeys(("DBT_SCHEMA", "DBT_LOG_PATH", "REDSHIFT_HOST", "LAKE_URL", "AWS_REGION", "THEIRS"), "")
    (tmp_path / ".env").write_text("DBT_SCHEMA=dev_kim\nDUCKDB_PATH=x.duckdb\n")
    chosen = settings.read(tmp_path, given)
    assert dbt_command.environment_of(chosen, given) == {"THEIRS": "", "DUCKDB_PATH": "x.duckdb"}


@pytest.mark.parametrize(
    ("args", "results", "manifest"),
    [
        ({"which": "build"}, True, True),
        ({"which": "build", "select": ["a"]}, True, False),
        ({"which": "run"}, False, False),
    ],
)
def test_what_a_build_left_is_put_aside_before_the_next_command(tmp_path, args, results, manifest):
    target, data = tmp_path / "target", tmp_path / ".data"
    dbt_command.keep_last_build(target, data)
    target.mkdir()
    (target / "manifest.json").write_text("{}")
    (target / "run_results.json").write_text(json.dumps({"args": args}))
    dbt_command.keep_last_build(target, data)
    assert [(data / file).exists() for file in ("run_results.json", "state/manifest.json")] == [results, manifest]
    (data / "state/manifest.json").unlink(missing_ok=True)
    # As `dbt parse` leaves it: that is no build's.
    os.utime(target / "manifest.json", (2**32, 2**32))
    dbt_command.keep_last_build(target, data)
    assert not (data / "state/manifest.json").exists()


def test_a_part_is_built_over_production_into_ones_own_schema(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(own_builds, "_loaders", lambda changes, *words: called.append((changes, words)) or 0)
    chosen = settings.read(tmp_path, {"DBT_SCHEMA": "dev_kim"})
    assert own_builds.dev(chosen, ["--select", "order_mart+"]) == 0
    (parsed, parse), (own, build) = called
    assert parsed == {"DBT_SCHEMA": ""} and parse[-1] == build[build.index("--defer-state") + 1]
    assert own == {"DBT_SCHEMA": "dev_kim"} and build[-2:] == ("--select", "order_mart+")
    with pytest.raises(Failure, match="nothing is chosen"):
        own_builds.dev(chosen, [])
