"""A private MySQL server: own data, own socket, a password for every account; started and stopped by its folder.

It listens on no network port. Its folder and its socket's folder are open to their owner only.
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
from dataclasses import dataclass
from pathlib import Path

import pymysql

from loaders.errors import Failure
from loaders.source.mysql_url import DatabaseURL
from local_stack import mariadb_binary
from local_stack.mariadb_binary import Binary

DATABASE = "order_he"
ACCOUNTS = ("root", "shop", "loader")
START_SECONDS = 60
STOP_SECONDS = 30
# A socket's path is cut by the system after about 107 bytes, so it lies in a short folder of its own.
SOCKET_PATH_BYTES = 100


@dataclass(frozen=True)
class Server:
    """A running private server. Passwords are in the URL files of `home`, which only its owner may read."""

    home: Path
    socket: Path
    passwords: dict[str, str]

    def __repr__(self) -> str:
        return f"Server({self.home})"

    @property
    def pid(self) -> int:
        return int((self.home / "pid").read_text())

    def url(self, account: str, database: str = DATABASE) -> str:
        """The URL of an account: root; shop, which owns every order_he… database; loader, which may only read them.

        (And hold writers off for a moment: `extract --parallel` needs LOCK TABLES.)
        """
        password = self.passwords[account]
        return DatabaseURL(account, "localhost", 3306, database, password, unix_socket=str(self.socket)).text()


def default_cache(home: Path) -> Path:
    """Where a fetched server program is kept: the user's cache, or beside the data where there is none."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME") or "/nonexistent") / ".cache")
    try:
        (base / "order-he").mkdir(parents=True, exist_ok=True)
    except OSError:
        return home.parent / "mariadb"
    writable = os.access(base / "order-he", os.W_OK)
    return base / "order-he" / "mariadb" if writable else home.parent / "mariadb"


def up(
    home: Path,
    cache: Path | None = None,
    say: Callable[[str], None] = print,
    search: Sequence[str] | None = None,
    options: Sequence[str] = (),
) -> Server:
    """Start the server of `home`, made at the first time; one that runs already is left alone.

    cache: where a fetched program is kept. search: folders to look for a server program in.
    options: more of the daemon's own, such as a port and a certificate; they go before ours.
    """
    with _alone(home):
        server = _described(home)
        if not answers(server):
            binary = mariadb_binary.find(cache or default_cache(home), say, search)
            if not (home / "data").exists():
                say("making a new data directory …")
                _initialise(binary, home)
            _start(binary, server, options)
        return server


def down(home: Path, say: Callable[[str], None] = print) -> bool:
    """Stop the server of `home` and wait until it is gone. False: it was not running."""
    if not (home / "socket").exists():
        return False
    with _alone(home):
        server = _described(home)
        pid = _pid(home)
        if not answers(server) and pid is None:
            return False
        _stop(server, pid, say)
        shutil.rmtree(server.socket.parent, ignore_errors=True)
        return True


def is_up(home: Path) -> bool:
    """Whether the server of `home` runs; changes nothing."""
    if not (home / "socket").exists():
        return False
    passwords = json.loads((home / "passwords.json").read_text())
    return answers(Server(home, Path((home / "socket").read_text()), passwords))


def answers(server: Server) -> bool:
    """Whether the server of this very folder takes connections."""
    try:
        with closing(_connect(server)) as connection, connection.cursor() as cursor:
            cursor.execute("select @@datadir")
            return Path(cursor.fetchone()[0]).resolve() == (server.home / "data").resolve()
    except pymysql.MySQLError:
        return False


def _described(home: Path) -> Server:
    """The server as its folder describes it: socket and passwords are made once and then stay."""
    passwords = home / "passwords.json"
    if not passwords.exists():
        _write_private(passwords, json.dumps({account: secrets.token_urlsafe(24) for account in ACCOUNTS}))
    server = Server(home, _socket(home), json.loads(passwords.read_text()))
    for account in ACCOUNTS:
        _write_private(home / f"{account}.url", server.url(account) + "\n")
    return server


def _socket(home: Path) -> Path:
    """The socket's path; its folder is made anew where the system's cleaning, or another user, has taken it."""
    note = home / "socket"
    folder = Path(note.read_text()).parent if note.exists() else None
    if folder is None or not (folder.is_dir() and folder.stat().st_uid == os.getuid()):
        base = tempfile.gettempdir()
        short = len(base) + len("/order-he-xxxxxxxx/s.sock") < SOCKET_PATH_BYTES
        folder = Path(tempfile.mkdtemp(prefix="order-he-", dir=base if short else "/tmp"))  # noqa: S108
        _write_private(note, str(folder / "s.sock"))
    return folder / "s.sock"


