"""The house: a room of `loaders/` imports from the floors below it only, and no module one that imports it."""

import ast
import re
from graphlib import TopologicalSorter

from loaders.common.settings import ROOT

# What stands in one line does not know of each other.
FLOORS = ["common", "types", "words", "source lake", "warehouse", "proof", "run retention", "help", "cli"]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}
MODULES = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in ROOT.glob("loaders/*/*.py")}


def imported(module: str) -> set[str]:
    """The modules that one imports, anywhere in its text: what is imported late counts too."""
    nodes = ast.walk(ast.parse(MODULES[module].read_text("utf-8")))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    named = {name for node in froms for alias in node.names for name in (node.module, f"{node.module}.{alias.name}")}
    return named & MODULES.keys() - {module}


def test_imports_go_down_only():
    wrong = [
        f"{module} imports {other}"
        for module in MODULES
        for other in imported(module)
        for here, there in [(module.split(".")[1], other.split(".")[1])]
        if here != there and FLOOR[there] >= FLOOR[here]
    ]
    assert not wrong, sorted(wrong)


def test_no_module_imports_one_that_imports_it():
    TopologicalSorter({module: imported(module) for module in MODULES}).prepare()


def test_the_page_names_every_room_and_every_module_in_it():
    page = (ROOT / "docs/architecture.md").read_text("utf-8").partition("## The house")[2]
    room, named = "", set()
    for line in page.splitlines():
        if cells := re.fullmatch(r"\| (?:`(\w+)/`)? *\| (.+?) \| .+ \|", line):
            room = cells[1] or room
            named |= {f"loaders.{room}.{module}" for module in re.findall(r"`(\w+)`", cells[2])}
    commands = {module for module in MODULES if module.startswith("loaders.cli.")}
    there = {module for module in MODULES if not module.endswith("__init__")}
    assert named - there == set() and there - named - commands == set()
