"""The Makefile is one that GNU Make 3.81 reads, the newest that macOS brings."""

import re

from loaders.common.settings import ROOT

MAKE = (ROOT / "Makefile").read_text("utf-8")
# https://lists.gnu.org/archive/html/info-gnu/2010-07/msg00023.html (3.82) and the NEWS of later versions.
NEWER = {
    "a recipe in one shell": r"^\.ONESHELL",
    "flags of the shell": r"^\.SHELLFLAGS",
    "recipes that begin otherwise": r"^\.RECIPEPREFIX",
    "a shell's output assigned": r"!=\s*\S",
    "immediate assignment as POSIX has it": r"^\w+\s*:::?=",
    "undefine": r"^undefine ",
    "a file written": r"\$\(file ",
    "grouped targets": r"&:",
    "let and intcmp": r"\$\((let|intcmp) ",
}


def test_nothing_in_it_is_newer():
    assert newer(MAKE) == set()


def test_what_is_newer_is_seen_in_recipes_too():
    """make itself calls the functions in them; a != in them is the shell's."""
    assert newer(MAKE + "\nx:\n\t$(file >y,z)\n\t[ 1 != 2 ]\n") == {"a file written"}
    assert newer(MAKE + "\nx != date\n") == {"a shell's output assigned"}


def newer(text: str) -> set[str]:
    code = "\n".join(line for line in text.splitlines() if not line.startswith(("\t", "#", "  ")))
    places = {mark: text if mark.startswith(r"\$\(") else code.replace(" := ", " = ") for mark in NEWER.values()}
    return {what for what, mark in NEWER.items() if re.search(mark, places[mark], re.MULTILINE)}


def test_no_line_of_a_recipe_needs_what_another_has_set():
    """Each is a shell of its own: a variable that one sets is gone in the next."""
    recipes = re.findall(r"^\t((?:.*\\\n)*.*)$", MAKE, re.MULTILINE)
    for line in recipes:
        used = set(re.findall(r"\$\$(?:{)?([a-z]\w*)", line))
        assert used <= set(re.findall(r"(?:^|[\s;&])([a-z]\w*)=", line)), line


def test_each_recipe_of_a_command_calls_one():
    """What takes several has them as prerequisites, or is Python's; of linters the recipe is the list."""
    commands, mark, _rest = MAKE.partition("# ---- what the targets above stand on")
    recipes = re.findall(r"^([a-z-]+):.*\n((?:\t.*\n)+)", commands, re.MULTILINE)
    several = [target for target, recipe in recipes if re.search(r"\n.|&&|;|\\$", re.sub("'[^']*'", "", recipe))]
    assert mark and several == ["lint", "format"]