def _initialise(binary: Binary, home: Path) -> None:
    """Make the data directory under another name first: one that is there is whole."""
    fresh = home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    command = [str(binary.daemon), "--no-defaults", *_user(), f"--datadir={fresh}", _temporary(home)]
    if binary.is_mariadb():
        script = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\nset @skip_auth_anonymous=1;\n"
        script += "".join(file.read_text(encoding="utf-8") for file in binary.bootstrap())
        command += ["--bootstrap", *_messages(binary), "--innodb-flush-log-at-trx-commit=0"]
        command += ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=64M"]
    else:
        script = ""
        command += ["--initialize-insecure"]
    done = subprocess.run(command, input=script, env=binary.environment(), capture_output=True, text=True)
    if done.returncode:
        raise _start_failure(home, done.stderr)
    fresh.rename(home / "data")


def _start(binary: Binary, server: Server, options: Sequence[str]) -> None:
    """Start the daemon apart from this terminal and wait until it answers."""
    home = server.home
    # Run by the server before it takes a connection: no account is ever without a password.
    _write_private(home / "init.sql", _accounts_sql(server))
    (home / "pid").unlink(missing_ok=True)
    command = [
        str(binary.daemon),
        "--no-defaults",
        *_user(),
        f"--datadir={home / 'data'}",
        _temporary(home),
        f"--socket={server.socket}",
        f"--pid-file={home / 'pid'}",
        f"--log-error={home / 'error.log'}",
        f"--init-file={home / 'init.sql'}",
        *(_messages(binary) if binary.is_mariadb() else ["--mysqlx=OFF"]),
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
            command, env=binary.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    for _ in range(START_SECONDS * 20):
        if answers(server):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise _start_failure(home, (home / "error.log").read_text(errors="replace"))


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


def _stop(server: Server, pid: int | None, say: Callable[[str], None]) -> None:
    try:
        with closing(_connect(server)) as connection, connection.cursor() as cursor:
            cursor.execute("shutdown")
    except pymysql.MySQLError:
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
    if not _gone(server, STOP_SECONDS) and (pid := _pid(server.home)):
        say(f"the server (process {pid}) does not stop by itself; killing it")
        os.kill(pid, signal.SIGKILL)
        _gone(server, STOP_SECONDS)


def _gone(server: Server, seconds: float) -> bool:
    for _ in range(int(seconds * 20)):
        if _pid(server.home) is None and not answers(server):
            return True
        time.sleep(0.05)
    return False


def _pid(home: Path) -> int | None:
    """The server's process, if it lives and is really ours: numbers are used again by the system."""
    try:
        pid = int((home / "pid").read_text())
        command = _command_line(pid)
    except (OSError, ValueError):
        return None
    return pid if str(home / "data") in command else None


def _command_line(pid: int) -> str:
    """A process's command line, empty for one that has ended. A minimal Debian has no `ps`, macOS no /proc."""
    if Path("/proc/self").exists():
        return Path(f"/proc/{pid}/cmdline").read_text()
    return subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True).stdout


def _connect(server: Server) -> pymysql.Connection:
    return pymysql.connect(
        user="root", password=server.passwords["root"], unix_socket=str(server.socket), connect_timeout=5
    )


def _user() -> list[str]:
    return ["--user=root"] if os.getuid() == 0 else []


def _temporary(home: Path) -> str:
    """A folder of its own for temporary tables: a server that starts clears its own, and /tmp is everybody's."""
    (home / "tmp").mkdir(mode=0o700, exist_ok=True)
    return f"--tmpdir={home / 'tmp'}"


def _messages(binary: Binary) -> list[str]:
    return [f"--lc-messages-dir={binary.share}", f"--character-sets-dir={binary.share / 'charsets'}"]


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


def _start_failure(home: Path, log: str) -> Failure:
    lines = [line.strip() for line in log.splitlines() if "ERROR" in line] or log.strip().splitlines()
    said = " / ".join(lines[-3:]) or "it said nothing"
    return Failure(f"the private MySQL server in {home} does not start: {said}", f"the whole log: {home / 'error.log'}")
