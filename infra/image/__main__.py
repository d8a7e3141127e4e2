"""What the container does: `run` (extract, build, pages, publish), `pull-request`, or any command of the loaders.

Everything is said in JSON, an object in a line, for log filters and alarms. The last one of `run` is
{"event": "run", "exit_code": …, "seconds": …}, or {"event": "skipped", …} with exit code 4: another run was faster.
Settings besides the loaders' own: RUN_MINUTES, EXTRACT_ARGS, BUILD_ARGS, SKIP_BUILD, PAGES_URL, RUN_ID.
"""

import datetime
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from infra.image import built
from infra.image.lease import Taken, held
from infra.image.publish import publish
from loaders.cli import connections
from loaders.common import settings
from loaders.common.errors import Failure, run_command
from loaders.lake.s3 import S3

FASTER, TRY_AGAIN, STOPPED = 4, 75, 143
# ECS gives a task 120 s in all from SIGTERM to SIGKILL (StopTimeout).
GRACE_SECONDS = 60
RUN_ID = re.compile(r"[A-Za-z0-9_.:+-]{1,200}")


class Runner:
    """Steps, one after the other, until one fails or somebody says stop."""

    def __init__(self, run_id: str, minutes: float):
        self.run_id = run_id
        self.stopped_by: tuple[str, int] | None = None
        self.process: subprocess.Popen[str] | None = None
        self.limit = threading.Timer(minutes * 60, self.stop, (f"RUN_MINUTES={minutes:g} are over", 1))
        self.limit.daemon = True

    def say(self, event: str, **what: Any) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "run_id": self.run_id, "event": event, **what})
        # Not by print: a signal may come while it is printing.
        os.write(1, line.encode() + b"\n")

    def stop(self, why: str, code: int) -> None:
        """End the step that runs, and begin none; the first reason counts."""
        if self.stopped_by:
            return
        self.stopped_by = (why, code)
        self.say("stopped", text=why)
        if process := self.process:
            _signal(process, signal.SIGTERM)
            killing = threading.Timer(GRACE_SECONDS, _signal, (process, signal.SIGKILL))
            killing.daemon = True
            killing.start()

    def step(self, name: str, *command: str) -> int:
        """Run `python -m …`; each of its lines becomes an event, or is one already."""
        if self.stopped_by:
            return self.stopped_by[1]
        began = time.monotonic()
        # A group of its own: what the step has started is ended with it.
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=settings.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        if self.stopped_by:  # between the two lines above
            _signal(self.process, signal.SIGTERM)
        for line in self.process.stdout or ():
            self._tell(name, line.rstrip())
        code = self.process.wait()
        self.say("step", step=name, exit_code=code, seconds=round(time.monotonic() - began, 1))
        if self.stopped_by:
            return self.stopped_by[1]
        return 128 - code if code < 0 else code

    def _tell(self, step: str, line: str) -> None:
        said = _object(line)
        if said:
            self.say(
                said.pop("event", "line"), step=step, **{k: v for k, v in said.items() if k not in ("time", "step")}
            )
        elif line.startswith("notice: "):
            self.say("notice", step=step, text=line.removeprefix("notice: "))
        elif line:
            self.say("line", step=step, text=line)

    def alone(self, chosen: settings.Settings) -> AbstractContextManager[None]:
        """With the lease of a lake in S3. A folder is one machine's, whose scheduler starts one run at a time."""
        lake = connections.lake(chosen)
        lost = lambda: self.stop("the lease is lost: another run may have begun", TRY_AGAIN)  # noqa: E731
        return held(lake, self.run_id, lost) if isinstance(lake, S3) else nullcontext()


