"""A marked block of settings at the end of `.env`, which goes before the lines above it; those stay as they are."""

from collections.abc import Mapping
from pathlib import Path

from loaders.common.settings import text_of

BEGIN = "# >>> put here by `make break`; `make fix` takes it away"
END = "# <<< put here by `make break`"


def add(file: Path, settings: Mapping[str, str]) -> None:
    """Put the block at the end, in place of one that is there."""
    kept = _without(text_of(file))
    block = [BEGIN, *(f"{name}={value}" for name, value in settings.items()), END]
    start = kept if not kept or kept.endswith("\n") else kept + "\n"
    _replace(file, start + "\n".join(block) + "\n")


def remove(file: Path) -> bool:
    """Take the block away. False: there was none."""
    text = text_of(file)
    kept = _without(text)
    if kept == text:
        return False
    _replace(file, kept)
    return True


def _without(text: str) -> str:
    """The lines outside the block; of a block whose end is missing, only the marked line goes."""
    before, begun, rest = text.partition(BEGIN + "\n")
    if not begun:
        return text
    _block, ended, after = rest.partition(END + "\n")
    return before + (after if ended else rest)


def _replace(file: Path, text: str) -> None:
    """Whole or not at all; only the owner may read it, because a URL holds a password."""
    fresh = file.with_name(file.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
