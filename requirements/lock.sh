#!/bin/sh
# Makes the lock files from pyproject.toml: one per group, for every supported Python, with hashes and no download addresses.
# All groups share the demo's versions, so that adding a group to an environment never moves what is there.
set -eu
cd "$(dirname "$0")/.."
lock() {
    name=$1
    shift
    "${UV:-uv}" pip compile pyproject.toml --extra s3 "$@" --universal --python-version 3.10 --generate-hashes --no-strip-extras \
        --no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock" --output-file "requirements/$name.txt"
}
lock demo --extra demo
lock redshift --extra demo --extra redshift --constraint requirements/demo.txt
for group in test redshift-local; do
    lock "$group" --extra demo --extra redshift --group "$group" --constraint requirements/demo.txt
done
for group in notebook bench; do
    lock "$group" --extra demo --group "$group" --constraint requirements/demo.txt
done
# infra/image: what runs every night makes no shop and draws nothing for a paper.
lock image --extra duckdb --extra redshift --constraint requirements/redshift.txt
# Environments of their own, which share nothing with ours: what CI reads infra/dags and infra/stacks with.
for program in dags/airflow dags/dagster stacks/checkov; do
    "${UV:-uv}" pip compile "infra/$program.in" --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-annotate --quiet \
        --custom-compile-command "make lock" --output-file "infra/$program.txt"
done
