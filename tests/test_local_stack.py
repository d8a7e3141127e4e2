"""The private MySQL server: it starts where there is nothing, stays private, and survives what happens to servers."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pymysql
import pytest

from loaders.errors import Failure
from loaders.settings import ROOT
from loaders.source import mysql_url
from local_stack import mariadb, mariadb_binary

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("TEST_MYSQL_URL")),
    reason="TEST_MYSQL_URL is set: this run tests against a server of another kind",
)


def quiet(_text: str) -> None:
    return None


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "mysql"
    mariadb.down(tmp_path / "mysql", say=quiet)


def run(server: mariadb.Server, account: str, sql: str, **changes):
    url = mysql_url.parse(server.url(account), "the server's URL")
    known = {"user": url.user, "password": url.password, "database": url.database, "unix_socket": url.unix_socket}
    with closing(pymysql.connect(**known | changes)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        connection.commit()
        return cursor.fetchall()


def test_up_is_there_at_once_the_second_time_and_down_stops_it(home):
    server = mariadb.up(home, say=quiet)
    pid = server.pid
    assert mariadb.up(home, say=quiet).pid == pid
    assert mariadb.is_up(home)
    assert mariadb.down(home, say=quiet)
    assert not mariadb.is_up(home)
    assert not mariadb.down(home, say=quiet)


def test_what_was_committed_survives_kill_minus_nine_and_a_second_up(home):
    server = mariadb.up(home, say=quiet)
    run(server, "shop", "create table t (id int primary key)")
    run(server, "shop", "insert into t values (1), (2)")
    os.kill(server.pid, signal.SIGKILL)
    while mariadb.is_up(home):
        time.sleep(0.01)
    again = mariadb.up(home, say=quiet)
    assert run(again, "loader", "select count(*) from t") == ((2,),)
    assert again.url("loader") == server.url("loader")


def test_two_homes_are_two_servers(home, mysql_server):
    server = mariadb.up(home, say=quiet)
    assert server.socket != mysql_server.socket
    run(server, "shop", "create table only_here (id int)")
    assert run(mysql_server, "loader", "show tables like 'only_here'") == ()


def test_a_server_that_starts_does_not_clear_the_temporary_tables_of_another(home, mysql_server):
    """MariaDB removes #sql-temptable files from its tmpdir when it starts; in /tmp they were other servers' too."""
    (folders,) = run(mysql_server, "root", "select @@tmpdir")
    assert Path(folders[0]).resolve() == (mysql_server.home / "tmp").resolve()
    assert run(mariadb.up(home, say=quiet), "root", "select @@tmpdir")[0] != folders


def test_of_two_ups_at_once_one_starts_it_and_the_other_finds_it(home):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: mariadb.up(home, say=quiet), range(2))
    assert one.pid == other.pid


def test_a_half_made_data_directory_is_made_anew(home):
    (home / "data.new" / "mysql").mkdir(parents=True)
    assert mariadb.up(home, say=quiet).pid


def test_a_socket_folder_that_the_system_cleaned_away_is_made_anew(home):
    server = mariadb.up(home, say=quiet)
    mariadb.down(home, say=quiet)
    shutil.rmtree(server.socket.parent, ignore_errors=True)
    assert mariadb.up(home, say=quiet).socket.exists()


def test_the_loader_may_only_read(mysql_server):
    run(mysql_server, "shop", "create table if not exists readable (id int primary key)")
    assert run(mysql_server, "loader", "select count(*) from readable")
    for forbidden in (
        "insert into readable values (1)",
        "update readable set id = 2",
        "delete from readable",
        "drop table readable",
        "create table mine (id int)",
        "alter table readable add x int",
    ):
        with pytest.raises(pymysql.MySQLError) as caught:
            run(mysql_server, "loader", forbidden)
        assert caught.value.args[0] in (1142, 1044), forbidden


@pytest.mark.parametrize("account", ["root", "shop", "loader", "", "mysql", "mariadb.sys", "somebody"])
def test_no_account_gets_in_without_its_password(mysql_server, account):
    for password in ("", "wrong"):
        with pytest.raises(pymysql.MySQLError) as caught:
            run(mysql_server, "loader", "select 1", user=account, password=password, database=None)
        assert caught.value.args[0] in (1045, 1698, 4151), caught.value


