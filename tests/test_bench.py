"""The bench runs: at a tiny size, us and the client, nobody else fetched."""

import datetime
import decimal
import json
import subprocess
import sys

import duckdb
import pytest

from bench import cli, cost, hard, history, increments, marts, server, values, ways, writers
from loaders.common.settings import ROOT
from loaders.source import mysql_url
from tests import commands

WAYS = {"mariadb": ["ours", "no load", "make extract 2"], "mysql": ["ours"]}
QUICK = {"wall": 0.01, "cpu": 1e6, "memory": 1e6}


def test_the_bench_measures_us_beside_the_client_writes_its_page_and_sees_that_a_run_is_slower(server_kind, tmp_path):
    """The history it is given is of runs that took no time."""
    lines, named = tmp_path / "history", WAYS[server_kind]
    earlier = {"server": server_kind, "rows": 500, "ways": dict.fromkeys(named, QUICK)}
    lines.write_text(3 * f"{json.dumps(earlier)}\n")
    command = [sys.executable, "-m", "bench", "--server", server_kind, "--orders", "500", "--pairs", "1", "--only",
               ",".join(["client", *named]), "--history", lines]  # fmt: skip
    done = subprocess.run(
        [*command, "--home", tmp_path / "home", "--out", tmp_path / "results.md"],
        cwd=ROOT,
        env=commands.clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert told.count("wall takes") == len(named) and "cpu takes" not in told and "memory takes" not in told
    *_earlier, new = map(json.loads, lines.read_text().splitlines())
    assert set(new["ways"]) == {"client", *named}
    page = (tmp_path / ("results.md" if server_kind == "mariadb" else "results-mysql.md")).read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert all(" | all right | " in rows[way] for way in named)
    assert rows["ours"].endswith("| 0 changed, 1 of 9 refused |")
    assert rows["texts (`varchar(200)`)"] == "| texts (`varchar(200)`) | right |"
    assert rows["no date (`date`)"].endswith("| refused |")
    assert not (tmp_path / "home" / "mysql" / "pid").exists(), "the server is stopped"


def run_of(**ways: float) -> dict:
    return {"server": "mysql", "rows": 9, "ways": {way: {"wall": wall} for way, wall in ways.items()}}


def test_a_run_is_slower_only_beyond_the_bound_of_the_last_ones_median():
    """One that was slow by itself is forgotten; a way that has gone is not."""
    others = [{**run_of(ours=0.1), **other} for other in ({"rows": 8}, {"server": "mariadb"})]
    before = [*3 * [run_of(ours=0.1)], *others, *4 * [run_of(ours=1.0)], run_of(ours=9.0), *3 * [run_of(ours=1.0)]]
    assert history.slower(before, run_of(ours=1.24)) == []
    (told,) = history.slower(before, run_of(ours=1.26))
    assert told == "ours on mysql: wall takes 1.26, the median of 8 runs is 1.00"
    assert history.slower(before, run_of(new=5.0)) == ["ours on mysql: wall has none, the median of 8 runs is 1.00"]
    assert history.slower(before[-2:], run_of(ours=9.0)) == [], "two runs are no measure"


def test_the_readmes_table_is_written_by_the_bench_and_keeps_its_words():
    """In both languages; what is written is what stands there, with other figures."""
    of = [cost.Figures(1.25 * n, n, n / 2, n / 1000, 100.4 * n) for n in range(1, 7)]
    of[0] = cost.Figures(1.25, 1, None, None, None)
    for name in ("README.md", "README.ko.md"):
        page = (ROOT / name).read_text(encoding="utf-8")
        written = cost.table_written(page, [of, of])
        old, new = (text.split(cost.MARK)[1].strip().splitlines() for text in (page, written))
        assert [line.split(" | ")[0] for line in old] == [line.split(" | ")[0] for line in new]
        assert {line.count(" | ") for line in [*old, *new]} == {7}
        assert new[3].endswith(" | 2.5 | 2.00 | 2.5 | 2.00 | 100%, 100% | 0.20%, 0.20% | 201, 201 |")
        assert cost.table_written(written, [of, of]) == written
        assert page.split(cost.MARK)[::2] == written.split(cost.MARK)[::2]


def test_values_that_are_changed_are_counted(own, tmp_path):
    """By each column, in the rows that are there."""
    own.write("create table `order` (order_id bigint primary key, a varchar(9), b int, c decimal(9,2))")
    own.write("insert into `order` values (1, 'x', 1, 0.10), (2, null, 2, 1), (3, '', null, 2)")
    url = mysql_url.parse(own.source_url, "the test's URL")
    wanted = values.expected(server.Source("", url, url, "", 3, 0))
    way = ways.Way("w", "", (), "parquet", 0)
    for select, told in (
        ("(1, 'x', 1, 0.1), (2, null, 2, 1), (3, '', null, 2)", "all right"),
        ("(1, 'X', 1, 0.1), (2, '', 2, 1), (3, '', null, 2)", "2 of a changed"),
        ("(1, 'x', 1, 0.1), (2, null, 7, 1), (3, '', null, 2.01)", "1 of b changed, 1 of c changed"),
        ("(1, 'x', 1, 0.1), (2, null, 2, 1)", "2 of 3 rows"),
    ):
        duckdb.sql(f"from (values {select}) as t(order_id, a, b, c)").write_parquet(str(tmp_path / "part.parquet"))
        assert values.verdict(way, tmp_path, wanted) == told


@pytest.mark.parametrize("bench", [cli, cost, increments, marts, writers])
def test_no_orders_and_no_rounds_are_a_wrong_call(monkeypatch, capsys, bench):
    for option in ("--orders", "--pairs" if bench is cli else "--rounds"):
        monkeypatch.setattr(sys, "argv", ["bench", option, "0"])
        with pytest.raises(SystemExit):
            bench.main()
        assert f"argument {option}: must be at least 1" in capsys.readouterr().err


def test_an_unknown_way_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--orders", "10", "--only", "nobody", "--home", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "no way is called nobody" in done.stderr


def test_a_value_is_right_only_as_what_it_is():
    money, moment = decimal.Decimal("1.10"), datetime.datetime(2026, 1, 2)
    same = [
        (money, decimal.Decimal("1.1000"), True),
        (moment, moment.replace(tzinfo=datetime.timezone.utc), True),
        (2**64 - 1, decimal.Decimal(2**64 - 1), True),
        (datetime.timedelta(hours=-838, minutes=-59), "-838:59:00", True),
        ("NA", "NA", False),
        (None, None, True),
    ]
    other = [(money, 1.1, True), (2, True, True), ("", None, True), (None, "None", False), ("007", 7, False)]
    assert [case for case in same if not hard._same(*case)] == []
    assert [case for case in other if hard._same(*case)] == []
