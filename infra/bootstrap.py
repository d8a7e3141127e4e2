"""Users, groups and rights in Redshift and MySQL, and Redshift Serverless's limit. Run inside the VPC; safe to repeat.

  python -m infra.bootstrap       infra/bootstrap.sql, bootstrap.mysql.sql; each statement is printed when it is done

Settings, from the environment (the stack `run` gives them to its task; the loaders never see those of administrators):
  REDSHIFT_HOST, REDSHIFT_PORT, REDSHIFT_DATABASE, REDSHIFT_IAM_ROLE   as in .env
  REDSHIFT_ADMIN_SECRET       the namespace's secret; or REDSHIFT_ADMIN_USER and REDSHIFT_ADMIN_PASSWORD
  LOADER_ROLE                 the task's IAM role, which loads; or REDSHIFT_USER and REDSHIFT_PASSWORD, who load
  RAW_SCHEMA, DBT_SCHEMA      what the loader owns; without them raw and analytics
  PR_ROLE                     the IAM role of pull requests; without it none
  BI_READER_PASSWORD          without it bi_reader keeps the password that it has, or none
  SOURCE_URL, SOURCE_ADMIN_URL    who reads MySQL, and its administrator (?secret=ID); without the second: left alone
  WORKGROUP_ARN, RPU_HOURS_A_DAY  a limit, unless one is there; without the first: none

Exit codes: 0 done, 1 failed (why is said; what was done stays, and is left as it is the next time), 2 wrong arguments.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pymysql
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.error import Error as RedshiftError

from loaders.common.errors import Failure, run_command
from loaders.common.quoting import mysql_name, sql_name
from loaders.common.secret import Secret
from loaders.source import aws_passwords, log_in, mysql_url
from loaders.warehouse import redshift_connection, redshift_errors, redshift_sql
from loaders.warehouse.profile import Target

HOLE = re.compile(r"""(["'`])\{(\w+)\}\1""")
QUOTED: Mapping[str, Callable[[str], str]] = {'"': sql_name, "`": mysql_name, "'": redshift_sql.text}
# What a second run finds done: there is no IF NOT EXISTS for them.
REPEATED = re.compile("create user|create group|alter group")
AGAIN = "then run the same command again: what is done is left as it is"
Values = Mapping[str, str | None]


def statements(file: str) -> Iterator[str]:
    text = Path(__file__).with_name(file).read_text("utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    yield from filter(None, map(str.strip, text.split(";\n")))


def filled(sql: str, values: Values, shown: bool = False) -> str:
    """The statement with its holes filled, each quoted as its quotes say. shown: for people, without passwords."""

    def value(found: re.Match[str]) -> str:
        given = values[found[2]]
        assert given is not None  # noqa: S101 (such a statement is left out)
        return "'***'" if shown and isinstance(given, Secret) else QUOTED[found[1]](given)

    return HOLE.sub(value, sql)


def apply(server: str, file: str, values: Values, ask: Callable[[str], object]) -> None:
    """Run the statements of a file and print each; the first that is refused ends it."""
    for statement in statements(file):
        if missing := sorted({name for _quote, name in HOLE.findall(statement) if values[name] is None}):
            print(f"{server}: left out, no {', '.join(missing)}: {statement}", flush=True)
            continue
        shown = filled(statement, values, shown=True)
        try:
            ask(filled(statement, values))
        except (RedshiftError, pymysql.MySQLError) as error:
            said = redshift_errors.said(error) if isinstance(error, RedshiftError) else str(error)
            if not REPEATED.match(statement) or "already" not in said:
                # A server that does not understand a statement repeats a part of it.
                for secret in (each for each in values.values() if isinstance(each, Secret)):
                    for form in (redshift_sql.text(secret)[1:-1], secret.revealed()):
                        said = said.replace(form, "***")
                raise Failure(f"{server} refused `{shown}`: {said}", _fix(said)) from None
            print(f"{server}: as before: {shown}", flush=True)
        else:
            print(f"{server}: {shown}", flush=True)


def _fix(said: str) -> str:
    if re.search("superuser|denied|must be owner", said):
        return f"let the administrator's secret or URL be that of a superuser (RDS: of the master user), {AGAIN}"
    if "lugin" in said:
        return f"turn IAM authentication of the RDS instance on, or give SOURCE_URL a password, {AGAIN}"
    return f"see to what it names (infra/ has the statements), {AGAIN}"


def needed(said: Mapping[str, str], name: str) -> str:
    if not said.get(name):
        raise Failure(f"{name} is not set", "`python -m infra.bootstrap --help` says what it is")
    return said[name]


def redshift_values(said: Mapping[str, str]) -> Values:
    """What fills infra/bootstrap.sql."""
    role, copy_role = said.get("LOADER_ROLE"), needed(said, "REDSHIFT_IAM_ROLE")
    if not copy_role.startswith("arn:"):
        raise Failure("REDSHIFT_IAM_ROLE is not the name of a role", "give its ARN: ASSUMEROLE is granted on that")
    return {
        "database": said.get("REDSHIFT_DATABASE", "dev"),
        "raw": said.get("RAW_SCHEMA", "raw"),
        "analytics": said.get("DBT_SCHEMA", "analytics"),
        "loader": f"IAMR:{role}" if role else said.get("REDSHIFT_USER", "order_he"),
        "loader_password": None if role else Secret(needed(said, "REDSHIFT_PASSWORD")),
        "copy_role": copy_role,
        "reader": "bi_reader",
        "reader_password": Secret(said["BI_READER_PASSWORD"]) if said.get("BI_READER_PASSWORD") else None,
        "developers": "order_he_developers",
        "pull_requests": f"IAMR:{said['PR_ROLE']}" if said.get("PR_ROLE") else None,
    }


def redshift(said: Mapping[str, str], values: Values) -> None:
    if said.get("REDSHIFT_ADMIN_SECRET"):
        user, password = aws_passwords.secret(said["REDSHIFT_ADMIN_SECRET"], boto3.Session())
    else:
        user, password = needed(said, "REDSHIFT_ADMIN_USER"), needed(said, "REDSHIFT_ADMIN_PASSWORD")
    where: dict[str, Any] = {"host": needed(said, "REDSHIFT_HOST"), "port": said.get("REDSHIFT_PORT", "5439")}
    who = {"dbname": values["database"], "user": user, "password": password}
    try:
        connection = redshift_connection.connect(Target("bootstrap", "redshift", where | who))
    except Failure as failure:
        raise failure.and_then("here user and password are REDSHIFT_ADMIN_SECRET's, not a profile's") from None
    with closing(connection), connection.cursor() as cursor:
        apply("redshift", "bootstrap.sql", values, cursor.execute)


def mysql(said: Mapping[str, str]) -> None:
    if not said.get("SOURCE_ADMIN_URL"):
        print("mysql: left alone, SOURCE_ADMIN_URL is not set", flush=True)
        return
    reader = mysql_url.parse(needed(said, "SOURCE_URL"), "SOURCE_URL")
    administrator = mysql_url.parse(said["SOURCE_ADMIN_URL"], "SOURCE_ADMIN_URL")
    administrator = aws_passwords.completed(administrator, boto3.Session())
    if not reader.iam:
        reader = aws_passwords.completed(reader, boto3.Session())
        if not reader.password:
            raise Failure("SOURCE_URL has no password", "add it, or `?iam=true`")
    values = {
        # In a grant _ and % stand for any letters (dev.mysql.com/doc/refman/8.4/en/grant.html).
        "database": re.sub(r"([_%])", r"\\\1", reader.database),
        "iam_user": reader.user if reader.iam else None,
        "user": None if reader.iam else reader.user,
        "password": None if reader.iam else Secret(reader.password),
        "either": reader.user,
    }
    with closing(log_in.connect(administrator, "SOURCE_ADMIN_URL")) as connection, connection.cursor() as cursor:
        apply("mysql", "bootstrap.mysql.sql", values, cursor.execute)


def limit_request(workgroup: str, hours: int) -> dict[str, Any]:
    """docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_CreateUsageLimit.html; untried on AWS."""
    kind = {"usageType": "serverless-compute", "period": "daily", "breachAction": "deactivate"}
    return {"resourceArn": workgroup, "amount": hours, **kind}


def limit(said: Mapping[str, str]) -> None:
    """A limit that is there is left as it is: somebody may have changed it."""
    if not said.get("WORKGROUP_ARN"):
        print("limit: left alone, WORKGROUP_ARN is not set", flush=True)
        return
    asked = limit_request(said["WORKGROUP_ARN"], int(needed(said, "RPU_HOURS_A_DAY")))
    try:
        client = boto3.client("redshift-serverless")
        there = client.list_usage_limits(resourceArn=asked["resourceArn"], usageType=asked["usageType"])["usageLimits"]
        for each in there:
            print(f"limit: as before: {each['amount']} RPU hours {each['period']}", flush=True)
        if not there:
            client.create_usage_limit(**asked)
            print(f"limit: {asked['amount']} RPU hours daily, then the warehouse stops", flush=True)
    except (BotoCoreError, ClientError) as error:
        fix = f"allow redshift-serverless:ListUsageLimits and CreateUsageLimit, or unset WORKGROUP_ARN, {AGAIN}"
        raise Failure(f"AWS set no limit for {asked['resourceArn']}: {error}", fix) from None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    mysql(os.environ)
    redshift(os.environ, redshift_values(os.environ))
    limit(os.environ)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
