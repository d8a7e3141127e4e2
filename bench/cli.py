"""The bench's command line: a server of each kind and a table, every way in turn, and a page of results for each."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from bench import hard, history, peers, results, rounds, server, values, ways
from bench.server import Source
from bench.ways import Way
from loaders.common.errors import Failure
from loaders.common.settings import DATA, ROOT
from local_stack import private_server
from seeds_generator.cli import positive

EXAMPLES = """examples:
  python -m bench                                  both servers, 2,000,000 orders, 5 pairs
  python -m bench --orders 200000 --pairs 3        small
  python -m bench --only client,ours               nobody else, nothing fetched but the client"""


def main() -> None:
    arguments = parser().parse_args()
    home = arguments.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    only = _names(arguments.only)
    kinds = [arguments.server] if arguments.server else private_server.NAMES
    reports = [_bench(kind, home, only, arguments) for kind in kinds]
    if arguments.history:
        slower = [one for report in reports for one in history.add(arguments.history, history.entry(report))]
        if slower:
            raise Failure("; ".join(slower), f"look at the commits since the run before, in {arguments.history}")


def _bench(kind: str, home: Path, only: list[str], arguments: argparse.Namespace) -> results.Report:
    found = peers.find(home, kind, wanted=not only or not ways.OWN.issuperset(only))
    with server.running(home / "mysql", arguments.orders, kind) as source:
        chosen = _chosen(ways.all_ways(source, found), only)
        report = measured(source, chosen, home / "out", arguments)
    page = arguments.out if kind == private_server.DEFAULT_KIND else _beside(arguments.out, kind)
    picture = page.with_suffix(".svg")
    page.write_text(results.markdown(report, picture.name), encoding="utf-8")
    print(f"wrote {page}")
    if found.python:
        drawing = [found.python, "-m", "bench.picture", picture]
        subprocess.run(drawing, input=results.to_json(report), cwd=ROOT, text=True, check=True)
        print(f"wrote {picture}")
    return report


def _beside(page: Path, kind: str) -> Path:
    return page.with_stem(f"{page.stem}-{kind}")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures our extract against the alternatives, on a server and a table of its own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--server", choices=private_server.NAMES, help="this one alone; not given: one after the other")
    top.add_argument("--orders", type=positive, default=2_000_000)
    top.add_argument(
        "--pairs", type=positive, default=5, help="how often each way runs, the client before it each time"
    )
    top.add_argument("--slow-pairs", type=positive, default=1, help="the same for ways that take much longer")
    top.add_argument("--only", default="", metavar="A,B", help="only these ways, by the names in the table")
    top.add_argument(
        "--home", type=Path, default=DATA / "bench", help="the server's data and the alternatives' packages"
    )
    top.add_argument("--history", type=Path, metavar="FILE", help="add a line; fail if it is slower than those there")
    top.add_argument(
        "--out",
        type=Path,
        default=ROOT / "bench" / "results.md",
        help="where MariaDB's results go; MySQL's: beside them",
    )
    return top


def measured(source: Source, chosen: list[Way], out: Path, arguments: argparse.Namespace) -> results.Report:
    """Run everything; what is slow is told as it goes."""
    started, expected = time.monotonic(), values.expected(source)
    rounds.run(chosen[0], out)  # warms the server's cache
    taken: dict[str, list[rounds.Pair]] = {way.name: [] for way in chosen}
    said: dict[str, str] = {}
    for turn in range(max(arguments.pairs, arguments.slow_pairs)):
        for way in chosen:
            if way.lacking or turn >= (arguments.slow_pairs if way.slow else arguments.pairs):
                continue
            pair = rounds.Pair(rounds.run(chosen[0], out), rounds.run(way, out))
            taken[way.name].append(pair)
            _tell(turn, way, pair, started)
            if way.name not in said and not pair.way.failed:
                said[way.name] = values.verdict(way, out, expected)
    changed = hard.changes(source, chosen, out)
    seconds = time.monotonic() - started
    return results.Report(source.kind, source.version, arguments.orders, chosen, taken, said, changed, seconds)


def _tell(turn: int, way: Way, pair: rounds.Pair, started: float) -> None:
    print(
        f"{time.monotonic() - started:6.0f} s  turn {turn + 1}  {way.name:<24} {pair.way.wall:7.2f} s"
        f"  {pair.way.cpu:7.2f} CPU s  {pair.wall:5.2f} x the client{'  FAILED' if pair.way.failed else ''}",
        file=sys.stderr,
        flush=True,
    )


def _names(text: str) -> list[str]:
    """The ways that are asked for; one that there is not is named before anything is fetched or started."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = ways.OWN | ways.OTHERS
    if unknown := sorted(set(names) - known):
        raise Failure(f"no way is called {', '.join(unknown)}", f"known are {', '.join(sorted(known))}")
    return names


def _chosen(known: list[Way], only: list[str]) -> list[Way]:
    """The named ways, the client always first."""
    return [way for way in known if not only or way.name in only or way is known[0]]
