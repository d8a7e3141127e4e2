"""`plan`: what a run would do now, table by table, and nothing of it done.

examples:
  python -m loaders plan                   mode of each table and why, estimated rows and bytes, runs that wait
  python -m loaders plan --tables order    of one table
  python -m loaders plan --sql             and the statements: SELECTs for MySQL, DDL and COPY for Redshift

Rows and bytes are the server's own estimates (information_schema). What `proof: whole` and `proof: {share: 24}` of a
table of more than 50,000 rows, whose key is one whole number without wide gaps, would cost the source is measured on
about 50,000 of them, which are read for it; not of a table that the run would not read.
Nothing is written, in the lake or the warehouse.
"""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import notice, say, tell
from loaders.help import discover, update
from loaders.lake import history, runs
from loaders.lake.store import Lake
from loaders.run import backlog, plan
from loaders.run.incremental import Raw
from loaders.run.match_catalog import match
from loaders.run.options import Options, Places, RunContext
from loaders.run.plan import Intent, intent
from loaders.run.table_read import about
from loaders.source.touched import Word
from loaders.warehouse.interface import Warehouse
from loaders.words.catalog import Catalog
from loaders.words.run_record import Run


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    planning = add(commands, __doc__, run, catalog)
    planning.add_argument("--tables", metavar="A,B", help="only these tables of the catalog")
    planning.add_argument("--full", action="store_true", help="for a run that reads the tables whole")
    planning.add_argument("--compare", action="store_true", help="for a run that takes no server's word on changes")
    planning.add_argument("--sql", action="store_true", help="the statements for MySQL and Redshift, too")


def run(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog = connections.chosen_tables(arguments, chosen)
    lake = connections.lake_of(catalog, chosen)
    number = max(runs.numbers(lake), default=0) + 1
    with (
        connections.snapshot(chosen) as snapshot,
        _warehouse(catalog, chosen) as warehouse,
    ):
        waiting = backlog.pending(lake, warehouse) if warehouse else history.since(lake, catalog.schema)
        bases = runs.newest_batches(lake, catalog.schema, [table.name for table in catalog.tables])
        raw = Raw(warehouse, bases)
        options = Options(arguments.full, arguments.compare, lookback=chosen.lookback, value_parts=chosen.value_parts)
        places = Places(lake, Path(), warehouse)
        word = Word(snapshot)
        attempt = f"{number}-{plan.ATTEMPT}"
        context = RunContext(snapshot, word, attempt, places, options, catalog.for_redshift, report.progress)
        intents = list(_intents(catalog, context, raw, waiting))
        planned = plan.planned((intended.batch for intended in intents), number, catalog, snapshot)
        loadable, _others = discover.loadable(snapshot.tables().values())
    there = {table.name: [column.name for column in table.columns] for table in loadable}
    say(f"run {number} would read {len(catalog.tables)} tables into {lake}, schema {catalog.schema}")
    for each in waiting:
        rows = sum(batch.rows for batch in each.batches)
        said = f"  first it loads run {each.run}, which waits in the lake: {rows:,} rows"
        tell("waits", [said], run=each.run, rows=rows)
    for intended in intents:
        batch = intended.batch
        tell(
            "table",
            [f"  {line}" for line in report.intent(intended)],
            table=batch.table,
            mode=batch.mode,
            why=intended.why,
            estimated_rows=batch.rows,
            estimated_bytes=intended.bytes,
            cost=intended.cost,
        )
    for text in update.behind(catalog, chosen.project, there):
        notice(text)
    if arguments.sql:
        _print_statements(intents, planned, lake, catalog, chosen)


@contextmanager
def _warehouse(catalog: Catalog, chosen: Settings) -> Iterator[Warehouse | None]:
    """The warehouse, or None, said aloud, if it is not there to be asked."""
    target = connections.target(chosen)
    with ExitStack() as stack:
        opened = None
        if target.absent:
            say(f"the warehouse {target.values['path']} does not exist yet: the run would make it")
        else:
            try:
                opened = stack.enter_context(connections.warehouse(catalog, chosen, read_only=True))
            except Failure as failure:
                say(f"the warehouse cannot be asked, so this is planned as if it were empty: {failure.problem}")
        yield opened


def _intents(catalog: Catalog, context: RunContext, raw: Raw, waiting: list[Run]) -> Iterator[Intent]:
    """Of every table. What a waiting run brings is not in raw yet, so raw is not asked about it."""
    coming = {batch.table for run in waiting for batch in run.batches}
    for table, source in match(catalog, context.snapshot):
        read = about(context, table, source, raw.bases.get(table.name))
        context.snapshot.attempt(source, read.columns)
        known = replace(raw, warehouse=None) if table.name in coming else raw
        yield intent(read, known, context.word.of(source.name))


def _print_statements(intents: list[Intent], planned: Run, lake: Lake, catalog: Catalog, chosen: Settings) -> None:
    for intended in intents:
        say(f"-- MySQL: {intended.batch.table}")
        say(*(f"{select};" for select in intended.selects))
    say("-- Redshift: for all tables that bring rows")
    role = chosen.environment.get("REDSHIFT_IAM_ROLE", "default")
    say(*(f"{statement};" for statement in plan.statements(planned, lake.url, role, catalog.comments)))
