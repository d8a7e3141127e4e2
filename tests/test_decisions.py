"""docs/decisions: its index names exactly the pages there are, in order; each page is whole, and short."""

import re

import pytest

from loaders.common.settings import ROOT

FOLDER = ROOT / "docs/decisions"
INDEX = FOLDER / "README.md"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
SECTIONS = [["Context", "Choice", "Consequences"], ["Context", "Choice", "Figures", "Consequences"]]
STATUS = re.compile(r"Status: (accepted|superseded)\b.*\. Date: \d{4}-\d\d-\d\d\.", re.DOTALL)
LINK = re.compile(r"\[(\d{4})\]\((?:[\w./]*/)?((\d{4})-[\w-]+\.md)\)")


def title(page) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def test_the_index_lists_the_pages_there_are_in_order_by_their_titles():
    listed = [line for line in INDEX.read_text(encoding="utf-8").splitlines() if line.startswith("* ")]
    assert listed == [f"* [{page.name[:4]}]({page.name}) {title(page)}" for page in PAGES]
    assert [int(page.name[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1)), "one number, one page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name[:4])
def test_a_page_has_its_sections_and_fits_a_screen(page):
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0].startswith("# ")
    assert STATUS.fullmatch(text.split("\n\n")[1]), lines[2]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) in SECTIONS
    assert not re.search(r"^## .+\n+(?=## |\Z)", text, re.MULTILINE), "a section that says nothing"
    assert len(lines) <= 45
    for number, file, begins in LINK.findall(text):
        assert number == begins and (FOLDER / file).is_file(), file


def test_a_decision_that_is_named_elsewhere_is_there():
    """Comments in the code name a page by its number, `docs/decisions, 0083`, and tests by their file."""
    numbers = {page.name[:4] for page in PAGES}
    for source in (*ROOT.glob("loaders/**/*.py"), *ROOT.glob("seeds_generator/*.py")):
        named = re.findall(r"docs/decisions[,( ]+(\d{4})", source.read_text(encoding="utf-8"))
        assert set(named) <= numbers, source
    for page in PAGES:
        for test in re.findall(r"`((?:tests|docs|dashboard|bench)/[\w./-]+)`", page.read_text(encoding="utf-8")):
            assert (ROOT / test).exists(), f"{page.name} names {test}"
