"""Tables that are read whole, over several connections: large ones in parts, small ones at the same time."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loaders.common.threads import among
from loaders.run.table_read import TableRead
from loaders.source import key_ranges
from loaders.source.mysql import Snapshot
from loaders.words.run_record import Batch

# Reads a table whole, by a query for each of the SQL conditions (None: all rows), and puts it into the lake.
Whole = Callable[[TableRead, Sequence[str | None]], Batch]


@dataclass(frozen=True)
class TablesAtOnce:
    """snapshot: with several connections. spool: a folder for files on their way."""

    snapshot: Snapshot
    spool: Path
    whole: Whole

    def batches(self, reads: Sequence[TableRead]) -> dict[str, Batch]:
        """Each table's batch, by name. Those that have several ranges of keys come first, over all connections."""
        parts = {read.table.name: key_ranges.conditions(self.snapshot, read.source) for read in reads}
        large = [read for read in reads if len(parts[read.table.name]) > 1]
        others = [read for read in reads if len(parts[read.table.name]) == 1]
        done = [self.whole(read, parts[read.table.name]) for read in large]
        return {batch.table: batch for batch in done + self._side_by_side(others)}

    def _side_by_side(self, reads: Sequence[TableRead]) -> list[Batch]:
        """A connection and a thread for each table, as many tables at a time as there are connections."""
        # The longest first, or the others would be done and wait for it.
        longest_first = sorted(reads, key=lambda read: -read.source.estimated_rows)
        workers = [self._worker(snapshot) for snapshot in self.snapshot.apart()]
        return among(workers, longest_first, self.snapshot.interrupt)

    def _worker(self, snapshot: Snapshot) -> Callable[[TableRead], Batch]:
        """Files of several tables bear the same names, so each worker has a folder of its own for them."""
        spool = Path(tempfile.mkdtemp(dir=self.spool))
        return lambda read: self.whole(replace(read, snapshot=snapshot, spool=spool), [None])
