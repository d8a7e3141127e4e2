"""A folder for files on their way to or from the lake, which a killed run does not leave behind for good."""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = "order-he-spool-"
# A folder this young may have been made by a run that has not locked it yet.
YOUNG_SECONDS = 60


@contextmanager
def spool() -> Iterator[Path]:
    """A folder of this run's own under TMPDIR, removed at the end. Folders of killed runs are removed at the start.

    A run holds a lock on a file in its folder; the system drops the lock when the process dies, however it dies.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _remove_abandoned(folder)
            yield folder


def _remove_abandoned(own: Path) -> None:
    for folder in own.parent.glob(f"{PREFIX}*"):
        try:
            if folder == own or not _is_ours(folder) or time.time() - folder.lstat().st_mtime < YOUNG_SECONDS:
                continue
            with (folder / "lock").open("r") as lock:
                if _is_free(lock):
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            # Gone meanwhile, or just being made: not ours to judge.
            continue


def _is_ours(folder: Path) -> bool:
    """A folder of this user's, into which nobody else can put anything: another's lock might be a pipe that blocks."""
    found = folder.lstat()
    mine = found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode)
    return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _is_free(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
