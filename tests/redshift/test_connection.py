"""Connecting: by password and by IAM, with the certificate verified; asleep, paused, closed, and what is said then."""

import os
import socket
import ssl
import struct
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
import redshift_connector
import yaml
from dbt.adapters.redshift.connections import RedshiftCredentials, get_connection_method
from redshift_connector.config import ClientProtocolVersion

from loaders.common.errors import Exit, Failure
from loaders.common.settings import ROOT
from loaders.help import doctor
from loaders.warehouse import copy_errors, profile, redshift_connection
from loaders.warehouse.redshift_connection import WAKING_TRIES, arguments, connect
from redshift_stand_in import tls, wire
from redshift_stand_in.errors import RedshiftError
from tests.chaos_proxy import Line


@pytest.fixture
def target(redshift):
    values = {"host": "localhost", "port": redshift.port, "user": "admin", "password": redshift.passwords["admin"]}
    return profile.Target("redshift_local", "redshift", values)


def changed(target, **values):
    return replace(target, values=dict(target.values) | values)


def asked(target, sql: str) -> tuple:
    with closing(connect(target)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchall()[0])


def test_the_profile_leads_there_and_the_session_is_named_and_not_limited(target):
    assert asked(target, "select current_user") == ("admin",)
    settings = "current_setting('application_name'), current_setting('statement_timeout')"
    assert asked(target, f"select {settings}") == ("order-he loaders", "0")


def test_a_wrong_password_is_refused_and_not_shown(target):
    with pytest.raises(Failure, match="refused user admin") as caught:
        connect(changed(target, password="canary"))
    assert caught.value.ends == Exit.FAILED
    assert "canary" not in str(caught.value)


def test_a_port_that_nobody_answers_on(target):
    with pytest.raises(Failure, match="cannot be reached") as caught:
        connect(changed(target, port=9))
    assert caught.value.ends == Exit.TRY_AGAIN
    assert "publicly accessible" in caught.value.fix and "security group" in caught.value.fix


def test_a_host_that_has_no_address(target):
    with pytest.raises(Failure, match=r"nowhere\.invalid:\d+ cannot be reached"):
        connect(changed(target, host="nowhere.invalid"))


def test_another_authority_is_not_trusted(target, tmp_path, monkeypatch):
    other, _certificate, _key = tls.make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with pytest.raises(Failure, match="is not to be trusted"):
        connect(target)


def test_another_name_is_not_trusted(target):
    """The right authority has signed that certificate, but not for 127.0.0.2."""
    line = Line(target.values["port"], "127.0.0.2")
    with closing(line), pytest.raises(Failure, match="is not to be trusted"):
        connect(changed(target, host="127.0.0.2", port=line.port))


class Asleep:
    """A server that says to its first clients that it is starting up, as PostgreSQL's kind does, and then answers."""

    def __init__(self, redshift, clients: float):
        self.upstream, self.left = redshift.port, clients
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        home = Path(redshift.authority).parent
        self.tls.load_cert_chain(home / "server.pem", home / "server.key")
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self.listening.close()

    def _serve(self) -> None:
        with suppress(OSError), closing(Line(self.upstream)) as line:
            while True:
                client, _address = self.listening.accept()
                if self.left > 0:
                    self.left -= 1
                    self._refuse(client)
                else:
                    line.carry(client)

    def _refuse(self, client: socket.socket) -> None:
        client.recv(8)  # the request for TLS
        client.sendall(b"S")
        with self.tls.wrap_socket(client, server_side=True) as secure:
            (length,) = struct.unpack("!i", secure.recv(4))
            secure.recv(length - 4)
            secure.sendall(wire.error_message(RedshiftError("the database system is starting up", "57P03")))


class Silent(Asleep):
    """The same, but its first clients hear nothing once the line is encrypted."""

    def __init__(self, redshift, clients: float):
        self.waiting: list[socket.socket] = []
        super().__init__(redshift, clients)

    def _refuse(self, client: socket.socket) -> None:
        client.recv(8)
        client.sendall(b"S")
        self.waiting.append(self.tls.wrap_socket(client, server_side=True))


def test_a_warehouse_that_is_resuming_is_waited_for(target, redshift):
    waited = []
    with closing(Asleep(redshift, 3)) as asleep:
        connect(changed(target, port=asleep.port), wait=waited.append).close()
    assert len(waited) == 3


def test_a_warehouse_that_stays_paused_is_named_with_the_remedy(target, redshift):
    waited = []
    asleep = Asleep(redshift, float("inf"))
    with closing(asleep), pytest.raises(Failure, match="is not available: the database system is starting") as caught:
        connect(changed(target, port=asleep.port), wait=waited.append)
    assert "is it paused? Resume it" in caught.value.fix
    assert len(waited) == WAKING_TRIES - 1


