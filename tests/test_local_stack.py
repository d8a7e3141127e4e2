"""The private server, MariaDB or MySQL: it starts where nothing is, stays private, survives what befalls servers."""

import multiprocessing
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

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.source import mysql_url
from local_stack import debian, mariadb_binary, mysql_binary, private_server
from local_stack.program import Places, default_places, unlinked
from redshift_stand_in import socket_folder
from tests import servers


def quiet(_text: str) -> None:
    return None


both = pytest.mark.parametrize("kind", servers.private())


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "mysql"
    private_server.down(tmp_path / "mysql", say=quiet)


def run(server: private_server.Server, account: str, sql: str, **changes):
    url = mysql_url.parse(server.url(account), "the server's URL")
    known = {"user": url.user, "password": url.password, "database": url.database, "unix_socket": url.unix_socket}
    with closing(pymysql.connect(**known | changes)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        connection.commit()
        return cursor.fetchall()


def test_up_is_there_at_once_the_second_time_and_down_stops_it(home):
    server = private_server.up(home, say=quiet)
    pid = server.pid
    assert private_server.up(home, say=quiet).pid == pid
    assert private_server.is_up(home)
    assert private_server.down(home, say=quiet)
    assert not private_server.is_up(home)
    assert not private_server.down(home, say=quiet)


@both
def test_what_was_committed_survives_kill_minus_nine_and_a_second_up(home, kind):
    server = private_server.up(home, kind, say=quiet)
    run(server, "shop", "create table t (id int primary key)")
    run(server, "shop", "insert into t values (1), (2)")
    os.kill(server.pid, signal.SIGKILL)
    while private_server.is_up(home):
        time.sleep(0.01)
    again = private_server.up(home, say=quiet)
    assert (run(again, "loader", "select version() like '%MariaDB%'") == ((1,),)) == (kind == "mariadb")
    assert run(again, "loader", "select count(*) from t") == ((2,),)
    assert again.url("loader") == server.url("loader")


@pytest.mark.skipif("mysql" not in servers.private(), reason="this run has no MySQL of its own")
def test_one_folder_has_data_of_both_kinds_and_one_of_them_runs_by_the_same_urls(home):
    said = []
    first = private_server.up(home, "mariadb", say=quiet)
    run(first, "shop", "create table in_mariadb (id int)")
    second = private_server.up(home, "mysql", say=said.append)
    assert any("stopped MariaDB" in line for line in said)
    assert second.url("loader") == first.url("loader")
    assert run(second, "loader", "show tables") == ()
    assert private_server.up(home, say=quiet) == second, "no kind named: what was started last"
    back = private_server.up(home, "mariadb", say=quiet)
    assert run(back, "loader", "show tables") == (("in_mariadb",),)


def test_while_no_program_of_the_other_kind_can_be_had_the_one_that_runs_goes_on(home, tmp_path):
    server = private_server.up(home, "mariadb", say=quiet)
    with pytest.raises(Failure):
        private_server.up(home, "mysql", say=quiet, places=Places(tmp_path / "none", [str(tmp_path)]))
    assert private_server.up(home, say=quiet).pid == server.pid


def test_two_homes_are_two_servers(home, mysql_server):
    server = private_server.up(home, say=quiet)
    assert server.socket != mysql_server.socket
    run(server, "shop", "create table only_here (id int)")
    assert run(mysql_server, "loader", "show tables like 'only_here'") == ()


def test_a_copied_folder_gets_a_server_of_its_own_and_leaves_the_others_alone(home, tmp_path):
    """Its socket and process were the other's: `make up` took the socket away from it, whose clients met the copy."""
    server, copy = private_server.up(home, say=quiet), tmp_path / "copy"
    run(server, "shop", "create table t (id int)")
    shutil.copytree(home, copy, symlinks=True)
    assert not private_server.is_up(copy) and not private_server.down(copy, say=quiet)
    try:
        second = private_server.up(copy, say=quiet)
        run(second, "shop", "drop table t")
        assert second.socket != server.socket and private_server.is_up(copy)
        assert run(server, "loader", "show tables") == (("t",),)
    finally:
        assert private_server.down(copy, say=quiet)
    assert private_server.is_up(home) and run(server, "loader", "select count(*) from t") == ((0,),)


@both
def test_a_folder_that_is_moved_under_its_server_keeps_it(home, kind):
    pid = private_server.up(home, kind, say=quiet).pid
    moved = home.rename(home.with_name("moved"))
    try:
        assert private_server.is_up(moved)
        assert private_server.up(moved, say=quiet).pid == pid
    finally:
        assert private_server.down(moved, say=quiet) and not private_server.is_up(moved)


def test_a_server_that_starts_does_not_clear_the_temporary_tables_of_another(home, mysql_server):
    """MariaDB removes #sql-temptable files from its tmpdir when it starts; in /tmp they were other servers' too."""
    (folders,) = run(mysql_server, "root", "select @@tmpdir")
    assert Path(folders[0]).resolve() == (mysql_server.home / "tmp").resolve()
    assert run(private_server.up(home, say=quiet), "root", "select @@tmpdir")[0] != folders


def test_of_two_ups_at_once_one_starts_it_and_the_other_finds_it(home):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: private_server.up(home, say=quiet), range(2))
    assert one.pid == other.pid


