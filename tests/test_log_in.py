"""Ways in, as users of MySQL and MariaDB have them, and what is said to those who are not let in."""

import os
import secrets
import socket
import subprocess
import threading
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.run.match_catalog import match
from loaders.source import log_in, mysql_url
from loaders.source.refusals import TooMany
from redshift_stand_in import tls
from tests import forked
from tests.own_database import OwnDatabase

SIMPLE = "canary"
PASSWORD = "pä스워드 ?é'@:/%"


@pytest.fixture(scope="module")
def door(tls_server, tmp_path_factory):
    """The server, open for TLS and without; its administrator; and a certificate of ours with its key."""
    root = mysql_url.parse(tls_server.private.url("root", "order_he"), "x")
    with closing(log_in.connect(root, "x", autocommit=True)) as administrator:
        run(administrator, "set global require_secure_transport = 0")
        run(
            administrator,
            "create table seen (id int primary key, more int)",
            "create table unseen (id int primary key)",
        )
        yield tls_server, administrator


def run(connection, *statements: str) -> list[tuple]:
    found = []
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            found += cursor.fetchall()
    return found


@pytest.fixture
def account(door):
    """account("identified by 'p'") -> the URL of a new account that may read order_he, with the server's authority."""
    server, administrator = door
    made = []

    def make(how: str, password: str = SIMPLE, name: str = "", grants: str = "select on order_he.*"):
        user = f"{name}{secrets.token_hex(4)}"
        quoted = administrator.escape(user)
        run(administrator, f"create user {quoted}@'%' {how.format(password=administrator.escape(password))}")
        made.append(quoted)
        if grants:
            run(administrator, f"grant {grants} to {quoted}@'%'")
        return replace(server.url, user=user, password=password, ssl_ca=str(server.authority))

    yield make
    for quoted in made:
        run(administrator, f"drop user {quoted}@'%'")


def enters(url, **options) -> str:
    """The cipher of a connection that can read."""
    with closing(log_in.connect(url, "SOURCE_URL", **options)) as connection:
        run(connection, "select * from seen")
        return run(connection, "show status like 'ssl_cipher'")[0][1]


def refused(url, **options) -> Failure:
    with pytest.raises(Failure) as caught:
        enters(url, **options)
    assert url.password.revealed() not in str(caught.value)
    return caught.value


WAYS = {
    "mariadb": ["identified via mysql_native_password using password({password})"],
    "mysql": ["identified with caching_sha2_password by {password}", "identified with sha256_password by {password}"],
}


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("way", [0, 1])
def test_passwords_and_users_of_any_characters_enter_by_every_way(door, account, server_kind, way, encrypted, tmp_path):
    """Without TLS on this machine too, and when the server does not remember the password from before."""
    _server, administrator = door
    ways = WAYS[server_kind]
    url = account(ways[way % len(ways)], PASSWORD, name="사용é")
    run(administrator, "flush privileges")
    if encrypted:
        assert enters(url)
        return
    if server_kind == "mysql":
        assert "asks for the password and has not shown" in refused(replace(url, ssl_ca=None)).problem
        url = with_key(
            url, administrator, tmp_path, "Rsa" if "sha256" in ways[way % len(ways)] else "Caching_sha2_password_rsa"
        )
    assert not enters(replace(url, ssl_ca=None), ssl_disabled=True)


def with_key(url, administrator, folder, whose: str = "Caching_sha2_password_rsa"):
    """The URL with the server's public key, as its administrator reads it, in place of its authority."""
    ((_name, key),) = run(administrator, f"show status like '{whose}_public_key'")
    (folder / "key.pem").write_text(key)
    return replace(url, server_public_key=str(folder / "key.pem"), ssl_ca=None)


def test_a_package_that_the_log_in_needs_and_is_not_there_is_named(door, account, server_kind, monkeypatch, tmp_path):
    monkeypatch.setattr("pymysql._auth._have_cryptography", False)
    url = account(WAYS[server_kind][0], PASSWORD)
    run(door[1], "flush privileges")
    if server_kind == "mariadb":
        enters(replace(url, ssl_ca=None), ssl_disabled=True)
    else:
        failure = refused(with_key(url, door[1], tmp_path))
        assert "'cryptography' package is required" in failure.problem and "make setup" in failure.fix


