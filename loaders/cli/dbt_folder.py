"""dbt's folder before dbt starts there: dbt meets another dbt, or a folder that it may not write, with a traceback."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from loaders.common.errors import Failure

# Where dbt writes: the setting that says it, and the folder in the project if none does.
WRITES = {"DBT_TARGET_PATH": "target", "DBT_LOG_PATH": "logs"}
LOCK = ".one-dbt-at-a-time"


def written(project: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """The folders into which dbt writes."""
    return (project / environment.get(setting, default) for setting, default in WRITES.items())


def take(project: Path, environment: Mapping[str, str]) -> None:
    """Hold the project's folders until this process ends, whatever program it becomes until then."""
    for folder in written(project, environment):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        os.set_inheritable(lock, True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(
                f"another dbt works in {folder}", "wait until it has ended, then run the same command again"
            ) from None
