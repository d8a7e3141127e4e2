"""A connection to Redshift from dbt's own profile: a password, or IAM on a provisioned cluster or on Serverless."""

import itertools
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.config import ClientProtocolVersion
from redshift_connector.error import Error as RedshiftError

from loaders.common.errors import Exit, Failure
from loaders.warehouse import redshift_errors
from loaders.warehouse.profile import Target

CONNECT_SECONDS = 30
# A COPY or a comparison of a large table may take hours, whatever limit the user or the database has: 0 is none.
# An idle session is ended by the user's SESSION TIMEOUT (docs/aws.md), because only an administrator may set that one.
# Zero-ETL asks for case-sensitive names, which a parameter group gives to everybody; raw's names are looked for in
# small letters (docs.aws.amazon.com/redshift/latest/dg/r_enable_case_sensitive_identifier.html).
SESSION = (
    "set statement_timeout to 0",
    "set query_group to 'order_he_loaders'",
    "set enable_case_sensitive_identifier to false",
)
# Values as text: the driver's binary decoder of NUMERIC shifts the point by Python's arithmetic, which rounds to 28
# digits without a word (sums of hashes have more), and the stand-in, which tests run on, has no binary to try.
AS_TEXT = ClientProtocolVersion.BASE_SERVER
# Meanwhile nothing passes on the connection: a firewall would forget it, and a dead one would not be noticed.
KEEP_ALIVE: Mapping[str, Any] = {"tcp_keepalive_idle": 60, "tcp_keepalive_interval": 15, "tcp_keepalive_count": 8}
# A provisioned cluster that resumes takes minutes, Serverless seconds.
WAKING_TRIES, WAKING_SECONDS = 12, 15

# dbt-redshift's keys for IAM -> the driver's.
IAM_KEYS = {
    "cluster_id": "cluster_identifier",
    "serverless_work_group": "serverless_work_group",
    "serverless_acct_id": "serverless_acct_id",
    "region": "region",
    "iam_profile": "profile",
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "autocreate": "auto_create",
    "db_groups": "db_groups",
}
# What each of dbt-redshift's methods cannot do without. Its others open a browser or ask an identity provider.
NEEDED = {"database": ("host", "user", "password"), "iam": ("host", "user"), "iam_role": ("host",)}


def connect(target: Target, wait: Callable[[float], None] = time.sleep) -> Any:
    """A connection in autocommit mode (transactions are begun explicitly), with the certificate and name verified.

    A warehouse that is waking up is waited for, for three minutes.
    """
    given = arguments(target.values)
    for number in itertools.count(1):
        try:
            return _connected(given, target.values.get("role"))
        except (RedshiftError, OSError, struct.error, ClientError, BotoCoreError) as error:
            if number == WAKING_TRIES or not redshift_errors.is_waking(error):
                raise _explained(error, target.values) from None
        wait(WAKING_SECONDS)


def _connected(given: Mapping[str, Any], role: str | None) -> Any:
    connection = redshift_connector.connect(
        ssl=True,
        sslmode="verify-full",
        timeout=CONNECT_SECONDS,
        application_name="order-he loaders",
        client_protocol_version=AS_TEXT,
        **KEEP_ALIVE,
        **given,
    )
    connection.autocommit = True
    # The socket's time-out is for connecting only; a dead connection is noticed by KEEP_ALIVE.
    connection._usock.settimeout(None)
    with connection.cursor() as cursor:
        # As dbt does it, which owns what it makes by the same role.
        for statement in (*SESSION, *([f"set role {role}"] if role else [])):
            cursor.execute(statement)
    return connection


def arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Where and as whom: what the driver is given, as dbt-redshift builds it from the same profile."""
    # dbt knows these keys by two names.
    values = {{"database": "dbname", "pass": "password"}.get(key, key): value for key, value in values.items()}
    method = values.get("method") or "database"
    if method not in NEEDED:
        raise Failure(
            f"dbt's profile asks for method {method}, which needs a person",
            "name, by DBT_TARGET, a target with method database, iam or iam_role",
        )
    if missing := [name for name in NEEDED[method] if not values.get(name)]:
        raise Failure(f"dbt's profile lacks {', '.join(missing)} for method {method}", "add it to the target")
    where = {"host": values["host"], "port": int(values.get("port", 5439)), "database": values.get("dbname", "dev")}
    if method == "database":
        return where | {"user": values["user"], "password": values["password"]}
    return where | _by_iam(values, method)


def _by_iam(values: Mapping[str, Any], method: str) -> dict[str, Any]:
    serverless = "serverless" in values["host"] or values.get("is_serverless") is True
    unwanted = {"cluster_id"} if serverless else {"serverless_work_group", "serverless_acct_id"}
    if values.get("access_key_id"):
        unwanted.add("iam_profile")
    named = {ours: values[theirs] for theirs, ours in IAM_KEYS.items() if theirs not in unwanted and values.get(theirs)}
    as_whom = {"db_user": values["user"]} if method == "iam" else {"group_federation": not serverless}
    # Not from the driver's cache in memory, which does not notice that another identity asks.
    return {"iam": True, "iam_disable_cache": True, "is_serverless": serverless} | named | as_whom


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
            ends=Exit.TRY_AGAIN,
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
        ends=Exit.TRY_AGAIN,
    )


def _aws_fix(said: str) -> str:
    if "not authorized" in said:
        return (
            "allow redshift-serverless:GetCredentials (a cluster: redshift:GetClusterCredentials or, for iam_role, "
            "redshift:GetClusterCredentialsWithIAM) to this identity"
        )
    if "xpired" in said or "locate credentials" in said:
        return "log in to AWS (again), or name your keys by AWS_PROFILE or iam_profile of dbt's profile"
    return "check region and cluster_id or serverless_work_group in dbt's profile, and the AWS account"
