"""Base and branch, built from one raw: dbt twice, into two schemas of their own that are gone in the end.

DuckDB: in a copy of the file, so that nobody's marts are touched. Redshift: beside them, in the same database.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from dashboard import warehouse
from loaders.common.errors import Exit, Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.common.telling import said, say
from loaders.warehouse import profile
from loaders.warehouse.duckdb_connection import connected
from loaders.warehouse.profile import Target

NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
# dbt hides the values of variables with this beginning.
HIDDEN_BY_DBT = "DBT_ENV_SECRET_DIFF_"
# Which run each history has seen (dbt_project/macros/histories).
NOTES = "_histories"
KINDS = ("model", "snapshot", "seed")


@dataclass(frozen=True)
class Side:
    """base or branch: a dbt project, the schema it is built into, and the folder where dbt leaves its manifest."""

    name: str
    project: Path
    state: Path
    target: Target
    variables: str
    environment: Mapping[str, str] = field(repr=False)

    @property
    def schema(self) -> str:
        return str(self.target.values["schema"])

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What dbt made of the project, once it has parsed it."""
        found: Mapping[str, Any] = json.loads((self.state / "manifest.json").read_text("utf-8"))
        return found

    def nodes(self) -> dict[str, Any]:
        """Models, histories and seeds, by dbt's id."""
        return {name: node for name, node in self.manifest["nodes"].items() if node["resource_type"] in KINDS}

    def dbt(self, *words: str) -> str:
        """What dbt printed. Whatever it refuses is a failure with its own last words."""
        folders = ("--project-dir", str(self.project), "--profiles-dir", str(_profile(self)))
        places = ("--target-path", str(self.state), "--log-path", str(self.state), "--vars", self.variables)
        program = [sys.executable, str(Path(sys.executable).parent / "dbt"), "--no-use-colors"]
        secrets = {HIDDEN_BY_DBT + name.upper(): value for name, value in self.target.values.items() if _secret(name)}
        done = subprocess.run(
            [*program, *words, *folders, *places], cwd=self.project, env={**os.environ, **self.environment, **secrets},
            capture_output=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        if done.returncode:
            raise Failure(
                f"dbt {words[0]} of {self.name} did not go well",
                f"see to what dbt says: the fault is in {self.name}'s models, in dbt_project, or in raw",
                [said(line) for line in (done.stdout + done.stderr).splitlines()[-12:] if line.strip()],
            )
        return done.stdout


def _secret(name: str) -> bool:
    return name in profile.SECRETS


def _profile(side: Side) -> Path:
    """The folder of a profile that leads to this side's schema. No password is written into it."""
    values = {
        name: f"{{{{ env_var('{HIDDEN_BY_DBT}{name.upper()}') }}}}" if _secret(name) else value
        for name, value in side.target.values.items()
    }
    # What is rendered is text; dbt wants these two otherwise.
    values |= {name: what(values[name]) for name, what in (("path", str), ("port", int)) if name in values}
    folder = side.state.parent / f"{side.name}-profile"
    folder.mkdir(exist_ok=True)
    output = {"target": side.target.name, "outputs": {side.target.name: values}}
    named = yaml.safe_load((side.project / "dbt_project.yml").read_text("utf-8")).get("profile", profile.PROFILE)
    (folder / "profiles.yml").write_text(yaml.safe_dump({named: output}), "utf-8")
    return folder


def take_base(project: Path, commit: str, folder: Path) -> None:
    """The dbt project as the commit has it, in the folder. Nothing is checked out, and git keeps nothing of it."""
    archive = folder.with_suffix(".tar")
    _git(project, "archive", "--output", str(archive), commit, ".", refused=Failure(
        f"{commit[:12]} has no dbt project in {project.name}", "name a BASE that has it"))  # fmt: skip
    folder.mkdir()
    # By the program: Python's own asks for a filter that the Python of Debian 12 does not know.
    subprocess.run(["tar", "-xf", str(archive), "-C", str(folder)], check=True)
    archive.unlink()
    if (project / "dbt_packages").is_dir():
        (folder / "dbt_packages").symlink_to(project / "dbt_packages")


def commit_of(project: Path, base: str) -> str:
    """The commit that a name stands for."""
    return _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}", refused=Failure(
        f"git knows no {base}", f"fetch it (`git fetch origin {base}`), or name another: make diff BASE=origin/main",
    )).strip()  # fmt: skip


def branch_name(project: Path) -> str:
    """What is compared with the base: the folder as it is, with what is not committed yet."""
    nothing = Failure(f"{project} is in no git repository", "run it in a clone")
    changed = _git(project, "status", "--porcelain", "--", ".", refused=nothing)
    commit = _git(project, "rev-parse", "--short", "HEAD", refused=nothing).strip()
    return f"{commit} and what is not committed yet" if changed else commit


