"""`dbt`: dbt itself, in its project, with what `.env` says, which dbt does not read."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from loaders.cli import connections, dbt_folder
from loaders.cli.commands import Commands
from loaders.common.settings import REGION, SETTINGS, Settings
from loaders.warehouse.duckdb_warehouse import open_warehouse

# Of dbt and its profile, beside those of this project: what is set to nothing would be a value to them.
OF_DBT = ("DBT_SCHEMA", "DUCKDB_PATH", *dbt_folder.WRITES)


def add_to(commands: Commands) -> None:
    """Add the command to the command line. Everything behind `dbt` is dbt's own: no word begins an option of ours."""
    calling = commands.add_parser(
        "dbt", help="dbt, in its project, with what .env says", add_help=False, prefix_chars="\0"
    )
    calling.add_argument("words", nargs="*")
    calling.set_defaults(run=run)


def run(arguments: argparse.Namespace, chosen: Settings) -> None:
    # Read here first: dbt shows the lines around a fault in the profile, and a password stands there.
    target = connections.target(chosen)
    if target.type == "duckdb" and target.values["path"].exists():
        # Not held until dbt has it: two that start at the same moment are told apart by the folder.
        with open_warehouse(target.values["path"], ""):
            pass
    project = chosen.project
    dbt_folder.take(project, chosen.environment)
    keep_last_build(project / chosen.environment.get("DBT_TARGET_PATH", "target"), chosen.root / ".data")
    program = str(Path(sys.executable).parent / "dbt")
    environment = environment_of(chosen, os.environ)
    os.chdir(project)
    # Handed to Python: started by itself, pip's script would name it by a path whose $ a shell would expand.
    os.execve(sys.executable, [sys.executable, program, *arguments.words], environment)  # noqa: S606


def environment_of(chosen: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """What dbt is given: a setting that is set to nothing takes back what .env says; others have it as they are."""
    known = {*SETTINGS, *REGION, *OF_DBT}
    kept = {
        name: value for name, value in given.items() if value or not (name in known or name.startswith("REDSHIFT_"))
    }
    profiles = {"DBT_PROFILES_DIR": str(chosen.dbt_profiles_dir)} if "DBT_PROFILES_DIR" in chosen.environment else {}
    return kept | dict(chosen.environment) | profiles


def keep_last_build(target: Path, data: Path) -> None:
    """Put aside what the last build has left, before the next command, whatever it is, writes over it.

    Its results, for the dashboard; of a build of everything the manifest too, for `--state` of later ones of a part.
    """
    results, manifest = target / "run_results.json", target / "manifest.json"
    try:
        build = json.loads(results.read_text("utf-8"))["args"]
        of_the_same = manifest.stat().st_mtime <= results.stat().st_mtime
    except (OSError, ValueError, KeyError):
        return
    if build.get("which") == "build":
        (data / "state").mkdir(parents=True, exist_ok=True)
        shutil.copy(results, data)
        if of_the_same and not any(build.get(chosen) for chosen in ("select", "exclude", "selector")):
            shutil.copy(manifest, data / "state")
