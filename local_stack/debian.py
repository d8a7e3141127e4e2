"""Debian packages unpacked into a folder of ours: fetched by apt with its own signed index, no root, nothing installed.

The system's own apt state is left alone.
"""

import fcntl
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from loaders.common.errors import Failure

KEYRINGS = ("/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg")


def at_hand(search: Sequence[str] | None = None) -> bool:
    """Whether this machine has what it takes to fetch and unpack; search: folders to look in instead of PATH."""
    path = None if search is None else ":".join(search)
    return all(shutil.which(program, path=path) for program in ("apt-get", "dpkg-deb"))


def fetch(cache: Path, choose: Callable[[Path], Sequence[Path]]) -> Path:
    """The folder in `cache` with the packages that `choose` downloads into a folder of work; fetched when absent.

    Whole or not at all: what is half fetched has another name. Of two at once, one waits and finds it done.
    """
    root, work = cache / "root", cache / "fetching"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            try:
                unpack(choose(work), work / "root")
                (work / "root").rename(root)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return root


def prepare(work: Path, suite: str = "") -> None:
    """Folders for apt's lists and packages in `work`, and the newest lists.

    suite: look in this suite of Debian alone, as on a machine with nothing installed, instead of the machine's own.
    """
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (work / folder).mkdir(parents=True)
    _configure(work)
    apt(work, "update")
    if suite:
        (work / "sources").mkdir()
        (work / "sources" / "suite.sources").write_text(_source(suite, _debian_mirror(work)))
        (work / "status").touch()
        # Both names: a machine's sources may stand in one file or in a folder of files.
        _configure(
            work,
            f"Dir::Etc::SourceList={work / 'none'}",
            f"Dir::Etc::SourceParts={work / 'sources'}",
            f"Dir::State::status={work / 'status'}",
        )
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
    options = (work / "options").read_text().splitlines()
    flags = [part for option in options for part in ("-o", option)]
    done = subprocess.run(["apt-get", *flags, "-q", *command], cwd=work / "packages", capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise Failure(
            f"apt could not {' '.join(command)}: {said[0]}",
            "check the network, apt's sources, and that every user may write to /tmp; or install the server by hand",
        )
    return done.stdout


def _configure(work: Path, *more: str) -> None:
    """Note what apt is told on each of its calls, which goes before the system's own settings."""
    options = (
        f"Dir::State::lists={work / 'lists'}",
        f"Dir::Cache={work / 'cache'}",
        f"APT::Sandbox::User={pwd.getpwuid(os.getuid()).pw_name}",
        "Debug::NoLocking=1",
        "Acquire::Languages=none",
        "Acquire::Retries=3",
        *more,
    )
    (work / "options").write_text("\n".join(options) + "\n")


def _debian_mirror(work: Path) -> str:
    """Where this machine gets Debian itself from, third parties' packages and Debian's security updates apart."""
    told = apt(work, "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages")
    for line in told.splitlines():
        origin, _, rest = line.partition(" ")
        label, _, mirror = rest.rpartition(" ")
        if origin == label == "Debian":
            return mirror
    raise Failure("apt on this machine does not get its packages from Debian", "use a machine with Debian on it")


def _source(suite: str, mirror: str) -> str:
    lines = ["Types: deb", f"URIs: {mirror}", f"Suites: {suite}", "Components: main"]
    lines += [f"Signed-By: {file}" for file in KEYRINGS if Path(file).exists()][:1]
    return "\n".join(lines) + "\n"
