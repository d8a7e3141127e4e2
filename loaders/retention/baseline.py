"""A baseline: raw as one run left it, in full batches of its own. It stands for that run and all before it."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from loaders.common import paths
from loaders.common.errors import Exit, Failure
from loaders.lake import attempts, parquet, run_json, runs
from loaders.lake.store import Lake
from loaders.retention import replay
from loaders.warehouse.duckdb_warehouse import DuckDBWarehouse, open_warehouse
from loaders.words.run_record import Batch, File, Run

# No number first: the sweep after a run must not take it for what a killed run left.
PREFIX = "baseline-"


def write(lake: Lake, known: Sequence[Run], spool: Path, progress: replay.Progress) -> Run:
    """Publish the baseline of the last of these runs, made from the lake alone and proved twice.

    Once while raw is rebuilt in a file of our own, by the sums of every run record; and once by reading the baseline
    back from the lake. If somebody published it meanwhile, theirs is returned. spool: a folder for files on their way.
    """
    last = known[-1]
    attempt = attempts.opened(lake, f"{PREFIX}{last.run}-{secrets.token_hex(8)}")
    newest = {batch.table: batch for run in known for batch in run.batches}
    try:
        with _rebuilt(lake, known, spool / "order-he-rebuilt.duckdb", progress) as raw:
            batches = tuple(_stored(lake, raw, attempt, batch, spool) for batch in newest.values())
        base = replace(last, attempt=attempt, batches=batches)
        with _rebuilt(lake, [base], spool / "order-he-proof.duckdb", progress):
            pass
        if not attempts.is_open(lake, attempt):
            raise Failure(
                f"rows were erased from the lake {lake} while this was reading them",
                "run it again",
                ends=Exit.TRY_AGAIN,
            )
        key = run_json.baseline_key(last.run)
        published = lake.create(key, runs.readable(lake, base, key))
    except BaseException:
        remove_files(lake, attempt, newest)
        lake.delete([attempts.OPEN + attempt])
        raise
    lake.delete([attempts.OPEN + attempt])
    if not published:
        remove_files(lake, attempt, newest)
    return runs.baseline(lake, last.schema) or base


def remove_files(lake: Lake, attempt: str, tables: Iterable[str]) -> None:
    for table in tables:
        lake.delete(list(lake.keys(attempts.key(table, attempt))))


@contextmanager
def _rebuilt(lake: Lake, known: Sequence[Run], file: Path, progress: replay.Progress) -> Iterator[DuckDBWarehouse]:
    """Raw as the last of these runs left it, in a DuckDB file of our own, whatever the user's warehouse is."""
    path = paths.database_file(file.name, file.parent, "TMPDIR")
    with open_warehouse(path, known[-1].schema, folders=[lake.on_this_machine]) as raw:
        replay.rebuild(lake, raw, known, progress)
        yield raw
    file.unlink()


def _stored(lake: Lake, raw: DuckDBWarehouse, attempt: str, newest: Batch, spool: Path) -> Batch:
    """A table's live rows, to files of the lake; what else is known of the table is its newest batch's."""
    rows = raw.live_rows_of(newest)
    files = tuple(
        _uploaded(lake, attempts.key(newest.table, attempt, local.path.name), local)
        for local in parquet.write(rows, rows.schema, spool / "part", lake.codec)
    )
    count, total = raw.totals(newest.table)
    verdict = f"baseline: {count:,} rows"
    return replace(
        newest,
        mode="full",
        files=files,
        rows=count,
        deleted=(),
        cursor_from=None,
        # Columns that the source dropped are in the files like the others: no earlier run is left to keep them from.
        columns=newest.raw_columns,
        kept=(),
        widened=(),
        notices=(),
        live_rows=count,
        hash_sum=total,
        verdict=verdict,
        invalid={},
    )


def _uploaded(lake: Lake, key: str, local: parquet.LocalFile) -> File:
    lake.put_file(key, local.path, local.sha256)
    local.path.unlink(missing_ok=True)
    return File(key, local.rows, local.bytes, local.sha256)
