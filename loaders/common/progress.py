"""How work is shown while it goes on: what shows it (report.py) is handed to what does it."""

from collections.abc import Generator, Iterable, Sized
from typing import Protocol, TypeVar

# Several rows at once, of whatever form; its length is how many.
Rows = TypeVar("Rows", bound=Sized)


class Progress(Protocol):
    """Passes rows through and shows how far it is: progress("reading order", expected rows, rows)."""

    def __call__(self, doing: str, expected_rows: int, rows: Iterable[Rows], /) -> Generator[Rows]: ...
