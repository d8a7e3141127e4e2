"""How work is shown while it goes on: what shows it (report.py) is handed to what does it."""

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

# Several rows at once, of whatever form; its length is how many.
Rows = TypeVar("Rows", bound=Sized)

# Passes rows through and shows how far it is: progress("reading order", expected rows, rows).
Progress = Callable[[str, int, Iterable[Rows]], Iterator[Rows]]
