"""The alternatives: Python packages, by pip into a throw-away folder; Debian's programs, by apt into the user's cache.

What cannot be had is named in the results, with the reason.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from local_stack import debian, mysql_binary
from local_stack.program import default_places

# The scanner's wheel carries the extension for exactly one version of DuckDB. PyMySQL quotes its address.
DUCKDB = ("duckdb==1.5.5", "duckdb-extension-mysql-scanner==1.5.5", "pymysql==1.2.4")
LOCK = ROOT / "requirements" / "bench.txt"


@dataclass(frozen=True)
class Program:
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Peers:
    """home: the throw-away folder, with a dbt profile in it. python, duckdb: interpreters with the packages.

    lacking: the reason for a None, by its name.
    """

    home: Path
    client: Program
    python: str | None = None
    duckdb: str | None = None
    mydumper: Program | None = None
    lacking: Mapping[str, str] = field(default_factory=dict)


def find(home: Path, kind: str, wanted: bool) -> Peers:
    """The client of that kind of server, and if wanted the rest."""
    shutil.copy(ROOT / "profiles.example.yml", home / "profiles.yml")
    programs = default_places(home).cache
    client = _mysql(programs) if kind == "mysql" else _program(programs, "mariadb", "mariadb-client-core")
    if not wanted:
        return Peers(home, client)
    lacking: dict[str, str] = {}
    locked = ["--no-deps", "--require-hashes", "-r", str(LOCK)]
    python = _or_why(lacking, "python", lambda: _environment(home / "venv", locked))
    duckdb = _or_why(lacking, "duckdb", lambda: _environment(home / "duckdb", [*DUCKDB]))
    mydumper = _or_why(lacking, "mydumper", lambda: _program(programs, "mydumper", "mydumper"))
    return Peers(home, client, python, duckdb, mydumper, lacking)


def _or_why(lacking: dict[str, str], name: str, make: Callable):
    try:
        return make()
    except Failure as failure:
        lacking[name] = failure.problem
        print(f"notice: {failure.problem}", file=sys.stderr)
        return None


def _environment(folder: Path, packages: list[str]) -> str:
    """An interpreter with these packages; a stamp says that all of them are there."""
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = LOCK.read_text() if str(LOCK) in packages else "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing the alternatives into {folder} …", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _done([sys.executable, "-m", "venv", str(folder)])
        _done([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        stamp.write_text(wanted)
    return str(python)


def _program(cache: Path, name: str, package: str) -> Program:
    """The machine's own program, or Debian's package unpacked."""
    found = shutil.which(name)
    if found:
        return Program((found,))
    if not debian.at_hand():
        raise Failure(f"{package} is not on this machine, and there is no apt to fetch it with", f"install {package}")
    root = debian.fetch(cache / package, lambda work: _download(work, package))
    # How MySQL's accounts log in is a library of its own.
    plugins = next(root.glob("usr/lib/*/libmariadb3/plugin"), "")
    own = {"LD_LIBRARY_PATH": debian.libraries(root), "MARIADB_PLUGIN_DIR": str(plugins)}
    return Program((str(root / "usr/bin" / name),), own)


def _mysql(cache: Path) -> Program:
    """MySQL's own client, from where its server comes from."""
    root = debian.fetch(cache / mysql_binary.CLIENT, lambda work: mysql_binary.download(work, mysql_binary.CLIENT))
    return Program(mysql_binary.by_own_loader(root, "usr/bin/mysql"))


def _download(work: Path, package: str) -> list[Path]:
    print(f"fetching Debian's {package} …", file=sys.stderr)
    debian.prepare(work)
    return debian.download(work, debian.lacking(work, package) or [package])


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Failure(f"{' '.join(command[:4])} failed: {said}", "check network and index")
