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


@pytest.mark.parametrize("page", ["aws", "bi", "types"])
def test_the_korean_page_has_the_same_commands_figures_marks_and_links(page):
    english, korean = ((ROOT / f"docs/{page}{ending}").read_text("utf-8") for ending in (".md", ".ko.md"))
    for what in SAME:
        found = [sorted(re.findall(what, text, re.MULTILINE | re.DOTALL)) for text in (english, korean)]
        assert found[0] == found[1], what
    links = [sorted(link.replace(".ko.md", ".md") for link in re.findall(LINKS, text)) for text in (english, korean)]
    assert links[0] == links[1]
    assert not [link for link in re.findall(LINKS, korean) if "://" not in link and not (ROOT / "docs" / link).exists()]
