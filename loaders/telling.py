"""What people are told: every line of it, on a terminal or in a log, goes through here."""

import re
import sys

HIDDEN = "(not shown)"
# From the first mark of a quotation to the last: a value between them may have such marks itself.
QUOTED = re.compile(r"""['"`].*['"`]""", re.DOTALL)


class _Values:
    """Whether values and keys of rows are shown, and whether one was not."""

    shown = True
    missed = False


def show_values(shown: bool) -> None:
    """From now on show values and keys of rows in messages, or do not: a log has other readers than the tables."""
    _Values.shown, _Values.missed = shown, False


def value(text: str) -> str:
    """A value or a key of a row, as it stands in a message."""
    if _Values.shown:
        return text
    _Values.missed = True
    return HIDDEN


def said(text: str) -> str:
    """What another program said, in whose words there may be values of rows."""
    return text if _Values.shown else QUOTED.sub(lambda _found: value(""), text)


def say_how_to_see() -> None:
    """At a command's end: how to see what was not shown."""
    if _Values.missed:
        notice("values and keys of rows are not shown here; --values shows them (or NO_VALUES=0)")


def printable(text: str) -> str:
    """A text in one line that is what it looks like: what controls terminals, or cannot be seen, is spelled out.

    Names, keys, values and answers come from others: a line break would forge a line, an escape sequence clear the
    screen, and a character that turns the direction of writing show another text.
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def say(*lines: str) -> None:
    """Print these lines, at once."""
    for line in lines:
        print(printable(line), flush=True)


def notice(text: str) -> None:
    """Print what is worth knowing beside the result."""
    print(f"notice: {printable(text)}", file=sys.stderr)
