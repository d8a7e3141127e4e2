"""Where MySQL's server program comes from: this machine, or Debian's unstable suite, unpacked into a cache folder.

No stable Debian has MySQL. Unstable's program needs newer libraries than the machine's, the C library included, so all
of them are fetched with it, and it is started by their own loader.
"""

from collections.abc import Callable
from pathlib import Path

from loaders.common.errors import Failure
from local_stack import debian
from local_stack.program import Places, Program, serves

# The first with common table expressions, which the mart's check at the source needs.
OLDEST = (8, 0)
PACKAGE, CLIENT, SUITE = "mysql-server-core", "mysql-client-core", "sid"
# For the package's scripts, which are not run.
NOT_NEEDED = ("perl", "libperl", "libgdbm", "libdb5")
MAKING = ("--initialize-insecure",)
# Neither a second port, nor files read and written by SQL: the folder for those is a packager's choice.
OPTIONS = ("--no-defaults", "--loose-mysqlx=OFF", "--secure-file-priv=NULL")
OTHER_WAYS = (
    "install one (`brew install mysql`), or use MariaDB (`make demo`; for the tests TEST_SERVERS=mariadb), or one in "
    "docker (`docker run -d -e MYSQL_ROOT_PASSWORD=… mysql:9`) by SOURCE_URL and SHOP_URL, for the tests TEST_MYSQL_URL"
)


def find(places: Places, say: Callable[[str], None]) -> Program:
    """MySQL's server program: the machine's, the cache's, or one fetched now."""
    return _on_machine(places, say) or _unpacked(_fetched(places, say))


def _on_machine(places: Places, say: Callable[[str], None]) -> Program | None:
    daemon = places.on_machine("mysqld", lambda found: serves(found, "MySQL", OLDEST, say))
    return Program((str(daemon), *OPTIONS), MAKING) if daemon else None


def _fetched(places: Places, say: Callable[[str], None]) -> Path:
    cache = places.cache / "mysql"
    if not (cache / "root").exists():
        if not debian.at_hand(places.search):
            raise Failure(
                "there is no MySQL server of release 8.0 or later on this machine, and no apt to fetch one with",
                OTHER_WAYS,
            )
        say("no MySQL server on this machine: fetching it and its libraries (50 MB) into a cache folder …")
    try:
        return debian.fetch(cache, lambda work: download(work, PACKAGE))
    except Failure as failure:
        raise Failure(f"MySQL cannot be fetched: {failure.problem}", f"{failure.fix}; or {OTHER_WAYS}") from None


def download(work: Path, package: str) -> list[Path]:
    """A package's files and those of all it needs."""
    debian.prepare(work, SUITE)
    names = debian.lacking(work, package)
    return debian.download(work, [name for name in names if not name.startswith(NOT_NEEDED)])


def _unpacked(root: Path) -> Program:
    share = root / "usr/share/mysql"
    daemon = by_own_loader(root, "usr/sbin/mysqld")
    return Program(
        (
            *daemon, *OPTIONS, f"--basedir={root / 'usr'}", f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
        ),
        MAKING,
    )  # fmt: skip


def by_own_loader(root: Path, name: str) -> tuple[str, ...]:
    """How an unpacked program is run: by a loader whose name is the architecture's, ld-linux-x86-64.so.2 for one."""
    program, loaders = root / name, sorted(root.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"))
    if not (program.exists() and loaders):
        raise Failure(f"{name}, unpacked in {root}, cannot be run", f"remove {root.parent}, try again")
    return (str(loaders[0]), "--library-path", debian.libraries(root), str(program))
