"""What the page says about its own data: which run its mart was built from, with which verdict, tested how."""

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dashboard.warehouse import Warehouse
from loaders.common.quoting import sql_name, sql_text
from loaders.common.texts import in_english, in_korean
from loaders.warehouse import raw_sql
from loaders.words.raw_tables import LOADS_TABLE

# dbt's notes of its builds, in the marts' schema (macros/builds).
BUILDS = "_builds"
# Of the selectors of dbt_project/selectors.yml those that leave out no part of the order mart and no test of data:
# `demo` leaves `own` out, `daily` the unit tests.
WHOLE = (None, "", "demo", "daily")


def loads(warehouse: Warehouse, raw_schema: str) -> list[dict[str, Any]]:
    """The newest run of each raw table; nothing where raw is not there or may not be read (a BI reader's account)."""
    if not warehouse.has(raw_schema, LOADS_TABLE):
        return []
    return [
        {
            "table": table,
            "run": run,
            "rows": rows,
            "snapshot_at": _utc(snapshot_at),
            "verdict": in_english(verdict),
            "verdictKo": in_korean(verdict),
        }
        for table, run, rows, snapshot_at, verdict in warehouse.ask(raw_sql.newest_of_each_table(raw_schema))
    ]


def build(warehouse: Warehouse, raw_schema: str) -> dict[str, Any] | None:
    """The build that made the order mart: its id, the run that it read, as of when that run's raw was, the days' zone.

    None where dbt's notes of its builds, or the loaders' of their runs, are not there or may not be read.
    snapshot_at: of the table that was read longest ago. snapshot_on: its day, where the shop counts its days.
    """
    if not (warehouse.has(raw_schema, LOADS_TABLE) and warehouse.has(warehouse.schema, BUILDS)):
        return None
    found = warehouse.ask(
        f"select run, invocation_id, coalesce(time_zone, 'UTC') from {warehouse.mart(BUILDS)} "
        f"where order_mart is not null and lower(raw_schema) = {sql_text(raw_schema.lower())} "
        "order by build desc limit 1"
    )
    if not found:
        return None
    ((run, invocation, zone),) = found
    day = f"cast((min(newest) at time zone 'UTC') at time zone {sql_text(zone)} as date)"
    ((snapshot_at, snapshot_on),) = warehouse.ask(
        f"select min(newest), {day} from (select max(snapshot_at) as newest "
        f"from {sql_name(raw_schema)}.{LOADS_TABLE} where run <= {int(run)} group by table_name) as tables"
    )
    if snapshot_at is None:
        return None
    told = {"run": run, "invocation": invocation, "snapshot_at": _utc(snapshot_at)}
    return told | {"snapshot_on": snapshot_on.isoformat(), "time_zone": zone}


def results_of_builds(root: Path, environment: Mapping[str, str]) -> list[Path]:
    """Where builds leave their results: dbt's own folder, and the copy that `make build` puts aside."""
    project = root / "dbt_project"
    return [
        project / environment.get("DBT_TARGET_PATH", "target") / "run_results.json",
        root / ".data/run_results.json",
    ]


def tests(candidates: Iterable[Path], invocation: str | None) -> dict[str, Any] | None:
    """How many tests one build ran and how they ended; None if its results are not there.

    candidates: run_results.json of dbt, which every dbt command overwrites, and copies that builds have put aside.
    invocation: the build's id. Another build's tests, of a part, say, or in another schema, tell nothing of this mart.
    """
    found = [results for results in map(_results, candidates) if results["metadata"].get("invocation_id") == invocation]
    if invocation is None or not found:
        return None
    results = found[0]
    tested = [result for result in results["results"] if result["unique_id"].startswith(("test.", "unit_test."))]
    return {
        "at": results["metadata"]["generated_at"],
        "partial": _is_partial(results["args"]),
        "tests": len(tested),
        "passed": sum(result["status"] == "pass" for result in tested),
        "warned": sum(result["status"] == "warn" for result in tested),
        "not_passed": [
            {"test": result["unique_id"].split(".")[2], "status": result["status"]}
            for result in tested
            if result["status"] not in ("pass", "warn")
        ],
    }


def _is_partial(arguments: Mapping[str, Any]) -> bool:
    """Whether a build left out a part of what the order mart is made of, or tests of its data."""
    return bool(arguments.get("select") or arguments.get("exclude")) or arguments.get("selector") not in WHOLE


def _results(file: Path) -> Mapping[str, Any]:
    """The file's content; of no build, if there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"metadata": {}}


def _utc(moment: datetime.datetime) -> str:
    return f"{moment.isoformat(timespec='seconds')}Z"
