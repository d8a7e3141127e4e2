"""A private database server: own data, own socket, a password for every account; started and stopped by its folder.

It listens on no network port. Its folder and its socket's folder are open to their owner only. It is a MariaDB or a
MySQL; a folder that has been both has data of both, and one of them runs, by the same URLs.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pymysql

from loaders.common.errors import Failure
from loaders.common.settings import is_a_copy
from loaders.source.mysql_url import DatabaseURL
from local_stack import mariadb_binary, mysql_binary, own_folder
from local_stack.program import Places, Program, default_places
from redshift_stand_in import socket_folder

DATABASE = "order_he"
ACCOUNTS = ("root", "shop", "loader")
# The servers there are, and how each one's program is found.
PROGRAMS = {"mariadb": mariadb_binary.find, "mysql": mysql_binary.find}
DEFAULT_KIND = "mariadb"
NAMES = {"mariadb": "MariaDB", "mysql": "MySQL"}
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A running private server. Passwords are in the URL files of `home`, which only its owner may read."""

    home: Path
    kind: str
    socket: Path
    passwords: dict[str, str]

    def __repr__(self) -> str:
        return f"Server({self.kind}, {self.home})"

    @property
    def data(self) -> Path:
        return self.home / {"mariadb": "data", "mysql": "data-mysql"}[self.kind]

    @property
    def pid(self) -> int:
        return int((self.home / "pid").read_text())

    def url(self, account: str, database: str = DATABASE) -> str:
        """The URL of an account: root; shop, which owns every order_he… database; loader, which may only read them.

        (And hold writers off for a moment: `extract --parallel` needs LOCK TABLES.)
        """
        password = self.passwords[account]
        return DatabaseURL(account, "localhost", 3306, database, password, unix_socket=str(self.socket)).text()


def up(
    home: Path,
    kind: str = "",
    say: Callable[[str], None] = print,
    options: Sequence[str] = (),
    places: Places | None = None,
) -> Server:
    """Start the server of `home`, made at the first time; one that runs already is left alone.

    kind: mariadb or mysql; else what it was the last time. One of the other kind is stopped, and its data stays.
    options: more of the daemon's own, such as a port and a certificate; they go before ours.
    """
    with _alone(home):
        server = _described(home, kind or kind_of(home))
        if not answers(server):
            program = PROGRAMS[server.kind](places or default_places(home), say)
            _make_way(server, say)
            if not server.data.exists():
                say("making a new data directory …")
                _initialise(program, server)
            _start(program, server, options)
        return server


def down(home: Path, say: Callable[[str], None] = print) -> bool:
    """Stop the server of `home` and wait until it is gone. False: it was not running."""
    if not (home / "socket").exists():
        return False
    with _alone(home):
        server = _described(home, kind_of(home))
        if not _stop(server, say):
            return False
        shutil.rmtree(server.socket.parent, ignore_errors=True)
        return True


def kind_of(home: Path) -> str:
    """What the server of `home` was when it was started the last time."""
    note = home / "kind"
    return note.read_text() if note.exists() else DEFAULT_KIND


def is_up(home: Path) -> bool:
    """Whether the server of `home` runs; changes nothing."""
    if not (home / "socket").exists() or is_a_copy(home):
        return False
    passwords = json.loads((home / "passwords.json").read_text())
    return answers(Server(home, kind_of(home), Path((home / "socket").read_text()), passwords))


def answers(server: Server) -> bool:
    """Whether the server of this very folder takes connections."""
    try:
        with closing(_connect(server)) as connection, connection.cursor() as cursor:
            # In hex, because MySQL takes the path for three-byte UTF-8, and prints ? for the rest.
            cursor.execute("select hex(@@datadir)")
            found = Path(os.fsdecode(bytes.fromhex(cursor.fetchone()[0])))
            # Where nothing is any more, the folder was moved under its running server, whose socket is its own.
            return found.resolve() == server.data.resolve() or (found.name == server.data.name and not found.exists())
    except pymysql.MySQLError:
        return False


def _make_way(server: Server, say: Callable[[str], None]) -> None:
    """Stop the server of the other kind, and note which one starts now."""
    other = replace(server, kind=kind_of(server.home))
    if other.kind != server.kind and _stop(other, say):
        say(f"stopped {NAMES[other.kind]}: one server at a time has this folder; its data stays")
    _write_private(server.home / "kind", server.kind)


def _described(home: Path, kind: str) -> Server:
    """The server as its folder describes it: socket and passwords are made once and then stay."""
    own_folder.claim(home, "socket", "pid")
    passwords = home / "passwords.json"
    if not passwords.exists():
        _write_private(passwords, json.dumps({account: secrets.token_urlsafe(24) for account in ACCOUNTS}))
    server = Server(home, kind, _socket(home), json.loads(passwords.read_text()))
    for account in ACCOUNTS:
        _write_private(home / f"{account}.url", server.url(account) + "\n")
    return server


def _socket(home: Path) -> Path:
    """The socket's path; its folder is made anew where the system's cleaning, or another user, has taken it."""
    note = home / "socket"
    folder = Path(note.read_text()).parent if note.exists() else None
    if folder is None or not (folder.is_dir() and folder.stat().st_uid == os.getuid()):
        folder = socket_folder.made("order-he")
        _write_private(note, str(folder / "s.sock"))
    return folder / "s.sock"


