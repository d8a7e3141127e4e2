"""Order-He as an Airflow 3 DAG. ORDER_HE names the project's folder: it keeps its own environment, Airflow starts it.

Not a task for each dbt model: a build notes which run of raw it reads, and fails if raw moved meanwhile. One
`dbt build` can know that.
"""

import os
from datetime import datetime, timedelta
from functools import partial

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

Command = partial(BashOperator, cwd=os.environ.get("ORDER_HE", "/opt/order-he"))
PYTHON = ".venv/bin/python -m"

with DAG(
    "order_he",
    schedule="15 5 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,  # a run reads the source as it is now
    max_active_runs=1,  # raw must not move under a build
    dagrun_timeout=timedelta(hours=3),
) as dag:
    extract = Command(task_id="extract", bash_command=f"{PYTHON} loaders extract", retries=2)
    build = Command(task_id="build", bash_command=f"{PYTHON} loaders dbt build --selector daily")
    docs = Command(
        task_id="docs", bash_command=f"{PYTHON} loaders dbt docs generate --quiet && {PYTHON} dashboard docs"
    )
    dashboard = Command(task_id="dashboard", bash_command=f"{PYTHON} dashboard page")
    # Whatever became of the rest: stale data is another fault than a failed run. (One dbt at a time.)
    fresh = Command(task_id="fresh", bash_command=f"{PYTHON} loaders dbt source freshness", trigger_rule="all_done")
    extract >> build >> dashboard >> docs >> fresh
