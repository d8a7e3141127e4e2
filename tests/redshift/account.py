"""The warehouse of dbt's profile and .env in the stand-in's place: `make test-aws` sets TEST_AWS.

What tests make there lies in schemas of their own, and under `_test` of the lake; both are removed at the end. A test
that asks for what an account has not (a role that may not read, a port to cut) is skipped, and says so.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import boto3
import pytest

from loaders.common import settings
from loaders.lake.s3 import S3
from loaders.warehouse import profile
from loaders.warehouse.redshift_connection import connect

# The suites that take nothing but a warehouse, a lake and a role to read it.
SUITES = ("load", "verify", "drift", "erase", "marts", "replay", "incremental")
# What the project's own commands fill: the shop's catalog says `raw`, the profile `analytics` by itself.
WHOLE = ("raw", "analytics", "pr_123")


class Account:
    """What tests ask of a running stand-in, answered by an account."""

    def __init__(self) -> None:
        self.read = settings.read()
        if not self.read.lake_url.startswith("s3://"):
            pytest.fail("LAKE_URL must be s3://bucket/prefix: set it in .env (docs/aws.md)")
        settings.prepare_process(self.read)
        project = settings.ROOT / "dbt_project"
        self.target = profile.read(self.read.dbt_profiles_dir, self.read.dbt_target, self.read.environment, project)
        self.bucket, _, prefix = self.read.lake_url.removeprefix("s3://").partition("/")
        self.prefix = f"{prefix.strip('/')}/_test/{secrets.token_hex(6)}".lstrip("/")
        self.database = self.target.values.get("dbname", "dev")
        self.copy_role = self.read.environment.get("REDSHIFT_IAM_ROLE", "default")
        self.filled = False

    @property
    def lake_url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def connect(self, user: str = "admin", **changes: Any) -> Any:
        if user != "admin" or changes:
            pytest.skip(f"an account is not asked as {user} or by {', '.join(changes) or 'its password'}")
        return connect(self.target)

    def environment(self, user: str = "admin") -> dict[str, str]:
        """For the project's commands, which fill schemas of fixed names: only where nobody has these."""
        if not self.filled:
            with closing(self.connect(user)) as connection, connection.cursor() as cursor:
                cursor.execute(f"select nspname from pg_namespace where nspname in ({', '.join(map(repr, WHOLE))})")
                taken = [row[0] for row in cursor.fetchall()]
            if taken:
                pytest.skip(
                    f"schema {', '.join(taken)} is in database {self.database}: name an empty one for this suite"
                )
            self.filled = True
        own = {"DBT_TARGET": self.target.name, "DBT_PROFILES_DIR": str(self.read.dbt_profiles_dir)}
        names = ("AWS_", "REDSHIFT_", "SSL_CERT_FILE", "LAKE_KMS_KEY")
        return {name: value for name, value in self.read.environment.items() if name.startswith(names)} | own

    def remove(self) -> None:
        S3(boto3.client("s3"), self.bucket, self.prefix).delete(list(self.keys()))
        if self.filled:
            with closing(self.connect()) as connection, connection.cursor() as cursor:
                for schema in WHOLE:
                    cursor.execute(f"drop schema if exists {schema} cascade")

    def keys(self) -> Iterator[str]:
        return iter(S3(boto3.client("s3"), self.bucket, self.prefix).keys(""))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pytest and copy look for such
            raise AttributeError(name)
        pytest.skip(f"an account has no {name} for tests")


@contextmanager
def opened() -> Iterator[Account]:
    account = Account()
    try:
        yield account
    finally:
        account.remove()


def main() -> int:
    """Say what a run takes and costs, ask, and run it."""
    account = Account()
    where = f"{account.target.values['host']}, database {account.database}, and s3://{account.bucket}/{account.prefix}"
    print(
        f"The suites {', '.join(SUITES)} and tests/aws run against {where}.\n"
        "They make schemas test_…, pr_123, raw and analytics (these only where nobody has them) and remove them.\n"
        "Nobody has run them on AWS, so how long they take is a guess: an hour. Serverless bills RPUs by the second\n"
        "(aws.amazon.com/redshift/pricing: 0.375 USD an RPU-hour in us-east-1): 3 USD with 8 RPU, 48 USD with 128,\n"
        "which is what a workgroup has where nothing is set. A provisioned cluster costs what it costs anyway,\n"
        "S3 some cents."
    )
    if os.environ.get("CONFIRM") != "1":
        print("Run them? (yes; CONFIRM=1 does not ask) ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("Nothing was run.")
            return 1
    os.environ["TEST_AWS"] = "1"
    files = [str(settings.ROOT / f"tests/redshift/test_{suite}.py") for suite in SUITES]
    return int(pytest.main([str(settings.ROOT / "tests/aws"), *files, *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
