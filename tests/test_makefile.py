"""The Makefile is one that GNU Make 3.81 reads, the newest that macOS brings."""

import re

from loaders.common.settings import ROOT
from local_stack.program import Places

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
    code = "\n".join(line for line in MAKE.splitlines() if not line.startswith(("\t", "#", "  ")))
    assert {what for what, mark in NEWER.items() if re.search(mark, code.replace(" := ", " = "), re.MULTILINE)} == set()


def test_no_line_of_a_recipe_needs_what_another_has_set():
    """Each is a shell of its own: a variable that one sets is gone in the next."""
    recipes = re.findall(r"^\t((?:.*\\\n)*.*)$", MAKE, re.MULTILINE)
    for line in recipes:
        used = set(re.findall(r"\$\$(?:{)?([a-z]\w*)", line))
        assert used <= set(re.findall(r"(?:^|[\s;&])([a-z]\w*)=", line)), line


def test_a_server_that_homebrew_has_not_linked_is_found(tmp_path):
    daemon = tmp_path / "opt/mysql@8.4/bin/mysqld"
    daemon.parent.mkdir(parents=True)
    daemon.write_text("#!/bin/sh\n")
    daemon.chmod(0o755)
    places = Places(tmp_path, search=[], homebrew=[str(tmp_path / "opt")])
    assert places.on_machine("mysqld") == daemon.resolve() and places.on_machine("mariadbd") is None
