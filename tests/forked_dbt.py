"""dbt in any project, and that it went well, or did not.

dbt in the test's own process would keep the warehouse file open, which the loaders then could not open.
"""

from pathlib import Path

from tests import commands, forked
from tests.forked import PROJECT
from tests.own_database import OwnDatabase


def dbt(own: OwnDatabase, *arguments: str, project: Path = PROJECT, fails: bool = False, **changes: str) -> str:
    """`dbt …` in a dbt project, on `own`; what it printed. It must go well, or not."""
    done = forked.dbt(*arguments, environment=commands.settings(own) | changes, folder=project)
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr
