"""What people are told: every line of it, on a terminal or in a log, goes through here."""

import sys


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