def _initialise(program: Program, server: Server) -> None:
    """Make the data directory under another name first: one that is there is whole."""
    fresh = server.data.with_name(server.data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    command = [*program.command, *_user(), f"--datadir={fresh}", _temporary(server.home), *program.making]
    done = subprocess.run(command, input=program.script, env=program.environment(), capture_output=True, text=True)
    if done.returncode:
        raise _start_failure(server, done.stderr)
    fresh.rename(server.data)


def _start(program: Program, server: Server, options: Sequence[str]) -> None:
    """Start the daemon apart from this terminal and wait until it answers."""
    home = server.home
    # Run by the server before it takes a connection: no account is ever without a password.
    _write_private(home / "init.sql", _accounts_sql(server))
    (home / "pid").unlink(missing_ok=True)
    # Nothing answers here, but the number in a killed MySQL's lock may be another process's by now.
    server.socket.with_name(f"{server.socket.name}.lock").unlink(missing_ok=True)
    command = [
        *program.command,
        *_user(),
        f"--datadir={server.data}",
        _temporary(home),
        f"--socket={server.socket}",
        f"--pid-file={home / 'pid'}",
        f"--log-error={home / 'error.log'}",
        f"--init-file={home / 'init.sql'}",
        "--skip-networking",
        "--skip-log-bin",
        "--character-set-server=utf8mb4",
        "--default-time-zone=+00:00",
        "--max-allowed-packet=256M",
        "--innodb-buffer-pool-size=128M",
        # Commits reach the system at once, so that a killed server loses none; only a crash of the machine may.
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-doublewrite=0",
        "--performance-schema=OFF",
        *options,
    ]
    with (home / "error.log").open("w") as log:
        process = subprocess.Popen(
            command, env=program.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    for _ in range(START_SECONDS * 20):
        if answers(server):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise _start_failure(server, (home / "error.log").read_text(errors="replace"))


def _accounts_sql(server: Server) -> str:
    """One statement per line. The pattern's _ are escaped: unescaped they would stand for any character."""
    own = "`order\\_he%`.*"
    lines = [f"alter user 'root'@'localhost' identified by '{server.passwords['root']}';"]
    for account, rights in (("shop", "all privileges"), ("loader", "select, lock tables")):
        lines += [
            f"create user if not exists '{account}'@'localhost' identified by '{server.passwords[account]}';",
            f"grant {rights} on {own} to '{account}'@'localhost';",
        ]
    return "\n".join([*lines, f"create database if not exists {DATABASE};"]) + "\n"


def _stop(server: Server, say: Callable[[str], None]) -> bool:
    """Stop it and wait until it is gone. False: it was not running."""
    pid = _pid(server)
    if pid is None and not answers(server):
        return False
    try:
        with closing(_connect(server)) as connection, connection.cursor() as cursor:
            cursor.execute("shutdown")
    except pymysql.MySQLError:
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
    if not _gone(server, STOP_SECONDS) and (pid := _pid(server)):
        say(f"the server (process {pid}) does not stop by itself; killing it")
        os.kill(pid, signal.SIGKILL)
        _gone(server, STOP_SECONDS)
    return True


def _gone(server: Server, seconds: float) -> bool:
    for _ in range(int(seconds * 20)):
        if _pid(server) is None and not answers(server):
            return True
        time.sleep(0.05)
    return False


def _pid(server: Server) -> int | None:
    """The server's process, if it lives and is really ours: numbers are used again by the system."""
    try:
        pid = server.pid
        command = _command_line(pid)
    except (OSError, ValueError):
        return None
    return pid if str(server.home / "data") in command else None


def _command_line(pid: int) -> str:
    """A process's command line, empty for one that has ended. A minimal Debian has no `ps`, macOS no /proc."""
    if Path("/proc/self").exists():
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
    return subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True).stdout


def _connect(server: Server) -> pymysql.Connection:
    return pymysql.connect(
        user="root",
        password=server.passwords["root"],
        unix_socket=str(server.socket),
        connect_timeout=5,
        ssl_disabled=True,
    )


def _user() -> list[str]:
    return ["--user=root"] if os.getuid() == 0 else []


def _temporary(home: Path) -> str:
    """A folder of its own for temporary tables: a server that starts clears its own, and /tmp is everybody's."""
    (home / "tmp").mkdir(mode=0o700, exist_ok=True)
    return f"--tmpdir={home / 'tmp'}"


def _write_private(file: Path, text: str) -> None:
    """Replace a file that only its owner may read, at no moment half written or open to others."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(file)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the folder's lock, so that of two commands at once one waits for the other."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        lock = (home / "lock").open("w")
    except OSError as error:
        raise Failure(
            f"the private server's folder {home} cannot be used ({error.strerror})", "choose another by --home"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start_failure(server: Server, log: str) -> Failure:
    lines = [line.strip() for line in log.splitlines() if "ERROR" in line] or log.strip().splitlines()
    said = " / ".join(lines[-3:]) or "it said nothing"
    return Failure(
        f"the private {NAMES[server.kind]} server in {server.home} does not start: {said}",
        f"see the whole log, {server.home / 'error.log'}, and `make up` again; where its data is beyond repair, remove "
        f"{server.data} and `make up seed` makes a new shop",
    )
