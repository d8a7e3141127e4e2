"""`dbt`: dbt itself, in its project, with what `.env` says, which dbt does not read."""

import argparse
import os
import sys
from pathlib import Path

from loaders.cli import connections, dbt_folder
from loaders.cli.commands import Commands
from loaders.common.settings import Settings
from loaders.warehouse.duckdb_warehouse import open_warehouse


def add_to(commands: Commands) -> None:
    """Add the command to the command line. Everything behind `dbt` is dbt's own: no word begins an option of ours."""
    calling = commands.add_parser(
        "dbt", help="dbt, in its project, with what .env says", add_help=False, prefix_chars="\0"
    )
    calling.add_argument("words", nargs="*")
    calling.set_defaults(run=run)


def run(arguments: argparse.Namespace, chosen: Settings) -> None:
    # Read here first: dbt shows the lines around a fault in the profile, and a password stands there.
    target = connections.dbt_target(chosen, chosen.environment)
    if target.type == "duckdb" and target.values["path"].exists():
        # Not held until dbt has it: two that start at the same moment are told apart by the folder.
        with open_warehouse(target.values["path"], ""):
            pass
    project = chosen.project
    dbt_folder.take(project, chosen.environment)
    program = str(Path(sys.executable).parent / "dbt")
    # What is set to nothing takes back what .env says; dbt would take it for a value.
    environment = {name: value for name, value in os.environ.items() if value} | dict(chosen.environment)
    if "DBT_PROFILES_DIR" in chosen.environment:
        environment["DBT_PROFILES_DIR"] = str(chosen.dbt_profiles_dir)
    os.chdir(project)
    # Handed to Python: started by itself, pip's script would name it by a path whose $ a shell would expand.
    os.execve(sys.executable, [sys.executable, program, *arguments.words], environment)  # noqa: S606
