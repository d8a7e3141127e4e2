"""dbt by a process that has it imported already: each call is a fork of it, so it starts in no time and leaves nothing.

dbt in the test's own process would keep the warehouse file open, which the loaders then could not open.
"""

import multiprocessing
import os
import sys
from pathlib import Path

from loaders.settings import ROOT
from tests import commands
from tests.own_database import OwnDatabase

PROJECT = ROOT / "dbt_project"
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.duckdb", "dbt.adapters.redshift", "dbt.task.build"])


def dbt(own: OwnDatabase, *arguments: str, project: Path = PROJECT, **changes: str) -> str:
    """`dbt …` in the dbt project, on `own`; what it printed. It must go well."""
    told = own.folder / "dbt.txt"
    environment = commands.settings(own) | changes
    process = PROCESSES.Process(target=_invoke, args=(list(arguments), environment, told, project))
    process.start()
    process.join()
    assert process.exitcode == 0, told.read_text()
    return told.read_text()


def _invoke(arguments: list[str], environment: dict[str, str], told: Path, project: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(project)
    with told.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from dbt.cli.main import dbtRunner

    done = dbtRunner().invoke(arguments)
    print(done.exception or "")
    sys.stdout.flush()
    sys.exit(not done.success)
