"""infra/bootstrap.py on the stand-in, MariaDB and MySQL: twice the same, and who may what afterwards."""

import json
import os
import secrets
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, replace

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.validate import ParamValidator
from redshift_connector.error import Error

from infra import bootstrap
from loaders.common.errors import Failure
from loaders.common.secret import Secret
from loaders.source import log_in, mysql_url
from redshift_stand_in import policies
from redshift_stand_in.names import REGION, WORKGROUP
from stand_in_fixtures import ask, connection_to, redshift, s3  # noqa: F401 (fixtures)

# With what each language's literals and the drivers' own marks make of a text.
PASSWORD = "Abc%s1$:?{x}#"
DEVELOPERS = "order_he_developers"


@dataclass
class Place:
    """What the command is told, and the keys of both roles."""

    said: dict[str, str]
    keys: dict[str, dict[str, str]]

    @property
    def raw(self) -> str:
        return self.said["RAW_SCHEMA"]


def run(connection, sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def role_of_iam(redshift, name: str) -> dict[str, str]:  # noqa: F811
    """Keys of whoever has taken on a role made here."""
    key, secret = redshift.administrator
    options = {"endpoint_url": redshift.endpoint, "region_name": REGION, "aws_access_key_id": key,
               "aws_secret_access_key": secret}  # fmt: skip
    trust = policies.document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = boto3.client("iam", **options).create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    taken = boto3.client("sts", **options).assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
    return {"aws_access_key_id": taken["AccessKeyId"], "aws_secret_access_key": taken["SecretAccessKey"],
            "aws_session_token": taken["SessionToken"]}  # fmt: skip


def serverless(redshift, keys: dict[str, str]):  # noqa: F811
    """A connection of whoever has these keys, by GetCredentials."""
    client = boto3.client("redshift-serverless", endpoint_url=redshift.credentials, region_name=REGION, **keys)
    given = client.get_credentials(workgroupName=WORKGROUP, dbName="dev")
    return closing(connection_to(redshift, given["dbUser"], password=given["dbPassword"]))


@pytest.fixture
def place(redshift, ask):  # noqa: F811
    """Schemas and roles of the test's own; all that the command makes is gone at the end."""
    mark = secrets.token_hex(4)
    roles = {"loads": f"Loads-{mark}", "tries": f"Tries-{mark}"}
    said = {
        "REDSHIFT_HOST": redshift.host,
        "REDSHIFT_PORT": str(redshift.port),
        "REDSHIFT_DATABASE": redshift.database,
        "REDSHIFT_ADMIN_USER": "admin",
        "REDSHIFT_ADMIN_PASSWORD": redshift.passwords["admin"],
        "REDSHIFT_IAM_ROLE": redshift.copy_role,
        "RAW_SCHEMA": f"raw_{mark}",
        "DBT_SCHEMA": f"marts_{mark}",
        "LOADER_ROLE": roles["loads"],
        "PR_ROLE": roles["tries"],
        "BI_READER_PASSWORD": PASSWORD,
    }
    yield Place(said, {name: role_of_iam(redshift, role) for name, role in roles.items()})
    ask("grant assumerole on all to public for all")
    users = [f'"IAMR:{name}"' for name in roles.values()]
    ask(f"revoke create on database dev from {', '.join(users)}, group {DEVELOPERS}")
    for schema in (said["RAW_SCHEMA"], said["DBT_SCHEMA"], f"pr_{mark}"):
        ask(f"drop schema if exists {schema} cascade")
    for each in users:
        ask(f"drop user if exists {each}")
    ask(f"drop group {DEVELOPERS}")
    ask("alter user bi_reader password disable reset session timeout")


@pytest.fixture
def made(place):
    """The command has run twice."""
    for _time in range(2):
        bootstrap.redshift(place.said, bootstrap.redshift_values(place.said))
    return place


def files(redshift, s3) -> str:  # noqa: F811
    body = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), body)
    key = f"{redshift.prefix}/{secrets.token_hex(4)}/one"
    s3.put_object(Bucket=redshift.bucket, Key=key, Body=body.getvalue().to_pybytes())
    return f"s3://{redshift.bucket}/{key}"


