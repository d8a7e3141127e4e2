"""What a run tells people while it works and when it is done."""

import datetime
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from tqdm import tqdm
from tqdm.utils import disp_len

from loaders.common.progress import Rows
from loaders.common.telling import line, printable
from loaders.proof.raw_state import Holding
from loaders.proof.verify import Finding
from loaders.run.plan import Intent
from loaders.warehouse.interface import Step
from loaders.words.run_record import Batch, Run, SourceCost

Item = TypeVar("Item")
# How often what is shown changes, and from when on it is shown.
SECONDS = 1


def progress(doing: str, expected_rows: int, batches: Iterable[Rows]) -> Generator[Rows]:
    """Show a bar with rows per second on a terminal, once it takes longer than a second; nothing elsewhere.

    doing: "reading order". Until the first rows are there, what is being done is said without a bar.
    """
    waiting = line(f"{doing}, about {expected_rows:,} rows" if expected_rows else doing)
    doing = line(doing)
    bar = tqdm(
        total=expected_rows or None,
        desc=f"  {doing}",
        unit=f" {line('rows')}",
        unit_scale=True,
        delay=SECONDS,
        leave=False,
        disable=not _on_a_terminal(),
    )
    with bar, _ticking(bar, f"  {waiting} …"):
        for batch in batches:
            yield batch
            bar.update(len(batch))


@contextmanager
def _ticking(bar: "tqdm[NoReturn]", waiting: str) -> Iterator[None]:
    """Draw the bar every second, whether or not anything has come; `waiting` and the time taken while nothing has."""
    if bar.disable:
        yield
        return
    ended = threading.Event()

    def tick() -> None:
        seconds = 0
        while not ended.wait(SECONDS):
            seconds += SECONDS
            with bar.get_lock():  # type: ignore[no-untyped-call]  # its stubs leave this one out
                bar.display(None if bar.n else f"{waiting} {bar.format_interval(seconds)}")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()
        bar.clear()


def steps(chosen: Iterable[Step], count: int) -> Iterator[Step]:
    """Show on a terminal which batch of how many is being applied, once that takes longer than a second."""
    bar = tqdm(chosen, total=count, unit=" batches", delay=1, leave=False, disable=not _on_a_terminal())
    for step in bar:
        run, batch, _files = step
        bar.set_description(printable(f"  run {run.run}, {batch.table}"))
        yield step


def replayed(known: Sequence[Run], where: str, seconds: float) -> list[str]:
    """The summary of a replay: which runs are in raw, and what each table was proved by."""
    newest: dict[str, tuple[Run, Batch]] = {}
    for run in known:
        newest |= {batch.table: (run, batch) for batch in run.batches}
    width = max(map(len, newest), default=0)
    last = known[-1]
    head = f"runs {known[0].run} to {last.run} of the lake, as of {last.snapshot_at:%Y-%m-%d %H:%M:%S} UTC -> {where}"
    lines = [f"  {table:<{width}}  {_proof(*newest[table])}" for table in sorted(newest)]
    return [head, *lines, f"  {len(newest)} tables rebuilt in {seconds:.1f} s"]


def baseline(base: Run) -> str:
    """A line for a baseline: what stands for the old runs from now on."""
    tables = ", ".join(f"{batch.table} {batch.rows:,}" for batch in base.batches)
    size = _size(sum(file.bytes for batch in base.batches for file in batch.files))
    return f"baseline of run {base.run}, schema {base.schema}: {tables} rows, {size}; read back and equal"


def _proof(run: Run, batch: Batch) -> str:
    if batch.live_rows is None:
        return f"run {run.run} was published without a comparison: the next extract compares"
    return f"{batch.live_rows:>12,} rows, equal by count and hash to what run {run.run} found"


