"""A folder for a server's socket: the system cuts a socket's path, and PostgreSQL takes a list of such folders."""

import re
import tempfile
from pathlib import Path

# What the system takes, less the name that a server gives its socket.
FOLDER_BYTES = 107 - len("/data/.s.PGSQL.5432.lock")


def made(name: str) -> Path:
    """A new folder of this user's own, called by this name: below TMPDIR if its path is short and plain, else /tmp."""
    base = tempfile.gettempdir()
    plain = re.fullmatch(r"[\w/.-]+", base, re.ASCII) and len(base) + len(f"/{name}-xxxxxxxx") < FOLDER_BYTES
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base if plain else "/tmp"))  # noqa: S108
