"""The suites for a real account, run against the stand-in: they must at least agree with themselves."""

import subprocess
import sys

from loaders.common.settings import ROOT
from local_stack.redshift import environment
from tests import commands


def make_test_aws(own, redshift, *arguments, answer="", **changes) -> subprocess.CompletedProcess:
    """What `make test-aws` runs, where .env and the profile lead to the stand-in."""
    return subprocess.run(
        [sys.executable, "-m", "tests.redshift.account", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT, env=commands.settings(own) | environment(redshift) | changes, input=answer, capture_output=True,
        text=True,
    )  # fmt: skip


def test_the_suites_for_an_account_run_and_leave_nothing(own, redshift, ask, s3):
    def kept() -> tuple[list, list]:
        keys = s3.list_objects_v2(Bucket=redshift.bucket, Prefix=f"{redshift.prefix}/_").get("Contents", [])
        return ask("select nspname from pg_namespace where nspname !~ '^pg_' order by 1"), [
            entry["Key"] for entry in keys
        ]

    before = kept()
    done = make_test_aws(own, redshift, "-k", "aws or role_that_may", CONFIRM="1")
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout and "USD" in done.stdout
    assert "an account has no" in done.stdout, "a test that wants a role without rights is skipped"
    assert kept() == before


def test_nothing_is_run_before_the_cost_is_said_and_a_yes_is_given(own, redshift):
    done = make_test_aws(own, redshift, answer="no\n")
    assert done.returncode == 1
    assert "an hour" in done.stdout and done.stdout.endswith("Nothing was run.\n")