def published(run: Run, lake: object, seconds: float) -> list[str]:
    """The summary of an extract: a line per table, then one for the run."""
    width = max((len(batch.table) for batch in run.batches), default=0)
    lines = [
        f"  {batch.table:<{width}}  {batch.rows:>12,} rows  {_size(sum(file.bytes for file in batch.files)):>9}"
        f"  {batch.verdict}{_nulled(batch.invalid)}"
        for batch in run.batches
    ]
    rows = sum(batch.rows for batch in run.batches)
    head = f"run {run.run}: {len(run.batches)} tables as of {run.snapshot_at:%Y-%m-%d %H:%M:%S} UTC -> {lake}"
    took = f"  {rows:,} rows in {seconds:.1f} s ({rows / max(seconds, 0.001):,.0f} rows/s)"
    return [head, *lines, took, *_at_source(run)]


def at_source(cost: SourceCost) -> str:
    """A line for what a run did to its source."""
    age, queries, longest = (each / 1000 for each in (cost.snapshot_ms, cost.queries_ms, cost.longest_query_ms))
    return (
        f"  at the source: snapshot held {age:.1f} s, queries {queries:.1f} s, the longest {longest:.1f} s, "
        f"{cost.rows_scanned:,} rows scanned, locks {cost.locked_ms:,} ms"
    )


def _at_source(run: Run) -> list[str]:
    """A run of an older version did not look."""
    return [at_source(run.source_cost)] if run.source_cost else []


def past(run: Run) -> list[str]:
    """A line for a run of the lake's, and one for each table that it changed, or of which it has not compared all."""
    told = [
        f"  {batch.table}: {batch.mode}, {batch.rows:,} rows  {batch.verdict}{_nulled(batch.invalid)}"
        for batch in run.batches
        if batch.rows or batch.deleted or batch.notices or not batch.wholly_compared
    ]
    head = f"run {run.run}: as of {run.snapshot_at:%Y-%m-%d %H:%M:%S} UTC"
    return [head, *(told or ["  nothing had changed"]), *_at_source(run)]


def facts(run: Run) -> dict[str, object]:
    """The same for a program."""
    tables = [
        {
            "table": batch.table,
            "mode": batch.mode,
            "rows": batch.rows,
            "bytes": sum(file.bytes for file in batch.files),
            # What a table that was read whole has lost, only the warehouse could tell.
            "repaired": batch.repaired_rows if batch.mode == "incremental" else None,
            "gone": batch.deleted_rows if batch.mode == "incremental" else None,
            "drift": batch.notices,
            "live_rows": batch.live_rows,
            "untouched": batch.untouched,
            "taken_over": batch.taken_over,
            "invalid": dict(batch.invalid),
            "verdict": batch.verdict,
        }
        for batch in run.batches
    ]
    return {
        "run": run.run,
        "schema": run.schema,
        "snapshot_at": run.snapshot_at,
        "tables": tables,
        "source_cost": run.source_cost,
    }


def loaded(run: Run, warehouse: object) -> str:
    """A line for a run that raw holds now."""
    return f"run {run.run}: {sum(batch.rows for batch in run.batches):,} rows -> {warehouse}, schema {run.schema}"


def status(holdings: Sequence[Holding], now: datetime.datetime) -> list[str]:
    """One line per table: its newest run, live rows, age, how far the cursor is, verdict, and since when by value."""
    if not holdings:
        return ["  nothing is loaded yet"]
    width = max(len(held.table) for held in holdings)
    cursors = max(len(held.cursor) for held in holdings)
    return [
        f"  {held.table:<{width}}  run {held.run:>4}  {_live(held.live_rows):>12} rows  "
        f"{age(now - held.snapshot_at):>8} old  {held.cursor:<{cursors}}  {held.verdict}; "
        + (f"whole by hash since {held.by_hash[:19]}; " if held.by_hash else "")
        + (f"whole by value since {held.by_value[:19]}" if held.by_value else "never yet whole by value")
        for held in holdings
    ]


