"""git for the tests: this machine's, or Debian's unpacked into a cache folder: a clone may have been made elsewhere."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

from loaders.common.settings import DATA, ROOT
from local_stack import debian
from local_stack.program import default_places


def git(*arguments: str, root: Path = ROOT) -> str:
    """What a git command prints, run in the folder `root`."""
    command = [program(), *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", errors="replace", check=True)
    return done.stdout


@cache
def program() -> str:
    found = shutil.which("git")
    return found or str(debian.fetch(default_places(DATA).cache / "git", _download) / "usr/bin/git")


def _download(work: Path) -> list[Path]:
    """git alone: of what it needs, what these commands use is part of every Debian."""
    debian.prepare(work)
    return debian.download(work, ["git"])
