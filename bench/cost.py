"""`python -m bench.cost`: what it costs that a run ends equal to the source, as multiples of F.

F is the source's own query of sums per bucket over the orders, on one connection: no comparison by hash can cost less.
Against it, in turn: `python -m loaders extract` after no change, after 0.1 % of the orders changed, spread over the
whole table, the same without a new `updated_at`, and with one, but with rows deleted, inserted late and updated without
it among them.

And, after no change again, what a run by `proof: {share: 24}` costs the source, beside one by `proof: whole`: CPU
seconds of the server's process.

`--write` puts the medians into the table of both READMEs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.rounds import LAUNCH
from loaders.common.settings import ROOT
from loaders.source import log_in, mysql, mysql_url
from loaders.types.fingerprint import hash_column
from loaders.types.type_contract import contract
from loaders.words import buckets
from local_stack import private_server
from seeds_generator.cli import positive

# Of the orders alone.
CURSOR, SHARE = "\n            cursor: updated_at", "\n            proof: {share: 24}"
CATALOG = ROOT / "dbt_project/models/staging/shop/_shop__sources.yml"
TOUCHED = "update `order` set amount = amount + 1, updated_at = now(6) where order_id % {every} = {round}"
SILENTLY = "update `order` set amount = amount + 1 where order_id % {every} = {round}"
# Twenty rows inserted with an old `updated_at`, twenty updated without a new one, two hundred deleted.
FAULTS = (
    "insert into `order` select order_id + 2 * {orders} + 100 * {round}, customer_id, product_id, order_date, "
    "quantity, amount, delivery_id, delivery_fee, shipping_date, status, request, created_at, created_at from `order` "
    "where order_id <= 20",
    "update `order` set quantity = quantity + 1 where order_id % {sparse} = {round} + 7 limit 20",
    "delete from `order` where order_id % {dense} = {round} + 11 limit 200",
)
# Every run reads again what was changed within the last hour: what is measured is one change, not all rounds'.
AGED = "update `order` set updated_at = updated_at - interval 2 hour where updated_at > now(6) - interval 2 hour"
ORDERS, ROUNDS = 2_000_000, 5
MARK = "<!-- bench-cost -->"
# Seconds beyond 1.3 F that a run was to take at most; of the silent ones at ten million orders.
ALLOWED = {"no change": 1, "changed": 2, "changed silently": 5, "changed, with faults": 3}


@dataclass(frozen=True)
class Taken:
    """One run: seconds on the clock, the largest memory in MB, bytes in the lake, and the orders' verdict.

    source: CPU seconds of the server.
    """

    seconds: float
    megabytes: float
    written: int
    verdict: str
    source: float


@dataclass(frozen=True)
class Figures:
    """A line of the READMEs' table, of one server. of_full, of_bytes: of a full run's. memory: the largest, in MB."""

    seconds: float
    times_f: float
    of_full: float | None
    of_bytes: float | None
    memory: float | None


@dataclass(frozen=True)
class Shop:
    """A private server's shop with a lake and a warehouse of its own."""

    shop_url: str
    source_url: str
    home: Path

    def write(self, *statements: str) -> None:
        with closing(log_in.connect(mysql_url.parse(self.shop_url, "the bench's URL"), "the bench's URL")) as shop:
            with shop.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            shop.commit()

    def fill(self, orders: int) -> None:
        """The generator refuses to write to a source."""
        self.command("seeds_generator", "fill", "--yes", "--orders", str(orders), SOURCE_URL="")

    def command(self, *arguments: str, **changes: str) -> tuple[float, float]:
        """Run `python -m …`; seconds on the clock, and the largest memory of the process in MB."""
        used = self.home / "used.json"
        launch = [sys.executable, "-I", "-S", str(LAUNCH), str(used), sys.executable, "-m", *arguments]
        subprocess.run(launch, cwd=ROOT, env=self.environment() | changes, check=True)
        found = json.loads(used.read_text())
        if found["status"]:
            raise SystemExit(f"{' '.join(arguments)} ended with {found['status']}")
        return found["wall"], found["peak"] / 1e6

    def environment(self) -> dict[str, str]:
        own = {"SHOP_URL": self.shop_url, "SOURCE_URL": self.source_url, "LAKE_URL": str(self.home / "lake"),
               "CATALOG": str(CATALOG), "DBT_TARGET": "duckdb", "DBT_PROFILES_DIR": str(self.home),
               "DUCKDB_PATH": str(self.home / "warehouse.duckdb")}  # fmt: skip
        return os.environ | own

    def server_seconds(self) -> float:
        """CPU seconds that the server has taken so far."""
        times = Path(f"/proc/{int((self.home / 'mysql/pid').read_text())}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def extract(self, *options: str, **changes: str) -> Taken:
        before = self.server_seconds()
        seconds, megabytes = self.command("loaders", "extract", *options, **changes)
        source = self.server_seconds() - before
        newest = max((self.home / "lake/_runs").glob("*.json"), key=lambda path: int(path.stem))
        batches = json.loads(newest.read_text())["batches"]
        (orders,) = (batch for batch in batches if batch["table"] == "order")
        written = sum(file["bytes"] for batch in batches for file in [*batch["files"], *batch["deleted"]])
        return Taken(seconds, megabytes, written, orders["verdict"], source)

    def settle(self) -> None:
        """As if the last change were hours ago."""
        self.write(AGED)
        self.extract()

    def bucket_query(self) -> float:
        """F: seconds of the query that the comparison sends, and of nothing else."""
        address = mysql_url.parse(self.source_url, "the bench's URL")
        with (
            closing(log_in.connect(address, "the bench's URL", **mysql.CONNECT_OPTIONS)) as connection,
            mysql.snapshot(connection) as snapshot,
        ):
            table = snapshot.tables()["order"]
            columns = [contract(column, table.name) for column in table.columns]
            hashed = hash_column(columns, table.columns).select
            size = buckets.by_key("order_id", *(snapshot.extremes(table, "order_id") or (0, 0))).size
            started = time.monotonic()
            snapshot.sums(table, f"order_id div {size}", hashed)
            return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--orders", type=positive, default=ORDERS)
    parser.add_argument("--rounds", type=positive, default=ROUNDS)
    parser.add_argument("--server", choices=private_server.NAMES, help="this one alone; not given: one after the other")
    parser.add_argument("--write", action="store_true", help="put the figures into the READMEs")
    arguments = parser.parse_args()
    if arguments.write and (arguments.orders, arguments.rounds, arguments.server) != (ORDERS, ROUNDS, None):
        parser.error(f"the READMEs' table is of {ORDERS:,} orders, {ROUNDS} rounds and both servers")
    figures = [_served(kind, arguments) for kind in ([arguments.server] if arguments.server else private_server.NAMES)]
    if arguments.write:
        for page in (ROOT / "README.md", ROOT / "README.ko.md"):
            page.write_text(table_written(page.read_text(encoding="utf-8"), figures), encoding="utf-8")
            print(f"wrote {page}")


def _served(kind: str, arguments: argparse.Namespace) -> list[Figures]:
    with tempfile.TemporaryDirectory(prefix="order-he-cost-") as home:
        server = private_server.up(Path(home) / "mysql", kind)
        try:
            return measure(server, Path(home), arguments)
        finally:
            private_server.down(Path(home) / "mysql")


def measure(server, home: Path, arguments: argparse.Namespace) -> list[Figures]:
    (home / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    shop = Shop(server.url("shop", "order_he"), server.url("loader", "order_he"), home)
    shop.fill(arguments.orders)
    full = [shop.extract("--full") for _round in range(min(arguments.rounds, 3))]
    taken: dict[str, list[Taken]] = {way: [] for way in ALLOWED}
    queries = []
    for number in range(1, arguments.rounds + 1):
        shop.settle()
        queries.append(shop.bucket_query())
        taken["no change"].append(shop.extract())
        shop.write(*changed(number, arguments.orders))
        taken["changed"].append(shop.extract())
        shop.settle()
        shop.write(*changed(2 * arguments.rounds + number, arguments.orders, touched=SILENTLY))
        taken["changed silently"].append(shop.extract())
        shop.write(*changed(arguments.rounds + number, arguments.orders, *FAULTS))
        taken["changed, with faults"].append(shop.extract())
    query = statistics.median(queries)
    report(query, full, taken, arguments)
    report_proofs(shop, proofs(shop, arguments.rounds))
    runs = [summed(query, full, rounds) for rounds in (full, *taken.values())]
    return [Figures(query, 1, None, None, None), *runs]


def summed(query: float, full: list[Taken], rounds: list[Taken]) -> Figures:
    def middle(runs: list[Taken], name: str) -> float:
        return statistics.median(getattr(one, name) for one in runs)

    seconds, written = middle(rounds, "seconds"), middle(rounds, "written") / middle(full, "written")
    memory = max(one.megabytes for one in rounds)
    return Figures(seconds, seconds / query, seconds / middle(full, "seconds"), written, memory)


def table_written(page: str, servers: list[list[Figures]]) -> str:
    """The page with these figures in the table between the marks; names of lines and columns stay as they are."""
    before, table, after = page.split(MARK)
    head, ruler, *lines = table.strip().splitlines()
    found = zip(lines, zip(*servers, strict=True), strict=True)
    told = [f"{line.split(' | ')[0]} | {' | '.join(_cells(figures))} |" for line, figures in found]
    return MARK.join([before, "\n".join(["", head, ruler, *told, ""]), after])


def _cells(found: tuple[Figures, ...]) -> Iterable[str]:
    """Of one line: seconds and multiples of F of each server, then shares and memory of both."""
    for one in found:
        yield from (f"{one.seconds:.1f}", f"{one.times_f:.2f}")
    yield _both(f"{one.of_full:.0%}" for one in found if one.of_full)
    yield _both(f"{one.of_bytes:.2%}" for one in found if one.of_bytes)
    yield _both(f"{one.memory:.0f}" for one in found if one.memory)


def _both(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def proofs(shop: Shop, rounds: int) -> dict[str, list[Taken]]:
    """Runs after no change by each proof; each first one, which compares whole, is left out."""
    shop.settle()
    catalog = shop.home / "share.yml"
    catalog.write_text(CATALOG.read_text().replace(CURSOR, CURSOR + SHARE))
    catalogs = {"whole": str(CATALOG), "{share: 24}": str(catalog)}
    return {proof: [shop.extract(CATALOG=file) for _ in range(rounds + 1)][1:] for proof, file in catalogs.items()}


def report_proofs(shop: Shop, taken: dict[str, list[Taken]]) -> None:
    print("\n| proof, after no change | s | the source's CPU s | verdict |")
    print("| --- | ---: | ---: | --- |")
    for proof, rounds in taken.items():
        seconds, source = (statistics.median(getattr(one, name) for one in rounds) for name in ("seconds", "source"))
        print(f"| `{proof}` | {seconds:.2f} | {source:.2f} | {rounds[-1].verdict} |")
    sys.stdout.flush()
    shop.command("loaders", "plan", "--tables", "order")


def changed(number: int, orders: int, *more: str, touched: str = TOUCHED) -> list[str]:
    """0.1 % of the orders touched, other ones each time; and more."""
    sizes = {
        "every": 1000,
        "round": number,
        "orders": orders,
        "sparse": max(orders // 25, 30),
        "dense": max(orders // 220, 30),
    }
    return [statement.format(**sizes) for statement in (touched, *more)]


def report(query: float, full: list[Taken], taken: dict[str, list[Taken]], arguments: argparse.Namespace) -> None:
    whole = statistics.median(one.seconds for one in full)
    written = statistics.median(one.written for one in full)
    print(f"\n{arguments.orders:,} orders, medians of {arguments.rounds}; F = {query:.2f} s, a full run {whole:.2f} s, "
          f"{written / 1e6:.1f} MB, at most {max(one.megabytes for one in full):.0f} MB of memory\n")  # fmt: skip
    print("| a run after | s | of F | allowed | holds | time of a full run | its bytes | memory MB | verdict |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for way, rounds in taken.items():
        seconds = statistics.median(one.seconds for one in rounds)
        allowed = 1.3 * query + ALLOWED[way]
        cells = [
            way,
            f"{seconds:.2f}",
            f"{seconds / query:.2f}",
            f"{allowed:.2f}",
            "yes" if seconds <= allowed else "**no**",
            f"{seconds / whole:.0%}",
            f"{statistics.median(one.written for one in rounds) / written:.2%}",
            f"{max(one.megabytes for one in rounds):.0f}",
            rounds[-1].verdict,
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