@pytest.fixture
def as_serverless(redshift, monkeypatch):
    """Serverless by IAM: no password in the profile; AWS, here the stand-in, gives one for 15 minutes."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", redshift.credentials)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", redshift.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", redshift.secret_key)
    values = {"host": "localhost", "port": redshift.port, "method": "iam", "dbname": "dev", "region": "eu-west-1"}
    values |= {"is_serverless": True, "serverless_work_group": "local", "user": "loader"}
    return profile.Target("redshift", "redshift", values)


def test_iam_on_serverless_needs_no_password(as_serverless):
    assert asked(as_serverless, "select current_user") == ("IAM:loader",)


def test_iam_without_the_right_is_refused_and_named(as_serverless, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA" + "SOMEBODYELSE")
    with pytest.raises(Failure, match="not authorized to perform") as caught:
        connect(as_serverless)
    assert "redshift-serverless:GetCredentials" in caught.value.fix


def test_iam_without_any_keys_is_named(as_serverless, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(Failure, match=r"AWS gave no credentials .* Unable to locate credentials") as caught:
        connect(as_serverless)
    assert "log in to AWS" in caught.value.fix


@pytest.fixture
def as_provisioned(redshift, s3_server, monkeypatch):
    """A provisioned cluster by IAM. moto makes a password up, which is not this warehouse's."""
    keys = {name: value for name, value in s3_server.items() if name != "endpoint_url"}
    client = boto3.client("redshift", **s3_server)
    with suppress(client.exceptions.ClusterAlreadyExistsFault):
        client.create_cluster(
            ClusterIdentifier="shop",
            NodeType="ra3.large",
            MasterUsername="a",
            MasterUserPassword="Canary-0",
        )
    monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT", s3_server["endpoint_url"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["aws_secret_access_key"])
    values = {"host": "localhost", "port": redshift.port, "method": "iam", "dbname": "dev", "region": "us-east-1"}
    return profile.Target("redshift", "redshift", values | {"cluster_id": "shop", "user": "admin"})


def test_iam_on_a_provisioned_cluster_asks_aws_for_a_password(as_provisioned):
    """The way to AWS and with its answer to the warehouse, which knows another password."""
    with pytest.raises(Failure, match="refused user"):
        connect(as_provisioned)


def test_a_cluster_that_aws_does_not_know_is_named(as_provisioned):
    with pytest.raises(Failure, match=r"AWS gave no credentials .* Cluster nowhere not found") as caught:
        connect(changed(as_provisioned, cluster_id="nowhere"))
    assert "cluster_id" in caught.value.fix


def by_dbt(values):
    """How dbt-redshift itself connects with a target of a profile."""
    return get_connection_method(RedshiftCredentials.from_dict(RedshiftCredentials.translate_aliases(dict(values))))


@contextmanager
def lock_held(ask, schema, seconds):
    """A table that nobody can read for so long: what asks for it is a long statement."""
    ask(f"create table {schema}.held (id int)")
    ask("begin")
    ask(f"lock {schema}.held")
    timer = threading.Timer(seconds, ask, ["commit"])
    timer.start()
    yield f"select count(*) from {schema}.held"
    timer.join()


def test_no_profile_of_ours_has_a_limit_for_every_answer():
    """An image's own had it, after profiles.example.yml was mended."""
    profiles = [file for file in ROOT.glob("**/profiles*.yml") if not {".venv", ".data"} & {*file.parts}]
    ours = [file for file in profiles if file.name != "profiles.yml"]
    assert ours
    lines = [line for file in ours for line in file.read_text("utf-8").splitlines()]
    assert not [line for line in lines if line.strip().startswith("connect_timeout")]