def rights(ask) -> list[tuple]:  # noqa: F811
    """All that a run could change, from PostgreSQL's own catalogs behind the stand-in."""
    return [
        *ask("select rolname, oid from pg_catalog.pg_roles order by 1"),
        *ask("select roleid, member from pg_catalog.pg_auth_members order by 1, 2"),
        *ask("select nspname, nspowner, nspacl::text from pg_catalog.pg_namespace where nspname !~ '^pg_' order by 1"),
        *ask("select datname, datacl::text from pg_catalog.pg_database order by 1"),
        *ask("select defaclrole, defaclnamespace, defaclacl::text from pg_catalog.pg_default_acl order by 1, 2"),
    ]


def test_the_second_run_changes_nothing_and_no_password_is_printed(place, ask, capsys):  # noqa: F811
    values = bootstrap.redshift_values(place.said)
    bootstrap.redshift(place.said, values)
    before, first = rights(ask), capsys.readouterr().out.splitlines()
    bootstrap.redshift(place.said, values)
    second = capsys.readouterr().out.splitlines()
    assert rights(ask) == before
    assert DEVELOPERS in str(before), "there is something to compare"
    assert len(first) == len(second) == len(list(bootstrap.statements("bootstrap.sql"))), "a line to each statement"
    assert f'redshift: create user "IAMR:{place.said["LOADER_ROLE"]}" password disable' in first
    assert f'redshift: as before: create user "IAMR:{place.said["LOADER_ROLE"]}" password disable' in second
    assert "redshift: alter user \"bi_reader\" password '***'" in first
    left_out = "redshift: left out, no loader_password: alter user \"{loader}\" password '{loader_password}'"
    assert left_out in first
    assert PASSWORD not in "\n".join(first + second)


def test_the_role_of_the_task_loads_and_builds_and_others_do_not(made, redshift, s3):  # noqa: F811
    copy = f"from '{files(redshift, s3)}' iam_role '{redshift.copy_role}' format as parquet"
    with serverless(redshift, made.keys["loads"]) as loader:
        run(loader, f"create table {made.raw}.t (id int)")
        run(loader, f"copy {made.raw}.t {copy}")
        assert run(loader, f"select * from {made.raw}.t") == [(1,)]
        run(loader, f"create table {made.said['DBT_SCHEMA']}.mart (id int)")
        run(loader, f"grant usage on schema {made.said['DBT_SCHEMA']} to bi_reader")
        run(loader, f"grant select on {made.said['DBT_SCHEMA']}.mart to bi_reader")
    with serverless(redshift, made.keys["tries"]) as other:
        own = made.raw.replace("raw", "pr")
        run(other, f"create schema {own}")
        run(other, f"create table {own}.t (id int)")
        with pytest.raises(Error, match="permission denied: ASSUMEROLE"):
            run(other, f"copy {own}.t {copy}")
    with closing(connection_to(redshift, "bi_reader", password=PASSWORD)) as reader:
        assert run(reader, f"select * from {made.said['DBT_SCHEMA']}.mart") == []
        with pytest.raises(Error, match="permission denied"):
            run(reader, f"select * from {made.raw}.t")


def test_a_pull_request_reads_raw_also_when_a_table_was_made_anew_and_cannot_write_it(made, redshift):  # noqa: F811
    with serverless(redshift, made.keys["loads"]) as loader, serverless(redshift, made.keys["tries"]) as other:
        run(loader, f"create table {made.raw}.t (id int)")
        assert run(other, f"select * from {made.raw}.t") == []
        run(loader, f"create table {made.raw}.t_new (id int, more int)")
        run(loader, f"drop table {made.raw}.t")
        run(loader, f"alter table {made.raw}.t_new rename to t")
        assert run(other, f"select id, more from {made.raw}.t") == []
        for sql in (
            f"insert into {made.raw}.t values (1, 1)",
            f"drop table {made.raw}.t",
            f"create table {made.raw}.other (id int)",
            f"create table {made.said['DBT_SCHEMA']}.other (id int)",
        ):
            with pytest.raises(Error, match=r"permission denied|must be owner"):
                run(other, sql)


