"""A browser that is started once, and pages that must behave: no request, no error, whatever a test does with them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests import browser as browsers

# A test runs in both with @both_engines: what a browser lays out, draws, or does with keys is of its own.
both_engines = pytest.mark.parametrize("engine", ["chromium", "firefox"])


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with browsers.playwright(_program(browsers.CHROMIUM)) as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright) -> Iterator[Browser]:
    with browsers.started(playwright, browsers.CHROMIUM, _program(browsers.CHROMIUM)) as running:
        yield running


@pytest.fixture(scope="session")
def firefox(playwright) -> Iterator[Browser]:
    with browsers.started(playwright, browsers.FIREFOX, _program(browsers.FIREFOX)) as running:
        yield running


def _program(kind: browsers.Kind) -> browsers.Program:
    return browsers.find(kind, browsers.default_cache(kind))


@pytest.fixture
def engine() -> str:
    return "chromium"


@pytest.fixture
def open_page(request, engine) -> Iterator[Callable[..., Page]]:
    """Open a file with filters in its address; at the end, no page has asked for anything or said anything."""
    browser = request.getfixturevalue("firefox" if engine == "firefox" else "browser")
    opened, troubles = [], []

    def start(file: Path, filters: list[tuple[str, str]] = (), **options) -> Page:
        context = browser.new_context(
            **{"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
        )
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("request", lambda request: _is_own(request.url, file) or troubles.append(f"request: {request.url}"))
        page.goto(f"{file.as_uri()}#{urlencode(filters)}")
        page.wait_for_selector("#notes:not(:empty)")
        return page

    yield start
    for context in opened:
        context.close()
    assert troubles == []


def _is_own(url: str, file: Path) -> bool:
    return url.split("#")[0] == file.as_uri() or url.startswith(("blob:", "data:"))


def go(page: Page, filters: list[tuple[str, str]]) -> None:
    """Choose other filters by the address, as a bookmark does."""
    page.evaluate(
        """hash => location.hash.slice(1) === hash || new Promise((done, failed) => {
            addEventListener("hashchange", done, { once: true });
            setTimeout(() => failed(new Error("the page did not follow its address")), 10000);
            location.hash = hash;
        })""",
        urlencode(filters),
    )