def _signal(process: "subprocess.Popen[str]", number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


def _object(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def run(runner: Runner, chosen: settings.Settings) -> int:
    """Extract, build and pages; what was made is published whatever became of it."""
    environment = chosen.environment
    extract, build = (shlex.split(environment.get(name, "")) for name in ("EXTRACT_ARGS", "BUILD_ARGS"))
    target, data = chosen.project / environment.get("DBT_TARGET_PATH", "target"), settings.DATA
    code = runner.step("extract", "loaders", "extract", *extract)
    of = None
    if not code:
        of = built.state(chosen)
        if of and environment.get("SKIP_BUILD") == "1" and built.is_of(chosen, of):
            runner.say("step", step="build", text="skipped: raw is what the last good build was made of", exit_code=0)
            return 0
        built.forget(chosen)
        code = runner.step("build", "loaders", "dbt", "--no-use-colors", "build", *build)
    results = target / "run_results.json"
    if results.exists():  # put aside: the next dbt command overwrites them
        data.mkdir(parents=True, exist_ok=True)
        shutil.copy(results, data)
    code = (
        code
        or runner.step("catalog", "loaders", "dbt", "docs", "generate", "--quiet")
        or runner.step("docs", "dashboard", "docs")
        or runner.step("dashboard", "dashboard", "page")
    )
    if pages := environment.get("PAGES_URL"):
        try:
            runner.say("published", files=publish(pages, runner.run_id, target, data, code == 0))
        except Failure as failure:
            runner.say("failure", step="publish", text=str(failure))
            code = code or int(failure.ends)
    if of and not code:
        built.note(chosen, of)
    return code


def pull_request(runner: Runner, chosen: settings.Settings) -> int:
    """Build production's raw in a schema of its own, which is dropped whatever became of it; nothing else is written.

    What SIGTERM or the limit has left there goes with the next build of the same pull request.
    """
    schema = chosen.environment.get("DBT_SCHEMA", "")
    if not re.fullmatch("pr_[a-z0-9_]{1,100}", schema):
        raise Failure(f"DBT_SCHEMA is {schema!r}, no schema of a pull request's", "set it to pr_ and its number")
    runner.limit.start()
    dbt = ("loaders", "dbt", "--no-use-colors")
    code = runner.step("build", *dbt, "build", *shlex.split(chosen.environment.get("BUILD_ARGS", "")))
    return runner.step("drop", *dbt, "run-operation", "drop_pull_request_schema") or code


def alone(runner: Runner, chosen: settings.Settings) -> int:
    began = time.monotonic()
    try:
        with runner.alone(chosen):
            runner.limit.start()
            code = run(runner, chosen)
    except Taken as taken:
        # Not told as a run: one that hangs, and keeps the lease, is noticed by the runs that are missing.
        runner.say("skipped", text=str(taken), exit_code=FASTER)
        return FASTER
    except Failure as failure:
        runner.say("failure", step="lease", text=str(failure))
        code = int(failure.ends)
    runner.say("run", exit_code=code, seconds=round(time.monotonic() - began, 1))
    return code


def main() -> int:
    name, *words = sys.argv[1:] or ["run"]
    chosen = settings.read()
    # A program of infra/ (bootstrap), or a command of the loaders: by itself, with its own exit code.
    if name not in ("run", "pull-request"):
        module = [f"infra.{name}"] if (settings.ROOT / "infra" / f"{name}.py").is_file() else ["loaders", name]
        os.execv(sys.executable, [sys.executable, "-m", *module, *words])  # noqa: S606
    settings.prepare_process(chosen)
    moment = f"{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}-{os.getpid()}"
    run_id = chosen.environment.get("RUN_ID", moment)
    if not RUN_ID.fullmatch(run_id):
        raise Failure("RUN_ID cannot be part of a key in S3", "use letters, digits and _ . : + - alone")
    minutes = chosen.environment.get("RUN_MINUTES", "180")
    if not re.fullmatch(r"\d+(\.\d+)?", minutes):
        raise Failure(f"RUN_MINUTES is {minutes!r}", "write a number, such as 180")
    runner = Runner(run_id, float(minutes))
    signal.signal(signal.SIGTERM, lambda *_: runner.stop("SIGTERM", STOPPED))
    return pull_request(runner, chosen) if name == "pull-request" else alone(runner, chosen)


if __name__ == "__main__":
    sys.exit(run_command(main))
