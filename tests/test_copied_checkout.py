"""A copied or moved checkout works on its own lake and warehouse; out of a warehouse of another lake there is a way."""

import shutil
import subprocess
import sys

import pytest

from loaders.common.settings import ROOT
from tests import commands, small_shop
from tests.git import git
from tests.test_cli import refused

PARTS = ("loaders/", "dbt_project/models/staging/shop/", "Makefile", "profiles.example.yml", ".env.example")

SECOND = "equal: 2 rows by hash"


@pytest.fixture
def shop(own):
    small_shop.create(own)
    own.write(small_shop.customer(1, "France", "2024-01-01"), small_shop.product(1, "Book", "1.00", "2024-01-01"))
    return own


@pytest.fixture
def loaded(shop):
    """A run in the lake and in raw."""
    commands.succeeded(commands.python(shop, "loaders", "extract"))
    return shop


@pytest.fixture
def project(shop):
    """The part of a checkout that the loaders need, with the files that `make setup` makes, and a run."""
    folder = shop.folder / "p"
    for name in git("ls-files", "-co", "--exclude-standard", *PARTS).splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["make", ".env", "dbt_project/profiles.yml"], cwd=folder, check=True, capture_output=True)
    commands.succeeded(loaders(shop, folder, "extract"))
    return folder


def loaders(own, folder, *words: str) -> subprocess.CompletedProcess:
    """By the checkout's own files."""
    environment = commands.clean_environment() | {"SOURCE_URL": own.source_url}
    command = [sys.executable, "-m", "loaders", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def held(folder) -> bytes:
    return (folder / ".data/warehouse.duckdb").read_bytes()


def test_a_copy_has_its_own_lake_and_warehouse_and_so_has_one_that_was_moved(own, project):
    copy = project.with_name("p2")
    shutil.copytree(project, copy, symlinks=True)
    before = held(project)
    own.write(small_shop.customer(2, "Korea", "2024-01-02"))
    assert SECOND in commands.succeeded(loaders(own, copy, "extract"))
    assert held(project) == before and held(copy) != before
    moved = project.rename(project.with_name("p3"))
    assert SECOND in commands.succeeded(loaders(own, moved, "extract")) and held(moved) != before


def test_a_warehouse_of_another_lake_is_refused_before_anything_is_written_and_can_be_taken_over(loaded):
    own, before, other = loaded, loaded.warehouse_path.read_bytes(), {"LAKE_URL": str(loaded.folder / "other")}

    def told(*words: str, **changes: str) -> subprocess.CompletedProcess:
        return commands.python(own, "loaders", *words, **changes)

    for command in ("extract", "load", "replay"):
        assert told(command, **other).returncode == 1
        assert own.warehouse_path.read_bytes() == before and not (own.folder / "other/_runs").exists()
    refused(told("extract", **other), "holds run 1, which is not from the lake", "replay --replace")
    # What the failure says, done.
    commands.succeeded(told("extract", "--no-load", **other))
    refused(told("replay", **other), "holds run 1, which is not from the lake", "replay --replace")
    commands.succeeded(told("replay", "--replace", **other))
    own.write(small_shop.customer(2, "Korea", "2024-01-02"))
    assert SECOND in commands.succeeded(told("extract", **other))
    refused(told("extract"), "holds run 2, which is not from the lake", "replay --replace")


def test_a_lake_that_came_back_from_an_older_backup_is_followed_again(loaded):
    own, backup = loaded, loaded.folder / "backup"
    shutil.copytree(own.folder / "lake", backup)
    own.write(small_shop.customer(2, "Korea", "2024-01-02"))
    commands.succeeded(commands.python(own, "loaders", "extract"))
    shutil.rmtree(own.folder / "lake")
    backup.rename(own.folder / "lake")
    refused(commands.python(own, "loaders", "extract"), "holds run 2, which is not from the lake", "replay --replace")
    said = commands.succeeded(commands.python(own, "loaders", "replay", "--replace"))
    assert "dbt run-operation count_runs_anew`" in said
    assert SECOND in commands.succeeded(commands.python(own, "loaders", "extract"))
