"""`verify`: are source, raw and marts equal, now? Exit code 0 only if they are."""

import argparse
from collections.abc import Iterator

from loaders.cli import connections, report
from loaders.cli.commands import Commands
from loaders.common.errors import Exit, Failure
from loaders.common.settings import Settings
from loaders.common.telling import say, tell
from loaders.proof import raw_state, replica, verify
from loaders.proof.verify import Ends, Finding
from loaders.run import backlog
from loaders.run.match_catalog import match
from loaders.source import mysql
from loaders.warehouse.profile import Target
from loaders.words.catalog import Catalog

DESCRIPTION = """Compares the source as it is now with raw, and with the marts that keep a table's rows one to one
(meta.mart in the catalog). Raw: rows, sums of hashes, and where those differ the first keys. Marts: every row, column
by column, against the same join computed by MySQL. The source is read in one snapshot; nothing is written."""

EPILOG = """examples:
  python -m loaders verify                        counts, sums and hashes of every table; marts by value
  python -m loaders verify --tables order         of one table
  python -m loaders verify --deep --tables order  every column of every row, as text made by the two servers
  python -m loaders verify --deep --against shop  the same of a replica by zero-ETL, DMS or others in that schema

What `equal by hash` and `equal by every value` prove, and what they do not: docs/proof.md

A source that changed since the last run is not equal now: `make extract` brings raw up to it.
exit codes: 0 only if all are equal (--against without --deep: rows and keys); 1 if anything differs, is missing in raw,
or (once something is built) a mart is missing. Before the first `make build` marts are named and do not count."""


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    verifying = commands.add_parser(
        "verify",
        parents=[catalog],
        help="are source, raw and marts equal, now?",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    verifying.add_argument("--tables", metavar="A,B", help="only these tables of the catalog, and their marts")
    verifying.add_argument("--deep", action="store_true", help="compare every column of every row in canonical text")
    verifying.add_argument("--against", metavar="SCHEMA", help="compare tables there that somebody else fills, not raw")
    verifying.set_defaults(run=run)


def run(arguments: argparse.Namespace, chosen: Settings) -> int:
    catalog = connections.chosen_tables(arguments, chosen)
    if arguments.against:
        return _against(catalog, chosen, arguments.against, arguments.deep)
    lake = connections.lake_of(catalog, chosen)
    target = connections.dbt_target(chosen, chosen.environment)
    _must_exist(target)
    names = [table.name for table in catalog.tables] + [table.mart.name for table in catalog.tables if table.mart]
    with (
        connections.warehouse(catalog, chosen, read_only=True) as warehouse,
        connections.source(chosen) as connection,
        mysql.snapshot(connection, chosen.pace) as snapshot,
    ):
        last = warehouse.last_applied()
        ends = Ends(
            snapshot, warehouse, raw_state.applied(lake, warehouse), backlog.pending(lake, warehouse),
            target.values["schema"], report.progress, arguments.tables is None,
        )  # fmt: skip
        say(f"{catalog.source} as of {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC and {warehouse}, {_held(last, ends)}")
        findings = []
        for found in _findings(ends, catalog, arguments.deep):
            findings.append(found)
            tell("compared", report.finding(found, max(map(len, names))), **vars(found))
        if warehouse.last_applied() != last:
            raise Failure("a run was loaded into raw during the comparison", "run it again", ends=Exit.TRY_AGAIN)
    equal = all(found.equal is not False for found in findings)
    tell("verdict", [report.verdict(findings)], equal=equal)
    return int(not equal)


def _findings(ends: Ends, catalog: Catalog, deep: bool) -> Iterator[Finding]:
    pairs, compared = match(catalog, ends.snapshot), []
    for table, source in pairs:
        with report.working(f"comparing {table.name}, about {source.estimated_rows:,} rows"):
            compared.append(verify.raw_table(ends, table, source, catalog, deep))
        yield compared[-1]
    for table, source in pairs:
        if table.mart:
            with report.working(f"comparing {table.mart.name}"):
                found = verify.mart(ends, table, source, compared)
            yield found


def _against(catalog: Catalog, chosen: Settings, schema: str, deep: bool) -> int:
    """No lake, no run and no mart takes part."""
    _must_exist(connections.dbt_target(chosen, chosen.environment))
    findings = []
    with (
        connections.warehouse(catalog, chosen, read_only=True, of_lake=False) as warehouse,
        connections.source(chosen) as connection,
        mysql.snapshot(connection, chosen.pace) as snapshot,
    ):
        say(f"{catalog.source} as of {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC and {warehouse}, schema {schema}")
        ends = replica.Ends(snapshot, warehouse, schema, report.progress)
        for table, source in match(catalog, snapshot):
            with report.working(f"comparing {table.name}, about {source.estimated_rows:,} rows"):
                found = replica.finding(table, source, ends, deep)
            findings.append(found)
            tell("compared", report.finding(found, max(len(each.name) for each in catalog.tables)), **vars(found))
    differ = any(found.equal is False for found in findings)
    said = report.verdict(findings) if deep or differ else "the same rows by key; values not compared: --deep does"
    tell("verdict", [said], equal=deep and not differ)
    return int(differ)


def _must_exist(target: Target) -> None:
    if target.absent:
        raise Failure(f"the warehouse {target.values['path']} does not exist yet", "run `make extract` first")


def _held(last: tuple[int, str] | None, ends: Ends) -> str:
    schema, waiting = ends.warehouse.schema, f" ({len(ends.waiting)} wait in the lake)" if ends.waiting else ""
    return f"schema {schema} as of run {last[0]}{waiting}" if last else f"schema {schema}, empty{waiting}"