def test_a_public_key_named_in_the_url_is_the_only_one_a_password_is_sent_by(door, account, tmp_path):
    _server, administrator = door
    url = with_key(account("identified with caching_sha2_password by {password}", PASSWORD), administrator, tmp_path)
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(_another_key())
    assert "refused user" in refused(replace(url, server_public_key=str(wrong))).problem
    assert not enters(url)
    assert "cannot be read" in refused(replace(url, server_public_key=str(tmp_path / "nowhere.pem"))).problem


def _another_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = rsa.generate_private_key(65537, 2048).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2p1\r\n" + b"x" * 99, b"\4\0\0\0\x0a8.0", b"\1\0\0\0\x0a", b""])
def test_what_is_no_mysql_server_is_said_so(said):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with listening.accept()[0] as client:
                client.sendall(said)

        threading.Thread(target=serve, daemon=True).start()
        url = mysql_url.DatabaseURL("u", "127.0.0.1", listening.getsockname()[1], "d", "canary")
        with pytest.raises(Failure, match=f"127.0.0.1:{url.port}") as caught:
            log_in.connect(url, "SOURCE_URL")
    assert "canary" not in str(caught.value)


def test_a_certificate_without_the_servers_name_is_trusted_by_its_authority_alone(door, account, tmp_path):
    """As MySQL makes them for itself. 127.0.0.2 stands for another host, whose name is in no certificate."""
    server, _administrator = door
    url = replace(account("identified by {password}"), host="127.0.0.2", ssl_ca=str(server.authority))
    assert "ssl_mode=verify_ca" in refused(url).fix
    assert enters(replace(url, ssl_mode="verify_ca"))
    other, _certificate, _key = tls.make(tmp_path)
    assert "is not to be trusted" in refused(replace(url, ssl_mode="verify_ca", ssl_ca=str(other))).problem
    assert "without ssl_ca" in refused(replace(url, ssl_mode="verify_ca", ssl_ca=None)).problem


def test_an_account_that_wants_a_certificate_is_shown_one(door, account, tmp_path):
    server, _administrator = door
    certificate, key = (str(server.authority.parent / name) for name in ("server.pem", "server.key"))
    url = replace(account("identified by {password} require x509"), ssl_ca=str(server.authority))
    assert "REQUIRE X509: add ssl_cert=" in refused(url).fix
    ours = replace(url, ssl_cert=certificate, ssl_key=key)
    assert enters(ours)
    (tmp_path / "empty.pem").write_text("nothing")
    for option, file in (("ssl_cert", "nowhere.pem"), ("ssl_key", "nowhere.pem"), ("ssl_ca", "nowhere.pem")):
        failure = refused(replace(ours, **{option: str(tmp_path / file)}))
        assert f"{file} of SOURCE_URL (its {option}) cannot be read" in failure.problem
    assert "are not a certificate and its key" in refused(replace(ours, ssl_key=str(tmp_path / "empty.pem"))).problem
    assert "holds no certificate" in refused(replace(ours, ssl_ca=str(tmp_path / "empty.pem"))).problem


def test_a_role_that_is_not_active_by_default_counts(door, account):
    _server, administrator = door
    roles = [f"role_{secrets.token_hex(4)}" for _ in range(2)]
    run(administrator, *(f"create role {role}" for role in roles), f"grant select on order_he.* to {roles[1]}")
    try:
        url = account("identified by {password}", grants="")
        assert "`grant select on `order_he`.* to`" in refused(url).fix
        run(administrator, *(f"grant {role} to '{url.user}'@'%'" for role in roles))
        enters(url)
    finally:
        run(administrator, *(f"drop role {role}" for role in roles))


