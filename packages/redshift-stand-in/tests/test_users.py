"""Users, groups, grants and ASSUMEROLE: a bootstrap's own statements run, and who lacks a right is refused."""

import secrets
import time
from contextlib import closing

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from redshift_connector.error import Error, InterfaceError

from redshift_stand_in import policies, users
from redshift_stand_in.errors import RedshiftError
from redshift_stand_in.names import REGION, WORKGROUP
from stand_in_fixtures import connection_to


@pytest.fixture
def made(ask):
    """Names of users and groups of the test's own, dropped at the end: named before `schema`, whose rights go first."""
    names: list[str] = []

    def name(prefix: str) -> str:
        names.append(f'"{prefix}{secrets.token_hex(4)}"')
        return names[-1]

    yield name
    for each in names:
        ask(f"drop user if exists {each}")


def login(redshift, name: str, password: str):
    return connection_to(redshift, name.strip('"'), password=password)


def run(connection, sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def serverless(redshift, keys: dict[str, str]):
    """A connection of whoever has these keys, by GetCredentials."""
    client = boto3.client("redshift-serverless", endpoint_url=redshift.credentials, region_name=REGION, **keys)
    given = client.get_credentials(workgroupName=WORKGROUP, dbName="dev")
    return given["dbUser"], connection_to(redshift, given["dbUser"], password=given["dbPassword"])


@pytest.fixture
def role(redshift):
    """An IAM role of the test's own that was taken on: (name, keys)."""
    key, secret = redshift.administrator
    options = {"endpoint_url": redshift.endpoint, "region_name": REGION, "aws_access_key_id": key,
               "aws_secret_access_key": secret}  # fmt: skip
    name = f"Run-{secrets.token_hex(4)}"
    trust = policies.document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = boto3.client("iam", **options).create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    taken = boto3.client("sts", **options).assume_role(RoleArn=arn, RoleSessionName="run")["Credentials"]
    return name, {"aws_access_key_id": taken["AccessKeyId"], "aws_secret_access_key": taken["SecretAccessKey"],
                  "aws_session_token": taken["SessionToken"]}  # fmt: skip


def test_a_bootstraps_statements_run_and_give_the_role_its_own_rights_only(ask, redshift, role, made, schema):
    name, keys = role
    loads, reads = f'"IAMR:{name}"', made("IAM:")
    raw = f"{schema}_raw"
    for statement in (
        f"create user {loads} password disable",
        f"alter user {loads} session timeout 1800",
        f"create user {reads} with password disable nocreatedb connection limit 5 syslog access restricted",
        f'grant create on database "dev" to {loads}',
        f'create schema if not exists "{raw}" authorization {loads}',
        "revoke create on schema public from public",
        f'grant usage on schema "{raw}" to {reads}',
        f'grant select on all tables in schema "{raw}" to {reads}',
        f'alter default privileges for user {loads} in schema "{raw}" grant select on tables to {reads}',
    ):
        ask(statement)
    who, connection = serverless(redshift, keys)
    assert f'"{who}"' == loads
    with closing(connection):
        run(connection, f"create table {raw}.t (id int)")
        run(connection, f"create schema {schema}_own")
        with pytest.raises(Error, match="permission denied"):
            run(connection, f"create table {schema}.t (id int)")
        with pytest.raises(Error, match="must be superuser to create users"):
            run(connection, "create user other password disable")
    ask(f"alter user {reads} password 'Readers1'")
    with closing(login(redshift, reads, "Readers1")) as reader:
        assert run(reader, f"select * from {raw}.t") == [], "by the default privileges: the table came later"
        with pytest.raises(Error, match="permission denied"):
            run(reader, f"delete from {raw}.t")
    ask(f"drop schema {raw} cascade")
    ask(f"drop schema {schema}_own cascade")
    ask(f"alter default privileges for user {loads} in schema public revoke select on tables from {reads}")
    ask(f"revoke all on database dev from {loads}")
    ask(f"drop user {loads}")


def test_the_second_time_a_user_is_there_already(ask, made):
    user, group = made("user_"), made("group_")
    ask(f"create user {user} password disable")
    with pytest.raises(Error, match="already exists"):
        ask(f"create user {user} password disable")
    ask(f"create group {group} with user {user}")
    with pytest.raises(Error, match="already exists"):
        ask(f"create group {group}")


def test_a_key_of_iam_has_no_right_but_its_own(ask, redshift, schema, table):
    """It may log in, and sees what it is granted: https://docs.aws.amazon.com/redshift-serverless, GetCredentials."""
    keys = {"aws_access_key_id": redshift.access_key, "aws_secret_access_key": redshift.secret_key}
    who, connection = serverless(redshift, keys)
    assert who == "IAM:loader"
    with closing(connection):
        for sql in (f"select * from {table}", f"create table {schema}.other (id int)", f"create schema {schema}_other"):
            with pytest.raises(Error, match="permission denied"):
                run(connection, sql)
        ask(f'grant usage on schema {schema} to "IAM:loader"')
        ask(f'grant select on {table} to "IAM:loader"')
        assert run(connection, f"select * from {table}") == []


def test_groups_hold_what_is_granted_to_them(ask, redshift, made, schema, table):
    user, group = made("user_"), made("group_")
    ask(f"create group {group}")
    ask(f"create user {user} password 'Abcd1234' in group {group}")
    ask(f"grant usage on schema {schema} to group {group}")
    ask(f"grant select on {table} to group {group}")
    with closing(login(redshift, user, "Abcd1234")) as connection:
        assert run(connection, f"select * from {table}") == []
        ask(f"alter group {group} drop user {user}")
        with pytest.raises(Error, match="permission denied"):
            run(connection, f"select * from {table}")
        ask(f"alter group {group} add user {user}")
        assert run(connection, f"select * from {table}") == []


def test_a_password_is_let_in_until_it_is_disabled_or_has_run_out(ask, redshift, made):
    user = made("user_")
    ask(f"create user {user} password 'Abcd1234' createdb valid until '2999-01-01'")
    login(redshift, user, "Abcd1234").close()
    ask(f"alter user {user} password 'Other123' valid until '2001-01-01'")
    with pytest.raises(Error, match="password authentication failed"):
        login(redshift, user, "Other123")
    ask(f"alter user {user} valid until '2999-01-01'")
    login(redshift, user, "Other123").close()
    ask(f"alter user {user} password disable")
    with pytest.raises(Error, match="password authentication failed"):
        login(redshift, user, "Other123")


def test_a_superuser_made_by_another_may_do_all_and_keeps_its_password(ask, redshift, made, table):
    user, other = made("user_"), made("user_")
    ask(f"create user {user} password 'Abcd1234' createuser")
    with closing(login(redshift, user, "Abcd1234")) as connection:
        assert run(connection, f"select * from {table}") == []
        run(connection, f"create user {other} password disable")
    with pytest.raises(Error, match="cannot disable the password of a superuser"):
        ask(f"alter user {user} password disable")
    ask(f"alter user {user} nocreateuser")
    with closing(login(redshift, user, "Abcd1234")) as connection, pytest.raises(Error, match="permission denied"):
        run(connection, f"select * from {table}")


def test_copy_needs_assumerole_where_it_was_taken_from_all(ask, redshift, s3, made, schema, table):
    """https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT-usage-notes.html: for ASSUMEROLE."""
    user, group = made("user_"), made("group_")
    body = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), body)
    key = f"{redshift.prefix}/{secrets.token_hex(4)}/one".lstrip("/")
    s3.put_object(Bucket=redshift.bucket, Key=key, Body=body.getvalue().to_pybytes())
    copy = f"copy {table} from 's3://{redshift.bucket}/{key}' iam_role '{redshift.copy_role}' format as parquet"
    ask(f"create user {user} password 'Abcd1234'")
    ask(f"create group {group} user {user}")
    ask(f"grant usage on schema {schema} to {user}")
    ask(f"grant insert, select on {table} to {user}")
    with closing(login(redshift, user, "Abcd1234")) as connection:
        run(connection, copy)
        ask("revoke assumerole on all from public for all")
        try:
            with pytest.raises(Error, match="permission denied: ASSUMEROLE on"):
                run(connection, copy)
            ask(copy)  # a superuser needs none
            ask(f"grant assumerole on '{redshift.copy_role}' to {user} for unload")
            with pytest.raises(Error, match="permission denied: ASSUMEROLE on"):
                run(connection, copy)
            ask(f"grant assumerole on '{redshift.copy_role}' to {user} for copy")
            run(connection, copy)
            ask(f"revoke assumerole on '{redshift.copy_role}' from {user} for copy")
            ask(f"grant assumerole on '{redshift.copy_role}', default to group {group} for copy, unload")
            run(connection, copy)
            with pytest.raises(Error, match="must be superuser"):
                run(connection, f"grant assumerole on all to {user} for all")
        finally:
            ask("grant assumerole on all to public for all")
    assert ask(f"select count(*) from {table}") == [(4,)]


