"""`make demo`: the whole pipeline on real parts, from an empty shop to a tested order mart, and what came of it.

It uses its own settings throughout (the private server, a folder as lake, DuckDB), whatever `.env` and the shell say,
so that it can never write to somebody's own database, bucket or warehouse.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas
from pymysql.connections import Connection

from dashboard import docs_page, page
from loaders.common import paths
from loaders.common.errors import Failure, run_command
from loaders.common.quoting import mysql_name, sql_name
from loaders.common.settings import DATA, ROOT
from loaders.source import log_in, mysql_url
from loaders.warehouse import profile
from loaders.words import catalog
from local_stack import private_server, redshift

CATALOG = ROOT / "dbt_project/models/staging/shop/_shop__sources.yml"
WAREHOUSE = DATA / "warehouse.duckdb"
# The same as dbt's profile has it: dbt takes a # in a whole path for its end.
DUCKDB_PATH = os.path.relpath(WAREHOUSE, ROOT / "dbt_project")
LOG = DATA / "logs" / "demo.log"
PAGE = DATA / "dashboard" / "index.html"
# The kind of server whose shop the demo's lake holds.
LAST_SERVER = DATA / "demo" / "server"
# Settings of the user's that would lead the demo elsewhere.
FOREIGN = ("SOURCE_URL", "SHOP_URL", "LAKE_URL", "CATALOG", "DEMO_SHOP", "DUCKDB_PATH")
FIVE_COLUMNS = ("order_id", "ordered_on", "country", "product_name", "amount", "status", "delivery_days")
FIVE_ROWS = (
    "select order_id, ordered_on, country, product_name, amount, status, delivery_days "
    "from analytics.order_mart order by order_id desc limit 5"
)
# An order's time as the shop's rows have it, in the mart, and in it if the shop's clocks showed Korean time.
ONE_TIME = (
    "select o.order_id, o.order_date, m.ordered_at, (o.order_date at time zone 'Asia/Seoul') at time zone 'UTC' "
    "from {raw} as o inner join analytics.order_mart as m on m.order_id = o.order_id order by o.order_id limit 1"
)
NEXT = {
    "duckdb": "Next: `make day && make extract && make build` lets a day pass in the shop,\n"
    "`make sql` asks the warehouse, `make down` stops the server, `make clean` removes it all.",
    "redshift_local": 'Next: eval "$(.venv/bin/python -m local_stack.redshift env)" leads this shell to the stand-in,\n'
    "then `make day && make extract && make build` lets a day pass in the shop, `make doctor` tries every link.\n"
    "`make down` stops it all, and what is in the stand-in is gone.",
}
COURSE = "Learn how it is done, in seven steps: docs/course/en/0.md · 한국어 강의: docs/course/ko/0.md"
# A way to ask a warehouse: SQL in, rows out.
Ask = Callable[[str], list[tuple]]


@dataclass(frozen=True)
class Step:
    """One line of the demo: a command, and what to say about it."""

    title: str
    command: list[str]
    folder: Path = ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.demo", description="The whole pipeline, end to end.")
    parser.add_argument("--target", choices=("duckdb", "redshift_local"), default="duckdb")
    parser.add_argument("--server", choices=private_server.NAMES, default=private_server.DEFAULT_KIND)
    arguments = parser.parse_args()
    target, kind = arguments.target, arguments.server
    paths.for_duckdb(DATA, "this folder")
    paths.database_file(DUCKDB_PATH, ROOT / "dbt_project")
    started = time.monotonic()
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_text("")
    steps = the_steps(target, extract_arguments(kind))
    print(f"[1/{len(steps) + 1}] a private {private_server.NAMES[kind]} server")
    server = private_server.up(DATA / "mysql", kind, say=lambda text: print(f"      {text}"))
    environment = settings_of_the_demo(server)
    if target == "redshift_local":
        environment |= redshift_settings()
    for number, step in enumerate(steps, start=2):
        print(f"[{number}/{len(steps) + 1}] {step.title}", flush=True)
        run(step, environment)
        if "extract" in step.command:
            LAST_SERVER.write_text(kind)
        if "build" in step.command:  # read at once: the next dbt command overwrites it
            passed = tests_passed()
            shutil.copy(ROOT / "dbt_project/target/run_results.json", DATA / "run_results.json")  # for the dashboard
    with warehouse_of(target, environment) as ask:
        summary(server, ask, passed)
    print(f"\ndone in {time.monotonic() - started:.0f} s. {NEXT[target]}\n{COURSE}")
    return 0


def settings_of_the_demo(server: private_server.Server) -> dict[str, str]:
    """The environment of every step: the user's, with the demo's own places put in."""
    own = {name: value for name, value in os.environ.items() if name not in FOREIGN and not name.startswith("DBT_")}
    profiles = DATA / "demo"
    profiles.mkdir(parents=True, exist_ok=True)
    (profiles / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    return own | {
        "SOURCE_URL": server.url("loader"),
        # Empty: the generator then writes to the private server, whatever .env says.
        "SHOP_URL": "",
        "LAKE_URL": str(DATA / "lake"),
        "CATALOG": str(CATALOG),
        "DBT_TARGET": "duckdb",
        "DBT_PROFILES_DIR": str(profiles),
        "DUCKDB_PATH": DUCKDB_PATH,
        "DBT_LOG_PATH": str(LOG.parent),
    }


def extract_arguments(kind: str) -> list[str]:
    """The shop of another server has other orders: the lake and raw follow it, deletions of any number included."""
    last = LAST_SERVER.read_text() if LAST_SERVER.exists() else private_server.DEFAULT_KIND
    return [] if kind == last else ["--allow-deletes"]


def the_steps(target: str, extract: list[str]) -> list[Step]:
    python = sys.executable
    dbt = [python, str(Path(python).parent / "dbt")]
    project = ROOT / "dbt_project"
    # The shop's part of the dbt project alone: `discover --write` may have put other databases beside it.
    build = [*dbt, "build", "--quiet", "--selector", "demo"]
    export = Step("export: the marts as files", [python, "-m", "dashboard", "export", "--out", str(DATA / "export")])
    return [
        Step("a shop in it: customers, products, orders", [python, "-m", "seeds_generator", "fill"]),
        Step("extract: MySQL -> lake -> raw", [python, "-m", "loaders", "extract", *extract]),
        Step("dbt build: staging, history, the marts, their tests", build, project),
        Step("docs: one page", [*dbt, "docs", "generate", "--quiet"], project),
        export,
        Step("dashboard: one page", [python, "-m", "dashboard", "page", "--out", str(PAGE)]),
    ]


def run(step: Step, environment: Mapping[str, str]) -> None:
    """Run one step, its output indented here and whole in the log. A failing step ends the demo with its own words."""
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(step.command)}\n")
        with subprocess.Popen(
            step.command,
            cwd=step.folder,
            env=dict(environment),
            text=True,
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            for line in process.stdout:
                log.write(line)
                if line.strip():
                    print(f"      {line.rstrip()}", flush=True)
    if process.returncode:
        raise Failure(f"`{' '.join(step.command)}` ended with code {process.returncode}", f"see {LOG}")


@contextmanager
def warehouse_of(target: str, environment: Mapping[str, str]) -> Iterator[Ask]:
    """A way to ask the demo's warehouse questions: SQL in, rows out."""
    if target == "duckdb":
        with closing(duckdb.connect(WAREHOUSE, read_only=True)) as connection:
            yield lambda sql: connection.execute(sql).fetchall()
        return
    from loaders.warehouse import redshift_connection  # the stand-in's packages are installed for this target only

    os.environ["SSL_CERT_FILE"] = environment["SSL_CERT_FILE"]
    profiles = Path(environment["DBT_PROFILES_DIR"])
    with closing(redshift_connection.connect(profile.read(profiles, target, environment, ROOT))) as connection:

        def ask(sql: str) -> list[tuple]:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()]

        yield ask


