"""`python -m local_stack.redshift up|down|status|env`: this checkout's Redshift stand-in, with names of its own."""

import sys
from collections.abc import Callable
from pathlib import Path

from loaders.common.errors import Failure, run_command
from loaders.common.settings import DATA
from redshift_stand_in import Names, Stack, StandInError, command, stack

HOME = DATA / "redshift"
NAMES = Names("order-he-lake", "order-he", "order-he-copy")


def up(home: Path = HOME, say: Callable[[str], object] = print) -> Stack:
    """Start it; one that runs is left alone."""
    try:
        return stack.up(home, NAMES, say)
    except StandInError as error:
        raise Failure(error.problem, error.fix) from None


def environment(running: Stack, user: str = "admin") -> dict[str, str]:
    """What makes boto3, dbt and the loaders use it."""
    return {"DBT_TARGET": "redshift_local", "LAKE_URL": running.lake_url} | running.environment(user)


def main() -> int:
    return command.main(command.Defaults(".venv/bin/python -m local_stack.redshift", HOME, NAMES, environment))


if __name__ == "__main__":
    sys.exit(run_command(main))