def freshness(fresh: Mapping[str, str | None]) -> list[str]:
    """What dbt's source freshness would say, where the catalog sets limits to it."""
    judged = {table: said for table, said in fresh.items() if said}
    by = {said: ", ".join(table for table in judged if judged[table] == said) for said in ("warn", "error")}
    fine = f"  as fresh as the catalog asks: {sum(said == 'pass' for said in judged.values())} of {len(fresh)} tables"
    warned = f"; older than it warns at: {by['warn']}" if by["warn"] else ""
    failed = f"; TOO OLD: {by['error']}; `make extract` reads anew" if by["error"] else ""
    return [fine + warned + failed] if judged else []


def waiting(pending: Sequence[Run]) -> str:
    """The runs that raw does not hold yet."""
    if not pending:
        return "0 runs wait in the lake"
    numbers = ", ".join(str(run.run) for run in pending)
    return f"{len(pending)} runs wait in the lake ({numbers}); `python -m loaders load` applies them"


def intent(intended: Intent) -> list[str]:
    """order: full, about 10,000 rows, 2 MB (estimated), 14 columns: first read. And what each proof would cost.

    Of a table that is compared the figures are those of the table: what it reads, only the comparison tells.
    """
    batch = intended.batch
    size = f"{_size(intended.bytes)} (estimated)" if intended.bytes or not batch.rows else "bytes not estimated yet"
    about = "of about" if batch.mode == "incremental" else "about"
    head = (
        f"{batch.table}: {batch.mode}, {about} {batch.rows:,} rows, {size}, {len(batch.columns)} columns: "
        f"{intended.why}"
    )
    if not (cost := intended.cost):
        return [head]
    return [
        head,
        f"  each run by `proof: whole` takes the source {cost.whole:.1f} s, by `proof: {{share: {cost.parts}}}` "
        f"{cost.share:.1f} s (as measured now on {cost.rows:,} rows)",
    ]


def _on_a_terminal() -> bool:
    """False also where a service has closed it."""
    return sys.stderr is not None and sys.stderr.isatty()


def _live(rows: int | None) -> str:
    return "no table," if rows is None else f"{rows:,}"


@contextmanager
def working(text: str) -> Iterator[None]:
    """Say on a terminal what is being done, for as long as it takes."""
    if not _on_a_terminal():
        yield
        return
    shown = f"  {line(text)} …"
    sys.stderr.write(f"{shown}\r")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write(f"{' ' * disp_len(shown)}\r")
        sys.stderr.flush()


def working_on_each(text: str, made: Iterable[Item]) -> Iterator[Item]:
    """What is made, as it comes; while it is being made, the text on a terminal."""
    left = iter(made)
    while True:
        with working(text):
            item = next(left, None)
        if item is None:
            return
        yield item


def finding(found: Finding, width: int) -> list[str]:
    """A line for a table or mart, a line for each difference that is shown, and what to do."""
    rows = "" if found.rows is None else f"{found.rows:,} rows"
    lines = [f"  {found.name:<{width}}  {rows:>17}  {found.said}"]
    lines += [f"      {detail}" for detail in found.details]
    if found.fix:
        lines.append(f"      next: {found.fix}")
    return lines


def verdict(findings: Sequence[Finding]) -> str:
    """The last line of `verify`."""
    unlike = [found.name for found in findings if found.equal is False]
    if unlike:
        return f"NOT EQUAL: {', '.join(unlike)}"
    skipped = [found.name for found in findings if found.equal is None]
    by_hash = (
        "; raw by hash, `make verify ARGS=--deep` compares every value" if any(f.by_hash for f in findings) else ""
    )
    return f"equal{by_hash}" + (f"; not compared: {', '.join(skipped)}" if skipped else "")


def age(span: datetime.timedelta) -> str:
    """A time span in its largest whole unit: 45 s, 12 min, 5 h, 3 d."""
    seconds = max(int(span.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _nulled(invalid: Mapping[str, int]) -> str:
    return "".join(f"; {count:,} invalid values of {column} became NULL" for column, count in invalid.items())


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
