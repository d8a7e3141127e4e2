"""How two sides differ, key by key: counted whole, shown in part."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from loaders.common.telling import value

# Keys of each kind that are shown.
SHOWN = 10
# Characters of a value that are shown, and how many of them before the first difference.
CHARACTERS, CHARACTERS_BEFORE = 80, 20
ONLY_SOURCE, ONLY_HERE, OTHERWISE = "only at the source", "only here", "different"


@dataclass
class Differences:
    """rows: at the source; here: in raw or the mart. hidden: rows that differ though their `_source_hash` is the same.

    nulled: values that are NULL here by a rule that the user switched on. unseen: how many of them are long texts, of
    which it cannot be told. brought_by: the runs that brought rows that are different.
    """

    rows: int = 0
    here: int = 0
    hidden: int = 0
    nulled: int = 0
    unseen: int = 0
    brought_by: set[int] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    shown: dict[str, list[str]] = field(default_factory=dict)

    def add(self, how: str, key: str, detail: str = "") -> None:
        self.counts[how] += 1
        if self.counts[how] <= SHOWN:
            self.shown.setdefault(how, []).append(f"{key}: {detail}" if detail else key)

    def __bool__(self) -> bool:
        return self.rows != self.here or bool(self.counts)

    def lines(self) -> Iterator[str]:
        """A line for each kind of difference, and one for each key that is shown."""
        for how in (ONLY_SOURCE, ONLY_HERE, OTHERWISE):
            if count := self.counts[how]:
                shown = self.shown[how]
                counted = f"{count:,}, the first {len(shown)}" if count > len(shown) else f"{count:,}"
                yield f"{how}: {counted}:"
                yield from (f"  {line}" for line in shown)


def key_text(names: list[str], values: list[object]) -> str:
    """order_id=7; several columns with commas; bytes in hex digits."""
    return ", ".join(
        f"{name}={value(each.hex() if isinstance(each, bytes) else str(each))}"
        for name, each in zip(names, values, strict=True)
    )


def value_text(text: str | None, other: str | None) -> str:
    """A value as people read it; of a long one the part in which it differs from the other."""
    if text is None:
        return "NULL"
    if len(text) <= CHARACTERS:
        return _printable(text)
    alike = sum(1 for _same in takewhile(lambda pair: pair[0] == pair[1], zip(text, other or "", strict=False)))
    first = max(alike - CHARACTERS_BEFORE, 0)
    return f"{_printable(text[first : first + CHARACTERS])} ({len(text):,} characters, shown from {first + 1:,})"


def _printable(text: str) -> str:
    return value(repr(text.encode("utf-8", "backslashreplace").decode()))
