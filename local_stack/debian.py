"""Debian packages unpacked into a folder of ours: fetched by apt with its own signed index, no root, nothing installed.

The system's own apt state is left alone.
"""

import os
import pwd
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from loaders.errors import Failure


def prepare(work: Path) -> None:
    """Folders for apt's lists and packages in `work`, and the newest lists."""
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (work / folder).mkdir(parents=True)
    apt(work, "update")


def download(work: Path, names: Sequence[str]) -> list[Path]:
    """The packages' files."""
    apt(work, "download", *names)
    return [next((work / "packages").glob(f"{name}_*.deb")) for name in names]


def lacking(work: Path, name: str) -> list[str]:
    """The package and everything it needs that this machine has not, as apt would install it."""
    told = apt(work, "install", "--simulate", "--no-install-recommends", name)
    return re.findall(r"^Inst (\S+)", told, re.MULTILINE)


def unpack(packages: Sequence[Path], root: Path) -> None:
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)


def libraries(root: Path) -> str:
    """The unpacked folders of shared libraries, as LD_LIBRARY_PATH names them."""
    return ":".join(sorted({str(file.parent) for file in root.glob("**/lib/*-linux-gnu*/**/*.so*")}))


def apt(work: Path, *command: str) -> str:
    """Run apt-get with its state in `work`; what it printed."""
    options = [
        f"Dir::State::lists={work / 'lists'}",
        f"Dir::Cache={work / 'cache'}",
        f"APT::Sandbox::User={pwd.getpwuid(os.getuid()).pw_name}",
        "Debug::NoLocking=1",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
    ]
    flags = [part for option in options for part in ("-o", option)]
    done = subprocess.run(["apt-get", *flags, "-q", *command], cwd=work / "packages", capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise Failure(
            f"apt could not {' '.join(command)}: {said[0]}",
            f"check the network and apt's sources, or install it: `apt-get install {command[-1]}`",
        )
    return done.stdout
