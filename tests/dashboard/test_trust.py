"""What the page knows of its data: the newest run of each table, and the newest build's tests."""

import json

import duckdb

from dashboard import trust
from dashboard.warehouse import opened
from tests import commands
from tests.dashboard import shops


def results(file, which: str, at: str, **statuses: str):
    """dbt's run_results.json, as far as it is read."""
    listed = [{"unique_id": f"test.order_he.{name}.1a2b", "status": status} for name, status in statuses.items()]
    listed.append({"unique_id": "model.order_he.order_mart", "status": "success"})
    file.write_text(json.dumps({"metadata": {"generated_at": at}, "args": {"which": which}, "results": listed}))
    return file


def test_the_newest_build_counts_and_other_commands_do_not(tmp_path):
    files = [
        results(tmp_path / "docs.json", "generate", "2026-01-03T00:00:00Z", a="pass"),
        results(tmp_path / "new.json", "build", "2026-01-02T00:00:00Z", a="pass", b="fail", c="warn", d="error"),
        results(tmp_path / "old.json", "test", "2026-01-01T00:00:00Z", a="pass"),
        tmp_path / "nowhere.json",
    ]
    assert trust.tests(files) == {
        "at": "2026-01-02T00:00:00Z",
        "tests": 4,
        "passed": 1,
        "warned": 1,
        "not_passed": [{"test": "b", "status": "fail"}, {"test": "d", "status": "error"}],
    }
    assert trust.tests(files[:1]) is None
    (tmp_path / "broken.json").write_text("{")
    assert trust.tests([tmp_path / "broken.json"]) is None


def test_the_newest_run_of_each_table_is_told(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute(
            "create schema raw; create table raw._loads as select * from (values "
            "(1, 'order', 5, timestamp '2026-01-01', 'counts equal'), (2, 'order', 7, timestamp '2026-01-02', 'equal')"
            ") as loads(run, table_name, row_count, snapshot_at, verdict)"
        )
    with opened(shops.target(tmp_path / "w.duckdb")) as warehouse:
        (newest,) = trust.loads(warehouse, "raw")
        assert trust.loads(warehouse, "elsewhere") == []
    assert newest == {
        "table": "order",
        "run": 2,
        "rows": 7,
        "snapshot_at": "2026-01-02T00:00:00Z",
        "verdict": "equal",
    }


def test_the_command_says_what_to_do_without_a_warehouse_or_a_mart(own):
    done = commands.python(own, "dashboard", "page", "--out", str(own.folder / "page.html"))
    assert done.returncode == 1 and "does not exist yet" in done.stderr and "make extract" in done.stderr
    with duckdb.connect(own.warehouse_path):
        pass
    done = commands.python(own, "dashboard", "page", "--out", str(own.folder / "page.html"))
    assert done.returncode == 1 and "has no analytics.order_mart" in done.stderr and "make build" in done.stderr
    assert not (own.folder / "page.html").exists()
