"""Work that goes on while other work goes on: one core receives and decodes while another compresses or uploads.

numpy, Arrow, zlib's and OpenSSL's sums and the network let other threads run, so threads are enough.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from operator import attrgetter
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def merged(
    sources: Sequence[Generator[Item]],
    limit_bytes: int,
    interrupt: Callable[[], None],
    size: Callable[[Item], int] = attrgetter("nbytes"),
) -> Generator[Item]:
    """The items (Arrow batches) of several generators, each running in a thread of its own, as they come.

    Of what is not taken yet, limit_bytes are kept, or one item; `size` gives an item's. An error in a generator is
    raised here. Left early, or after an error, `interrupt` wakes those that wait for the network, and all are closed
    before this returns.
    """
    shelf = _Shelf(limit_bytes, len(sources), size)
    threads = [threading.Thread(target=shelf.fill, args=(source,), daemon=True) for source in sources]
    try:
        for thread in threads:
            thread.start()
        yield from iter(shelf.take, None)
    except BaseException:
        shelf.stop()
        interrupt()
        raise
    finally:
        for thread in threads:
            if thread.ident:
                thread.join()


def in_background(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """function(item) for each item in order, in another thread, while the next item is being made here."""
    with ThreadPoolExecutor(1) as pool:
        last = None
        for item in items:
            running = pool.submit(function, item)
            if last:
                yield last.result()
            last = running
        if last:
            yield last.result()


class Shared(Iterator[Item]):
    """An iterator that several threads may take from: each item goes to one of them."""

    def __init__(self, items: Iterable[Item]):
        self.items = iter(items)
        self.taking = threading.Lock()

    def __next__(self) -> Item:
        with self.taking:
            return next(self.items)


class _Shelf(Generic[Item]):
    """Where threads put items and one takes them."""

    def __init__(self, limit_bytes: int, sources: int, size: Callable[[Item], int]):
        self.limit_bytes = limit_bytes
        self.running = sources
        self.size = size
        self.items: deque[Item] = deque()
        self.bytes = 0
        self.error: BaseException | None = None
        self.stopped = False
        self.changed = threading.Condition()

    def fill(self, source: Generator[Item]) -> None:
        error = None
        try:
            with closing(source):
                for item in source:
                    if not self._put(item):
                        break
        except BaseException as raised:
            error = raised
        with self.changed:
            self.running -= 1
            self.error = self.error or error
            self.changed.notify_all()

    def _put(self, item: Item) -> bool:
        """Wait for room. False: nobody wants it."""
        with self.changed:
            self.changed.wait_for(lambda: self.stopped or not self.items or self.bytes < self.limit_bytes)
            if not self.stopped:
                self.items.append(item)
                self.bytes += self.size(item)
                self.changed.notify_all()
            return not self.stopped

    def take(self) -> Item | None:
        """The next item; None after the last."""
        with self.changed:
            self.changed.wait_for(lambda: self.items or self.error or not self.running)
            if self.error:
                raise self.error
            if not self.items:
                return None
            item = self.items.popleft()
            self.bytes -= self.size(item)
            self.changed.notify_all()
            return item

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
