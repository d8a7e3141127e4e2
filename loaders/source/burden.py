"""What reading does to the source: how long it is asked, how much it looks at, and rests in between for those that
must not feel it.

SOURCE_PACE is a share of time, not rows or bytes per second: it holds for sums as for rows, whatever a row costs there.
A rest follows each query, so queries are cut short where they can be (key_ranges.py); what is done here meanwhile
counts as rest.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import mysql_arrow
from loaders.source.statements import rows

# MariaDB counts rows of tables, and those of its temporary ones apart. MySQL counts both together, and a look into a
# temporary table is a read by key as a rule: of its counters those that a scan moves.
COUNTERS = """show session status where variable_name in (
    'Rows_read', 'Handler_read_first', 'Handler_read_last', 'Handler_read_next', 'Handler_read_prev',
    'Handler_read_rnd_next')"""


@dataclass
class Burden:
    """One snapshot's. share: of the time, at most so much is spent in queries (0 < share <= 1).

    began: when the snapshot did, by `clock`. taken: seconds of each query, from its text to its last row. locked:
    seconds from asking for locks to letting them go. rest: waits so many seconds, or until `stop`.
    """

    share: float = 1
    clock: Callable[[], float] = time.monotonic
    rest: Callable[[float], object] | None = None
    began: float = 0
    locked: float = 0
    taken: list[float] = field(default_factory=list)
    rested_at: float = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def is_limited(self) -> bool:
        return self.share < 1

    @contextmanager
    def query(self) -> Iterator[None]:
        """One query, all of its rows within; before it, the rest that the last one earned."""
        if (left := self.rested_at - self.clock()) > 0:
            (self.rest or self.stopped.wait)(left)
        begun = self.clock()
        yield
        self.taken.append(self.clock() - begun)
        self.rested_at = begun + self.taken[-1] / self.share

    def stop(self) -> None:
        """Wake whoever rests."""
        self.stopped.set()


def rows_scanned(connection: mysql_arrow.Connection) -> int:
    """Rows that the server has looked at for this session, by its own counters."""
    counted = {name.decode(): int(value) for name, value in rows(connection, COUNTERS)}
    return counted.get("Rows_read", sum(counted.values()))
