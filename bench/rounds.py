"""A way run once, as a process of its own: seconds, CPU, the server's CPU, memory and bytes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.ways import Way
from loaders.common.settings import ROOT

LAUNCH = Path(__file__).with_name("launch.py")
# What takes longer is ended and named as too slow.
LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Round:
    """wall, cpu and server_cpu in seconds; peak in bytes; failed: the last line it said, if it went wrong."""

    wall: float
    cpu: float
    server_cpu: float
    peak: int
    bytes: int
    failed: str | None = None


@dataclass(frozen=True)
class Pair:
    """A run of the client, and one of a way right after it."""

    client: Round
    way: Round

    @property
    def wall(self) -> float:
        return self.way.wall / self.client.wall

    @property
    def cpu(self) -> float:
        return self.way.cpu / self.client.cpu


def run(way: Way, out: Path) -> Round:
    """Run a way into the folder `out`, which is emptied first."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    log, report = out.with_suffix(".log"), out.with_suffix(".json")
    report.unlink(missing_ok=True)
    before = _cpu_of(way.server_pid)
    with log.open("wb") as said:
        _launch(way, out, report, said)
    used = json.loads(report.read_text()) if report.exists() else {"wall": 0, "cpu": 0, "peak": 0}
    failed = None if used.pop("status", "none") == 0 else _last_line(log)
    written = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    return Round(**used, server_cpu=_cpu_of(way.server_pid) - before, bytes=written, failed=failed)


def _launch(way: Way, out: Path, report: Path, said: IO[bytes]) -> None:
    """Start the command and wait for its end. Ctrl-C, and the clock, end it with everything it started."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCH), str(report), *(part.format(out=out) for part in way.command)],
        cwd=ROOT,
        env=dict(os.environ) | {name: value.format(out=out) for name, value in way.environment.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if way.output is None else said,
        stderr=said,
        start_new_session=True,
    )
    try:
        process.wait(LONGEST_SECONDS)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        said.write(f"\nended after {LONGEST_SECONDS} s\n".encode())


def _cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
