"""SQL as tokens: enough to change words without touching what is inside quotes and comments."""

import re
from dataclasses import dataclass

from redshift_stand_in.errors import RedshiftError

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<dollar>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<text>[eE]?'(?:[^'\\]|''|\\.)*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
      | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$]*)
      | (?P<parameter>\$\d+)
      | (?P<operator>::|<=|>=|<>|!=|\|\||.)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass
class Token:
    """One token; `kind` is the name of its group in TOKEN."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The keyword or name in upper case; for anything else its text."""
        return self.text.upper() if self.kind == "word" else self.text


def tokens(sql: str) -> list[Token]:
    return [Token("dollar" if m.lastgroup == "tag" else str(m.lastgroup), m.group()) for m in TOKEN.finditer(sql)]


def text_of(parts: list[Token]) -> str:
    return "".join(part.text for part in parts)


def without_values(parts: list[Token]) -> str:
    """The statement with comments left out and every value and quoted name emptied: safe to search for words."""
    empty = {"text": "''", "dollar": "''", "quoted": '""', "space": " "}
    return "".join(empty.get(part.kind, part.text) for part in parts)


def words(parts: list[Token], number: int) -> list[str]:
    """The first significant tokens, in upper case."""
    return [part.word for part in parts if part.kind != "space"][:number]


def after(parts: list[Token], index: int) -> int | None:
    """The next significant token's index."""
    for later in range(index + 1, len(parts)):
        if parts[later].kind != "space":
            return later
    return None


def before(parts: list[Token], index: int) -> int | None:
    for earlier in range(index - 1, -1, -1):
        if parts[earlier].kind != "space":
            return earlier
    return None


def opened(parts: list[Token], index: int) -> int | None:
    """The index of the ( that follows: of a call."""
    following = after(parts, index)
    return following if following is not None and parts[following].text == "(" else None


def closing(parts: list[Token], opening: int) -> int:
    """The index of the ) that closes the ( at `opening`."""
    depth = 0
    for index in range(opening, len(parts)):
        if parts[index].kind == "operator":
            depth += (parts[index].text == "(") - (parts[index].text == ")")
            if depth == 0:
                return index
    raise RedshiftError("syntax error: unbalanced parenthesis")


def arguments(parts: list[Token], opening: int) -> list[list[Token]]:
    """The arguments of the call whose ( is at `opening`."""
    found: list[list[Token]] = [[]]
    depth = 0
    for part in parts[opening + 1 : closing(parts, opening)]:
        if part.kind == "operator":
            depth += (part.text in "([") - (part.text in ")]")
            if part.text == "," and depth == 0:
                found.append([])
                continue
        found[-1].append(part)
    return found
