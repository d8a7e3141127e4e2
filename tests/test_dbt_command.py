"""`make build` meets another dbt, a warehouse in use, a folder it may not write: a sentence, not dbt's traceback."""

import os
import subprocess
import sys
import time

import duckdb
import pytest

from loaders.cli import dbt_folder
from loaders.common.errors import Exit, Failure
from loaders.common.settings import ROOT
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