def test_an_idle_session_ends_after_the_users_session_timeout(ask, redshift, made):
    """r_CREATE_USER, SESSION TIMEOUT: 60 seconds at least; the statement behind it takes one, too."""
    user = made("user_")
    ask(f"create user {user} password 'Abcd1234'")
    ask(users.call(f"alter user {user} session timeout 60").replace("60}'::jsonb", "1}'"))
    with closing(login(redshift, user, "Abcd1234")) as connection:
        run(connection, "select 1")
        time.sleep(2)
        with pytest.raises(InterfaceError, match="server socket closed"):
            run(connection, "select 1")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("create user x", "it takes PASSWORD"),
        ("create user x password 'short'", "8 to 64 characters"),
        ("create user x password 'nodigitsHere'", "8 to 64 characters"),
        ("create user x password 'sha256|abc'", "SHA-256"),
        ("create user x password disable session timeout 59", "from 60 to 1728000"),
        ("create user x password disable session timeout 1728001", "from 60 to 1728000"),
        ("create user x password disable externalid 'y'", "option EXTERNALID"),
        ("alter user x rename to y", "option RENAME"),
        ("alter group x rename to y", "ALTER GROUP"),
        ("grant assumerole on all to x for select", "syntax error at or near SELECT"),
    ],
)
def test_what_redshift_or_the_stand_in_does_not_take_is_refused(sql, told):
    with pytest.raises(RedshiftError, match=told):
        users.call(sql)
