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
from local_stack import private_server

HEAD = """# Our extract beside the alternatives

Written by `make bench`. {rows:,} rows of the demo shop's table `order` (13 columns), {server} {version} on the same
machine, by TCP on 127.0.0.1, the whole table in the server's memory. Each way is a process of its own, start-up
included. The client runs before each of its runs; ratios are medians over these pairs (`n` of them). *wall*, *CPU* and
*server* (the server's CPU) are seconds; [*memory*](README.md#memory) is the process's peak. *values*: of the big table;
*others*: how many values a way changed of the small tables below.

![the figures as bars]({picture})

{machine}
"""
COLUMNS = ("n", "rows/s", "wall", "CPU", "**wall x client**", "**CPU x client**", "server", "memory MB", "written MB")
VALUES = """
## Values that readers are known to change

Small tables of one column, compared value by value with what the server has: how many are changed. *refused*: it
stopped with an error, so that nobody is misled.
"""


@dataclass(frozen=True)
class Report:
    """taken: per way its pairs. said: per way, which of the big table's values were changed. hardest: hard.changes'."""

    kind: str
    version: str
    rows: int
    ways: list[Way]
    taken: dict[str, list[Pair]]
    said: dict[str, str]
    hardest: dict[str, dict[str, int | None]]
    seconds: float

    def good(self, way: Way) -> list[Pair]:
        return [pair for pair in self.taken[way.name] if not pair.way.failed and not pair.client.failed]

    def figures(self, way: Way) -> dict[str, float]:
        """Medians: wall and CPU as multiples of the client's, memory in MB."""
        pairs = self.good(way)
        return {
            "wall": statistics.median(pair.wall for pair in pairs),
            "cpu": statistics.median(pair.cpu for pair in pairs),
            "memory": statistics.median(pair.way.peak for pair in pairs) / 1e6,
        }

    def changed(self, way: Way) -> int:
        """How many values of the small tables it changed."""
        return sum(count or 0 for count in self.hardest[way.name].values())


def markdown(report: Report, picture: str) -> str:
    server = private_server.NAMES[report.kind]
    lines = [
        HEAD.format(rows=report.rows, server=server, version=report.version, picture=picture, machine=machine()),
        f"| way | {' | '.join(COLUMNS)} | values | others |",
        "| --- " + "| ---: " * len(COLUMNS) + "| --- | --- |",
    ]
    lines += [_line(report, way) for way in report.ways]
    lines += ["", *(f"* **{way.name}**: {way.what}{_failure(report, way)}" for way in report.ways), VALUES]
    tested = [way for way in report.ways if report.hardest[way.name]]
    lines.append("| values | " + " | ".join(way.name for way in tested) + " |")
    lines.append("| --- " * (len(tested) + 1) + "|")
    for table, (kind, values) in TABLES.items():
        told = (_told(report.hardest[way.name][table], len(values)) for way in tested)
        lines.append(f"| {table} (`{kind}`) | " + " | ".join(told) + " |")
    return "\n".join([*lines, "", f"The whole bench took {report.seconds / 60:.0f} minutes.", ""])


def to_json(report: Report) -> str:
    """What the picture shows: name, wall and CPU as ratios, whether all values were right."""
    bars = [
        report.figures(way)
        | {"name": way.name, "exact": report.said.get(way.name) == "all right" and not report.changed(way)}
        for way in report.ways
        if report.good(way)
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


def _told(changed: int | None, of: int) -> str:
    return "refused" if changed is None else f"**{changed} of {of}**" if changed else "right"


def _others(report: Report, way: Way) -> str:
    found = report.hardest[way.name]
    refused = sum(count is None for count in found.values())
    return f"{report.changed(way)} changed, {refused} of {len(found)} refused" if found else "-"


def _line(report: Report, way: Way) -> str:
    if way.lacking:
        return f"| {way.name} | - | could not be had: {way.lacking} | | | | | | | | | |"
    runs = [pair.way for pair in report.good(way)]
    if not runs:
        return f"| {way.name} | - | failed, see below | | | | | | | | | |"

    def middle(value: Callable[[Round], float]) -> float:
        return statistics.median(map(value, runs))

    wall = middle(lambda run: run.wall)
    figures = report.figures(way)
    cells = [
        way.name, len(runs), f"{report.rows / wall:,.0f}", f"{wall:.2f}", f"{middle(lambda run: run.cpu):.2f}",
        f"**{figures['wall']:.2f}**", f"**{figures['cpu']:.2f}**",
        f"{middle(lambda run: run.server_cpu):.2f}", f"{figures['memory']:,.0f}",
        f"{middle(lambda run: run.bytes) / 1e6:,.0f}", report.said.get(way.name, "-"),
        _others(report, way),
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _failure(report: Report, way: Way) -> str:
    failed = [pair.way.failed for pair in report.taken[way.name] if pair.way.failed]
    return f" (failed {len(failed)} times: {failed[0]})" if failed else ""
