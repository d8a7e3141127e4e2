#!/bin/sh
# Reads the DAG by Airflow and the assets by Dagster, each installed by its lock into an environment that goes again.
set -eu
cd "$(dirname "$0")"
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
mkdir "$home/dags"
cp airflow_order_he.py "$home/dags/"
for program in airflow dagster; do
    "${PYTHON:-python3}" -m venv "$home/$program"
    "$home/$program/bin/pip" install --quiet --no-deps --require-hashes --only-binary :all: --disable-pip-version-check -r "$program.txt"
done
export AIRFLOW_HOME="$home" AIRFLOW__CORE__LOAD_EXAMPLES=False
"$home/airflow/bin/python" - <<'EOF'
from airflow.dag_processing.dagbag import DagBag

read = DagBag()
assert not read.import_errors, read.import_errors
assert [task.task_id for task in read.dags["order_he"].topological_sort()] == ["extract", "build", "dashboard", "docs", "fresh"]
EOF
DAGSTER_HOME="$home" "$home/dagster/bin/dagster" definitions validate -f dagster_order_he.py
