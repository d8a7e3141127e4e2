"""What a command adds itself to, and a number in its words."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

from loaders.common.settings import Settings

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run: TypeAlias = Callable[[argparse.Namespace, Settings], int | None]


def add(commands: Commands, text: str | None, run: Run, *options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add a command by its module's docstring: its name, a line about it, and below what else its help says."""
    head, _, more = (text or "").partition("\n\n")
    name, _, line = head.partition(": ")
    command = commands.add_parser(name.strip("`"), parents=options, help=line.rstrip("."), epilog=more)
    command.set_defaults(run=run)
    return command


def number(most: int, least: int = 1) -> Callable[[str], int]:
    """What reads an argument that is a whole number; another ends in argparse's own words, a wrong call."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:,} to {most:,}")
        return int(text)

    return read
