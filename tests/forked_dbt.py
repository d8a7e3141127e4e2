"""dbt by a process that has it imported already: each call is a fork of it, so it starts in no time and leaves nothing.

dbt in the test's own process would keep the warehouse file open, which the loaders then could not open.
"""

import datetime
import multiprocessing
import os
import sys
from pathlib import Path

from loaders.common.settings import ROOT
from tests import commands
from tests.own_database import OwnDatabase

PROJECT = ROOT / "dbt_project"
REAL = datetime.datetime
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["dbt.cli.main", "dbt.adapters.duckdb", "dbt.adapters.redshift", "dbt.task.build"])


def dbt(own: OwnDatabase, *arguments: str, project: Path = PROJECT, fails: bool = False, **changes: str) -> str:
    """`dbt …` in the dbt project, on `own`; what it printed. It must go well, or not.

    CLOCK_DAYS: by how many days the machine's clock is wrong, as far as dbt and this project ask Python for the time.
    """
    told = own.folder / "dbt.txt"
    environment = commands.settings(own) | changes
    process = PROCESSES.Process(target=_invoke, args=(list(arguments), environment, told, project))
    process.start()
    process.join()
    assert (process.exitcode != 0) is fails, told.read_text()
    return told.read_text()


def clock(days: int) -> type[datetime.datetime]:
    """A datetime whose now is wrong by so many days."""

    class Any(type):
        def __instancecheck__(cls, value) -> bool:
            return isinstance(value, REAL)

    class Wrong(REAL, metaclass=Any):
        def __new__(cls, *parts, **named):
            """A real one: what is kept of it, others must be able to write and read."""
            return REAL(*parts, **named)

        @classmethod
        def now(cls, tz=None):
            return REAL.now(tz) + datetime.timedelta(days)

    return Wrong


def _invoke(arguments: list[str], environment: dict[str, str], told: Path, project: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(project)
    with told.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if "CLOCK_DAYS" in environment:
        datetime.datetime = clock(int(environment["CLOCK_DAYS"]))
    from dbt.cli.main import dbtRunner

    done = dbtRunner().invoke(arguments)
    print(done.exception or "")
    sys.stdout.flush()
    sys.exit(not done.success)