def test_a_user_with_a_password_loads_where_there_is_no_role(place, redshift, ask, capsys):  # noqa: F811
    user = f"order_he_{secrets.token_hex(4)}"
    said = place.said | {"LOADER_ROLE": "", "REDSHIFT_USER": user, "REDSHIFT_PASSWORD": PASSWORD}
    try:
        for _time in range(2):
            bootstrap.redshift(said, bootstrap.redshift_values(said))
        with closing(connection_to(redshift, user, password=PASSWORD)) as loader:
            run(loader, f"create table {place.raw}.t (id int)")
        assert PASSWORD not in capsys.readouterr().out
        # Who loads changes: the schemas follow, and the rights on tables to come.
        bootstrap.redshift(place.said, bootstrap.redshift_values(place.said))
        with serverless(redshift, place.keys["loads"]) as loader:
            run(loader, f"create table {place.raw}.u (id int)")
        with serverless(redshift, place.keys["tries"]) as other:
            assert run(other, f"select * from {place.raw}.u") == []
    finally:
        ask(f"drop schema {place.raw} cascade")
        ask(f"revoke create on database dev from {user}")
        ask(f"drop user {user}")


def test_the_administrators_password_is_in_a_secret(place, s3_server, monkeypatch, capsys):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server["endpoint_url"])
    for name in ("region_name", "aws_access_key_id", "aws_secret_access_key"):
        monkeypatch.setenv({"region_name": "AWS_DEFAULT_REGION"}.get(name, name.upper()), s3_server[name])
    name = f"redshift!{secrets.token_hex(4)}-admin"
    held = {"username": place.said["REDSHIFT_ADMIN_USER"], "password": place.said["REDSHIFT_ADMIN_PASSWORD"]}
    boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(held))
    said = place.said | {"REDSHIFT_ADMIN_SECRET": name}
    bootstrap.redshift(said, bootstrap.redshift_values(said))
    assert held["password"] not in capsys.readouterr().out
    with pytest.raises(Failure, match="AWS gave no password for none"):
        bootstrap.redshift(said | {"REDSHIFT_ADMIN_SECRET": "none"}, bootstrap.redshift_values(said))


def test_a_refused_statement_is_named_with_the_way_out_and_without_the_password(made):
    said = made.said | {"REDSHIFT_ADMIN_USER": "bi_reader", "REDSHIFT_ADMIN_PASSWORD": PASSWORD}
    with pytest.raises(Failure, match=r"redshift refused `create user .* password disable`: .*superuser") as failed:
        bootstrap.redshift(said, bootstrap.redshift_values(said))
    assert "that of a superuser" in failed.value.fix
    weak = made.said | {"BI_READER_PASSWORD": "canary"}
    with pytest.raises(Failure, match=r"refused `alter user \"bi_reader\" password '\*\*\*'`: ") as failed:
        bootstrap.redshift(weak, bootstrap.redshift_values(weak))
    assert "canary" not in str(failed.value)
    wrong = made.said | {"REDSHIFT_ADMIN_PASSWORD": "canary"}
    with pytest.raises(Failure, match="refused user admin") as failed:
        bootstrap.redshift(wrong, bootstrap.redshift_values(wrong))
    assert "REDSHIFT_ADMIN_SECRET" in failed.value.fix


def test_the_command_itself_says_what_it_leaves_alone(place, redshift):  # noqa: F811
    without = {name: value for name, value in os.environ.items() if not name.startswith(("SOURCE_", "REDSHIFT_"))}
    command = [sys.executable, "-m", "infra.bootstrap"]
    ended = subprocess.run(command, env=without | place.said, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert lines[0] == "mysql: left alone, SOURCE_ADMIN_URL is not set"
    assert lines[-1] == "limit: left alone, WORKGROUP_ARN is not set"
    assert PASSWORD not in ended.stdout
    ended = subprocess.run(command, env=without, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "error: REDSHIFT_IAM_ROLE is not set\n  fix: " in ended.stderr


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "REDSHIFT_IAM_ROLE is not set"),
        ({"REDSHIFT_IAM_ROLE": "default"}, "not the name of a role"),
        ({"REDSHIFT_IAM_ROLE": "arn:aws:iam::1:role/x"}, "REDSHIFT_PASSWORD is not set"),
    ],
)
def test_a_setting_that_is_missing_is_named(said, problem):
    with pytest.raises(Failure, match=problem):
        bootstrap.redshift_values(said)


