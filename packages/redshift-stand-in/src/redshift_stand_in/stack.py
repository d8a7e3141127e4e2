"""Start and stop the stack of a folder, and say how to reach it."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from redshift_stand_in.errors import StandInError
from redshift_stand_in.names import REGION, USUAL, Names

START_SECONDS = 90


@dataclass(frozen=True)
class Stack:
    """A running stack, as home/stack.json describes it (readable by its owner only).

    inode: the number that the file system gives home; a copied folder has another one, and no stack of its own.
    administrator: the access key and secret of whoever may do everything, as at AWS' console. access_key, secret_key:
    of whoever writes the files.
    """

    pid: int
    inode: int
    bucket: str
    prefix: str
    port: int
    credentials: str
    database: str
    passwords: dict[str, str]
    authority: str
    endpoint: str
    administrator: list[str]
    access_key: str
    secret_key: str
    copy_role: str
    list_role: str
    empty_role: str
    postgres_pid: int
    folder: str

    @property
    def lake_url(self) -> str:
        """Where files for COPY may lie."""
        return Names(self.bucket, self.prefix).url

    @property
    def host(self) -> str:
        return "localhost"

    @property
    def user(self) -> str:
        """Who may create schemas."""
        return "admin"

    @property
    def password(self) -> str:
        return self.passwords[self.user]

    def environment(self, user: str = "admin") -> dict[str, str]:
        """What makes boto3 use this stack, redshift_connector trust it, and dbt find it if its profile says so."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS": self.credentials,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "REDSHIFT_LOCAL_HOST": self.host,
            "REDSHIFT_LOCAL_PORT": str(self.port),
            "REDSHIFT_LOCAL_USER": user,
            "REDSHIFT_LOCAL_PASSWORD": self.passwords[user],
            "REDSHIFT_LOCAL_DATABASE": self.database,
            "REDSHIFT_LOCAL_BUCKET": self.bucket,
            "REDSHIFT_IAM_ROLE": self.copy_role,
            "SSL_CERT_FILE": self.authority,
        }


def up(home: Path, names: Names = USUAL, say: Callable[[str], object] = print) -> Stack:
    """Start the stack of `home`; one that runs is left alone. What was in a stack that died is gone with it."""
    home = home.resolve()
    with _alone(home):
        running = described(home)
        if running and answers(running):
            if running.lake_url != names.url:
                stop = f"python -m redshift_stand_in down --home {shlex.quote(str(home))}"
                raise StandInError(f"the stand-in in {home} runs with the files in {running.lake_url}", f"`{stop}`")
            return running
        if running:
            _clear(home, running)
        say("starting Redshift's stand-in and S3 …")
        with (home / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "redshift_stand_in", "serve", *_options(home, names)],
                cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in range(START_SECONDS * 20):
            started = described(home)
            if started and answers(started):
                return started
            if process.poll() is not None:
                break
            time.sleep(0.05)
        process.kill()
        process.wait()
        said = (home / "log").read_text(errors="replace").strip().splitlines()[-3:]
        raise StandInError(f"Redshift's stand-in does not start: {' / '.join(said)}", f"the whole log: {home / 'log'}")


def _options(home: Path, names: Names) -> list[str]:
    return [f"--home={home}", f"--bucket={names.bucket}", f"--prefix={names.prefix}", f"--copy-role={names.copy_role}"]


def down(home: Path) -> bool:
    """Stop the stack of `home`. False: it was not running."""
    with _alone(home):
        running = described(home)
        if running is None:
            return False
        _clear(home, running)
        return True


def described(home: Path) -> Stack | None:
    """What runs for this folder, or ran when its process died; None: nothing."""
    try:
        found = Stack(**json.loads((home / "stack.json").read_text()))
        return found if found.inode == home.stat().st_ino else None
    except (OSError, ValueError, TypeError):
        return None


def answers(stack: Stack) -> bool:
    """Whether it runs; the warehouse's own port may be closed meanwhile."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", urlsplit(stack.credentials).port or 0), 2):
        return _is_ours(stack.pid, "redshift_stand_in")
    return False


def _clear(home: Path, stack: Stack) -> None:
    """End both processes, if they are still ours, and remove what they leave."""
    for pid, mark in ((stack.pid, "redshift_stand_in"), (stack.postgres_pid, stack.folder)):
        if _is_ours(pid, mark):
            os.kill(pid, signal.SIGTERM)
            _wait_for_end(pid, mark)
    shutil.rmtree(stack.folder, ignore_errors=True)
    (home / "stack.json").unlink(missing_ok=True)


def _wait_for_end(pid: int, mark: str) -> None:
    for _ in range(200):
        if not _is_ours(pid, mark):
            return
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _is_ours(pid: int, mark: str) -> bool:
    """Whether a process lives and is the one we started: numbers are used again by the system."""
    try:
        if Path("/proc/self").exists():
            return mark in os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes())
        return mark in subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True).stdout
    except OSError:
        return False


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    (home / ".gitignore").write_text("*\n")  # passwords and keys
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
