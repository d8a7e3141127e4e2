"""The Redshift stand-in with its S3, started once per worker, or the account in .env, and ways to use it."""

import os
import secrets

import boto3
import pytest

from loaders.lake.s3 import S3
from stand_in_fixtures import ask, connection_to, s3_of, schema  # noqa: F401 (fixtures)
from stand_in_fixtures import redshift as stand_in  # noqa: F401 (a fixture)
from tests.redshift import account


@pytest.fixture(scope="session")
def redshift(request):
    """The stand-in; with TEST_AWS=1, as `make test-aws` sets it, the account in .env."""
    if not os.environ.get("TEST_AWS"):
        yield request.getfixturevalue("stand_in")
        return
    with account.opened() as opened:
        yield opened


@pytest.fixture
def s3(redshift):
    """S3 as who writes the files."""
    return boto3.client("s3") if os.environ.get("TEST_AWS") else s3_of(redshift)


@pytest.fixture
def lake(s3, redshift) -> S3:
    """A lake of the test's own, under the prefix that the account may use."""
    return S3(s3, redshift.bucket, f"{redshift.prefix}/{secrets.token_hex(6)}")
