"""What people are told: every line of it, on a terminal or in a log, goes through here."""

import datetime
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from pathlib import Path

from loaders.common.texts import in_english, in_korean

HIDDEN = "(not shown)"
# From the first mark of a quotation to the last: a value between them may have such marks itself.
QUOTED = re.compile(r"""['"`].*['"`]""", re.DOTALL)


# Our own commands in a text, which says them as this checkout has them.
COMMAND = re.compile(r"\x60(python -m loaders|make) ([^\x60]+)\x60")  # between backticks
PACKAGE = "order-he"
COMMANDS = {"build": "dbt build"}
OF_A_CHECKOUT = ("setup", "up", "seed", "sql", "dashboard", "export", "docs")


class _Output:
    """json: stdout has an object for each thing that happened, and what is for people goes to stderr.

    shown: values and keys of rows are; missed: one was not.
    """

    json = False
    korean = False
    shown = True
    missed = False


def show_values(shown: bool) -> None:
    """From now on show values and keys of rows in messages, or do not: a log has other readers than the tables."""
    _Output.shown, _Output.missed = shown, False


def value(text: str) -> str:
    """A value or a key of a row, as it stands in a message."""
    if _Output.shown:
        return text
    _Output.missed = True
    return HIDDEN


def said(text: str) -> str:
    """What another program said, in whose words there may be values of rows."""
    return text if _Output.shown else QUOTED.sub(lambda _found: value(""), text)


def say_how_to_see() -> None:
    """At a command's end: how to see what was not shown."""
    if _Output.missed:
        notice("values and keys of rows are not shown here; --values shows them (or NO_VALUES=0)")


def printable(text: str) -> str:
    """A text in one line that is what it looks like: what controls terminals, or cannot be seen, is spelled out.

    Names, keys, values and answers come from others: a line break would forge a line, an escape sequence clear the
    screen, and a character that turns the direction of writing show another text.
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def program() -> str:
    """How the loaders were called: as the command that their package installs, or as a module."""
    return PACKAGE if Path(sys.argv[0]).name == PACKAGE else "python -m loaders"


def line(text: str) -> str:
    """A line of ours as it is printed: in the chosen language, with the commands that whoever reads it has."""
    text = in_korean(text) if _Output.korean else in_english(text)
    return printable(COMMAND.sub(_as_installed, text) if program() == PACKAGE else text)


def _as_installed(said: re.Match[str]) -> str:
    """The package has no Makefile: `make verify ARGS=--deep` is `order-he verify --deep` there."""
    if said[1] != "make":
        return f"`{PACKAGE} {said[2]}`"
    words = said[2].replace("ARGS=", "").replace('"', "").split()
    targets = [word for word in words if word.isalpha()]
    called = [f"{PACKAGE} {COMMANDS.get(each, each)}" for each in targets if each not in OF_A_CHECKOUT]
    options = [word for word in words if not word.isalpha()]
    return f"`{' '.join([' && '.join(called), *options])}`" if called else said[0]


def speak_json(wanted: bool) -> None:
    _Output.json = wanted


def speak_korean(wanted: bool) -> None:
    """From now on tell people in Korean, or in English; objects for programs are English."""
    _Output.korean = wanted


def speak(language: str | None) -> None:
    """From now on tell people in `en` or `ko`, by default in what the shell speaks."""
    shell = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    speak_korean((language or next(filter(None, shell), "en")).startswith("ko"))


def speaks_json() -> bool:
    return _Output.json


def tell(event: str, lines: Iterable[str], **facts: object) -> None:
    """Print these lines or, for programs, one object in one line: the event and its facts."""
    if _Output.json:
        print(json.dumps({"event": event, **facts}, default=_plain), flush=True)
    else:
        say(*lines)


def _plain(fact: object) -> object:
    if is_dataclass(fact) and not isinstance(fact, type):
        return asdict(fact)
    return fact.isoformat(sep=" ") if isinstance(fact, datetime.datetime) else str(fact)


def say(*lines: str) -> None:
    """Print these lines, at once."""
    for each in lines:
        print(line(each), file=sys.stderr if _Output.json else None, flush=True)


def notice(text: str) -> None:
    """Print what is worth knowing beside the result."""
    print(line(f"notice: {text}"), file=sys.stderr)
    if speaks_json():
        tell("notice", [], text=text)
