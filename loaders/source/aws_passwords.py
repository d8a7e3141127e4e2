"""Passwords that nobody has to keep: RDS IAM tokens and Secrets Manager, for the source's account.

SOURCE_URL says which: ?iam=true asks for a token (signed here, valid for 15 minutes, a new one for each connection);
?secret=ID reads user and password from a secret, in the form in which RDS keeps its own.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from loaders.common.errors import Failure
from loaders.source.mysql_url import DatabaseURL


def completed(url: DatabaseURL, session: Any) -> DatabaseURL:
    """The URL with its password, if AWS has it. session: boto3's."""
    if url.iam:
        with _explained(url):
            # Signed for the endpoint's own name: a CNAME or a tunnel's address would not be accepted by RDS.
            return replace(url, password=session.client("rds").generate_db_auth_token(url.host, url.port, url.user))
    if url.secret:
        user, password = secret(url.secret, session)
        return replace(url, user=user, password=password)
    return url


@contextmanager
def _explained(what: object) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"AWS gave no password for {what}: {error}", "check AWS credentials, Region and rights") from None


def secret(name: str, session: Any) -> tuple[str, str]:
    """User and password of a secret."""
    with _explained(name):
        text = session.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    try:
        held = json.loads(text)
        return held["username"], held["password"]
    except (ValueError, KeyError, TypeError):
        raise Failure(f"the secret {name} has no username and password", "keep them as JSON, as RDS does") from None
