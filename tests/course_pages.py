"""The course's pages as a test reads them: commands, what they print, and the places in the code that they name.

```sh        a command that succeeds          ```sh fails   one that does not
```text      what the command before it prints, in part, line by line; … stands for what differs
```console   a command for AWS, which no test runs
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loaders.common.settings import ROOT

COURSE = ROOT / "docs" / "course"
PAGES = [f"{number}.md" for number in range(8)]
LANGUAGES = ("en", "ko")
BLOCK = re.compile(r"^```(\w+)( fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"\[`([^`:]+): ([^`]+)`\]\(([^)]+)\)")
LINK = re.compile(r"\]\(([^)#]+)")
# The one thing in which a Korean page may ask for something else.
KOREAN_DOCTOR = ' ARGS="--lang ko"'


@dataclass(frozen=True)
class Step:
    """A block of commands, and the lines that a reader is told to expect."""

    command: str
    fails: bool
    shown: tuple[str, ...] = ()

    def missing(self, printed: str) -> list[str]:
        """Lines that the page shows and that were not printed, or not in this order."""
        lines = iter(_plain(line) for line in printed.splitlines())
        return [line for line in map(_plain, self.shown) if line and not any(_matches(line, found) for found in lines)]


def text(language: str, page: str) -> str:
    return (COURSE / language / page).read_text(encoding="utf-8")


def steps(language: str, page: str) -> list[Step]:
    """The page's commands, in order, each with what is shown after it."""
    found: list[Step] = []
    for kind, fails, body in BLOCK.findall(text(language, page)):
        if kind == "sh":
            found.append(Step(body, bool(fails)))
        elif kind == "text":
            last = found.pop()
            assert not last.shown, f"{language}/{page}: two outputs after one command: {last.command}"
            found.append(Step(last.command, last.fails, tuple(body.splitlines())))
    return found


def places(language: str, page: str) -> Iterator[tuple[str, str, str]]:
    """(file as written, symbol, link) of every place in the code that the page sends its reader to."""
    yield from PLACE.findall(text(language, page))


def holds(file: Path, symbol: str) -> bool:
    """Whether a Python file defines the symbol (function, class, Class.method or constant); others hold its text."""
    if file.suffix != ".py":
        return symbol in file.read_text(encoding="utf-8")
    return symbol in set(_defined(ast.parse(file.read_text(encoding="utf-8"))))


def _defined(node: ast.AST, prefix: str = "") -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + child.name
        if isinstance(child, ast.ClassDef):
            yield from _defined(child, f"{prefix}{child.name}.")
        if isinstance(child, ast.Assign):
            yield from (prefix + target.id for target in child.targets if isinstance(target, ast.Name))


def _plain(line: str) -> str:
    """Without colours, and with single blanks."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", line).split())


def _matches(shown: str, printed: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part.strip()) for part in shown.split("…")), printed) is not None
