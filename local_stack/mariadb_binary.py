"""Where MariaDB's server program comes from: this machine, or its Debian package unpacked into a cache folder."""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from loaders.common.errors import Failure
from local_stack import debian
from local_stack.program import Places, Program, serves

# The first whose program has the name that is looked for.
OLDEST = (10, 4)
PACKAGE = "mariadb-server-core"
# The SQL that makes MariaDB's data directory. MariaDB 11 renamed its files from mysql_… to mariadb_…
BOOTSTRAP = ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql")
BRANDS = ("mariadb_", "mysql_")
BEFORE = "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\nset @skip_auth_anonymous=1;\n"
MAKING = ("--bootstrap", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M",
          "--innodb-log-file-size=64M")  # fmt: skip


def find(places: Places, say: Callable[[str], None]) -> Program:
    """MariaDB's server program: the machine's, the cache's, or one fetched now."""
    daemon = places.on_machine("mariadbd", lambda found: serves(found, "MariaDB", OLDEST, say))
    if daemon:
        return _program(daemon, daemon.parent.parent)
    cache = places.cache / "mariadb"
    fetched_before = (cache / "root").exists()
    if not fetched_before:
        if not debian.at_hand(places.search):
            raise Failure(
                "there is no MariaDB server on this machine, and no apt to fetch one with",
                "install one: `apt-get install mariadb-server-core`, `brew install mariadb`; or use MySQL: "
                "`make demo SERVER=mysql`; or one in docker (`docker run -d -e MARIADB_ROOT_PASSWORD=… mariadb`) "
                "by SOURCE_URL and SHOP_URL",
            )
        say("no MariaDB server on this machine: fetching its package (7 MB) into a cache folder …")
    root = debian.fetch(cache, _download)
    daemon = root / "usr/sbin/mariadbd"
    if not daemon.exists():
        raise Failure(f"MariaDB's package, unpacked in {cache}, has no mariadbd", f"remove {cache} and try again")
    program = _program(daemon, root / "usr", debian.libraries(root))
    if not fetched_before:
        _check_libraries(daemon, program)
    return program


def _program(daemon: Path, prefix: Path, libraries: str = "") -> Program:
    share = _share(prefix)
    messages = (f"--lc-messages-dir={share}", f"--character-sets-dir={share / 'charsets'}")
    script = BEFORE + "".join(file.read_text(encoding="utf-8") for file in _bootstrap(share))
    return Program((str(daemon), "--no-defaults", *messages), MAKING, script, libraries)


def _share(prefix: Path) -> Path:
    """The folder with the daemon's SQL and messages: Debian 13 has another than Debian 12, Homebrew a third."""
    folders = (prefix / "share/mariadb", prefix / "share/mysql", prefix / "share")
    return next((folder for folder in folders if _bootstrap(folder)), folders[-1])


def _bootstrap(share: Path) -> list[Path]:
    sets = ([share / f"{brand}{name}" for name in BOOTSTRAP] for brand in BRANDS)
    return next((files for files in sets if all(file.exists() for file in files)), [])


def _download(work: Path) -> list[Path]:
    """The server's package and the libraries it needs that this machine lacks."""
    debian.prepare(work)
    (server,) = debian.download(work, [PACKAGE])
    depends = _output(["dpkg-deb", "-f", str(server), "Depends"])
    names = [re.split(r"[ (|:]", part.strip())[0] for part in depends.split(",")]
    lacking = [name for name in names if name.startswith("lib") and not _installed(name)]
    return [server, *(debian.download(work, lacking) if lacking else [])]


def _installed(name: str) -> bool:
    status = subprocess.run(["dpkg-query", "-W", "-f=${Status}", name], capture_output=True, text=True)
    return "ok installed" in status.stdout


def _check_libraries(daemon: Path, program: Program) -> None:
    told = subprocess.run(["ldd", str(daemon)], env=program.environment(), capture_output=True, text=True)
    lacking = re.findall(r"(\S+) => not found", told.stdout)
    if lacking:
        raise Failure(
            f"MariaDB's server lacks libraries on this machine: {', '.join(lacking)}",
            "install a server of this machine's own: `apt-get install mariadb-server-core`",
        )


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