@pytest.mark.parametrize("name", ['a"b', "it's", "back\\slash", "semi;\n", "{raw}", "`x`"])
def test_whatever_is_in_a_name_stays_in_its_quotes(name):
    filled = bootstrap.filled("""x "{a}" '{a}' `{a}` y""", {"a": name})
    doubled = name.replace("\\", "\\\\").replace("'", "''")
    assert filled == "x \"{}\" '{}' `{}` y".format(name.replace('"', '""'), doubled, name.replace("`", "``"))


def test_a_text_with_a_password_is_shown_without_it():
    assert bootstrap.filled("password '{a}'", {"a": Secret("canary")}, shown=True) == "password '***'"


def test_mysqls_reading_user_has_the_grants_of_the_page_by_tls_only(tls_server, capsys):
    """Twice, then a log-in: docs/source.md names select and lock tables."""
    mark = secrets.token_hex(4)
    database = f"order_he_{mark}"
    administrator = tls_server.private.url("root", "mysql")
    reader = replace(tls_server.url, user=f"reader_{mark}", database=database, password="it's\\" + PASSWORD)
    said = {"SOURCE_URL": reader.text(), "SOURCE_ADMIN_URL": administrator}
    with closing(log_in.connect(mysql_url.parse(administrator, "x"), "x")) as root:
        run(root, f"create database {database}")
        run(root, f"create table {database}.t (id int)")
        shown = []
        for _time in range(2):
            bootstrap.mysql(said)
            shown.append(run(root, f"show grants for 'reader_{mark}'@'%'"))
        assert shown[0] == shown[1]
        grants = [line for (line,) in shown[0] if not line.startswith("GRANT USAGE ON *.*")]
        escaped = database.replace("_", r"\_")
        assert [line.upper().split(" TO ")[0] for line in grants] == [
            f"GRANT SELECT, LOCK TABLES ON `{escaped}`.*".upper()
        ]
        assert run(root, f"select ssl_type from mysql.user where user = 'reader_{mark}'") in ([("ANY",)], [(b"ANY",)])
        with closing(log_in.connect(replace(reader, ssl_ca=str(tls_server.authority)), "x")) as connection:
            assert run(connection, "select * from t") == []
            with pytest.raises(Exception, match="command denied"):
                run(connection, "insert into t values (1)")
        run(root, f"drop user 'reader_{mark}'@'%'")
        run(root, f"drop database {database}")
    assert "it's" not in capsys.readouterr().out


def test_what_a_server_repeats_of_a_password_is_not_told(tls_server):
    values = {"database": "x", "iam_user": None, "user": "reader", "password": Secret("it's a canary"), "either": "x"}
    administrator = mysql_url.parse(tls_server.private.url("root", "mysql"), "x")
    told = pytest.raises(Failure, match=r"near 'bye '\*\*\*' require ssl")
    with closing(log_in.connect(administrator, "x")) as root, told as failed:
        bootstrap.apply("mysql", "bootstrap.mysql.sql", values, lambda sql: run(root, sql.replace(" by ", " bye ")))
    assert "canary" not in str(failed.value)


def test_mysql_without_rdss_plug_in_says_what_to_turn_on(tls_server):
    reader = replace(tls_server.url, user="reader", password="", iam=True)
    said = {"SOURCE_URL": reader.text(), "SOURCE_ADMIN_URL": tls_server.private.url("root", "mysql")}
    with pytest.raises(Failure, match=r"AWSAuthenticationPlugin as 'RDS' require ssl`: .*not loaded") as failed:
        bootstrap.mysql(said)
    assert "turn IAM authentication of the RDS instance on" in failed.value.fix


def test_the_limit_is_what_awss_own_description_of_the_call_takes():
    """Not sent anywhere: moto does not know the call, and no account has seen it."""
    model = boto3.client("redshift-serverless", region_name=REGION).meta.service_model
    request = bootstrap.limit_request("arn:aws:redshift-serverless:eu-west-1:1:workgroup/x", 8)
    shape = model.operation_model("CreateUsageLimit").input_shape
    assert not ParamValidator().validate(request, shape).has_errors()
    assert {request[name] in shape.members[name].enum for name in ("usageType", "period", "breachAction")} == {True}
