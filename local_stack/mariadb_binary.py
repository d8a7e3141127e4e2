"""Where a MySQL server program comes from: this machine, or MariaDB's Debian package unpacked into a cache folder."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loaders.errors import Failure
from local_stack import debian

PACKAGE = "mariadb-server-core"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/sbin")
# The SQL that makes MariaDB's data directory. MariaDB 11 renamed its files from mysql_… to mariadb_…
BOOTSTRAP = ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql")
BRANDS = ("mariadb_", "mysql_")


@dataclass(frozen=True)
class Binary:
    """A server program: its daemon, the folder with its SQL and messages, and its own libraries."""

    daemon: Path
    share: Path
    libraries: str = ""

    def bootstrap(self) -> list[Path]:
        """The SQL that makes MariaDB's data directory; none: the daemon is MySQL's, which makes its own."""
        return _bootstrap(self.share)

    def is_mariadb(self) -> bool:
        return bool(self.bootstrap())

    def environment(self) -> dict[str, str]:
        """The environment to run the daemon in."""
        path = ":".join(filter(None, [self.libraries, os.environ.get("LD_LIBRARY_PATH", "")]))
        return dict(os.environ) | ({"LD_LIBRARY_PATH": path} if path else {})


def find(cache: Path, say: Callable[[str], None], search: Sequence[str] | None = None) -> Binary:
    """A server program: the machine's, the cache's, or one fetched now. search: folders to look in instead of PATH."""
    return _on_machine(search) or _cached(cache) or _fetched(cache, say, search)


def _on_machine(search: Sequence[str] | None) -> Binary | None:
    folders = [*os.environ.get("PATH", "").split(":"), *PLACES] if search is None else search
    for name in ("mariadbd", "mysqld"):
        found = shutil.which(name, path=":".join(folders))
        if found:
            daemon = Path(found).resolve()
            return Binary(daemon, _share(daemon.parent.parent))
    return None


def _share(prefix: Path) -> Path:
    """The folder with the daemon's SQL and messages: Debian 13 has another than Debian 12, Homebrew a third."""
    folders = (prefix / "share/mariadb", prefix / "share/mysql", prefix / "share")
    return next((folder for folder in folders if _bootstrap(folder)), folders[-1])


def _bootstrap(share: Path) -> list[Path]:
    sets = ([share / f"{brand}{name}" for name in BOOTSTRAP] for brand in BRANDS)
    return next((files for files in sets if all(file.exists() for file in files)), [])


def _cached(cache: Path) -> Binary | None:
    root = cache / "root"
    daemon = root / "usr/sbin/mariadbd"
    if not daemon.exists():
        return None
    return Binary(daemon, _share(root / "usr"), debian.libraries(root))


def _fetched(cache: Path, say: Callable[[str], None], search: Sequence[str] | None) -> Binary:
    path = None if search is None else ":".join(search)
    if not (shutil.which("apt-get", path=path) and shutil.which("dpkg-deb", path=path)):
        raise Failure(
            "there is no MySQL server on this machine, and no apt to fetch one with",
            "install one: `apt-get install mariadb-server-core`, `brew install mariadb`; "
            "or use one in docker (`docker run -d -e MARIADB_ROOT_PASSWORD=… mariadb`) by SOURCE_URL and SHOP_URL",
        )
    say("no MySQL server on this machine: fetching MariaDB's package (7 MB) into a cache folder …")
    cache.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: what is half fetched has another name, whoever else is fetching at the same moment.
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as folder:
        work = Path(folder)
        root = work / "root"
        debian.unpack(_download(work), root)
        try:
            root.rename(cache / "root")
        except OSError:
            if not (cache / "root").exists():
                raise
    binary = _cached(cache)
    if binary is None:
        raise Failure(f"MariaDB's package, unpacked in {cache}, has no mariadbd", f"remove {cache} and try again")
    _check_libraries(binary)
    return binary


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


def _check_libraries(binary: Binary) -> None:
    told = subprocess.run(["ldd", str(binary.daemon)], env=binary.environment(), capture_output=True, text=True)
    lacking = re.findall(r"(\S+) => not found", told.stdout)
    if lacking:
        raise Failure(
            f"MariaDB's server lacks libraries on this machine: {', '.join(lacking)}",
            "install a server of this machine's own: `apt-get install mariadb-server-core`",
        )


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
