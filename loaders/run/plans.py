"""A run before it is made: its record without files, and every statement that loading it would send to Redshift."""

import datetime
from collections.abc import Callable

from loaders.lake import attempts
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.homes import homes, types
from loaders.warehouse import redshift_sql
from loaders.words.catalog import Catalog, Table
from loaders.words.run_record import Batch, Run

# Stands where a real run has its random part.
ATTEMPT = "attempt"


def plan(pairs: list[tuple[Table, SourceTable]], number: int, catalog: Catalog, snapshot: Snapshot) -> Run:
    """A first run as its record would say it, with the server's estimates instead of counts, and no files."""
    batches = tuple(batch(table, source, catalog.for_redshift) for table, source in pairs)
    version, taken_at = snapshot.server_version, snapshot.taken_at
    return Run(number, f"{number}-{ATTEMPT}", catalog.schema, catalog.source, version, taken_at, batches)


def statements(run: Run, url: Callable[[str], str], role: str) -> list[str]:
    """The SQL of the run's load into Redshift, in order, if every table has rows to bring and the schema is new."""
    found = [redshift_sql.newest_run(run.schema)]
    found += [redshift_sql.create_schema(run.schema), redshift_sql.create_loads(run.schema)]
    found += ["begin", redshift_sql.lock_loads(run.schema), redshift_sql.newest_run(run.schema)]
    for number, batch in enumerate(run.batches):
        staging = f"staged_{number}"
        found.append(redshift_sql.create_staging(staging, batch.columns))
        found.append(redshift_sql.copy(staging, url(attempts.key(batch.table, run.attempt, "manifest")), role))
        found.append(redshift_sql.count(staging))
        if batch.primary_key:
            found.append(redshift_sql.repeated_keys(staging, batch))
        # Once for what would be lost, once for the place.
        found += 2 * [redshift_sql.columns_of(run.schema, batch.table)]
        found.append(redshift_sql.create_table(run.schema, batch))
        if batch.mode == "full":
            found.append(redshift_sql.clear(run.schema, batch))
        if batch.mode != "full":
            found.append(redshift_sql.remove_staged(run.schema, staging, batch))
        found.append(redshift_sql.insert_staged(run.schema, staging, run, batch))
        found.append(redshift_sql.drop_staging(staging))
        found.append(redshift_sql.live_totals(run.schema, batch))
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    return [*found, redshift_sql.record(run.schema, run, now), "commit"]


def batch(table: Table, source: SourceTable, for_redshift: bool) -> Batch:
    """All of a table."""
    columns = types(homes(table.name, source.columns, for_redshift))
    rows = source.estimated_rows
    return Batch(table.name, "full", columns, table.primary_key, (), rows, {}, "a plan", table.dist, table.sort)
