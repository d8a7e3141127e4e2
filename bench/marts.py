"""`python -m bench.marts`: what dbt's build of all models costs on a big shop, beside the same SQL run by hand.

Three ways, in turn, medians of several rounds: `dbt build` without tests on all orders;
the same on an empty shop (dbt's own cost: starting, parsing, compiling, committing); and the compiled SQL of the same
models, run in the same order in one DuckDB connection with as many threads.
"""

import argparse
import datetime
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from loaders.common.settings import ROOT
from seeds_generator import generate, schema
from seeds_generator.cli import UNTIL, positive

SEED = 7
UNTESTED = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
LINEAGE = "1::bigint as _run, timestamp '2026-11-24' as _extracted_at, null::timestamp as _deleted_at"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.marts", description=__doc__)
    parser.add_argument("--orders", type=positive, default=2_000_000)
    parser.add_argument("--rounds", type=positive, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="order-he-bench-") as work:
        full, empty = Path(work) / "full", Path(work) / "empty"
        fill(full, arguments.orders)
        fill(empty, 0)
        compiled = compiled_models(full)
        build(empty)()  # as `full` has been: so that neither is parsed anew in the rounds
        ways = {
            "dbt, all orders": lambda: build(full),
            "dbt, empty shop": lambda: build(empty),
            "by hand, all orders": lambda: by_hand(full, compiled),
        }
        taken = {way: [] for way in ways}
        for _round in range(arguments.rounds):
            for way, run in ways.items():
                taken[way].append(measured(run))
    report(taken, arguments.orders)


def fill(folder: Path, orders: int) -> None:
    """A warehouse whose raw tables hold the demo shop; `orders` = 0 leaves all of them empty."""
    folder.mkdir()
    people = generate.customers(SEED, max(orders // 100, 300), UNTIL)
    goods = generate.products(SEED, max(orders // 1000, 50), UNTIL)
    with duckdb.connect(folder / "source.duckdb") as connection:
        connection.execute("create schema raw")
        for table, rows in (("customer", people), ("product", goods)):
            put(connection, table, rows, limit=None if orders else 0)
        for chunk in generate.orders(SEED, orders or 1, UNTIL, people, goods):
            put(connection, "order", chunk, limit=None if orders else 0)


def put(connection: duckdb.DuckDBPyConnection, table: str, rows, limit: int | None) -> None:
    columns = ", ".join(f'"{column}"' for column in schema.columns(table))
    query = f"select {columns}, {LINEAGE} from rows"
    connection.execute(f'create table if not exists raw."{table}" as {query} limit 0')
    if limit is None:
        connection.execute(f'insert into raw."{table}" {query}')


def fresh(folder: Path) -> Path:
    """The warehouse before its first build."""
    warehouse = folder / "warehouse.duckdb"
    shutil.copy(folder / "source.duckdb", warehouse)
    return warehouse


def build(folder: Path) -> Callable[[], None]:
    """dbt's build of every model and snapshot, tests left out."""
    (folder / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    own = {"DBT_PROFILES_DIR": folder, "DBT_TARGET_PATH": folder / "target", "DBT_LOG_PATH": folder / "logs"}
    settings = own | {"DUCKDB_PATH": fresh(folder)}
    command = [str(Path(sys.executable).parent / "dbt"), "build", "--quiet", "--target", "duckdb", *UNTESTED]
    environment = dict(os.environ) | {name: str(value) for name, value in settings.items()}
    return lambda: subprocess.run(command, cwd=ROOT / "dbt_project", env=environment, check=True)


def compiled_models(folder: Path) -> list[tuple[str, str, str]]:
    """(name, view or table, SQL) of each model and snapshot, in the order in which dbt ran them."""
    build(folder)()
    manifest = json.loads((folder / "target/manifest.json").read_text())
    results = json.loads((folder / "target/run_results.json").read_text())["results"]
    models = []
    for result in sorted(results, key=lambda one: one["timing"][-1]["started_at"] if one["timing"] else ""):
        node = manifest["nodes"].get(result["unique_id"])
        if node and node["resource_type"] in ("model", "snapshot"):
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            sql = history(result) if node["resource_type"] == "snapshot" else result["compiled_code"]
            models.append((node["alias"], kind, sql))
    return models


def history(result: dict) -> str:
    """What a first snapshot adds to its rows."""
    marks = "md5(extracted_at::varchar) as dbt_scd_id, 0::bigint as noted_in_run, 0::bigint as from_run"
    return f"select *, {marks}, null::bigint as until_run from ({result['compiled_code']})"


def by_hand(folder: Path, models: list[tuple[str, str, str]]) -> Callable[[], None]:
    warehouse = fresh(folder)

    def run() -> None:
        with duckdb.connect(warehouse, config={"threads": os.cpu_count()}) as connection:
            connection.execute("create schema analytics")
            for name, kind, sql in models:
                connection.execute(f'create {kind} analytics."{name}" as {sql}')

    return run


def measured(prepare: Callable[[], Callable[[], None]]) -> tuple[float, float]:
    """Seconds on the clock and of the processor; what is prepared first does not count."""
    run = prepare()
    before, started = processor(), time.monotonic()
    run()
    return time.monotonic() - started, processor() - before


def processor() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def report(taken: dict[str, list[tuple[float, float]]], orders: int) -> None:
    rounds = len(taken["dbt, all orders"])
    print(f"{orders:,} orders, {os.cpu_count()} processors, {datetime.date.today()}, medians of {rounds}\n")
    print("| way | clock s | processor s |\n| --- | --- | --- |")
    middle = {way: [statistics.median(column) for column in zip(*times, strict=True)] for way, times in taken.items()}
    for way, (clock, cpu) in middle.items():
        print(f"| {way} | {clock:.2f} | {cpu:.2f} |")
    for index, name in enumerate(("clock", "processor")):
        full, start, hand = (middle[way][index] for way in middle)
        print(f"\n{name}: (dbt - dbt on an empty shop) / by hand = {(full - start) / hand:.2f}")


if __name__ == "__main__":
    main()
