"""`python -m diff --base main`: what a change of the models does to the data."""

import argparse
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb

from dashboard import marts, warehouse
from dashboard.page import write
from diff import builds, compare, metrics, privacy, relations, report
from diff.builds import Side
from loaders.common import settings
from loaders.common.quoting import sql_name
from loaders.common.telling import say
from loaders.lake.spool import spool
from loaders.warehouse import profile

EXAMPLES = """examples:
  python -m diff --base main                   the working tree beside main; files in .data/diff
  python -m diff --base v1.2 --rows 1000       beside a tag, with up to 1,000 rows of each kind on the page
  python -m diff --base main --vars '{shop: false}'   an own shop's models, without the demo's"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m diff",
        description="Build the models of BASE and those of the working tree from one raw, and tell what differs.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--project-dir", type=Path, metavar="FOLDER", help="a dbt project that is not this checkout's")
    parser.add_argument("--base", required=True, metavar="BASE", help="a branch, a tag, a commit")
    parser.add_argument("--out", type=Path, default=settings.DATA / "diff", metavar="DIR", help="where to")
    parser.add_argument("--rows", type=int, default=100, metavar="N", help="rows of each kind on the page (100)")
    parser.add_argument("--vars", default="{}", metavar="YAML", help="dbt's variables, for both")
    run(parser.parse_args())


def run(arguments: argparse.Namespace) -> None:
    chosen = settings.read(arguments.project_dir)
    settings.prepare_process(chosen)
    project = chosen.project
    commit = builds.commit_of(project, arguments.base)
    names = (f"{arguments.base} ({commit[:7]})", f"the working tree ({builds.branch_name(project)})")
    target = profile.read(chosen.dbt_profiles_dir, chosen.dbt_target, chosen.environment, project)
    with spool() as folder:
        say(f"comparing {names[1]} with {names[0]}")
        builds.take_base(project, commit, folder / "base")
        with builds.own_copy(target, folder) as here:
            base, branch = _sides(here, chosen, folder, arguments.vars)
            with builds.schemas_dropped((base, branch)):
                ids = builds.changed(base, branch)
                ids += [name for name in metrics.redefined(base, branch) if name not in ids]
                builds.build(base, branch, ids, str(target.values["schema"]))
                found = _compared(base, branch, ids, chosen.no_values, arguments.rows)
                shows_values = not chosen.no_values and relations.personal_sources(branch) is not None
                figures = metrics.compared(base, branch, ids, shows_values)
                told = report.Report(*names, _raw(branch), found, figures, _untouched(branch, ids))
    _tell(told, arguments.out)


def _sides(here: profile.Target, chosen: settings.Settings, folder: Path, variables: str) -> list[Side]:
    prefix = f"diff_{secrets.token_hex(4)}_"
    targets = {name: replace(here, values={**here.values, "schema": prefix + name}) for name in ("base", "branch")}
    projects = {"base": folder / "base", "branch": chosen.project}
    return [
        Side(name, projects[name], folder / f"{name}-state", target, variables, chosen.environment)
        for name, target in targets.items()
    ]


def _untouched(branch: Side, ids: list[str]) -> int:
    return sum(
        name not in ids and node["config"]["materialized"] != "ephemeral" for name, node in branch.nodes().items()
    )


def _raw(branch: Side) -> str:
    """Of what both were built, in words."""
    with warehouse.opened(branch.target) as opened:
        if not opened.has(branch.schema, "_builds"):
            return "one raw"
        noted = opened.ask(f"select distinct raw_schema, run from {sql_name(branch.schema)}._builds order by 1, 2")
    return " and ".join(f"run {run} of {schema}" for schema, run in noted) or "one raw"


def _compared(base: Side, branch: Side, ids: list[str], no_values: bool, rows: int) -> list[compare.Difference]:
    models = relations.models(base, branch, ids)
    sources = None if no_values else relations.personal_sources(branch)
    found = []
    with _opened(base, models) as connection:
        for model in models:
            difference = compare.compared(connection, model, rows)
            if not difference.is_identical:
                privacy.hide(connection, difference, sources, base.target.type == "duckdb")
            found.append(difference)
    return found


@contextmanager
def _opened(base: Side, models: list[relations.Model]) -> Iterator[duckdb.DuckDBPyConnection]:
    places = [place for model in models for place in (model.base, model.branch) if place]
    schemas = sorted({schema for schema, _name in places})
    with marts.opened(base.target, sorted({name for _schema, name in places}), schemas) as connection:
        yield connection


def _tell(told: report.Report, folder: Path) -> None:
    say(*report.text(told))
    write(report.page(told), folder / "index.html")
    write(report.markdown(told, "The rows: index.html in the artifact of this run."), folder / "comment.md")
    say("", f"wrote {folder / 'index.html'} and {folder / 'comment.md'}")
