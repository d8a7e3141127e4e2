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
def project(own):
    """The part of a checkout that the loaders need, with the files that `make setup` makes, and a run."""
    small_shop.create(own)
    own.write(small_shop.customer(1, "France", "2024-01-01"), small_shop.product(1, "Book", "1.00", "2024-01-01"))
    folder = own.folder / "p"
    for name in git("ls-files", "-co", "--exclude-standard", *PARTS).splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["make", ".env", "dbt_project/profiles.yml"], cwd=folder, check=True, capture_output=True)
    commands.succeeded(loaders(own, folder, "extract"))
    return folder


def loaders(own, folder, *words: str, **changes: str) -> subprocess.CompletedProcess:
    environment = commands.clean_environment() | {"SOURCE_URL": own.source_url} | changes
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


def test_a_warehouse_of_another_lake_is_refused_before_anything_is_written_and_can_be_taken_over(own, project):
    before, other = held(project), {"LAKE_URL": str(own.folder / "other")}
    for command in ("extract", "load", "replay"):
        done = loaders(own, project, command, **other)
        assert done.returncode == 1 and held(project) == before and not (own.folder / "other/_runs").exists()
    refused(loaders(own, project, "extract", **other), "holds run 1, which is not from the lake", "replay --replace")
    # What the failure says, done.
    commands.succeeded(loaders(own, project, "extract", "--no-load", **other))
    refused(loaders(own, project, "replay", **other), "holds run 1, which is not from the lake", "replay --replace")
    commands.succeeded(loaders(own, project, "replay", "--replace", **other))
    own.write(small_shop.customer(2, "Korea", "2024-01-02"))
    assert SECOND in commands.succeeded(loaders(own, project, "extract", **other))
    refused(loaders(own, project, "extract"), "holds run 2, which is not from the lake", "replay --replace")


def test_a_lake_that_came_back_from_an_older_backup_is_followed_again(own, project):
    shutil.copytree(project / ".data/lake", own.folder / "backup")
    own.write(small_shop.customer(2, "Korea", "2024-01-02"))
    commands.succeeded(loaders(own, project, "extract"))
    shutil.rmtree(project / ".data/lake")
    shutil.copytree(own.folder / "backup", project / ".data/lake")
    refused(loaders(own, project, "extract"), "holds run 2, which is not from the lake", "replay --replace")
    assert "dbt run-operation count_runs_anew`" in commands.succeeded(loaders(own, project, "replay", "--replace"))
    assert SECOND in commands.succeeded(loaders(own, project, "extract"))