def redshift_settings() -> dict[str, str]:
    """The stand-in, started, and the settings that lead to it."""
    print("      Redshift's stand-in and S3")
    return redshift.environment(redshift.up(say=lambda _text: None))


def summary(server: private_server.Server, ask: Ask, passed: str) -> None:
    """Compare both ends of the way, and say where everything lies."""
    site = DATA / "docs" / "index.html"
    page.write(docs_page.html(ROOT / "dbt_project/target"), site)
    url = mysql_url.parse(server.url("loader"), "the private server's URL")
    with closing(log_in.connect(url, "the private server")) as shop:
        print("\nrows      " + compare_rows(shop, ask))
        print("tests     " + passed)
        print("revenue   " + compare_revenue(shop, ask))
    print("times     " + one_time(ask))
    print("\nfive rows of the order mart:")
    print(pandas.DataFrame(ask(FIVE_ROWS), columns=FIVE_COLUMNS).to_string(index=False))
    print(f"\nfiles     {DATA / 'export'}\ndocs      {site}\ndashboard {PAGE}")
    print(f"log       {LOG}  (dbt's own: {LOG.parent / 'dbt.log'})")


def compare_rows(shop: Connection, ask: Ask) -> str:
    """Rows of each table at the source and in raw; a difference ends the demo."""
    known = catalog.read(CATALOG)
    parts = []
    for table in known.tables:
        there = one(shop, f"select count(*) from {mysql_name(table.name)}")
        raw = sql_name(known.schema, table.name)
        ((here,),) = ask(f"select count(*) from {raw} where _deleted_at is null")
        must_equal(f"rows of {table.name}", there, here)
        parts.append(f"{table.name} {here:,}")
    return ", ".join(parts) + ": source = raw"


def compare_revenue(shop: Connection, ask: Ask) -> str:
    there = Decimal(one(shop, "select coalesce(sum(amount), 0) from `order`"))
    ((here,),) = ask("select coalesce(sum(amount), 0) from analytics.order_mart")
    must_equal("revenue", there, Decimal(here))
    return f"{here:,} in the mart = MySQL's own sum"


def one_time(ask: Ask) -> str:
    """What became of an order's time, and what the catalog's time_zone has to do with it."""
    ((order, there, here, korean),) = ask(ONE_TIME.format(raw=f'{catalog.read(CATALOG).schema}."order"'))
    return (
        f"order {order} was placed at {there}: {here} UTC in the mart, as the catalog's time_zone says; "
        f"were it Asia/Seoul, {korean}"
    )


def tests_passed() -> str:
    """What dbt said of its tests; read at once, because the next dbt command overwrites it."""
    results = json.loads((ROOT / "dbt_project/target/run_results.json").read_text())["results"]
    passed = sum(result["status"] == "pass" for result in results)
    return f"{passed} of {sum(result['status'] in ('pass', 'fail', 'error') for result in results)} passed"


def one(shop: Connection, query: str) -> int:
    with shop.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def must_equal(what: str, there: Decimal | int, here: Decimal | int) -> None:
    if there != here:
        raise Failure(
            f"{what}: {there:,} in MySQL, {here:,} in the warehouse",
            "was the shop changed meanwhile? run `make demo` again; if it stays so, this is a bug of ours",
        )


if __name__ == "__main__":
    sys.exit(run_command(main))
