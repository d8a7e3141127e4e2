"""Settings: the environment before `.env` before the defaults."""

import datetime
import os
import re
import shutil

import boto3
import pytest

from loaders.cli import connections
from loaders.common import settings
from loaders.common.errors import Failure
from loaders.words import cursors

REGIONS = ["AWS_REGION", "AWS_DEFAULT_REGION"]


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".env").write_text("LAKE_URL=from-env-file\nAWS_REGION=eu-north-1\nDBT_TARGET=\n")
    return tmp_path


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(project):
    assert settings.read(project, {}).lake_url == "from-env-file"
    assert settings.read(project, {"LAKE_URL": "from-shell"}).lake_url == "from-shell"
    assert settings.read(project, {"LAKE_URL": ""}).lake_url == str(project / ".data/lake"), "taken back"
    assert settings.read(project, {}).dbt_target is None


def test_the_lakes_key_is_for_the_loaders_alone(project, monkeypatch):
    """dbt, which runs other people's code, is started with this process's environment and with what .env says."""
    monkeypatch.setattr(os, "umask", lambda _mask: None)
    monkeypatch.setenv("LAKE_KEY", "canary")
    chosen = settings.read(project)
    settings.prepare_process(chosen)
    assert chosen.lake_key.revealed() == "canary" and "canary" not in repr(chosen)
    assert "LAKE_KEY" not in {**os.environ, **chosen.environment}


def test_paths_count_from_the_project_wherever_one_stands(project, monkeypatch):
    monkeypatch.chdir("/")
    assert settings.read(project, {"CATALOG": "a/b.yml"}).catalog == project / "a/b.yml"
    assert settings.read(project, {"CATALOG": "/a/b.yml"}).catalog.as_posix() == "/a/b.yml"


def test_the_source_defaults_to_the_private_server_once_it_was_started(project):
    with pytest.raises(Failure, match="there is no source") as caught:
        settings.required_source_url(settings.read(project, {}))
    assert "make up" in caught.value.fix
    (project / ".data/mysql").mkdir(parents=True)
    (project / ".data/mysql/loader.url").write_text("mysql://loader:x@localhost/order_he\n")
    assert settings.required_source_url(settings.read(project, {})) == "mysql://loader:x@localhost/order_he"


def test_what_the_file_says_for_aws_reaches_boto3_unless_the_shell_says_otherwise(project, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda _mask: None)
    for name in REGIONS:
        monkeypatch.setenv(name, "")  # so that it is taken back at the end
        monkeypatch.delenv(name)
    settings.prepare_process(settings.read(project, os.environ))
    assert os.environ["AWS_REGION"] == "eu-north-1"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    settings.prepare_process(settings.read(project, os.environ))
    assert os.environ["AWS_REGION"] == "us-west-2"


@pytest.mark.parametrize(("named", "other"), [REGIONS, REGIONS[::-1]])
def test_a_region_by_either_name_reaches_boto3_and_the_shells_goes_before_the_files(project, monkeypatch, named, other):
    monkeypatch.setattr(os, "umask", lambda _mask: None)
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(project / "none"))
    monkeypatch.setenv(named, "us-west-2")
    monkeypatch.setenv(other, "")  # so that it is taken back at the end
    monkeypatch.delenv(other)
    settings.prepare_process(settings.read(project, os.environ))
    assert boto3.Session().region_name == "us-west-2" == os.environ["AWS_REGION"]
    assert settings.read(project, {}).environment["AWS_DEFAULT_REGION"] == "eu-north-1", "what the file names"


@pytest.mark.parametrize(
    "asked", [{"LAKE_URL": "s3://bucket/x"}, {"SOURCE_URL": "mysql://u@rds.example.com/shop?iam=true"}]
)
def test_two_regions_at_once_are_refused_by_whoever_asks_aws_and_by_nobody_else(project, asked):
    chosen = settings.read(project, {"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b", **asked})
    with pytest.raises(Failure, match="two Regions: AWS_REGION is a, AWS_DEFAULT_REGION is b"):
        if "LAKE_URL" in asked:
            connections.lake(chosen)
        else:
            with connections.snapshot(chosen):
                pass
    here = settings.read(project, {"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b", "LAKE_URL": "lake"})
    assert str(connections.lake(here)).endswith("/lake")


