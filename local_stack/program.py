"""A database server's program: where one is looked for, how it is called, and how it makes its first data."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/sbin")
# Where Homebrew puts what it does not link, as mysql@8.4: a folder for each.
HOMEBREW = ("/opt/homebrew/opt", "/usr/local/opt")


@dataclass(frozen=True)
class Program:
    """command: the daemon and what goes before all other options. making: the options that make a data directory,
    with script as its input. libraries: folders of its own, as LD_LIBRARY_PATH names them.
    """

    command: tuple[str, ...]
    making: tuple[str, ...]
    script: str = ""
    libraries: str = ""

    def environment(self) -> dict[str, str]:
        """The environment to run the daemon in."""
        path = ":".join(filter(None, [self.libraries, os.environ.get("LD_LIBRARY_PATH", "")]))
        return dict(os.environ) | ({"LD_LIBRARY_PATH": path} if path else {})


@dataclass(frozen=True)
class Places:
    """cache: where fetched programs are kept. search: the folders of this machine's own, instead of PATH and more."""

    cache: Path
    search: Sequence[str] | None = None

    def on_machine(self, name: str, fits: Callable[[Path], bool]) -> Path | None:
        """The first program of that name that fits: another's may stand before the one that is wanted."""
        everywhere = [*os.environ.get("PATH", "").split(":"), *FOLDERS, *unlinked()]
        for folder in everywhere if self.search is None else self.search:
            found = shutil.which(name, path=folder)
            if found and fits(Path(found)):
                return Path(found).resolve()
        return None


def serves(daemon: Path, kind: str, oldest: tuple[int, int], say: Callable[[str], None]) -> bool:
    """Whether it is a MySQL or a MariaDB, as kind says, of that release or later. One that is too old is told of.

    MariaDB's program often has a link by MySQL's name, so what it is called does not tell.
    """
    told = subprocess.run([str(daemon), "--no-defaults", "--version"], capture_output=True, text=True).stdout
    release = re.search(r"Ver (\d+)\.(\d+)", told)
    if not release or ("MariaDB" in told) != (kind == "MariaDB"):
        return False
    if (int(release[1]), int(release[2])) < oldest:
        say(f"{daemon} is {kind} {release[1]}.{release[2]}, older than {oldest[0]}.{oldest[1]}: not used")
        return False
    return True


def unlinked(homebrew: Sequence[str | Path] = HOMEBREW) -> list[str]:
    """The programs' folders of Homebrew's packages, of mysql@8.4 and mysql@5.7 the newer one first."""
    return [str(folder) for opt in homebrew for folder in sorted(Path(opt).glob("*/bin"), reverse=True)]


def default_places(home: Path) -> Places:
    """The user's cache, or a folder beside the data of `home` where there is none."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME") or "/nonexistent") / ".cache")
    cache = base / "order-he"
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Places(home.parent)
    return Places(cache if os.access(cache, os.W_OK) else home.parent)
