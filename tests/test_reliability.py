"""docs/reliability.md names for every fault a test that exists, or says that there is none."""

import re

from loaders.common.settings import ROOT

PAGE = ROOT / "docs/reliability.md"
NAMED = re.compile(r"`((?:redshift/|packages/[\w-]+/tests/)?test_\w+\.py)::(test_\w+)`")


def rows() -> list[list[str]]:
    """The cells of every line of a table, its head left out."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in lines
        if not line.startswith(("| #", "| ---", "| fault"))
    ]


def test_every_test_that_is_named_exists():
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 80
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"def {test}("
        not in (ROOT / ("" if file.startswith("packages/") else "tests") / file).read_text(encoding="utf-8")
    ]
    assert not missing, "name the tests in docs/reliability.md as they are called now"


def test_every_fault_names_a_test_or_says_that_there_is_none():
    bare = [row for row in rows() if not NAMED.search(row[-1]) and row[-1] != "**not covered**"]
    assert not bare, "say in docs/reliability.md which test shows it, or **not covered**"
    assert [int(row[0]) for row in rows() if row[0].isdigit()] == list(range(1, 71))
