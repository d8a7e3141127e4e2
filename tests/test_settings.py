"""Settings: the environment before `.env` before the defaults."""

import os

import pytest

from loaders import settings
from loaders.errors import Failure


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".env").write_text("LAKE_URL=from-env-file\nAWS_REGION=eu-north-1\nDBT_TARGET=\n")
    return tmp_path


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(project):
    assert settings.read(project, {}).lake_url == "from-env-file"
    assert settings.read(project, {"LAKE_URL": "from-shell"}).lake_url == "from-shell"
    assert settings.read(project, {"LAKE_URL": ""}).lake_url == str(project / ".data/lake"), "taken back"
    assert settings.read(project, {}).dbt_target is None


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
    monkeypatch.delenv("AWS_REGION", raising=False)
    settings.export_for_aws(settings.read(project, os.environ))
    assert os.environ["AWS_REGION"] == "eu-north-1"
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    settings.export_for_aws(settings.read(project, os.environ))
    assert os.environ["AWS_REGION"] == "us-west-2"
    monkeypatch.delenv("AWS_REGION")


def test_every_setting_of_the_example_is_one_that_is_read():
    example = (settings.ROOT / ".env.example").read_text()
    for name in (
        "SOURCE_URL",
        "LAKE_URL",
        "CATALOG",
        "DBT_TARGET",
        "DBT_PROFILES_DIR",
        "SHOP_URL",
        "REDSHIFT_IAM_ROLE",
    ):
        assert f"# {name}=" in example, name
