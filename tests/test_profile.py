"""dbt's profile as the loaders read it."""

from pathlib import Path

import pytest

from loaders.common.errors import Failure
from loaders.warehouse import profile

PROFILE = """
order_he:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: "{{ env_var('DUCKDB_PATH', '../.data/w.duckdb') }}", schema: analytics}
    redshift: {type: redshift, host: "{{ env_var('REDSHIFT_HOST') }}", port: 5439}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "profiles.yml").write_text(PROFILE)
    return tmp_path


def test_the_default_target_is_the_profiles_own_and_its_path_counts_from_the_dbt_project(folder):
    target = profile.read(folder, None, {}, Path("/project/dbt_project"))
    assert (target.name, target.type) == ("duckdb", "duckdb")
    assert target.values["path"] == Path("/project/dbt_project/../.data/w.duckdb")


def test_an_environment_variable_goes_before_the_default(folder):
    assert profile.read(folder, None, {"DUCKDB_PATH": "/x.duckdb"}, folder).values["path"] == Path("/x.duckdb")


def test_a_variable_without_default_must_be_set(folder):
    with pytest.raises(Failure, match="needs the environment variable REDSHIFT_HOST"):
        profile.read(folder, "redshift", {}, folder)
    assert profile.read(folder, "redshift", {"REDSHIFT_HOST": "h"}, folder).values["host"] == "h"


def test_an_unknown_target_offers_the_known_ones(folder):
    with pytest.raises(Failure) as caught:
        profile.read(folder, "redshit", {}, folder)
    assert "no target redshit" in caught.value.problem
    assert "did you mean redshift?" in caught.value.fix


def test_a_missing_profile_says_make_setup(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Failure) as caught:
        profile.read(tmp_path / "nowhere", None, {}, tmp_path)
    assert "make setup" in caught.value.fix


def test_a_profile_in_the_home_folder_is_found_as_dbt_finds_it(tmp_path, monkeypatch):
    (tmp_path / ".dbt").mkdir()
    (tmp_path / ".dbt" / "profiles.yml").write_text(PROFILE)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profile.read(tmp_path / "nowhere", None, {}, tmp_path).name == "duckdb"


def test_a_password_is_there_for_the_driver_and_never_prints(folder):
    (folder / "profiles.yml").write_text(
        "order_he: {target: r, outputs: {r: {type: redshift, password: \"{{ env_var('P') }}\"}}}"
    )
    target = profile.read(folder, None, {"P": "canary"}, folder)
    assert target.values["password"] == "canary" and target.values["password"].encode() == b"canary"
    for printed in (repr(target), str(target), f"{target.values['password']}", f"{target.values}"):
        assert "canary" not in printed


@pytest.mark.parametrize("path", [":memory:", "md:shop?motherduck_token=CANARY", "sqlite:shop.db"])
def test_a_path_that_is_no_file_is_refused_without_its_token(folder, path):
    with pytest.raises(Failure, match=r"DUCKDB_PATH begins with \S+:, which names no file") as caught:
        profile.read(folder, None, {"DUCKDB_PATH": path}, folder)
    assert "CANARY" not in str(caught.value) and "the path of a file" in caught.value.fix


def test_a_profile_that_is_no_text_is_named(folder):
    (folder / "profiles.yml").write_bytes(b"\xff")
    with pytest.raises(Failure, match=r"profiles\.yml: this is not YAML in UTF-8"):
        profile.read(folder, None, {}, folder)


def test_who_has_no_home_has_no_profile_there(tmp_path, monkeypatch):
    """As a container's user that no file of users names: Python knows no home folder, which is no failure of ours."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda _number: (_ for _ in ()).throw(KeyError("no such user")))
    with pytest.raises(Failure, match=r"there is no profiles\.yml"):
        profile.read(tmp_path, None, {}, tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("order_he:\n  target: r\n  outputs:\n    r: {password: 'canary, type: redshift}\n", "line"),
        ("order_he:\n  outputs:\n    r:\n      password: *canary\n", "line 4, column 17"),
        ('order_he:\n  outputs:\n    r:\n      token: "canary\\q"\n', "line 4"),
        ("order_he:\n  outputs:\n    r:\n      password: canary\n     port: 1\n", "line 5"),
        ("order_he: {target: r, outputs: {r: {type: redshift, password: '{{ canary( }}'}}}", "outputs.r.password"),
        ("order_he: {target: r, outputs: {r: {type: redshift, password: '{{ canary() }}'}}}", "outputs.r.password"),
        ("order_he: {target: r, outputs: {r: password=canary}}", "outputs.r is not"),
        ("order_he: {target: r, outputs: [canary]}", "outputs is not"),
        ("password=canary", "the file is not"),
        ("order_he: password=canary", "order_he is not"),
    ],
)
def test_a_fault_in_the_profile_is_named_by_key_and_line_and_nothing_of_it_is_shown(folder, text, told):
    (folder / "profiles.yml").write_text(text)
    with pytest.raises(Failure) as caught:
        profile.read(folder, None, {}, folder)
    assert told in caught.value.problem and "canary" not in str(caught.value)
