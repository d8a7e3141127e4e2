"""The bench runs: at a tiny size, us and the client, nobody else fetched."""

import datetime
import decimal
import subprocess
import sys

from bench import hard
from loaders.common.settings import ROOT
from tests import commands


def test_the_bench_measures_us_beside_the_client_and_writes_its_page(tmp_path):
    ways = "client,ours,no load,make extract 2"
    command = [sys.executable, "-m", "bench", "--orders", "500", "--pairs", "1", "--only", ways]
    done = subprocess.run(
        [*command, "--home", tmp_path / "home", "--out", tmp_path / "results.md"],
        cwd=ROOT,
        env=commands.clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "results.md").read_text()
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert all(rows[way].endswith("| all right |") for way in ("ours", "no load", "make extract 2"))
    assert rows["texts (`varchar(200)`)"] == "| texts (`varchar(200)`) | right |"
    assert rows["no date (`date`)"].endswith("| refused |")
    assert not (tmp_path / "home" / "mysql" / "socket").parent.joinpath("pid").exists(), "the server is stopped"


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
