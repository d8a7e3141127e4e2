"""A server's own folder. One that came with a copied checkout speaks of that other checkout's server: not of ours."""

from pathlib import Path

from loaders.common.settings import IDENTITY, is_a_copy


def claim(home: Path, *notes: str) -> None:
    """Take the folder for this checkout: what a copied one says of a running server, in these files, is forgotten."""
    if is_a_copy(home):
        for name in notes:
            (home / name).unlink(missing_ok=True)
    (home / IDENTITY).write_text(str(home.stat().st_ino))
