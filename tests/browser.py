"""A real browser for the tests: this machine's, or Debian's headless Chromium unpacked into a cache folder."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from loaders.common.errors import Failure
from local_stack import debian

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chrome")
PACKAGE = "chromium-headless-shell"
PLACE = "usr/lib/chromium/chromium-headless-shell"
FONTS = Path("/etc/fonts/fonts.conf")


@dataclass(frozen=True)
class Program:
    """A browser's program; root: the folder that it was unpacked in, with libraries and fonts of its own."""

    path: Path
    root: Path | None = None

    def needs(self) -> dict[str, str]:
        """What its environment says besides, and that of Playwright's driver: a bare Debian lacks its library."""
        if self.root is None:
            return {}
        fonts = {} if FONTS.exists() else {"FONTCONFIG_SYSROOT": str(self.root)}
        return {"LD_LIBRARY_PATH": debian.libraries(self.root)} | fonts


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "order-he" / "chromium"


def find(cache: Path, search: Sequence[str] | None = None) -> Program:
    """The machine's, the cache's, or one fetched now (90 MB). search: folders to look in instead of PATH."""
    path = None if search is None else ":".join(search)
    for name in NAMES:
        found = shutil.which(name, path=path)
        if found:
            return Program(Path(found))
    return _cached(cache) or _fetched(cache, path)


def _cached(cache: Path) -> Program | None:
    root = cache / "root"
    return Program(root / PLACE, root) if (root / PLACE).exists() else None


def _fetched(cache: Path, path: str | None) -> Program:
    if not debian.at_hand(None if path is None else [path]):
        raise Failure(
            "there is no Chromium or Chrome on this machine for the tests, and no apt to fetch one with",
            "install one: `apt-get install chromium`, `brew install --cask chromium`",
        )
    debian.fetch(cache, _download)
    found = _cached(cache)
    if found is None:
        raise Failure(f"{PACKAGE}, unpacked in {cache}, has no {PLACE}", "`apt-get install chromium` instead")
    return found


def _download(work: Path) -> list[Path]:
    debian.prepare(work)
    return debian.download(work, debian.lacking(work, PACKAGE))


@contextmanager
def browser(program: Program) -> Iterator[Browser]:
    """Started headless. Without its sandbox, which a container does not allow: it opens pages of ours only."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"} | program.needs()
    with pytest.MonkeyPatch.context() as patch:  # the driver takes this process's environment
        for name, value in program.needs().items():
            patch.setenv(name, value)
        playwright = sync_playwright().start()
    try:
        running = playwright.chromium.launch(
            executable_path=program.path, args=["--no-sandbox", "--disable-gpu"], env=environment
        )
        yield running
        running.close()
    finally:
        playwright.stop()
