"""A connection to Redshift from dbt's own profile: a password, or IAM on a provisioned cluster or on Serverless."""

import itertools
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.error import Error as RedshiftError

from loaders.common.errors import Failure
from loaders.warehouse import redshift_errors
from loaders.warehouse.profile import Target

CONNECT_SECONDS = 30
# A COPY or a comparison of a large table may take hours, whatever limit the user or the database has: 0 is none.
# An idle session is ended by the user's SESSION TIMEOUT (docs/aws.md), because only an administrator may set that one.
SESSION = ("set statement_timeout to 0", "set query_group to 'order_he_loaders'")
# Meanwhile nothing passes on the connection: a firewall would forget it, and a dead one would not be noticed.
KEEP_ALIVE: Mapping[str, Any] = {"tcp_keepalive_idle": 60, "tcp_keepalive_interval": 15, "tcp_keepalive_count": 8}
# A provisioned cluster that resumes takes minutes, Serverless seconds.
WAKING_TRIES, WAKING_SECONDS = 12, 15

# dbt-redshift's keys for IAM -> the driver's.
IAM_KEYS = {
    "cluster_id": "cluster_identifier",
    "is_serverless": "is_serverless",
    "serverless_work_group": "serverless_work_group",
    "region": "region",
    "iam_profile": "profile",
    "user": "db_user",
}


def connect(target: Target, wait: Callable[[float], None] = time.sleep) -> Any:
    """A connection in autocommit mode (transactions are begun explicitly), with the certificate and name verified.

    A warehouse that is waking up is waited for, for three minutes.
    """
    for number in itertools.count(1):
        try:
            return _connected(target.values)
        except (RedshiftError, OSError, struct.error, ClientError, BotoCoreError) as error:
            if number == WAKING_TRIES or not redshift_errors.is_waking(error):
                raise _explained(error, target.values) from None
        wait(WAKING_SECONDS)


def _connected(values: Mapping[str, Any]) -> Any:
    connection = redshift_connector.connect(
        host=values["host"],
        port=int(values.get("port", 5439)),
        database=values.get("dbname", "dev"),
        ssl=True,
        sslmode="verify-full",
        timeout=CONNECT_SECONDS,
        application_name="order-he loaders",
        **KEEP_ALIVE,
        **_credentials(values),
    )
    connection.autocommit = True
    # The socket's time-out is for connecting only; a dead connection is noticed by KEEP_ALIVE.
    connection._usock.settimeout(None)
    with connection.cursor() as cursor:
        for statement in SESSION:
            cursor.execute(statement)
    return connection


def _credentials(values: Mapping[str, Any]) -> dict[str, Any]:
    if values.get("method", "database") != "iam":
        return {"user": values["user"], "password": values["password"]}
    # Not from the driver's cache in memory, which does not notice that another identity asks.
    return {"iam": True, "iam_disable_cache": True} | {
        ours: values[theirs] for theirs, ours in IAM_KEYS.items() if values.get(theirs)
    }


def _explained(error: Exception, values: Mapping[str, Any]) -> Failure:
    where = f"{values['host']}:{values.get('port', 5439)}"
    said = redshift_errors.said(error)
    if "authentication failed" in said:
        return Failure(
            f"Redshift at {where} refused user {values.get('user')}", "check user and password of dbt's profile"
        )
    if redshift_errors.is_waking(error):
        return Failure(
            f"Redshift at {where} is not available: {said}",
            "is it paused? Resume it in AWS's console, and run the same command again; nothing was changed",
        )
    if isinstance(error, ClientError | BotoCoreError):
        return Failure(f"AWS gave no credentials for Redshift at {where}: {said}", _aws_fix(said))
    if "certificate" in said.lower():
        return Failure(f"the certificate of {where} is not to be trusted: {said}", "check `host` in dbt's profile")
    return Failure(
        f"Redshift at {where} cannot be reached: {said}",
        "is it publicly accessible, not paused, and does its security group let this machine in on that port? "
        "If it must not be, run the loaders inside its network, and give BI tools CSV files, made from the same "
        "lake: `DBT_TARGET=duckdb make load build export`",
    )


def _aws_fix(said: str) -> str:
    if "not authorized" in said:
        return "allow redshift-serverless:GetCredentials (or redshift:GetClusterCredentials) to this identity"
    if "xpired" in said or "locate credentials" in said:
        return "log in to AWS (again), or name your keys by AWS_PROFILE or iam_profile of dbt's profile"
    return "check region and cluster_id or serverless_work_group in dbt's profile, and the AWS account"