def _git(project: Path, *words: str, refused: Failure) -> str:
    if not shutil.which("git"):
        raise Failure("git is not installed", "install it: apt-get install git")
    done = subprocess.run(["git", "-C", str(project), *words], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise refused
    return done.stdout


@contextmanager
def own_copy(target: Target, folder: Path) -> Iterator[Target]:
    """The warehouse that both are built in: a copy of DuckDB's file, or Redshift itself."""
    if target.absent:
        raise Failure(f"the warehouse {target.values['path']} does not exist yet", "run `make extract` first")
    if target.type != "duckdb":
        yield target
        return
    path = target.values["path"]
    copy = folder / path.name
    with closing(connected(path, read_only=True)):
        # Nobody writes meanwhile. What is in the log only comes first: closing the database's file ends the lock on it.
        log = path.with_name(f"{path.name}.wal")
        if log.exists():
            shutil.copyfile(log, copy.with_name(f"{copy.name}.wal"))
        shutil.copyfile(path, copy)
    yield replace(target, values={**target.values, "path": copy})


@contextmanager
def schemas_dropped(sides: Iterable[Side]) -> Iterator[None]:
    """In the end nothing of them is left in a warehouse that others use."""
    try:
        yield
    finally:
        for side in sides:
            if side.target.type != "duckdb" and (side.state / "manifest.json").exists():
                schemas = sorted({side.schema, *(node["schema"] for node in side.nodes().values())})
                _execute(side.target, [f"drop schema if exists {sql_name(schema)} cascade" for schema in schemas])


def changed(base: Side, branch: Side) -> list[str]:
    """Ids of what is another in the branch, and of what is made of it; dbt says so (state:modified+).

    dbt does not see that a variable of dbt_project.yml changed: then everything counts.
    """
    base.dbt("parse")
    everything = [] if _variables(base) != _variables(branch) else ["--select", "state:modified+"]
    kinds = [word for kind in KINDS for word in ("--resource-type", kind)]
    names = ("--output", "json", "--output-keys", "unique_id", "--quiet")
    told = branch.dbt("list", *everything, "--state", str(base.state), *kinds, *names)
    for side in (base, branch):
        _own_schemas_or_fail(side)
    return [json.loads(line)["unique_id"] for line in told.splitlines() if line.startswith("{")]


def _variables(side: Side) -> Any:
    return yaml.safe_load((side.project / "dbt_project.yml").read_text("utf-8")).get("vars")


def _own_schemas_or_fail(side: Side) -> None:
    """A model that says its schema whatever the target would be built over somebody's tables."""
    for node in side.nodes().values():
        if not node["schema"].startswith(side.schema):
            raise Failure(
                f"{node['name']} goes to the schema {node['schema']} whatever the target's is: both would be one",
                "let its schema begin with the target's, as dbt's own generate_schema_name does",
            )


def build(base: Side, branch: Side, ids: list[str], production: str) -> None:
    """The base's of these, and all that they are made of; the branch's of these alone, over what the base has built.

    production: the schema of the target itself; histories go on from those in it, for raw does not give them back.
    """
    after = [node for name, node in branch.nodes().items() if name in ids]
    parents = {parent for node in after for parent in node["depends_on"]["nodes"]}
    before = [node for name, node in base.nodes().items() if name in parents.union(ids)]
    for side, nodes, more in ((base, before, "+"), (branch, after, "")):
        if nodes:
            say(f"building {side.name}: {_named(nodes)}")
            _keep_histories(side, production, side is base or nodes)
            chosen = [f"{more}fqn:{'.'.join(node['fqn'])}" for node in nodes]
            over = ["--defer", "--favor-state", "--state", str(base.state)] if side is branch and before else []
            side.dbt("build", "--select", *chosen, *over, *NO_TESTS)
    _one_run_or_fail(base, branch)


def _named(nodes: list[Any]) -> str:
    names = sorted(node["name"] for node in nodes)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _keep_histories(side: Side, production: str, chosen: list[Any] | bool) -> None:
    """Give a side the histories that are there, as they are: what both add to them is what the run of raw adds."""
    statements = []
    with warehouse.opened(side.target) as opened:
        for node in side.nodes().values():
            old = production + node["schema"].removeprefix(side.schema)
            if node["resource_type"] != "snapshot" or not (chosen is True or node in chosen):
                continue
            if opened.has(old, node["alias"]):
                there, here = (sql_name(schema, node["alias"]) for schema in (old, node["schema"]))
                statements += [f"create schema if not exists {sql_name(node['schema'])}"]
                statements += [f"create table {here} as select * from {there}"]
        if statements and opened.has(production, NOTES):
            seen = f"{sql_text(side.schema)} || substring(history, {len(production) + 1})"
            statements += [f"create schema if not exists {sql_name(side.schema)}"]
            statements += [
                f"create table {sql_name(side.schema)}.{NOTES} as select cast({seen} as varchar(512)) as history, run "
                f"from {sql_name(production)}.{NOTES}"
            ]
    if statements:
        _execute(side.target, statements)


def _execute(target: Target, statements: list[str]) -> None:
    if target.type == "duckdb":
        with closing(connected(target.values["path"])) as connection:
            for statement in statements:
                connection.execute(statement)
        return
    from loaders.warehouse import redshift_connection

    with closing(redshift_connection.connect(target)) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _one_run_or_fail(base: Side, branch: Side) -> None:
    """Both were built of the same run of each raw schema, as dbt's hooks have noted it."""
    with warehouse.opened(base.target) as opened:
        noted = [
            set(opened.ask(f"select raw_schema, run, attempt from {sql_name(side.schema)}._builds"))
            for side in (base, branch)
            if opened.has(side.schema, "_builds")
        ]
    runs = {row[0]: {other for found in noted for other in found if other[0] == row[0]} for one in noted for row in one}
    moved = [schema for schema, found in runs.items() if len(found) > 1]
    if moved:
        raise Failure(
            f"the schema {moved[0]} moved between the two builds: their rows are of two runs",
            "run it again while no `make extract` runs", ends=Exit.TRY_AGAIN,
        )  # fmt: skip
