"""`python -m bench.increments`: does an incremental order mart pay? What dbt takes for it, whole and in part.

The same shop is built plain and incrementally, in turn, after a share of its orders changed; medians of several rounds,
CPU seconds of the whole command and seconds of the model alone.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from bench.marts import UNTESTED, fill, processor
from loaders.common.settings import ROOT
from loaders.words.raw_tables import LOADS_COLUMNS
from seeds_generator.cli import positive

LOADS = f"create table raw._loads ({', '.join(f'{name} {kind}' for name, kind in LOADS_COLUMNS.items())})"
LOADED = "insert into raw._loads (run, attempt, table_name, mode, snapshot_at, verdict) values"
MODELS = ("customer_history", "product_history", "order_mart")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.increments", description=__doc__)
    parser.add_argument("--orders", type=positive, default=1_000_000)
    parser.add_argument("--percent", type=float, default=0.1, help="of the orders change between two builds")
    parser.add_argument("--rounds", type=positive, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="order-he-bench-") as work:
        shops = {kind: Path(work) / kind for kind in ("plain", "incremental")}
        first = next(iter(shops.values()))
        fill(first, arguments.orders)
        first_run(first)
        for folder in [*shops.values()][1:]:
            folder.mkdir()
            shutil.copy(first / "source.duckdb", folder)
        for kind, folder in shops.items():
            build(folder, kind, "+order_mart")
        taken = {kind: [] for kind in shops}
        for number in range(2, arguments.rounds + 2):
            for kind, folder in shops.items():
                change(folder, number, arguments.percent)
                taken[kind].append(build(folder, kind, *MODELS))
    report(taken, arguments)


@contextmanager
def opened(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(folder / "source.duckdb") as connection:
        yield connection


def first_run(folder: Path) -> None:
    with opened(folder) as connection:
        connection.execute(LOADS)
        connection.execute(f"{LOADED} (1, 'one', 'order', 'full', timestamp '2026-11-24', 'equal')")


def change(folder: Path, run: int, percent: float) -> None:
    """A run that brought a share of the orders, spread over all of them."""
    every = round(100 / percent)
    with opened(folder) as connection:
        connection.execute(
            f'update raw."order" set amount = amount + 1, _run = {run} where order_id % {every} = {run % every}'
        )
        connection.execute(f"{LOADED} ({run}, 'run {run}', 'order', 'incremental', timestamp '2026-11-25', 'equal')")


def build(folder: Path, kind: str, *selected: str) -> tuple[float, float]:
    """CPU seconds of dbt's build, and seconds of the order mart in it."""
    (folder / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    own = {"DBT_PROFILES_DIR": folder, "DBT_TARGET_PATH": folder / "target", "DBT_LOG_PATH": folder / "logs"}
    environment = dict(os.environ) | {name: str(path) for name, path in own.items()}
    variables = f"{{incremental_order_mart: {str(kind == 'incremental').lower()}}}"
    command = [str(Path(sys.executable).parent / "dbt"), "build", "--quiet", "--target", "duckdb", *UNTESTED,
               "--vars", variables, "--select", *selected]  # fmt: skip
    before = processor()
    subprocess.run(
        command, cwd=ROOT / "dbt_project", env=environment | {"DUCKDB_PATH": str(folder / "source.duckdb")}, check=True
    )
    results = json.loads((folder / "target/run_results.json").read_text())["results"]
    (mart,) = (one for one in results if one["unique_id"].endswith(".order_mart"))
    return processor() - before, mart["execution_time"]


def report(taken: dict[str, list[tuple[float, float]]], arguments: argparse.Namespace) -> None:
    print(f"{arguments.orders:,} orders, {arguments.percent} % changed, medians of {arguments.rounds}\n")
    print("| order mart | dbt, processor s | the model alone, clock s |\n| --- | --- | --- |")
    for kind, rounds in taken.items():
        cpu, clock = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {kind} | {cpu:.2f} | {clock:.2f} |")


if __name__ == "__main__":
    main()
