"""`verify`: are source, raw and marts equal, now? Exit code 0 only if they are.

Compares the source as it is now with raw, and with the marts that keep a table's rows one to one
(meta.mart in the catalog). Raw: rows, sums of hashes, and where those differ the first keys. Marts: every row, column
by column, against the same join computed by MySQL. The source is read in one snapshot; nothing is written.

examples:
  python -m loaders verify                        counts, sums and hashes of every table; marts by value
  python -m loaders verify --tables order         of one table
  python -m loaders verify --deep --tables order  every column of every row, as text made by the two servers
  python -m loaders verify --deep --against shop  the same of a replica by zero-ETL, DMS or others in that schema

What `equal by hash` and `equal by every value` prove, and what they do not: docs/proof.md

A source that changed since the last run is not equal now: `make extract` brings raw up to it.
exit codes: 0 only if all are equal (--against without --deep: rows and keys); 1 if anything differs, is missing in raw,
or (once something is built) a mart is missing. Before the first `make build` marts are named and do not count.
"""

import argparse
from collections.abc import Iterator
from contextlib import AbstractContextManager

from loaders.cli import connections, report
from loaders.cli.commands import Commands, add
from loaders.common.errors import Exit, Failure
from loaders.common.settings import Settings
from loaders.common.telling import say, tell
from loaders.proof import raw_state, replica, verify
from loaders.proof.verify import Ends, Finding
from loaders.run import backlog
from loaders.run.match_catalog import match
from loaders.source.described import SourceTable
from loaders.words.catalog import Catalog, Table


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    verifying = add(commands, __doc__, run, catalog)
    verifying.add_argument("--tables", metavar="A,B", help="only these tables of the catalog, and their marts")
    verifying.add_argument("--deep", action="store_true", help="compare every column of every row in canonical text")
    verifying.add_argument("--against", metavar="SCHEMA", help="compare tables there that somebody else fills, not raw")


def run(arguments: argparse.Namespace, chosen: Settings) -> int:
    catalog, there = connections.chosen_tables(arguments, chosen), connections.target(chosen)
    if there.absent:
        raise Failure(f"the warehouse {there.values['path']} does not exist yet", "run `make extract` first")
    # Of a replica neither lake nor run nor mart takes part.
    schema, findings = arguments.against, list[Finding]()
    with (
        connections.warehouse(catalog, chosen, read_only=True, of_lake=not schema) as warehouse,
        connections.snapshot(chosen, chosen.pace) as snapshot,
    ):
        if schema:
            width = max(len(table.name) for table in catalog.tables)
            held = f"schema {schema}"
            found = _of_replica(replica.Ends(snapshot, warehouse, schema, report.progress), catalog, arguments.deep)
        else:
            # First of all: what is read from now on is of this run, or the comparison says that it is not.
            last, lake = warehouse.last_applied(), connections.lake_of(catalog, chosen)
            ends = Ends(
                snapshot, warehouse, raw_state.applied(lake, warehouse), backlog.pending(lake, warehouse),
                there.values["schema"], report.progress, arguments.tables is None,
            )  # fmt: skip
            width = max(len(each.name) for table in catalog.tables for each in (table, table.mart) if each)
            held = _held(last, ends)
            found = _of_raw(ends, last, catalog, arguments.deep)
        say(f"{catalog.source} as of {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC and {warehouse}, {held}")
        for each in found:
            findings.append(each)
            tell("compared", report.finding(each, width), **vars(each))
    differ = any(found.equal is False for found in findings)
    by_key = schema and not arguments.deep and not differ
    said = "the same rows by key; values not compared: --deep does" if by_key else report.verdict(findings)
    tell("verdict", [said], equal=not differ and not by_key)
    return int(differ)


def _of_raw(ends: Ends, last: tuple[int, str], catalog: Catalog, deep: bool) -> Iterator[Finding]:
    pairs, compared = match(catalog, ends.snapshot), []
    for table, source in pairs:
        with _comparing(table, source):
            compared.append(verify.raw_table(ends, table, source, catalog, deep))
        yield compared[-1]
    for table, source in pairs:
        if table.mart:
            with report.working(f"comparing {table.mart.name}"):
                found = verify.mart(ends, table, source, compared)
            yield found
    if ends.warehouse.last_applied() != last:
        raise Failure("a run was loaded into raw during the comparison", "run it again", ends=Exit.TRY_AGAIN)


def _of_replica(ends: replica.Ends, catalog: Catalog, deep: bool) -> Iterator[Finding]:
    for table, source in match(catalog, ends.snapshot):
        with _comparing(table, source):
            found = replica.finding(table, source, ends, deep)
        yield found


def _comparing(table: Table, source: SourceTable) -> AbstractContextManager[None]:
    return report.working(f"comparing {table.name}, about {source.estimated_rows:,} rows")


def _held(last: tuple[int, str], ends: Ends) -> str:
    schema, waiting = ends.warehouse.schema, f" ({len(ends.waiting)} wait in the lake)" if ends.waiting else ""
    return f"schema {schema} as of run {last[0]}{waiting}" if last[0] else f"schema {schema}, empty{waiting}"
