"""What the page says about its own data: when it was extracted, by which run, with which verdict, tested how."""

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dashboard.warehouse import Warehouse
from loaders.warehouse import redshift_sql
from loaders.words.raw_tables import LOADS_TABLE


def loads(warehouse: Warehouse, raw_schema: str) -> list[dict[str, Any]]:
    """The newest run of each raw table; nothing where raw is not there or may not be read (a BI reader's account)."""
    if not warehouse.has(raw_schema, LOADS_TABLE):
        return []
    return [
        {"table": table, "run": run, "rows": rows, "snapshot_at": _utc(snapshot_at), "verdict": verdict}
        for table, run, rows, snapshot_at, verdict in warehouse.ask(redshift_sql.newest_of_each_table(raw_schema))
    ]


def results_of_builds(root: Path, environment: Mapping[str, str]) -> list[Path]:
    """Where builds leave their results: dbt's own folder, and the copy that `make build` puts aside."""
    project = root / "dbt_project"
    return [
        project / environment.get("DBT_TARGET_PATH", "target") / "run_results.json",
        root / ".data/run_results.json",
    ]


def tests(candidates: Iterable[Path]) -> dict[str, Any] | None:
    """How many tests dbt's newest build ran and how they ended; None if no build has left its results.

    candidates: run_results.json of dbt, which every dbt command overwrites, and copies that builds have put aside.
    """
    builds = [results for results in map(_results, candidates) if results]
    if not builds:
        return None
    newest = max(builds, key=lambda results: results["metadata"]["generated_at"])
    tested = [result for result in newest["results"] if result["unique_id"].startswith(("test.", "unit_test."))]
    return {
        "at": newest["metadata"]["generated_at"],
        "tests": len(tested),
        "passed": sum(result["status"] == "pass" for result in tested),
        "warned": sum(result["status"] == "warn" for result in tested),
        "not_passed": [
            {"test": result["unique_id"].split(".")[2], "status": result["status"]}
            for result in tested
            if result["status"] not in ("pass", "warn")
        ],
    }


def _results(file: Path) -> Mapping[str, Any] | None:
    """The file's content if a build or test has written it."""
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return results if results.get("args", {}).get("which") in ("build", "test") else None


def _utc(moment: datetime.datetime) -> str:
    return f"{moment.isoformat(timespec='seconds')}Z"
