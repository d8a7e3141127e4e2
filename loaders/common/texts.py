"""The codes of failures, and what people are told in Korean: texts.txt, by the English text with its holes.

A text is looked up as it is printed, so that what makes it knows of no language: the lake's records and `_loads` are
English, and `status` tells them in Korean. tests/test_texts.py holds the list and the code together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

LINE = re.compile(r"(\^?)(?:([a-z0-9]+(?:-[a-z0-9]+)+): )?(.+) → (.+)")
# {name!} in Korean is a text of ours again.
HOLE = re.compile(r"\{(\w+)(!?)\}")
# What only fits into {n}, {n1}, …, {NAME} and so on; any other hole holds anything.
HOLDS = {
    "n": r"( *-?[\d,.:\- ]*\d)",
    "NAME": "([A-Z_]+)",
    "VALUE": r"""('.*'|".*"|\d+)""",
    "WHAT": "(table|column|profile|target|key)",
    "KEY": r"(\S+/\S+)",
    "ROWS": r"( *[\d,]+ rows| {17})",
    "SIZE": r"( *[\d.]+ [kMG]?B)",
}
# Whatever makes a text counts without looking at the figure, and what is recorded stays so; one row is told as `1 row`.
# What is quoted, and what stands behind a name's =, is another's: a value, a key. It stays.
ONE = re.compile(
    r"""(?P<anothers>(?<!\w)'[^']*'|"[^"]*"|`[^`]*`|\w=[^,:;]*)"""
    r"|(?<![^\s(])1 (?P<kind>(?:invalid |personal )?)"
    r"(?P<what>row|run|table|file|column|value|object|key|cell|statement|day|character|byte|model|line)s\b"
    r"(?P<of>(?: of (?:the lake |run )?[^\s,;:]+| under another spelling| that)?)"
    r"(?P<verb>(?: (?:are|were|have|wait|hold|differ|bear|stay|follow|occur|take)\b)?)"
)
SINGULAR = {" are": " is", " were": " was", " have": " has"}
# Between two texts of ours, but not within what is in parentheses.
BETWEEN = re.compile(r"; (?![^(]*\))")
# How many texts may be in one another's holes, and how long they may be: what looks like texts must not take for ever.
DEPTH, CHARACTERS = 8, 2_000


@dataclass(frozen=True)
class Text:
    """A text with its holes. code: of the failure whose problem it is, or empty. around: it stands around others."""

    around: bool
    code: str
    english: str
    korean: str
    names: tuple[str, ...]
    literals: tuple[str, ...]

    def values(self, text: str) -> dict[str, str] | None:
        """What is in the holes; None if it is another text."""
        if not all(literal in text for literal in self.literals):
            return None
        found = _pattern(self.names, self.literals).fullmatch(text)
        return dict(zip(self.names, found.groups(), strict=True)) if found else None


def code(problem: str) -> str:
    """The code of the failure that says so; empty if it has none."""
    heads = (problem, BETWEEN.split(problem)[0])
    coded = (each for each in KNOWN if each.code)
    return next((each.code for each in coded if any(each.values(head) is not None for head in heads)), "")


def in_english(text: str) -> str:
    """The same with `1 row waits` for `1 rows wait`; in a column, what follows stays in its place."""
    return ONE.sub(_of_one, text) if "1 " in text else text


def _of_one(found: re.Match[str]) -> str:
    if found["anothers"]:
        return found["anothers"]
    verb = SINGULAR.get(found["verb"], found["verb"] and f"{found['verb']}s")
    column = found.string[found.end() : found.end() + 2] == "  "
    return f"1 {found['kind']}{found['what']}{found['of']}{verb}{' ' * column}"


@lru_cache(1_000)
def in_korean(text: str, depth: int = 0) -> str:
    """The same in Korean; what is not listed stays as it is."""
    bare = text.lstrip(" ,;:")
    return text[: len(text) - len(bare)] + next((told for told in _told(bare, depth) if told != bare), bare)


def _told(text: str, depth: int) -> Iterator[str]:
    """A text that fits alone; else several, one by one; else what fits with all that follows in its last hole."""
    if not text or depth > DEPTH or len(text) > CHARACTERS:
        return
    found = [(each, values) for each in KNOWN if (values := each.values(text)) is not None]
    # What stands around several texts takes them all, so that one with a "; " of its own is looked for as a whole.
    whole = (pair for pair in found if pair[0].around or not any(map(_torn, pair[1].values())))
    yield from (_filled(*pair, depth) for pair in whole)
    several = BETWEEN.split(text)
    yield "; ".join(in_korean(part, depth + 1) for part in several) if len(several) > 1 else text
    yield from (_filled(*pair, depth) for pair in found)


def _torn(value: str) -> bool:
    """Whether a hole holds several texts, or half of a parenthesis."""
    return bool(BETWEEN.search(value)) or value.count("(") != value.count(")")


def _filled(text: Text, values: dict[str, str], depth: int) -> str:
    return HOLE.sub(
        lambda hole: in_korean(values[hole[1]], depth + 1) if hole[2] else values[hole[1]],
        text.korean,
    )


def _read(line: str) -> Text:
    parts = LINE.fullmatch(line)
    if not parts:
        raise ValueError(f"texts.txt: this is no text: {line}")
    around, code, english, korean = parts.groups("")
    names = tuple(hole[1] for hole in HOLE.finditer(english))
    return Text(bool(around), code, english, korean, names, tuple(HOLE.sub("\0", english).split("\0")))


@cache
def _pattern(names: tuple[str, ...], literals: tuple[str, ...]) -> re.Pattern[str]:
    holes = [HOLDS.get(name.rstrip("0123456789"), "(.*?)") for name in names]
    return re.compile("".join(map(str.__add__, map(re.escape, literals), [*holes, ""])), re.DOTALL)


# In the order in which they are looked at: what says more itself comes first. Read before anything has begun, so that
# a Ctrl-C does not meet it where a failure is being told.
LINES = Path(__file__).with_name("texts.txt").read_text("utf-8").splitlines()
KNOWN = [_read(line) for line in LINES if line and not line.startswith("#")]
KNOWN.sort(key=lambda text: (not text.around, -sum(map(len, text.literals))))
