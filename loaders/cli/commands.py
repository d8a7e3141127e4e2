"""What a command adds itself to, and a number in its words."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def number(most: int, least: int = 1) -> Callable[[str], int]:
    """What reads an argument that is a whole number; another ends in argparse's own words, a wrong call."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least:,} to {most:,}")
        return int(text)

    return read
