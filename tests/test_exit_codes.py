"""Exit codes tell a schedule what to do; each class is decided where the failure is raised."""

import errno
import os
from contextlib import closing

import duckdb
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, SSLError

from loaders.common.errors import Exit, Failure, run_command
from loaders.lake import s3
from tests import commands
from tests.test_commits import changed, read, refused  # noqa: F401 (changed is a fixture)

TWO_HUNDRED = ", ".join(f"({number})" for number in range(200))


@pytest.mark.parametrize("code", list(Exit))
def test_a_command_ends_with_its_failures_code_also_when_more_was_added_to_it(code):
    def fails() -> None:
        raise Failure("it failed", "mend it", ends=code).and_then("say so")

    assert run_command(fails) == code


def test_the_codes_are_those_that_help_and_docs_say(own):
    shown = commands.succeeded(commands.python(own, "loaders", "--help"))
    page = (commands.ROOT / "docs/machines.md").read_text("utf-8")
    for code in (0, *Exit, 2, 130, 143):
        assert f"| {int(code)} |" in page
    for words in ("1 a failure", "2 a wrong call", "3 a decision", "4 another run", "75 try again", "130 stopped"):
        assert words in shown


def test_a_source_out_of_reach_is_tried_again_and_a_wrong_password_is_not(own):
    own.write("create table t (id int primary key)")
    own.discover()
    closed = "mysql://loader:x@127.0.0.1:9/own"
    done = commands.python(own, "loaders", "extract", CATALOG=str(own.catalog_file), SOURCE_URL=closed)
    assert done.returncode == Exit.TRY_AGAIN, done.stderr
    wrong = own.source_url.replace("mysql://", "mysql://x", 1)
    done = commands.python(own, "loaders", "extract", CATALOG=str(own.catalog_file), SOURCE_URL=wrong)
    assert done.returncode == Exit.FAILED and "refused user" in done.stderr


def test_a_warehouse_that_another_program_holds_is_tried_again(own):
    own.write("create table t (id int primary key)")
    own.discover()
    with closing(duckdb.connect(own.warehouse_path)):
        done = commands.python(own, "loaders", "load", CATALOG=str(own.catalog_file))
    assert done.returncode == Exit.TRY_AGAIN and "is in use by" in done.stderr


def test_a_run_that_deletes_too_much_and_a_key_that_changed_need_a_decision(own):
    own.write("create table t (id int primary key)", f"insert into t values {TWO_HUNDRED}")
    own.discover()
    here = {"CATALOG": str(own.catalog_file)}
    commands.succeeded(commands.python(own, "loaders", "extract", **here))
    own.write("delete from t")
    done = commands.python(own, "loaders", "extract", **here)
    assert done.returncode == Exit.DECIDE and "--allow-deletes" in done.stderr
    commands.succeeded(commands.python(own, "loaders", "extract", "--allow-deletes", **here))
    own.write("alter table t modify id varchar(9)")
    done = commands.python(own, "loaders", "extract", **here)
    assert done.returncode == Exit.DECIDE and "cannot follow by itself" in done.stderr


def test_a_run_that_another_has_overtaken_has_a_code_of_its_own(changed):  # noqa: F811
    late = read(changed)
    changed.extract(full=True)
    assert refused(changed, late).ends == Exit.OVERTAKEN


def test_runs_that_came_while_this_one_began_are_tried_again(changed):  # noqa: F811
    changed.extract(full=True)
    known = changed.discover()
    with changed.opened(known.schema) as warehouse, pytest.raises(Failure) as caught:
        changed.extract(known, warehouse=warehouse)
    assert caught.value.ends == Exit.TRY_AGAIN


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url="https://s3"), Exit.TRY_AGAIN),
        (SSLError(endpoint_url="https://s3", error="certificate"), Exit.FAILED),
        (NoCredentialsError(), Exit.FAILED),
    ],
)
def test_s3_out_of_reach_is_tried_again_and_keys_that_are_missing_are_not(error, code):
    with pytest.raises(Failure) as caught, s3.explained("s3://b/k"):
        raise error
    assert caught.value.ends == code


def test_what_the_system_refuses_is_a_failure_like_others():
    def fails() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert run_command(fails) == Exit.FAILED
