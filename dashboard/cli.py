"""`python -m dashboard page|docs|export|metrics|sql`: what comes out of the marts."""

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from dashboard import ask, docs_page, export, marts, page, trust, warehouse
from loaders.common import settings
from loaders.common.errors import Failure
from loaders.common.telling import notice, say
from loaders.warehouse import profile
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.words import catalog
from loaders.words.catalog import known_or_fail

EXAMPLES = """examples:
  python -m dashboard page                     the dashboard, one file: .data/dashboard/index.html
  python -m dashboard page --out orders.html   the same somewhere else
  python -m dashboard docs                     what `dbt docs generate` found, one file: .data/docs/index.html
  python -m dashboard export                   every mart as CSV and Parquet in .data/export
  python -m dashboard export --out . --bom     the same in this folder, for spreadsheet programs
  python -m dashboard export --no-guard        no apostrophe before what a spreadsheet would run as a formula
  python -m dashboard export order_mart        one of them
  python -m dashboard metrics                  what is defined: names, meanings, dimensions (after `dbt parse`)
  python -m dashboard metrics return_rate orders --by order__country    ask for two of them
  python -m dashboard sql                      ask questions
  python -m dashboard sql "select 1"           ask one"""


def main() -> int | None:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard",
        description="What comes out of the marts: the dashboard, files, and answers to questions.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    drawing = commands.add_parser("page", help="write the dashboard, one HTML file that needs no other")
    drawing.add_argument(
        "--out", type=Path, default=settings.DATA / "dashboard/index.html", metavar="FILE", help="where to"
    )
    drawing.set_defaults(run=run_page)
    documenting = commands.add_parser("docs", help="write dbt's documentation, one HTML file that needs no other")
    documenting.add_argument(
        "--out", type=Path, default=settings.DATA / "docs/index.html", metavar="FILE", help="where to"
    )
    documenting.set_defaults(run=run_docs)
    exporting = commands.add_parser("export", help="write marts as CSV and Parquet, with a dictionary")
    exporting.add_argument("marts", nargs="*", metavar="MART", help="which ones; default: all")
    exporting.add_argument("--out", type=Path, default=settings.DATA / "export", metavar="DIR", help="where to")
    exporting.add_argument("--bom", action="store_true", help="begin with a byte order mark, for spreadsheet programs")
    exporting.add_argument(
        "--no-guard", action="store_true", help="leave CSV text that a spreadsheet would run as a formula as it is"
    )
    exporting.add_argument("--duckdb", action="store_true", help="the marts as one DuckDB file too, for BI tools")
    exporting.set_defaults(run=run_export)
    measuring = commands.add_parser("metrics", help="ask for metrics as dbt defines them, or list them")
    measuring.add_argument("metrics", nargs="*", metavar="METRIC", help="which ones; none: list what there is")
    measuring.add_argument("--by", nargs="+", default=[], metavar="DIMENSION", help="such as metric_time__month")
    measuring.add_argument("--sql", action="store_true", help="print the SQL, for other tools, and do not run it")
    measuring.set_defaults(run=run_metrics)
    asking = commands.add_parser("sql", help="ask the warehouse questions, read-only")
    asking.add_argument("question", nargs="?", help="one question; without it, they are read from the terminal")
    asking.set_defaults(run=run_sql)
    arguments = parser.parse_args()
    return arguments.run(arguments)


def run_page(arguments: argparse.Namespace) -> None:
    chosen = settings.read()
    settings.prepare_process(chosen)
    target = _chosen_target(chosen)
    with warehouse.opened(target) as opened:
        raw_schema = catalog.read(chosen.catalog).schema
        build = trust.build(opened, raw_schema)
        results = trust.results_of_builds(settings.ROOT, chosen.environment)
        facts = {
            "loads": trust.loads(opened, raw_schema),
            "build": build,
            "tests": trust.tests(results, build["invocation"] if build else None),
            "written": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            **page.promises(settings.ROOT / "dbt_project/dbt_project.yml"),
        }
        document = page.html(opened, facts)
    size = page.write(document, arguments.out)
    say(f"wrote {arguments.out} ({size / 1000:,.0f} kB)")