@pytest.mark.parametrize(
    ("how", "problem", "fix"),
    [
        ("identified by 'another'", "refused user", "check the user and password in SOURCE_URL"),
        ("identified by {password} account lock", "is locked", "account unlock"),
        ("identified by {password} password expire", "has expired", "set a new one"),
        ("identified by {password} with max_user_connections 1", "no further connection", "limit that it names"),
        ("identified by {password} with max_queries_per_hour 1", "no further connection", "within the hour"),
    ],
)
def test_what_an_account_lacks_is_said_with_its_remedy(account, how, problem, fix):
    url = account(how)
    with ExitStack() as held:
        if "max_user" in how:
            held.enter_context(closing(log_in.connect(url, "x")))
        failure = refused(url)
    assert problem in failure.problem and fix in failure.fix
    assert isinstance(failure, TooMany) == ("no further" in problem)


def test_what_a_server_refuses_to_all_is_said_with_its_remedy(door, account, server_kind, tmp_path):
    _server, administrator = door
    url = account("identified by {password}")
    without = with_key(url, administrator, tmp_path) if server_kind == "mysql" else replace(url, ssl_ca=None)
    for variable, value, problem in (
        ("require_secure_transport", "1", "TLS"),
        ("init_connect", "'nonsense'", "init_connect fails"),
    ):
        run(administrator, f"set global {variable} = {value}")
        try:
            assert problem in str(refused(without, ssl_disabled=True))
        finally:
            run(administrator, f"set global {variable} = default")
    ((limit,),) = run(administrator, "select @@global.max_connections")
    run(administrator, "set global max_connections = 10")
    try:
        with ExitStack() as held, pytest.raises(TooMany, match="Too many connections"):
            for _ in range(15):
                held.enter_context(closing(log_in.connect(url, "SOURCE_URL")))
    finally:
        run(administrator, f"set global max_connections = {limit}")


def test_an_account_of_the_operating_systems_says_so(account):
    assert "operating system's user" in refused(account("identified via unix_socket")).problem


def test_a_table_that_the_account_may_not_read_is_named_with_the_missing_grant(account, tmp_path):
    url = account("identified by {password}", grants="select on order_he.seen")
    own = OwnDatabase("", url.text(), tmp_path)
    known = own.discover()
    assert [table.name for table in known.tables] == ["seen"]
    unseen = replace(known, tables=(replace(known.tables[0], name="unseen"),))
    with own.snapshot() as snapshot, pytest.raises(Failure) as caught:
        match(unseen, snapshot)
    assert "may not read all of table unseen" in caught.value.problem
    assert f"`grant select on `order_he`.`unseen` to '{url.user}'@'%'`" in caught.value.fix


def test_a_column_that_the_account_may_not_read_does_not_seem_absent(account, tmp_path):
    url = account("identified by {password}", grants="select (id) on order_he.seen")
    own = OwnDatabase("", url.text(), tmp_path)
    with own.snapshot() as snapshot:
        whole = own.discover()
        with pytest.raises(Failure, match="may not read all of table seen") as caught:
            match(whole, snapshot)
    assert f"`grant select on `order_he`.`seen` to '{url.user}'@'%'`" in caught.value.fix


def test_discover_writes_nothing_where_nothing_is_seen(account):
    url = account("identified by {password}", grants="create temporary tables on order_he.*")
    before = sorted((ROOT / "dbt_project/models/staging").iterdir())
    done = run_command(url, "discover", "--write", "nothing")
    assert done.returncode == 1 and "no table" in done.stderr and "grant select on `order_he`.* to" in done.stderr
    assert sorted((ROOT / "dbt_project/models/staging").iterdir()) == before


def test_an_account_with_one_connection_reads_over_one(account, tmp_path):
    url = account("identified by {password} with max_user_connections 1")
    own = OwnDatabase("", url.text(), tmp_path)
    own.discover()
    (tmp_path / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{own.warehouse_path}'}}}}}}"
    )
    places = {"CATALOG": own.catalog_file, "LAKE_URL": tmp_path / "lake", "DBT_PROFILES_DIR": tmp_path}
    places = {name: str(place) for name, place in places.items()} | {"DBT_TARGET": "", "DUCKDB_PATH": ""}
    done = run_command(url, "extract", "--no-load", "--parallel", "3", **places)
    assert done.returncode == 0 and "reading over fewer connections" in done.stderr, done.stderr
    assert "equal: 0 rows" in done.stdout


def run_command(url, *arguments: str, **settings: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"SOURCE_URL": url.text()} | settings
    return forked.run("-m", "loaders", *arguments, environment=environment)
