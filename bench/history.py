"""What each run of the bench measured, a line of JSON each, and whether this one was slower than those before.

Ratios to the client of the same run are compared, and memory: machines differ, and a runner of CI is another each time.
"""

import datetime
import json
import statistics
import subprocess
from pathlib import Path
from typing import Any

from bench.results import Report
from loaders.common.settings import ROOT

# A median of so many runs is moved by a slower commit after five of them: until then each run says so.
LAST, LEAST = 8, 3
# Ratios of five pairs on a runner that others share differ by a tenth from run to run.
BOUND = 1.25


def entry(report: Report) -> dict[str, Any]:
    """The run's line. A way that failed is not in it."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "server": report.kind,
        "version": report.version,
        "rows": report.rows,
        "ways": {way.name: report.figures(way) for way in report.ways if report.good(way)},
    }


def add(file: Path, new: dict[str, Any]) -> list[str]:
    """Append the line; what is slower in it than before."""
    lines = file.read_text().splitlines() if file.exists() else []
    with file.open("a") as history:
        history.write(json.dumps(new) + "\n")
    return slower([json.loads(line) for line in lines], new)


def slower(before: list[dict[str, Any]], new: dict[str, Any]) -> list[str]:
    """What the run took beyond BOUND times the median of the last ones of its kind, or no longer has."""
    alike = [old["ways"] for old in before if (old["server"], old["rows"]) == (new["server"], new["rows"])][-LAST:]
    if len(alike) < LEAST:
        print(f"notice: {len(alike)} earlier runs on {new['server']}; with {LEAST} they are compared")
        return []
    found = []
    for way, figures in alike[-1].items():
        for name in figures:
            usual = statistics.median(ways[way][name] for ways in alike if way in ways)
            now = new["ways"].get(way, {}).get(name)
            if now is None or now > BOUND * usual:
                took = "has none" if now is None else f"takes {now:.2f}"
                found.append(f"{way} on {new['server']}: {name} {took}, the median of {len(alike)} runs is {usual:.2f}")
    return found
