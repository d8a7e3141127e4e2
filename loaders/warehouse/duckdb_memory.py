"""What DuckDB may hold in memory, by what it is asked to do. Without a limit it keeps every block that it has read or
written, up to most of the machine's memory.
"""

from loaders.words.run_record import Batch, Run

# Every thread holds blocks of its own, so the bounds below would not hold on a machine of many cores.
THREADS = 4
# A comparison reads every block of the database file once, so keeping more gains nothing.
COMPARE = 64_000_000
# Putting a stream in order; the rest goes to files beside the database.
STREAM = 256_000_000
# The same in a load's transaction, beside what the load may take: of 10,000,000 orders a comparison by value took
# 256 MB more for 256, 90 for 64, and 44 for 24, in the same time.
STREAM_IN_LOAD = 24_000_000
# A sort does not know of the marks, which cannot go to disk: it would spill too late, and the load was tried again with
# all memory. Of 10,000,000 orders a 24th takes 185 MB beside marks of 88.
SORT_BESIDE_MARKS = 2.5
# A load: at least, and for each thread that writes. More makes none faster.
LOAD, LOAD_THREAD = 100_000_000, 50_000_000
# To change one row of a table, DuckDB holds two blocks of 256 KiB of each of its columns: 560 kB of 50 to 800 columns.
COLUMN = 650_000
# To delete a row, DuckDB keeps 8 bytes and a little for each row of its vector until the transaction is over, and needs
# some room to work in.
VECTOR_ROWS = 2_048
MARK_BYTES = 8.8
WORK = 20_000_000


def load_threads(run: Run, threads: int) -> int:
    """Rows that change are exchanged by one thread nearly as fast as by several, in 20 MB less."""
    return threads if any(batch.mode == "full" for batch in run.batches) else 1


def of_load(run: Run, threads: int) -> int:
    """Bytes with which a load is tried first: enough where rows are of some kilobytes at most.

    DuckDB works on 2,048 rows at once, so rows of megabytes need more than can be known before.
    """
    wide = COLUMN * max((len(batch.raw_columns) for batch in run.batches), default=0)
    return max(LOAD, max(LOAD_THREAD, wide) * threads, max(WORK, wide) + _marks(run))


def of_stream(run: Run, load: int) -> int:
    """Bytes for a stream in the transaction of the run's load, which itself may take `load`."""
    return load + max(STREAM_IN_LOAD, int(SORT_BESIDE_MARKS * _marks(run)))


def _marks(run: Run) -> int:
    return int(MARK_BYTES * sum(map(_marked, run.batches)))


def _marked(batch: Batch) -> int:
    """Rows in the vectors in which rows are deleted, if every one is in a vector of its own."""
    if batch.mode == "full":
        return 0
    changed = VECTOR_ROWS * (batch.rows + batch.deleted_rows)
    return changed if batch.live_rows is None else min(changed, batch.live_rows)
