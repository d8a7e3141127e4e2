"""A fresh checkout of the project, with the packages that are installed already."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loaders.common.settings import ROOT
from tests import commands
from tests.git import git

# What a folder may be called: all that shells, make, globs, URLs, DuckDB and dbt read in their own way. A : no Python
# can be in; a ?, and a \ beside a *, no DuckDB (see loaders/common/paths.py).
NAME = """ Kim's "R&D" 쇼핑 🎁 #1 =2 50%25 $HOME;`x` *[!a]{b,c} {{ 7 }} ~"""


@dataclass(frozen=True)
class Checkout:
    """A folder in which commands are run by a shell that knows nothing of this one's settings."""

    folder: Path

    def shell(self, command: str, **changes: str) -> subprocess.CompletedProcess:
        """Run a line of shell; its home folder is empty."""
        home = self.folder.parent / "empty home"
        home.mkdir(exist_ok=True)
        # The fetched server program may lie in the real home's cache; fetching it again for each test would be rude.
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        temporary = self.folder.parent / f"id=7 {NAME}"
        temporary.mkdir(exist_ok=True)
        own = {"HOME": str(home), "XDG_CACHE_HOME": cache, "TMPDIR": str(temporary)}
        environment = commands.clean_environment() | own | changes
        return subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def run(self, command: str, **changes: str) -> str:
        return commands.succeeded(self.shell(command, **changes))


@contextmanager
def checkout(parent: Path) -> Iterator[Checkout]:
    """The files that git tracks, in a folder whose name is hard on every program; its server is stopped at the end."""
    folder = parent / "country=KR" / NAME
    for name in filter(None, git("ls-files", "-z", "-co", "--exclude-standard").split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _borrow_packages(folder)
    fresh = Checkout(folder)
    try:
        yield fresh
    finally:
        fresh.run("make down")


def _borrow_packages(folder: Path) -> None:
    """A .venv that is this one's, with stamps that say so: installing packages has tests of its own, in CI."""
    (folder / ".venv").mkdir()
    for part in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / part).symlink_to(ROOT / ".venv" / part)
    for group in (folder / "requirements").glob("*.txt"):
        (folder / ".venv" / group.stem).touch()
