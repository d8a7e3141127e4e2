"""Order-He as Dagster assets. ORDER_HE names the project's folder: it keeps its own environment, Dagster starts it.

One asset for raw and one for the marts: all tables are of one moment, and a build must see raw stand still.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

HOME = Path(os.environ.get("ORDER_HE", "/opt/order-he"))


def run(context: dg.AssetExecutionContext, *command: str) -> str:
    """What `python -m …` said on stdout; its errors are the asset's."""
    python = HOME / ".venv/bin/python"
    done = subprocess.run([python, "-m", *command], cwd=HOME, capture_output=True, encoding="utf-8")
    context.log.info(done.stdout + done.stderr)
    if done.returncode:
        # 75: another try may help.
        raise dg.Failure(done.stderr or done.stdout, allow_retries=done.returncode == 75)
    return done.stdout


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2, delay=60), kinds={"mysql", "parquet"})
def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """MySQL -> lake -> raw."""
    events: Iterator[dict] = map(json.loads, run(context, "loaders", "extract", "--json").splitlines())
    tables = next((event["tables"] for event in events if event["event"] == "published"), [])
    return dg.MaterializeResult(metadata={table["table"]: table["rows"] for table in tables})


@dg.asset(deps=[raw], kinds={"dbt"})
def marts(context: dg.AssetExecutionContext) -> None:
    """dbt: staging, marts and their tests."""
    run(context, "loaders", "dbt", "build", "--selector", "daily")


@dg.asset(deps=[marts])
def pages(context: dg.AssetExecutionContext) -> None:
    """The dashboard and the documentation site."""
    run(context, "dashboard", "page")
    run(context, "loaders", "dbt", "docs", "generate", "--quiet")
    run(context, "dashboard", "docs")


nightly = dg.define_asset_job("order_he", dg.AssetSelection.all(), tags={"dagster/concurrency_key": "order_he"})
schedule = dg.ScheduleDefinition(job=nightly, cron_schedule="15 5 * * *")
defs = dg.Definitions([raw, marts, pages], jobs=[nightly], schedules=[schedule])
