"""A run that finds nothing need not wake the warehouse: source and lake tell it, if the lake knows what raw holds.

The note is not the truth, which `_loads` is: a run that finds something, and the first one of each day whatever it
finds, asks the warehouse itself. So what changed raw behind the note's back (a snapshot that was restored) is noticed
within a day, values go on to be compared, and `_loads` never gets so old that dbt's freshness warns (36 hours).
"""

import datetime
import json
from collections.abc import Mapping
from contextlib import suppress

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.lake.store import Lake
from loaders.run import by_hash
from loaders.run.match_catalog import match
from loaders.run.options import RunContext
from loaders.run.table_read import TableRead, about
from loaders.run.untouched import AT_MOST, declared_alike, since
from loaders.words.buckets import totals
from loaders.words.catalog import Catalog
from loaders.words.run_record import Batch, Run

NOTE = "_loaded.json"


def newest_in_raw(lake: Lake, schema: str, warehouse: str) -> Run | None:
    """The lake's newest run, if the note says that this warehouse holds it."""
    known = runs.numbers(lake)
    newest = runs.read(lake, known[-1]) if known else None
    if newest is None or newest.schema != schema or NOTE not in lake.keys(NOTE):
        return None
    with suppress(ValueError):
        return newest if json.loads(lake.read(NOTE)) == _said(newest, warehouse) else None
    return None


def note(lake: Lake, run: Run, warehouse: str) -> None:
    """That the warehouse holds the run and all before it. Without the note the next run just asks."""
    with suppress(Failure):
        lake.replace(NOTE, json.dumps(_said(run, warehouse)).encode())


def forget(lake: Lake) -> None:
    """Before raw is made what it was after an older run."""
    lake.delete([NOTE])


def unchanged(newest: Run, catalog: Catalog, context: RunContext) -> bool:
    """Whether every table is what that run, which raw holds, has found: by columns, rows and the sum of their hashes.

    What is cheap to ask is asked first, of all tables; of one that the server has not changed since, nothing more.
    """
    batches = {batch.table: batch for batch in newest.batches}
    age = context.snapshot.taken_at - newest.snapshot_at
    same_tables = batches.keys() == {table.name for table in catalog.tables}
    if not datetime.timedelta(0) <= age < AT_MOST or newest.source != catalog.source or not same_tables:
        return False
    pairs = match(catalog, context.snapshot)
    reads = [about(context, table, source, batches[table.name]) for table, source in pairs]
    if not all(declared_alike(read, batches[read.table.name]) for read in reads):
        return False
    said = {read.table.name: context.word.of(read.source.name) for read in reads}
    asked = [read for read in reads if since(read, batches[read.table.name], said[read.table.name]) is None]
    return all(each(read, batches[read.table.name]) for each in (_in_one, _as_many, _summed) for read in asked)


def _said(run: Run, warehouse: str) -> Mapping[str, object]:
    return {"run": run.run, "attempt": run.attempt, "schema": run.schema, "warehouse": warehouse}


def _in_one(read: TableRead, _batch: Batch) -> bool:
    """Of a table in parts only raw can tell whether the part whose turn it is is the source's."""
    return read.table.share == 1


def _as_many(read: TableRead, batch: Batch) -> bool:
    return read.run.snapshot.count(read.source) == batch.live_rows


def _summed(read: TableRead, batch: Batch) -> bool:
    source = by_hash.side(read)
    return totals(source.sums(source.buckets(batch.live_rows or 0))) == (batch.live_rows, batch.hash_sum)