def test_a_statement_of_dbt_may_take_longer_than_a_connect_timeout_would_let_it(redshift, ask, schema, tmp_path):
    environment = {"REDSHIFT_LOCAL_PORT": str(redshift.port), "REDSHIFT_LOCAL_PASSWORD": redshift.passwords["admin"]}
    outputs = yaml.safe_load((ROOT / "profiles.example.yml").read_text())["order_he"]["outputs"]
    assert outputs["redshift"].keys() == outputs["redshift_local"].keys(), "from one block"
    (tmp_path / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    local = dict(profile.read(tmp_path, "redshift_local", environment, tmp_path).values)
    local["port"], local["password"] = int(local["port"]), local["password"].revealed()
    with lock_held(ask, schema, 2) as statement, closing(by_dbt(local)()) as connection:
        assert connection.cursor().execute(statement).fetchone() == [0]
    ask(f"drop table {schema}.held")
    limited = by_dbt(local | {"connect_timeout": 1})
    with lock_held(ask, schema, 2) as statement, closing(limited()) as connection, pytest.raises(TimeoutError):
        connection.cursor().execute(statement)


def test_a_statement_of_the_loaders_may_take_longer_than_connecting(target, ask, schema, monkeypatch):
    monkeypatch.setattr(redshift_connection, "CONNECT_SECONDS", 1)
    with lock_held(ask, schema, 2) as statement:
        assert asked(target, statement) == (0,)


SERVERLESS = {"host": "w.redshift-serverless.invalid", "serverless_work_group": "w"}
PROFILES = {
    "a password": {"user": "a", "password": "p"},
    "a password, the method named": {"method": "database", "user": "a", "pass": "p"},
    "iam on a cluster": {"method": "iam", "user": "a", "cluster_id": "c", "region": "eu-west-1"},
    "iam by a profile of AWS's": {"method": "iam", "user": "a", "cluster_id": "c", "iam_profile": "aws"},
    "iam by keys": {
        "method": "iam", "user": "a", "cluster_id": "c", "access_key_id": "k", "secret_access_key": "s",
        "iam_profile": "aws",
    },
    "iam with groups": {"method": "iam", "user": "a", "cluster_id": "c", "autocreate": True, "db_groups": ["g"]},
    "iam on Serverless": {"method": "iam", "user": "a", **SERVERLESS},
    "iam on Serverless of another account": {"method": "iam", "user": "a", **SERVERLESS, "serverless_acct_id": "1"},
    "iam on Serverless by another name": {
        "method": "iam", "user": "a", "is_serverless": True, "serverless_work_group": "w", "cluster_id": "c",
    },
    "iam_role on a cluster": {"method": "iam_role", "cluster_id": "c", "region": "eu-west-1"},
    "iam_role by a profile of AWS's": {"method": "iam_role", "cluster_id": "c", "iam_profile": "aws"},
    "iam_role on Serverless": {"method": "iam_role", **SERVERLESS},
    "iam_role beside a user": {"method": "iam_role", "user": "a", "cluster_id": "c"},
}  # fmt: skip
# How each side holds a connection, which is its own affair.
OWN = ("ssl", "sslmode", "timeout", "tcp_keepalive", "iam_disable_cache")


@pytest.mark.parametrize("name", PROFILES)
def test_the_driver_is_given_what_dbt_gives_it(name, monkeypatch):
    values = {"type": "redshift", "host": "c.redshift.invalid", "port": 5439, "schema": "analytics"}
    values |= {"database": "shop"} | PROFILES[name]
    given = {}
    monkeypatch.setattr(redshift_connector, "connect", lambda **by: given.update(by) or pytest.fail("caught"))
    with pytest.raises(pytest.fail.Exception, match="caught"):
        by_dbt({key: value for key, value in values.items() if key != "type"})()

    def said(by):
        return {key: value for key, value in by.items() if key not in OWN and value not in (None, "", [], False)}

    assert said(arguments(values)) == said(given)


@pytest.mark.parametrize("method", ["browser_identity_center", "oauth_token_identity_center", "canary"])
def test_a_method_of_dbts_that_needs_a_person_is_refused_by_name(method):
    with pytest.raises(Failure, match=f"asks for method {method}") as caught:
        arguments({"host": "localhost", "method": method})
    assert "iam_role" in caught.value.fix


@pytest.mark.parametrize(
    ("values", "lacks"),
    [({"host": "h"}, "user, password"), ({"host": "h", "method": "iam"}, "user"), ({"method": "iam_role"}, "host")],
)
def test_what_a_profile_lacks_is_named(values, lacks):
    with pytest.raises(Failure, match=f"lacks {lacks} for method"):
        arguments(values)


def test_a_server_that_answers_the_port_and_then_says_nothing_is_waited_for(target, redshift, monkeypatch):
    """What the driver gives while Serverless wakes up behind an open port: TimeoutError, and none of its own."""
    waited = []
    monkeypatch.setattr(redshift_connection, "CONNECT_SECONDS", 1)
    asleep = Silent(redshift, 2)
    with closing(asleep):
        connect(changed(target, port=asleep.port), wait=waited.append).close()
    assert len(waited) == 2


def test_names_are_in_small_letters_whatever_the_warehouses_default_is(target):
    assert asked(target, "show enable_case_sensitive_identifier") == ("false",)


@pytest.mark.parametrize(("digits", "scale"), [("1" * 38, 0), ("-" + "12345678" * 4, 10), ("9" * 29, 0)])
def test_a_number_keeps_its_digits(target, monkeypatch, digits, scale):
    """Values are asked for as text, on an account too: of binary, the driver rounds a NUMERIC to 28 digits."""
    given, real = {}, redshift_connector.connect
    monkeypatch.setattr(redshift_connector, "connect", lambda **options: given.update(options) or real(**options))
    text = f"{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else digits
    assert asked(target, f"select cast('{text}' as numeric(38, {scale}))") == (Decimal(text),)
    assert given["client_protocol_version"] == ClientProtocolVersion.BASE_SERVER


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ((None, None, None, None), "file ?, line ?, column ?"),
        (("s3://b/part ", 3, "v  ", None), "file s3://b/part, line 3, column v"),
        (("s3://b/part", 3, None, " x "), "file s3://b/part, line 3, column ?, value x"),
    ],
)
def test_what_redshift_leaves_out_of_a_failed_copy_is_no_failure_of_its_own(row, told):
    answers = iter([[(1,)], [row]])
    assert copy_errors._reported(lambda _sql: next(answers)) == told


@pytest.mark.parametrize(("values", "said"), [({}, False), ({"connect_timeout": 30}, True)])
def test_doctor_says_of_an_old_profile_that_it_ends_long_statements(target, values, said):
    assert ("dbt ends every statement after 30 s" in doctor.profile(changed(target, **values))) == said
