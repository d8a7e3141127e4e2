"""The pages of docs/ that are in Korean too: only the prose is another."""

import re

import pytest

from loaders.common.settings import ROOT

# Blocks, sections, tables, lists, code, marks and figures: `[ran]`, RPU, hours, ports and codes stand in prose too.
SAME = (
    r"^```.*?^```$", r"^#+ ", r"^\| ", r"^\* ", r"^\d+\. ", r"(?<!`)`[^`\n]+`(?!`)", r"\bhttps://\S+?(?=[)\s]|$)",
    r"(?<![\d,])\d[\d,.]*\d",
)  # fmt: skip
LINKS = r"\]\(([^)#]+)"


def links(text: str) -> list[str]:
    """Where a page leads; what is in Korean too is one."""
    found = re.findall(LINKS, text)
    return sorted(
        re.sub(r"\.ko\.md$", ".md", each.replace("/ko/", "/en/").replace("-ko.png", ".png")) for each in found
    )


def test_the_korean_readme_leads_wherever_the_english_one_does():
    english, korean = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.ko.md"))
    assert set(links(english)) == set(links(korean))


@pytest.mark.parametrize("page", ["aws", "bi", "lineage", "types"])
def test_the_korean_page_has_the_same_commands_figures_marks_and_links(page):
    english, korean = ((ROOT / f"docs/{page}{ending}").read_text("utf-8") for ending in (".md", ".ko.md"))
    for what in SAME:
        found = [sorted(re.findall(what, text, re.MULTILINE | re.DOTALL)) for text in (english, korean)]
        assert found[0] == found[1], what
    assert links(english) == links(korean)
    assert not [link for link in re.findall(LINKS, korean) if "://" not in link and not (ROOT / "docs" / link).exists()]
