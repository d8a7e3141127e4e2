"""What a run tells people while it works and when it is done."""

import datetime
import sys
from collections.abc import Iterable, Iterator, Sequence

from pyarrow import RecordBatch
from tqdm import tqdm

from loaders.runs import Batch, Run
from loaders.warehouse import Step


def progress(name: str, expected_rows: int, batches: Iterable[RecordBatch]) -> Iterator[RecordBatch]:
    """Show a bar with rows per second on a terminal, once reading takes longer than a second; nothing elsewhere."""
    bar = tqdm(
        total=expected_rows or None,
        desc=f"  reading {name}",
        unit=" rows",
        unit_scale=True,
        delay=1,
        leave=False,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        for batch in batches:
            yield batch
            bar.update(batch.num_rows)


def steps(chosen: Iterable[Step], count: int) -> Iterator[Step]:
    """Show on a terminal which batch of how many is being applied, once that takes longer than a second."""
    bar = tqdm(chosen, total=count, unit=" batches", delay=1, leave=False, disable=not sys.stderr.isatty())
    for step in bar:
        run, batch, _files = step
        bar.set_description(f"  run {run.run}, {batch.table}")
        yield step


def replayed(known: Sequence[Run], where: str, seconds: float) -> str:
    """The summary of a replay: which runs are in raw, and what each table was proved by."""
    newest: dict[str, tuple[Run, Batch]] = {}
    for run in known:
        newest |= {batch.table: (run, batch) for batch in run.batches}
    width = max(map(len, newest), default=0)
    last = known[-1]
    head = f"runs {known[0].run} to {last.run} of the lake, as of {last.snapshot_at:%Y-%m-%d %H:%M:%S} UTC -> {where}"
    lines = [f"  {table:<{width}}  {_proof(*newest[table])}" for table in sorted(newest)]
    return "\n".join([head, *lines, f"  {len(newest)} tables rebuilt in {seconds:.1f} s"])


def baseline(base: Run) -> str:
    """A line for a baseline: what stands for the old runs from now on."""
    tables = ", ".join(f"{batch.table} {batch.rows:,}" for batch in base.batches)
    size = _size(sum(file.bytes for batch in base.batches for file in batch.files))
    return f"baseline of run {base.run}, schema {base.schema}: {tables} rows, {size}; read back and equal"


def _proof(run: Run, batch: Batch) -> str:
    if batch.live_rows is None:
        return f"run {run.run} was published without a comparison: the next extract compares"
    return f"{batch.live_rows:>12,} rows, equal by count and hash to what run {run.run} found"


def published(run: Run, lake: object, seconds: float) -> str:
    """The summary of an extract: a line per table, then one for the run."""
    width = max((len(batch.table) for batch in run.batches), default=0)
    lines = [
        f"  {batch.table:<{width}}  {batch.rows:>12,} rows  {_size(sum(file.bytes for file in batch.files)):>9}"
        f"  {batch.verdict}{_nulled(batch.invalid)}"
        for batch in run.batches
    ]
    rows = sum(batch.rows for batch in run.batches)
    head = f"run {run.run}: {len(run.batches)} tables as of {run.snapshot_at:%Y-%m-%d %H:%M:%S} UTC -> {lake}"
    return "\n".join([head, *lines, f"  {rows:,} rows in {seconds:.1f} s ({rows / max(seconds, 0.001):,.0f} rows/s)"])


def status(rows: list[tuple], now: datetime.datetime) -> str:
    """One line per table: (table, run, rows, snapshot_at, verdict), newest run of each."""
    if not rows:
        return "  nothing is loaded yet"
    width = max(len(row[0]) for row in rows)
    return "\n".join(
        f"  {table:<{width}}  run {run:>4}  {count:>12,} rows  {age(now - snapshot_at):>8} old  {verdict}"
        for table, run, count, snapshot_at, verdict in rows
    )


def age(span: datetime.timedelta) -> str:
    """A time span in its largest whole unit: 45 s, 12 min, 5 h, 3 d."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _nulled(invalid: dict[str, int]) -> str:
    return "".join(f"; {count:,} invalid values of {column} became NULL" for column, count in invalid.items())


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