def test_folders_and_urls_are_their_owners_only_and_no_port_is_open(mysql_server):
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(mysql_server.home) == mode(mysql_server.home / "data") == mode(mysql_server.socket.parent) == 0o700
    for name in ("loader.url", "shop.url", "root.url", "passwords.json", "init.sql"):
        assert mode(mysql_server.home / name) == 0o600
    assert run(mysql_server, "root", "select @@skip_networking") == ((1,),)


def test_the_passwords_are_on_no_command_line(mysql_server):
    command = Path(f"/proc/{mysql_server.pid}/cmdline").read_text()
    assert not any(password in command for password in mysql_server.passwords.values())


def test_without_a_server_program_and_without_apt_the_ways_to_get_one_are_named(home, tmp_path):
    with pytest.raises(Failure) as caught:
        mariadb.up(home, cache=tmp_path / "cache", say=quiet, search=[str(tmp_path)])
    for way in ("apt-get install", "brew install", "docker run"):
        assert way in caught.value.fix


def test_a_server_that_cannot_start_quotes_its_log(home):
    mariadb.up(home, say=quiet)
    mariadb.down(home, say=quiet)
    (home / "data" / "ibdata1").write_bytes(b"damaged")
    with pytest.raises(Failure, match=r"does not start: .*ERROR") as caught:
        mariadb.up(home, say=quiet)
    assert "error.log" in caught.value.fix


def test_a_program_installed_on_the_machine_is_preferred(tmp_path):
    program = tmp_path / "sbin" / "mariadbd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = mariadb_binary.find(tmp_path / "cache", quiet, search=[str(program.parent)])
    assert found.daemon == program


@pytest.mark.parametrize("share", ["share/mysql/mysql_", "share/mariadb/mariadb_", "share/mariadb/mysql_"])
def test_the_servers_own_sql_is_found_where_each_release_keeps_it(tmp_path, share):
    """Debian 12 (MariaDB 10.11), Debian 13 (11.8), and one between them; MySQL has none: it makes its own."""
    program = tmp_path / "sbin" / "mariadbd"
    wanted = [tmp_path / f"{share}{name}" for name in mariadb_binary.BOOTSTRAP]
    for file in (program, *wanted):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o755)
    found = mariadb_binary.find(tmp_path / "cache", quiet, search=[str(program.parent)])
    assert found.bootstrap() == wanted and found.is_mariadb()
    wanted[1].unlink()
    assert not mariadb_binary.find(tmp_path / "cache", quiet, search=[str(program.parent)]).is_mariadb()


def test_the_commands_tell_by_exit_code_whether_it_runs(home):
    def command(name: str) -> subprocess.CompletedProcess:
        call = [sys.executable, "-m", "local_stack", name, "--home", str(home)]
        return subprocess.run(call, cwd=ROOT, capture_output=True, text=True)

    assert command("status").returncode == 1
    done = command("up")
    assert done.returncode == 0 and "make down" in done.stdout
    password = mysql_url.parse((home / "loader.url").read_text(), "x").password
    assert password not in done.stdout
    assert command("status").returncode == 0
    assert "stopped" in command("down").stdout
    assert "no private server was running" in command("down").stdout


def test_an_ordinary_user_can_do_it_too(mysql_server):
    """The other tests run as whoever runs them; when that is root, this one is nobody."""
    if os.getuid() != 0:
        pytest.skip("this whole run is an ordinary user's")
    nobody = pwd.getpwnam("nobody")
    # pytest's own folders, and often Python's too, are closed to others; so a fork of this process becomes nobody.
    with tempfile.TemporaryDirectory(prefix="order-he-nobody-") as name:
        folder = Path(name)
        cache = mariadb.default_cache(ROOT / ".data" / "mysql")
        if cache.exists():
            shutil.copytree(cache, folder / "cache", symlinks=True)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
        child = os.fork()
        if child == 0:
            os._exit(_as_user(nobody, folder))
        _pid, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, (folder / "told").read_text()


def _as_user(user: pwd.struct_passwd, folder: Path) -> int:
    """In a fork: become the user, start a server, ask it, stop it. 0 if all went well."""
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.chdir(folder)
    try:
        server = mariadb.up(folder / "home", cache=folder / "cache", say=quiet)
        assert run(server, "loader", "select 1 + 1") == ((2,),)
        assert mariadb.down(folder / "home", say=quiet) and not mariadb.is_up(folder / "home")
    except BaseException as error:
        (folder / "told").write_text(repr(error))
        return 1
    return 0
