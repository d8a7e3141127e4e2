"""Commands in odd places: each is a fork of one process that has imported the project, changed before it begins.

`python -m tests.odds` reads a job per line (JSON) and answers with a line each. That process may be root's, and the
fork somebody else's, who could not read the interpreter's own files.
"""

import importlib
import json
import os
import pwd
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from loaders.common import settings
from loaders.common.settings import ROOT

PROGRAMS = ("loaders.cli", "dashboard.cli", "seeds_generator.cli", "local_stack.cli", "exercises.__main__")
# What a command does to the world outside it: moments in which a Ctrl-C may come.
STEPS = ("open", "socket.connect", "os.rename", "os.remove", "os.mkdir", "os.link", "subprocess.Popen", "shutil.move")


@dataclass(frozen=True)
class Odd:
    """user: a name. project: the folder whose .env is read.

    output: a file, or "closed": a pipe that nobody reads. file_bytes: what a file may have at most.
    stop_at: the step at which Ctrl-C comes.
    """

    user: str | None = None
    folder: str = str(ROOT)
    project: str = str(ROOT)
    encoding: str = "utf-8"
    output: str | None = None
    file_bytes: int | None = None
    stop_at: int | None = None


@dataclass(frozen=True)
class Ended:
    """steps: how many there were; modules: what was imported in the end."""

    code: int
    out: str
    err: str
    steps: int = 0
    modules: list[str] = field(default_factory=list)


class Forker:
    """Asks the process."""

    def __init__(self, process: subprocess.Popen):
        self.process = process

    def run(self, program: str, *arguments: str, environment: Mapping[str, str], odd: Odd) -> Ended:
        """`python -m program arguments`; program: a module of PROGRAMS."""
        job = {"program": program, "arguments": arguments, "environment": dict(environment), "odd": asdict(odd)}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return Ended(**json.loads(self.process.stdout.readline()))


@contextmanager
def started() -> Iterator[Forker]:
    command = [sys.executable, "-m", "tests.odds"]
    with subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
        yield Forker(process)
        process.stdin.close()


def serve() -> None:
    for program in PROGRAMS:
        importlib.import_module(program)
    for line in sys.stdin:
        job = json.loads(line)
        ended = _forked(job)
        for name in ended.modules:
            # So that a fork that may not read them has them.
            with suppress(Exception):
                importlib.import_module(name)
        print(json.dumps(asdict(ended)), flush=True)


def _forked(job: dict) -> Ended:
    pipes = {name: os.pipe() for name in ("out", "err", "told")}
    child = os.fork()
    if not child:
        _be(job, {name: write for name, (_read, write) in pipes.items()})
    for _read, write in pipes.values():
        os.close(write)
    # One after the other: what is not being read, less is printed of than a pipe holds.
    said = {name: _all_of(read) for name, (read, _write) in pipes.items()}
    _pid, status = os.waitpid(child, 0)
    told = json.loads(said.pop("told") or "{}")
    return Ended(os.waitstatus_to_exitcode(status), said.pop("out"), said.pop("err"), **told)


def _all_of(pipe: int) -> str:
    with os.fdopen(pipe, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def _be(job: dict, pipes: Mapping[str, int]) -> None:
    """The command, in the fork, and its end as an interpreter's."""
    odd, steps, code = Odd(**job["odd"]), [], 1
    try:
        os.dup2(_output(odd, pipes["out"]), 1)
        os.dup2(pipes["err"], 2)
        os.close(pipes["out"])
        _change(job, odd)
        sys.addaudithook(_stopping(steps, odd.stop_at))
        from loaders.common.errors import run_command

        code = run_command(importlib.import_module(job["program"]).main)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        for number in (1, 2):
            os.close(number)
        told = {"steps": len(steps), "modules": sorted(sys.modules) if not odd.user else []}
        os.write(pipes["told"], json.dumps(told).encode())
        os._exit(code)


def _output(odd: Odd, pipe: int) -> int:
    if odd.output == "closed":
        reading, writing = os.pipe()
        os.close(reading)
        return writing
    return os.open(odd.output, os.O_WRONLY) if odd.output else pipe


def _change(job: dict, odd: Odd) -> None:
    sys.argv = [job["program"], *job["arguments"]]
    os.environ.clear()
    os.environ.update(job["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding=odd.encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding=odd.encoding, errors="backslashreplace", buffering=1, closefd=False)
    os.chdir(odd.folder)
    settings.usual_root = lambda: Path(odd.project)
    if odd.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (odd.file_bytes, odd.file_bytes))
    if odd.user:
        user = pwd.getpwnam(odd.user)
        os.environ["HOME"] = user.pw_dir
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def _stopping(steps: list[str], at: int | None):
    main = os.getpid()

    def hook(event: str, _arguments) -> None:
        if event in STEPS and os.getpid() == main:
            steps.append(event)
            if len(steps) == at:
                os.kill(main, signal.SIGINT)

    return hook


if __name__ == "__main__":
    serve()
