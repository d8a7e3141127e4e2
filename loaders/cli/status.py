"""`status`: what raw holds, and what waits in the lake.

What a verdict proves, and `whole by value since`: docs/proof.md
"""

import argparse
import datetime
from collections.abc import Mapping
from pathlib import Path

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add
from loaders.common.settings import Settings
from loaders.common.telling import notice, say, tell
from loaders.help import update
from loaders.lake import runs
from loaders.proof import raw_state
from loaders.retention import deleted
from loaders.run import backlog
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse.interface import Warehouse
from loaders.words.catalog import Catalog
from loaders.words.run_record import Batch


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    add(commands, __doc__, status, catalog)


def status(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.catalog(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    target = connections.target(chosen)
    say(f"source     {catalog.source} ({len(catalog.tables)} tables in {catalog.file})")
    say(f"lake       {lake} ({len(runs.numbers(lake))} runs)")
    say(f"warehouse  {target.values.get('path') or target.values.get('host')}, schema {catalog.schema}")
    if target.absent:
        say("  it does not exist yet; `make extract` makes it")
        return
    with connections.warehouse(catalog, chosen, read_only=True) as warehouse:
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        held, waiting = raw_state.of(catalog, lake, warehouse), backlog.pending(lake, warehouse)
        ages = {each.table: now - each.snapshot_at for each in held}
        fresh = {each.name: each.freshness_at(ages[each.name]) for each in catalog.tables if each.name in ages}
        lines = [*report.status(held, now), *report.freshness(fresh), f"  {report.waiting(waiting)}"]
        facts = {"waiting": [run.run for run in waiting], "freshness": fresh}
        seconds = {table: round(age.total_seconds()) for table, age in ages.items()}
        tell("status", lines, schema=catalog.schema, tables=held, age_seconds=seconds, **facts)
        _say_what_lags(catalog, chosen.project, raw_state.applied(lake, warehouse))
        if chosen.keep_deleted is not None:
            say(f"  {_deleted(warehouse, catalog, chosen.keep_deleted)}")


def _say_what_lags(catalog: Catalog, project: Path, applied: Mapping[str, tuple[int, Batch]]) -> None:
    """As far as raw knows the source; `plan` asks that itself."""
    batches = [applied[table.name][1] for table in catalog.tables if table.name in applied]
    read = {batch.table: [column.name for column in batch.columns if column.name != SOURCE_HASH] for batch in batches}
    dropped = {batch.table: [column.name for column in batch.kept] for batch in batches}
    for text in update.behind(catalog, project, read, dropped):
        notice(text)


def _deleted(warehouse: Warehouse, catalog: Catalog, kept: datetime.timedelta) -> str:
    """How many marked rows may go, as of raw's newest run: by its clock they were marked."""
    moments = {table: moment for table, _run, _rows, moment, _verdict in warehouse.newest()}
    tables = [table.name for table in catalog.tables if table.name in moments]
    count = deleted.waiting(warehouse, tables, max(moments.values()) - kept) if tables else 0
    then = ": `python -m loaders erase --deleted` removes their values" if count else ""
    return f"{count:,} rows are marked as deleted for KEEP_DELETED_DAYS ({kept.days}) or longer{then}"
