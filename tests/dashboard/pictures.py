"""The READMEs' pictures of the pages (`python -m tests.dashboard.pictures`), in a fresh clone after `make demo`.

Each picture carries the words that it shows, in a chunk of the PNG's own: tests/test_checkout.py holds them against the
demo's pages. It stands here for the tests' browser.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, FloatRect, Page

from loaders.common.settings import DATA, ROOT
from tests import browser as browsers

FOLDER = ROOT / "docs" / "images"
TILES = """() => [
    "header h1", "#filters", "#tile-summary", "#tile-revenue header", "#tile-categories h2", "#tile-countries",
].map((place) => document.querySelector(place).innerText).join("\\n")"""
# The graph itself is drawn on a canvas.
MODELS = """() => angular.element(document.querySelector("[ng-app]") ?? document.body).injector().get("graph").graph
    .elements.filter(({ data }) => data.display === "element").map(({ data }) => data.name).sort().join("\\n")"""
# Name, file, place in it, what is waited for, its words, the window, and the part of it that is shown.
PICTURES = (
    ("dashboard", "dashboard", "range=months12&lang=en", "#notes:not(:empty)", TILES, (1200, 1330), None),
    ("dashboard-ko", "dashboard", "range=months12&lang=ko", "#notes:not(:empty)", TILES, (1200, 1330), None),
    (
        "lineage",
        "docs",
        "!/model/model.order_he.order_mart?g_v=1&g_i=%2Border_mart",
        "canvas",
        MODELS,
        (1500, 420),
        {"x": 20, "y": 20, "width": 1460, "height": 316},
    ),
)
TEXT = b"iTXtwords" + bytes(5)  # uncompressed UTF-8 under this keyword


def main() -> None:
    program = browsers.find(browsers.CHROMIUM, browsers.default_cache(browsers.CHROMIUM))
    with (
        browsers.playwright(program) as driver,
        browsers.started(driver, browsers.CHROMIUM, program) as browser,
    ):
        for name, words, page, part in shown(browser, DATA):
            file = FOLDER / f"{name}.png"
            file.write_bytes(with_words(page.screenshot(clip=part), words))
            print(f"wrote {file}")


def shown(browser: Browser, data: Path) -> Iterator[tuple[str, str, Page, FloatRect | None]]:
    """Each picture's name and words, the page as it stands, and the part of it that is pictured."""
    for name, folder, place, ready, words, (width, height), part in PICTURES:
        page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce", locale="en-GB")
        page.goto(f"{(data / folder / 'index.html').as_uri()}#{place}")
        page.wait_for_selector(ready, state="attached")
        page.wait_for_timeout(2000 if folder == "docs" else 0)  # the graph is laid out, and moves to its place
        yield name, page.evaluate(words), page, part
        page.close()


def with_words(png: bytes, words: str) -> bytes:
    """A PNG with a text chunk before its last one, which has always the same 12 bytes."""
    chunk = TEXT + words.encode()
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return png[:-12] + length + chunk + check + png[-12:]


def words_of(png: bytes) -> str:
    return png.partition(TEXT)[2][:-16].decode()


if __name__ == "__main__":
    main()
