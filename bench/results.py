"""What was measured, as a page of Markdown and as JSON for the picture."""

import datetime
import json
import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.hard import TABLES
from bench.rounds import Pair, Round
from bench.ways import Way

HEAD = """# Our extract beside the alternatives

Written by `make bench`. {rows:,} rows of the demo shop's table `order` (13 columns), MariaDB {version} on the same
machine, by TCP on 127.0.0.1, the whole table in the server's memory. Each way is a process of its own, start-up
included. The client runs before each of its runs; ratios are medians over these pairs (`n` of them). *wall*, *CPU* and
*server* (the server's CPU) are seconds; *memory* is the process's peak.

![the figures as bars](results.svg)

{machine}
"""
COLUMNS = ("n", "rows/s", "wall", "CPU", "**wall x client**", "**CPU x client**", "server", "memory MB", "written MB")
VALUES = """
## Values that readers are known to change

Small tables of one column, compared value by value with what the server has. *refused*: it stopped with an error, so
that nobody is misled.
"""


@dataclass(frozen=True)
class Report:
    """taken: per way its pairs. said: per way, whether the big table's values were right. hardest: hard.verdicts'."""

    version: str
    rows: int
    ways: list[Way]
    taken: dict[str, list[Pair]]
    said: dict[str, str]
    hardest: dict[str, dict[str, str]]
    seconds: float


def markdown(report: Report) -> str:
    lines = [HEAD.format(rows=report.rows, version=report.version, machine=machine())]
    lines.append(f"| way | {' | '.join(COLUMNS)} | values |")
    lines.append("| --- " + "| ---: " * len(COLUMNS) + "| --- |")
    lines += [_line(report, way) for way in report.ways]
    lines += ["", *(f"* **{way.name}**: {way.what}{_failure(report, way)}" for way in report.ways), VALUES]
    tested = [way for way in report.ways if report.hardest[way.name]]
    lines.append("| values | " + " | ".join(way.name for way in tested) + " |")
    lines.append("| --- " * (len(tested) + 1) + "|")
    for table, (kind, _values) in TABLES.items():
        told = (report.hardest[way.name][table] for way in tested)
        lines.append(f"| {table} (`{kind}`) | " + " | ".join(told) + " |")
    return "\n".join([*lines, "", f"The whole bench took {report.seconds / 60:.0f} minutes.", ""])


def to_json(report: Report) -> str:
    """What the picture shows: name, wall and CPU as ratios, whether all values were right."""
    shown = [way for way in report.ways if _good(report, way)]
    bars = [
        {
            "name": way.name,
            "wall": _ratio(report, way, lambda pair: pair.wall),
            "cpu": _ratio(report, way, lambda pair: pair.cpu),
            "exact": report.said.get(way.name) == "all right" and "WRONG" not in report.hardest[way.name].values(),
        }
        for way in shown
    ]
    return json.dumps({"rows": report.rows, "bars": bars})


def machine() -> str:
    """What these figures were measured on, without its name."""
    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next((line.split(": ")[1] for line in described.splitlines() if line.startswith("model name")), "CPU")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    cores = f"{os.cpu_count()} x {model}, {memory:.0f} GiB"
    return f"{datetime.date.today()}: {cores}, {system}, load at the end {os.getloadavg()[1]:.1f}."


def _line(report: Report, way: Way) -> str:
    if way.lacking:
        return f"| {way.name} | - | could not be had: {way.lacking} | | | | | | | | |"
    runs = [pair.way for pair in _good(report, way)]
    if not runs:
        return f"| {way.name} | - | failed, see below | | | | | | | | |"

    def middle(value: Callable[[Round], float]) -> float:
        return statistics.median(map(value, runs))

    wall = middle(lambda run: run.wall)
    ratios = (_ratio(report, way, value) for value in (lambda pair: pair.wall, lambda pair: pair.cpu))
    cells = [
        way.name, len(runs), f"{report.rows / wall:,.0f}", f"{wall:.2f}", f"{middle(lambda run: run.cpu):.2f}",
        *(f"**{ratio:.2f}**" for ratio in ratios),
        f"{middle(lambda run: run.server_cpu):.2f}", f"{middle(lambda run: run.peak) / 1e6:,.0f}",
        f"{middle(lambda run: run.bytes) / 1e6:,.0f}", report.said.get(way.name, "-"),
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _good(report: Report, way: Way) -> list[Pair]:
    return [pair for pair in report.taken[way.name] if not pair.way.failed and not pair.client.failed]


def _ratio(report: Report, way: Way, value: Callable[[Pair], float]) -> float:
    return statistics.median(map(value, _good(report, way)))


def _failure(report: Report, way: Way) -> str:
    failed = [pair.way.failed for pair in report.taken[way.name] if pair.way.failed]
    return f" (failed {len(failed)} times: {failed[0]})" if failed else ""