def test_a_half_made_data_directory_is_made_anew(home):
    (home / "data.new" / "mysql").mkdir(parents=True)
    assert private_server.up(home, say=quiet).pid


def test_a_socket_folder_that_the_system_cleaned_away_is_made_anew(home):
    server = private_server.up(home, say=quiet)
    private_server.down(home, say=quiet)
    shutil.rmtree(server.socket.parent, ignore_errors=True)
    assert private_server.up(home, say=quiet).socket.exists()


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

    assert mode(mysql_server.home) == mode(mysql_server.data) == mode(mysql_server.socket.parent) == 0o700
    for name in ("loader.url", "shop.url", "root.url", "passwords.json", "init.sql"):
        assert mode(mysql_server.home / name) == 0o600
    assert run(mysql_server, "root", "select @@skip_networking") == ((1,),)


def test_the_passwords_are_on_no_command_line(mysql_server):
    command = Path(f"/proc/{mysql_server.pid}/cmdline").read_text()
    assert not any(password in command for password in mysql_server.passwords.values())


@both
def test_without_a_server_program_and_without_apt_the_ways_to_get_one_are_named(home, tmp_path, kind):
    with pytest.raises(Failure) as caught:
        private_server.up(home, kind, say=quiet, places=Places(tmp_path / "cache", [str(tmp_path)]))
    for way in ("brew install", "docker run", "make demo"):
        assert way in caught.value.fix


def test_of_two_that_fetch_at_once_one_waits_and_what_breaks_off_leaves_nothing(tmp_path):
    work_of = []

    def broken(work: Path) -> list[Path]:
        (work / "half").touch()
        raise Failure("no network", "try again")

    def choose(work: Path) -> list[Path]:
        assert not (work / "half").exists()
        work_of.append(work)
        time.sleep(0.2)
        (work / "root").mkdir()
        return []

    with pytest.raises(Failure):
        debian.fetch(tmp_path, broken)
    assert not (tmp_path / "fetching").exists() and not (tmp_path / "root").exists()
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(lambda _: debian.fetch(tmp_path, choose), range(2))) == {tmp_path / "root"}
    assert len(work_of) == 1


APT = """#!/bin/sh
case "$*" in
*" update") exit $UPDATE ;;
*indextargets*) echo "$MIRROR" ;;
*simulate*) echo "E: Unable to locate package" >&2; exit 100 ;;
esac
"""


