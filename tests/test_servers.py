"""Which tests run on which server is what tests/servers.py says, and nothing in it is out of date."""

import subprocess
import sys
from contextlib import closing, contextmanager

import pymysql
import pytest

from loaders.common.settings import ROOT
from loaders.source import mysql_url
from local_stack import private_server
from tests import commands, servers


def collected(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments]
    environment = commands.clean_environment() | {"TEST_SERVERS": "", "TEST_MYSQL_URL": ""}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=-1, text=True, check=True).stdout.splitlines()


def test_every_name_in_the_lists_is_a_test_that_there_is():
    for path in servers.ON_ONE:
        file, _, test = path.partition("::")
        assert (ROOT / file).exists() and f"def {test}" in (ROOT / file).read_text() if test else (ROOT / file).exists()
    by_kind = {kind: [*names, *servers.NEEDS_A_PRIVATE_SERVER] for kind, names in servers.CANNOT.items()}
    files = {name.split("::")[0] for names in by_kind.values() for name in names}
    tests = collected(*sorted(files))
    for kind, names in by_kind.items():
        there = {servers.bare(kind, test) for test in tests if f"[{kind}" in test}
        assert [name for name in names if not any(test.startswith(name) for test in there)] == []


def test_what_asks_for_a_server_runs_on_each_kind_but_for_what_is_listed():
    tests = collected("tests/test_incremental.py", "tests/test_prune.py")
    counts = {
        (file, kind): sum(test.startswith(f"tests/{file}") and f"[{kind}" in test for test in tests)
        for file in ("test_incremental.py", "test_prune.py")
        for kind in private_server.NAMES
    }
    assert counts["test_incremental.py", "mysql"] == counts["test_incremental.py", "mariadb"] > 0
    assert counts["test_prune.py", "mysql"] == 0 < counts["test_prune.py", "mariadb"]


def test_a_run_can_be_held_to_one_kind_and_another_word_is_refused(monkeypatch):
    monkeypatch.setenv("TEST_SERVERS", "mysql")
    assert servers.wanted("tests/test_incremental.py::test_any") == ["mysql"]
    monkeypatch.setenv("TEST_SERVERS", "oracle")
    with pytest.raises(pytest.UsageError, match="TEST_SERVERS names 'oracle'"):
        servers.wanted("tests/test_incremental.py::test_any")


def test_of_two_workers_at_one_server_each_has_accounts_of_its_own_and_none_stay(mysql_server):
    """What TEST_MYSQL_URL with -n auto comes to: one worker's end must not lock out the other."""
    administrator = mysql_server.url("root", "mysql")
    before = users(administrator)
    with servers.service(administrator, "gw1") as one:
        with servers.service(administrator, "gw0"), servers.service(administrator, "gw0") as other:
            assert not set(one.users.values()) & {other.users["shop"], other.users["loader"]}
        for account in ("shop", "loader"):
            with connected(one.url(account, "order_he")) as cursor:
                cursor.execute("select 1")
        with pytest.raises(pymysql.MySQLError), connected(one.url("loader", "mysql")):
            pass
    assert users(administrator) == before


@contextmanager
def connected(url: str):
    parsed = mysql_url.parse(url, "x")
    options = {"user": parsed.user, "password": parsed.password, "database": parsed.database}
    address = {"unix_socket": parsed.unix_socket} if parsed.unix_socket else {"host": parsed.host, "port": parsed.port}
    with closing(pymysql.connect(**options, **address)) as connection, connection.cursor() as cursor:
        yield cursor


def users(administrator: str) -> set[tuple]:
    with connected(administrator) as cursor:
        cursor.execute("select user, host from mysql.user")
        return set(cursor.fetchall())
