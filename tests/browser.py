"""Real browsers for the tests: this machine's, or Debian's Chromium and Firefox unpacked into a cache folder."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from loaders.common.errors import Failure
from local_stack import debian

FONTS = Path("/etc/fonts/fonts.conf")


@dataclass(frozen=True)
class Kind:
    """names: its programs on PATH; package: Debian's; place: the program in that; options: how Playwright starts it."""

    name: str
    names: Sequence[str]
    package: str
    place: str
    options: Mapping[str, Any]


# Without its sandbox, which a container does not allow: it opens pages of ours only.
CHROMIUM = Kind(
    "chromium",
    ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chrome"),
    "chromium-headless-shell",
    "usr/lib/chromium/chromium-headless-shell",
    {"args": ["--no-sandbox", "--disable-gpu"]},
)
# As it is released, by WebDriver BiDi: Playwright's own Firefox comes from a host that not every network reaches.
FIREFOX = Kind(
    "firefox",
    ("firefox-esr", "firefox"),
    "firefox-esr",
    "usr/lib/firefox-esr/firefox-esr",
    # Its own panel of downloads would take the keys.
    {
        "channel": "moz-firefox",
        "firefox_user_prefs": {"ui.prefersReducedMotion": 1, "browser.download.alwaysOpenPanel": False},
    },
)
# Playwright tells each context of Firefox which colours the system prefers, by a command that Debian's (153 ESR) does
# not know: something harmless is asked instead. To be removed when Firefox knows it: the tests pass without this then.
UNKNOWN_COMMAND = """
    const plain = JSON.stringify;
    JSON.stringify = (value, ...more) => plain(value?.method === "emulation.setMediaFeaturesOverride"
        ? { ...value, method: "session.status", params: {} } : value, ...more);
"""


@dataclass(frozen=True)
class Program:
    """A browser's program; root: the folder that it was unpacked in, with libraries and fonts of its own."""

    path: Path
    root: Path | None = None

    def needs(self) -> dict[str, str]:
        """What its environment says besides."""
        if self.root is None:
            return {}
        fonts = {} if FONTS.exists() else {"FONTCONFIG_FILE": str(_fonts(self.root))}
        return {"LD_LIBRARY_PATH": debian.libraries(self.root)} | fonts


def _fonts(root: Path) -> Path:
    """Settings that name the fonts in `root`, where the system has none: Firefox crashes without any."""
    settings, written = root / "fonts.conf", root / f"fonts-{os.getpid()}"
    place = escape(str(root))
    written.write_text(
        f"<fontconfig><dir>{place}/usr/share/fonts</dir><cachedir>{place}/fonts-cache</cachedir></fontconfig>"
    )
    return written.replace(settings)


def default_cache(kind: Kind) -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "order-he" / kind.name


def find(kind: Kind, cache: Path, search: Sequence[str] | None = None) -> Program:
    """The machine's, the cache's, or one fetched now (90 MB). search: folders to look in instead of PATH."""
    path = None if search is None else ":".join(search)
    for name in kind.names:
        found = shutil.which(name, path=path)
        if found:
            return Program(Path(found))
    return _cached(kind, cache) or _fetched(kind, cache, path)


def _cached(kind: Kind, cache: Path) -> Program | None:
    root = cache / "root"
    return Program(root / kind.place, root) if (root / kind.place).exists() else None


def _fetched(kind: Kind, cache: Path, path: str | None) -> Program:
    if not debian.at_hand(None if path is None else [path]):
        raise Failure(
            f"there is no {kind.name} on this machine for the tests, and no apt to fetch one with",
            f"install one: `apt-get install {kind.package}`, `brew install --cask {kind.name}`",
        )

    def download(work: Path) -> list[Path]:
        debian.prepare(work)
        return debian.download(work, debian.lacking(work, kind.package))

    debian.fetch(cache, download)
    found = _cached(kind, cache)
    if found is None:
        raise Failure(
            f"{kind.package}, unpacked in {cache}, has no {kind.place}", f"`apt-get install {kind.package}` instead"
        )
    return found


@contextmanager
def playwright(program: Program) -> Iterator[Playwright]:
    """Playwright's driver, one at a time: it takes this process's environment. A bare Debian lacks its library, too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in program.needs().items():
            patch.setenv(name, value)
        patch.setenv("NODE_OPTIONS", f"--import data:text/javascript,{quote(UNKNOWN_COMMAND)}")
        driver = sync_playwright().start()
    try:
        yield driver
    finally:
        driver.stop()


@contextmanager
def started(driver: Playwright, kind: Kind, program: Program) -> Iterator[Browser]:
    """A browser, headless."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"} | program.needs()
    start = getattr(driver, kind.name).launch
    running = start(executable_path=program.path, env=environment, **kind.options)
    yield running
    running.close()
