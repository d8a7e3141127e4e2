"""`python -m bench.writers`: what writers feel of a run. Four of them change orders, 25 times a second each, while the
loaders read; how long their transactions take, with nobody reading and during each kind of run.

A transaction updates one order and inserts another. The private server writes its log at each commit and does not wait
for the disk. Loaders, writers and server share the machine, so a run takes processors from the writers, too.

`--pool 16M`: a server whose memory does not hold the table. `--replica`: writers write to one server, the loaders read
another that follows it; besides, how long it takes after a run until that one has all that had been written.
`--runs 12 --every 300`: an hour of a shop instead, with a run every five minutes.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from bench.cost import Shop, Taken
from loaders.common.settings import ROOT
from loaders.source import log_in, mysql_url
from local_stack import private_server
from seeds_generator.cli import positive

WRITERS, A_SECOND = 4, 25
CHANGED = "update `order` set amount = amount + 1, updated_at = now(6) where order_id = %s"
ADDED = (
    "insert into `order` select %s, customer_id, product_id, order_date, quantity, amount, delivery_id, delivery_fee, "
    "shipping_date, status, request, now(6), now(6) from `order` where order_id = %s"
)
# Each server's words: where the log is, how another one follows it, and how that one waits for a place in it.
FOLLOW = {
    "mysql": (
        "show binary log status",
        "change replication source to source_host = '127.0.0.1', source_port = {port}, source_user = 'follower', "
        "source_password = '{password}', source_log_file = '{log}', source_log_pos = {position}, "
        "get_source_public_key = 1",
        "start replica",
        "select source_pos_wait(%s, %s)",
    ),
    "mariadb": (
        "show master status",
        "change master to master_host = '127.0.0.1', master_port = {port}, master_user = 'follower', "
        "master_password = '{password}', master_log_file = '{log}', master_log_pos = {position}",
        "start slave",
        "select master_pos_wait(%s, %s)",
    ),
}
RUNS = {
    "read whole": ("extract", "--full"),
    "again, nearly nothing changed": ("extract",),
    "the same, SOURCE_PACE=20%": ("extract",),
    "read whole, --parallel 2": ("extract", "--full", "--parallel", "2"),
}


class Writer(threading.Thread):
    """Writes until `ended`; `taken` has (when, ms) of each transaction."""

    def __init__(self, url: str, number: int, orders: int, ended: threading.Event):
        super().__init__(daemon=True)
        self.url, self.number, self.orders, self.ended = url, number, orders, ended
        self.taken: list[tuple[float, float]] = []

    def run(self) -> None:
        # Orders all over the table, other ones for each writer; a prime steps through all of them.
        chosen, added = self.number * self.orders // WRITERS, 10 * self.orders + self.number
        with closing(log_in.connect(mysql_url.parse(self.url, "the bench's URL"), "the bench's URL")) as shop:
            due = time.monotonic()
            while not self.ended.wait(max(0, due - time.monotonic())):
                # One that is late is not made up for: it would count as many.
                due = max(due, time.monotonic()) + 1 / A_SECOND
                chosen, added = (chosen + 7_919) % self.orders, added + WRITERS
                begun = time.monotonic()
                with shop.cursor() as cursor:
                    cursor.execute(CHANGED, (chosen + 1,))
                    cursor.execute(ADDED, (added, chosen + 1))
                shop.commit()
                self.taken.append((begun, 1000 * (time.monotonic() - begun)))


class Replica:
    """A server that follows another one from now on."""

    def __init__(self, source: private_server.Server, port: int, home: Path, options: tuple[str, ...]):
        self.source, self.home = source, home
        self.place, follow, start, self.wait = FOLLOW[source.kind]
        self.server = private_server.up(home, source.kind, options=(*options, "--server-id=2"))
        password = source.passwords["shop"]
        _asked(source, f"create user follower identified by '{password}'")
        _asked(source, "grant replication slave on *.* to follower")
        log, position = self._place()
        _asked(self.server, follow.format(port=port, password=password, log=log, position=position))
        _asked(self.server, start)

    def behind(self) -> float:
        """Wait until it has what the source has now: how many seconds that took."""
        began = time.monotonic()
        _asked(self.server, self.wait, self._place())
        return time.monotonic() - began

    def _place(self) -> tuple[str, int]:
        return _asked(self.source, self.place)[0][:2]


def _asked(server: private_server.Server, statement: str, values: tuple | None = None) -> tuple:
    administrator = mysql_url.parse(server.url("root"), "the bench's URL")
    connected = closing(log_in.connect(administrator, "the bench's URL", autocommit=True))
    with connected as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@contextmanager
def writing(shop: Shop, orders: int) -> Iterator[list[Writer]]:
    ended = threading.Event()
    writers = [Writer(shop.shop_url, number, orders, ended) for number in range(WRITERS)]
    for each in writers:
        each.start()
    try:
        yield writers
    finally:
        ended.set()
        for each in writers:
            each.join()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.writers", description=__doc__)
    parser.add_argument("--orders", type=positive, default=2_000_000)
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument("--seconds", type=float, default=15, help="how long nobody reads, in each round")
    parser.add_argument("--server", choices=private_server.NAMES, default=private_server.DEFAULT_KIND)
    parser.add_argument("--pool", default="1G", help="innodb_buffer_pool_size")
    parser.add_argument("--replica", action="store_true", help="the loaders read a server that follows the writers'")
    parser.add_argument("--runs", type=int, default=0, help="so many runs, one every so many seconds, and no rounds")
    parser.add_argument("--every", type=float, default=300, help="seconds from one run's beginning to the next one's")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="order-he-writers-") as home:
        try:
            shop, replica = served(Path(home), arguments)
            (scheduled if arguments.runs else measure)(shop, replica, arguments)
        finally:
            for server in ("replica", "mysql"):
                private_server.down(Path(home) / server)


def served(home: Path, arguments: argparse.Namespace) -> tuple[Shop, Replica | None]:
    """A filled shop and, if wanted, a replica of it."""
    options, port = (f"--innodb-buffer-pool-size={arguments.pool}",), 0
    if arguments.replica:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    logged = ("--server-id=1", "--log-bin=log", "--skip-networking=0", "--bind-address=127.0.0.1", f"--port={port}")
    server = private_server.up(home / "mysql", arguments.server, options=(*options, *(logged if port else ())))
    replica = Replica(server, port, home / "replica", options) if port else None
    (home / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    shop = Shop(server.url("shop"), (replica.server if replica else server).url("loader"), home)
    shop.fill(arguments.orders)
    if replica:
        replica.behind()
    return shop, replica


def measure(shop: Shop, replica: Replica | None, arguments: argparse.Namespace) -> None:
    shop.extract()
    shop.settle()
    behind: list[float] = []
    meanwhile: dict[str, list[tuple[float, float]]] = {}
    with writing(shop, arguments.orders) as writers:
        # In turn, so that whatever else the machine does falls on all alike.
        for _round in range(arguments.rounds):
            during("nobody reads", meanwhile, lambda: time.sleep(arguments.seconds))
            for name, words in RUNS.items():
                pace = "20%" if "PACE" in name else ""
                during(name, meanwhile, partial(shop.command, "loaders", *words, SOURCE_PACE=pace))
                behind += [replica.behind()] if replica else []
    if behind:
        print(f"\nthe replica had all of it {statistics.median(behind):.1f} s after a run, {max(behind):.1f} at most")
    report(meanwhile, writers, arguments)
    history(shop, len(RUNS) * arguments.rounds)


def history(shop: Shop, runs: int) -> None:
    """What the newest runs said of themselves."""
    asked = [sys.executable, "-m", "loaders", "history", "--last", str(runs)]
    told = subprocess.run(asked, cwd=ROOT, env=shop.environment(), capture_output=True, text=True).stdout
    print("\n" + "\n".join(line for line in told.splitlines() if line.startswith("run ") or "at the source" in line))


def scheduled(shop: Shop, _replica: Replica | None, arguments: argparse.Namespace) -> None:
    """A run at every so many seconds beside the writers, as a scheduler starts it; a line for each."""
    shop.extract()
    shop.settle()
    meanwhile: dict[str, list[tuple[float, float]]] = {}
    print("\n| run | s | MB | KB written | CPU s of the server, writers' included | orders |")
    print("| --- | --- | --- | --- | --- | --- |")
    with writing(shop, arguments.orders) as writers:
        begun = time.monotonic()
        for number in range(1, arguments.runs + 1):
            due = begun + number * arguments.every
            during("nobody reads", meanwhile, partial(time.sleep, max(0, due - time.monotonic())))
            taken: list[Taken] = []
            during("a run", meanwhile, lambda: taken.append(shop.extract()))  # noqa: B023 - called at once
            (run,) = taken
            cells = [number, f"{run.seconds:.1f}", f"{run.megabytes:.0f}", f"{run.written / 1e3:,.0f}"]
            print(f"| {' | '.join(map(str, cells))} | {run.source:.1f} | {run.verdict} |", flush=True)
    report(meanwhile, writers, arguments)
    history(shop, arguments.runs)


def during(name: str, meanwhile: dict[str, list[tuple[float, float]]], work: Callable[[], object]) -> None:
    begun = time.monotonic()
    work()
    meanwhile.setdefault(name, []).append((begun, time.monotonic()))


def report(meanwhile: dict[str, list[tuple[float, float]]], writers: list[Writer], arguments) -> None:
    """A line for what writers' transactions took in all the times of one kind together."""
    turns = f"{arguments.runs} runs" if arguments.runs else f"{arguments.rounds} rounds"
    print(f"\n{arguments.server}, {arguments.orders:,} orders, {WRITERS} writers, pool {arguments.pool}, "
          f"{turns}, load of the machine {os.getloadavg()[0]:.1f}\n")  # fmt: skip
    print("| meanwhile | s | transactions | p50 ms | p99 ms | longest ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, times in meanwhile.items():
        taken = sorted(
            ms for each in writers for when, ms in each.taken if any(begun <= when <= ended for begun, ended in times)
        )
        cells = [
            name,
            f"{statistics.median(ended - begun for begun, ended in times):.1f}",
            f"{len(taken):,}",
            f"{statistics.median(taken):.1f}",
            f"{taken[int(0.99 * len(taken))]:.1f}",
            f"{taken[-1]:.0f}",
        ]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
