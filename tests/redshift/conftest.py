"""The Redshift stand-in with its S3, started once per worker, and ways to use it."""

import secrets

import pytest

from loaders.lake.s3 import S3
from local_stack.redshift import NAMES
from stand_in_fixtures import ask, connection_to, redshift, s3, schema  # noqa: F401 (fixtures)


@pytest.fixture
def lake(s3) -> S3:  # noqa: F811
    """A lake of the test's own, under the prefix that the account may use."""
    return S3(s3, NAMES.bucket, f"{NAMES.prefix}/{secrets.token_hex(6)}")