def run_docs(arguments: argparse.Namespace) -> None:
    chosen = settings.read()
    settings.prepare_process(chosen)
    size = page.write(docs_page.html(_dbt_target(chosen)), arguments.out)
    say(f"wrote {arguments.out} ({size / 1000:,.0f} kB)")


def run_export(arguments: argparse.Namespace) -> None:
    chosen = settings.read()
    settings.prepare_process(chosen)
    target = _chosen_target(chosen)
    folders = ["marts", "own"] if chosen.demo_shop else ["own"]
    known = export.marts(settings.ROOT / "dbt_project" / "models", folders)
    for name in arguments.marts:
        known_or_fail(name, known, "mart", f"dbt_project/models ({' and '.join(folders)})")
    style = export.Style(arguments.bom, not arguments.no_guard, arguments.duckdb, tuple(known))
    with marts.opened(target, arguments.marts or known, described=known) as connection:
        names = arguments.marts or export.built(connection, target.values["schema"], known)
        if not names:
            raise Failure(
                "the warehouse has none of the marts of dbt_project/models",
                "run `make build` first" if known else "write one: docs/own-marts.md says how",
            )
        if absent := [name for name in known if not arguments.marts and name not in names]:
            notice(f"not written, for the warehouse does not have them: {', '.join(absent)}")
        for done in export.export(connection, target.values["schema"], names, arguments.out, style):
            say(str(done))


def run_metrics(arguments: argparse.Namespace) -> None:
    from dashboard import semantic  # MetricFlow takes a second to import

    chosen = settings.read()
    settings.prepare_process(chosen)
    with warehouse.opened(_chosen_target(chosen)) as opened:
        metrics = semantic.Metrics(_dbt_target(chosen) / "semantic_manifest.json", opened.kind)
        if not arguments.metrics:
            say(*metrics.listed())
            return
        query = metrics.sql(arguments.metrics, arguments.by)
        if arguments.sql:
            say(*query.splitlines())
        else:
            say(*_table([[*arguments.by, *arguments.metrics], *opened.ask(query)]))


def _table(rows: list[Sequence[Any]]) -> list[str]:
    dates = [[value.date() if isinstance(value, datetime.datetime) else value for value in row] for row in rows]
    texts = [["NULL" if value is None else str(value) for value in row] for row in dates]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in texts]


def _dbt_target(chosen: settings.Settings) -> Path:
    return settings.ROOT / "dbt_project" / chosen.environment.get("DBT_TARGET_PATH", "target")


def run_sql(arguments: argparse.Namespace) -> int:
    path = _target().values["path"]
    # A question can be pasted, with anybody's values in it: whatever it is, it reaches tables of the warehouse alone.
    with open_warehouse(path, "", read_only=True) as opened:
        if arguments.question:
            say(*ask.answer(opened.connection, arguments.question))
            return 0
        say(f"{path}, read-only, DuckDB {duckdb.__version__}; {ask.HELP}")
        return _answered(opened.connection, ask.questions(_typed()))


def _answered(connection: duckdb.DuckDBPyConnection, questions: Iterator[str]) -> int:
    """Answer them all; the exit code is 1 if one was wrong, unless somebody sat there and was told."""
    code = 0
    for question in questions:
        try:
            say(*ask.answer(connection, question))
        except Failure as failure:
            print(failure, file=sys.stderr, flush=True)  # noqa: T201 (a failure makes its own lines printable)
            code = int(not sys.stdin.isatty())
    return code


def _typed() -> Iterator[str]:
    with suppress(ImportError):
        import readline  # noqa: F401 (importing it gives the prompt a history and arrow keys)
    with suppress(EOFError):
        while True:
            yield input("sql> " if sys.stdin.isatty() else "")


def _chosen_target(chosen: settings.Settings) -> profile.Target:
    return profile.read(chosen.dbt_profiles_dir, chosen.dbt_target, chosen.environment, settings.ROOT / "dbt_project")


def _target() -> profile.Target:
    target = _chosen_target(settings.read())
    if target.type != "duckdb":
        raise Failure(f"target {target.name} is a {target.type} warehouse", "use its own client, or DBT_TARGET=duckdb")
    if not target.values["path"].exists():
        raise Failure(f"the warehouse {target.values['path']} does not exist yet", "run `make extract` first")
    return target