@pytest.mark.parametrize(
    ("update", "mirror", "problem"),
    [
        ("100", "Debian Debian file:/mirror/", "apt could not update"),
        ("0", "Ubuntu Ubuntu file:/mirror/", "does not get its packages from Debian"),
        ("0", "Debian Debian-Security file:/mirror/", "does not get its packages from Debian"),
        ("0", "Debian Debian file:/mirror/", "apt could not install .*: E: Unable to locate package"),
    ],
    ids=["no network", "another distribution", "security updates only", "not for this architecture"],
)
def test_why_mysql_cannot_be_fetched_is_said_with_the_other_ways(tmp_path, monkeypatch, update, mirror, problem):
    """An apt that answers as the real one does where there is no network, no Debian, or no package."""
    for name, script in (("apt-get", APT), ("dpkg-deb", "#!/bin/sh\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("UPDATE", update)
    monkeypatch.setenv("MIRROR", mirror)
    with pytest.raises(Failure, match=f"MySQL cannot be fetched: .*{problem}") as caught:
        mysql_binary.find(Places(tmp_path / "cache", [str(tmp_path)]), quiet)
    assert "TEST_SERVERS=mariadb" in caught.value.fix
    assert not (tmp_path / "cache" / "mysql" / "root").exists()


@pytest.mark.parametrize("loader", ["x86_64-linux-gnu/ld-linux-x86-64.so.2", "aarch64-linux-gnu/ld-linux-aarch64.so.1"])
def test_mysql_is_run_by_the_loader_of_its_own_architecture(tmp_path, loader):
    root = tmp_path / "cache" / "mysql" / "root"
    for name in ("usr/sbin/mysqld", f"usr/lib/{loader}"):
        (root / name).parent.mkdir(parents=True)
        (root / name).touch()
    found = mysql_binary.find(Places(tmp_path / "cache", [str(tmp_path)]), quiet)
    assert found.command[0] == str(root / "usr/lib" / loader)


def test_a_mysqld_that_is_mariadbs_is_not_taken_for_mysql(tmp_path):
    program = tmp_path / "mysqld"
    for version, taken in (("mysqld  Ver 10.11.6-MariaDB for debian-linux-gnu", False), ("mysqld  Ver 9.7.4", True)):
        program.write_text(f"#!/bin/sh\necho {version!r}\n")
        program.chmod(0o755)
        places = Places(tmp_path / "cache", [str(tmp_path)])
        if taken:
            assert mysql_binary.find(places, quiet).command[0] == str(program)
        else:
            with pytest.raises(Failure, match="there is no MySQL server of release 8"):
                mysql_binary.find(places, quiet)


@pytest.mark.parametrize(
    ("name", "version", "binary", "told"),
    [
        ("mysqld", "5.7.44", mysql_binary, "is MySQL 5.7, older than 8.0: not used"),
        ("mariadbd", "10.3.39-MariaDB", mariadb_binary, "is MariaDB 10.3, older than 10.4: not used"),
    ],
)
def test_a_server_that_is_too_old_is_named_and_not_used(tmp_path, name, version, binary, told):
    program = tmp_path / name
    program.write_text(f"#!/bin/sh\necho '{name}  Ver {version}'\n")
    program.chmod(0o755)
    said = []
    with pytest.raises(Failure):
        binary.find(Places(tmp_path / "cache", [str(tmp_path)]), said.append)
    assert said == [f"{program} {told}"]


def test_a_mysql_behind_mariadbs_link_of_that_name_is_found_the_newest_first(tmp_path):
    """Homebrew links mariadb's mysqld into bin, and leaves mysql@8.4 unlinked."""
    for package, version in (("mariadb", "11.8.2-MariaDB"), ("mysql@5.7", "5.7.44"), ("mysql@8.4", "8.4.6")):
        program = tmp_path / "opt" / package / "bin/mysqld"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'mysqld  Ver {version}'\n")
        program.chmod(0o755)
    search = [str(tmp_path / "opt/mariadb/bin"), *unlinked([tmp_path / "opt"])]
    found = mysql_binary.find(Places(tmp_path / "cache", search), quiet)
    assert found.command[0] == str(tmp_path / "opt/mysql@8.4/bin/mysqld")


@pytest.mark.skipif("mariadb" not in servers.private(), reason="this run has no MariaDB of its own")
def test_a_mariadb_that_homebrew_has_not_linked_is_run_and_none_is_fetched(home, tmp_path, monkeypatch):
    root = default_places(ROOT / ".data" / "mysql").cache / "mariadb" / "root"
    if not root.exists():
        pytest.skip("this machine has a MariaDB installed: none was fetched that could stand in for Homebrew's")
    monkeypatch.setenv("LD_LIBRARY_PATH", debian.libraries(root))
    program = tmp_path / "opt/mariadb@10.11/bin/mariadbd"
    program.parent.mkdir(parents=True)
    program.symlink_to(root / "usr/sbin/mariadbd")
    places = Places(tmp_path / "cache", unlinked([tmp_path / "opt"]))
    server = private_server.up(home, "mariadb", say=quiet, places=places)
    assert run(server, "loader", "select 1 + 1") == ((2,),) and not places.cache.exists()


@pytest.mark.parametrize(("name", "inside"), [("order-he", "s.sock"), ("redshift-stand-in", "data/.s.PGSQL.5432")])
def test_a_sockets_path_fits_macos_whatever_tmpdir_is(monkeypatch, name, inside):
    """104 bytes there, with the NUL at the end. TMPDIR as macOS has it, 48 long, is used; /tmp for a longer one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as top:
        for length in range(48, 110):
            base = Path(top) / ("x" * (length - len(top) - 1))
            base.mkdir()
            monkeypatch.setattr(tempfile, "tempdir", str(base))
            folder = socket_folder.made(name)
            folder.rmdir()
            assert len(os.fsencode(folder / inside)) <= 103
            assert folder.parent == base or length > 48


def test_a_server_that_cannot_start_quotes_its_log(home):
    server = private_server.up(home, say=quiet)
    private_server.down(home, say=quiet)
    (server.data / "ibdata1").write_bytes(b"damaged")
    with pytest.raises(Failure, match=r"does not start: .*ERROR") as caught:
        private_server.up(home, say=quiet)
    assert "error.log" in caught.value.fix


def test_a_program_installed_on_the_machine_is_preferred(tmp_path):
    program = tmp_path / "sbin" / "mariadbd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'mariadbd  Ver 11.8.2-MariaDB'\n")
    program.chmod(0o755)
    found = mariadb_binary.find(Places(tmp_path / "cache", [str(program.parent)]), quiet)
    assert found.command[0] == str(program)


@pytest.mark.parametrize("share", ["share/mysql/mysql_", "share/mariadb/mariadb_", "share/mariadb/mysql_"])
def test_the_servers_own_sql_is_found_where_each_release_keeps_it(tmp_path, share):
    """Debian 12 (MariaDB 10.11), Debian 13 (11.8), and one between them."""
    program = tmp_path / "sbin" / "mariadbd"
    wanted = [tmp_path / f"{share}{name}" for name in mariadb_binary.BOOTSTRAP]
    for file in (program, *wanted):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(file))
    program.write_text("#!/bin/sh\necho 'mariadbd  Ver 11.8.2-MariaDB'\n")
    program.chmod(0o755)
    places = Places(tmp_path / "cache", [str(program.parent)])
    assert mariadb_binary.find(places, quiet).script.endswith("".join(map(str, wanted)))
    wanted[1].unlink()
    assert mariadb_binary.find(places, quiet).script == mariadb_binary.BEFORE


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


@both
def test_an_ordinary_user_can_do_it_too(kind):
    """The other tests run as whoever runs them; when that is root, this one is nobody."""
    if os.getuid() != 0:
        pytest.skip("this whole run is an ordinary user's")
    nobody = pwd.getpwnam("nobody")
    # pytest's own folders, and often Python's too, are closed to others; so a process that has imported all this
    # becomes nobody: a fork, of a process without threads.
    with tempfile.TemporaryDirectory(prefix="order-he-nobody-") as name:
        folder = Path(name)
        cache = default_places(ROOT / ".data" / "mysql").cache / kind
        if cache.exists():
            shutil.copytree(cache, folder / "cache" / kind, symlinks=True)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
        child = multiprocessing.get_context("forkserver").Process(target=_as_user, args=(nobody, folder, kind))
        child.start()
        child.join()
        assert child.exitcode == 0, (folder / "told").read_text()


def _as_user(user: pwd.struct_passwd, folder: Path, kind: str) -> None:
    """In a process of its own: become the user, start a server, ask it, stop it."""
    "localhost".encode("idna")  # what Python loads at the first use only, and a user may not read
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.chdir(folder)
    try:
        server = private_server.up(folder / "home", kind, say=quiet, places=Places(folder / "cache"))
        assert run(server, "loader", "select 1 + 1") == ((2,),)
        assert private_server.down(folder / "home", say=quiet) and not private_server.is_up(folder / "home")
    except BaseException as error:
        (folder / "told").write_text(repr(error))
        raise