def test_every_setting_of_the_example_is_one_that_is_read():
    example = (settings.ROOT / ".env.example").read_text()
    assert set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE)) == {*settings.SETTINGS}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("LAKE_URL s3://x/canary", "line 2: this is no NAME=value"),
        ("LAKE_URL: s3://x/canary", "line 2: this is no NAME=value"),
        ("LAKE_URL='/canary", "line 2: this is no NAME=value"),
        ("LAKE_URL", "line 2: this is no NAME=value"),
        ("LAKE_ULR=/canary", "LAKE_ULR is no setting"),
        ("lake_url=/canary", "lake_url is no setting"),
        ("DELETE_LIMIT_ROW=0", "DELETE_LIMIT_ROW is no setting"),
    ],
)
def test_a_line_that_says_nothing_is_a_failure_and_never_the_default(tmp_path, line, said):
    (tmp_path / ".env").write_text(f"# a comment\n{line}\nAWS_REGION=eu-north-1\n")
    with pytest.raises(Failure, match=said) as caught:
        settings.read(tmp_path, {})
    assert "canary" not in str(caught.value) and "begin the line with #" in caught.value.fix


def test_other_programs_settings_may_stand_in_the_file(tmp_path):
    (tmp_path / ".env").write_text("export AWS_REGION='a b'\nLAKE_URL_OLD=x # what it was\nEMPTY=\nDUCKDB_PATH=d\n")
    read = settings.read(tmp_path, {}).environment
    assert (read["AWS_REGION"], read["LAKE_URL_OLD"], read["DUCKDB_PATH"]) == ("a b", "x", "d")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOOKBACK_MINUTES", "9" * 30, "write 1,000,000,000 at most"),
        ("LOOKBACK_MINUTES", "9" * 5000, "write 1,000,000,000 at most"),
        ("LOOKBACK_MINUTES", "an hour", "write a whole number, such as 60"),
        ("DELETE_LIMIT_ROWS", "-1", "write a whole number, such as 100"),
        ("VALUE_PARTS", "1001", "write 1,000 at most"),
        ("SOURCE_PACE", "0%", "from 1% to 100%"),
        ("SOURCE_PACE", "101", "from 1% to 100%"),
        ("SOURCE_PACE", "5MB/s", "from 1% to 100%"),
    ],
)
def test_a_number_out_of_range_is_named(project, name, value, said):
    with pytest.raises(Failure, match=name) as caught:
        settings.read(project, {name: value})
    assert said in caught.value.fix and len(caught.value.problem) < 60


def test_the_longest_lookback_reaches_before_every_date(project):
    lookback = settings.read(project, {"LOOKBACK_MINUTES": "1000000000"}).lookback
    assert cursors.lower(datetime.datetime(2026, 1, 1), lookback).year < 1000
    assert cursors.lower(datetime.date(2026, 1, 1), lookback).year < 1000


def test_a_mark_of_utf8_at_the_beginning_is_no_part_of_the_first_name(project):
    (project / ".env").write_text("LAKE_URL=marked", encoding="utf-8-sig")
    assert settings.read(project, {}).lake_url == "marked"


def test_a_copied_private_server_is_not_the_source(project, tmp_path_factory):
    """Its URL leads to the server of the checkout that it was copied from."""
    home = project / ".data/mysql"
    home.mkdir(parents=True)
    (home / "loader.url").write_text("mysql://loader:x@localhost/order_he")
    (home / settings.IDENTITY).write_text(str(home.stat().st_ino))
    assert settings.read(project, {}).source_url == "mysql://loader:x@localhost/order_he"
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(project / ".data", copy / ".data")
    with pytest.raises(Failure, match="the private server of this folder was never started") as caught:
        settings.required_source_url(settings.read(copy, {}))
    assert "make up seed" in caught.value.fix


def test_files_with_passwords_and_all_data_are_closed_to_others_whoever_made_them(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda _mask: None)
    (tmp_path / "dbt_project").mkdir()
    files = [tmp_path / ".env", tmp_path / "dbt_project/profiles.yml", tmp_path / ".data"]
    files[0].touch()
    files[1].touch()
    files[2].mkdir()
    for setting, wanted in (("1", [0o660, 0o660, 0o770]), ("0", [0o600, 0o600, 0o700])):
        for file, mode in zip(files, (0o666, 0o666, 0o777), strict=True):
            file.chmod(mode)
        settings.prepare_process(settings.read(tmp_path, {"FILES_FOR_GROUP": setting}))
        assert [file.stat().st_mode & 0o777 for file in files] == wanted
    with pytest.raises(Failure, match="FILES_FOR_GROUP is 'yes'"):
        settings.prepare_process(settings.read(tmp_path, {"FILES_FOR_GROUP": "yes"}))
