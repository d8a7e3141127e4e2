"""What the page knows of its data: the newest run of each table, and the newest build's tests."""

import json

import duckdb

from dashboard import trust
from dashboard.warehouse import opened
from tests import commands
from tests.dashboard import shops


def results(file, build: str, arguments: dict | None = None, **statuses: str):
    """dbt's run_results.json, as far as it is read."""
    listed = [{"unique_id": f"test.order_he.{name}.1a2b", "status": status} for name, status in statuses.items()]
    listed.append({"unique_id": "model.order_he.order_mart", "status": "success"})
    metadata = {"generated_at": "2026-01-02T00:00:00Z", "invocation_id": build}
    file.write_text(json.dumps({"metadata": metadata, "args": arguments or {}, "results": listed}))
    return file


def test_the_tests_are_those_of_the_build_that_made_the_mart(tmp_path):
    files = [
        results(tmp_path / "other.json", "later", a="pass"),
        results(tmp_path / "ours.json", "this", a="pass", b="fail", c="warn", d="error"),
        tmp_path / "nowhere.json",
    ]
    assert trust.tests(files, "this") == {
        "at": "2026-01-02T00:00:00Z",
        "partial": False,
        "tests": 4,
        "passed": 1,
        "warned": 1,
        "not_passed": [{"test": "b", "status": "fail"}, {"test": "d", "status": "error"}],
    }
    assert trust.tests(files, "gone") is None and trust.tests(files, None) is None
    (tmp_path / "broken.json").write_text("{")
    assert trust.tests([tmp_path / "broken.json"], "this") is None
    for arguments, partial in [
        ({"select": ["order_mart"]}, True),
        ({"exclude": ["test_type:data"]}, True),
        ({"selector": "ci"}, True),
        ({"selector": "demo"}, False),  # `make demo`: tests/test_checkout.py looks at its page
        ({"selector": "daily"}, False),
    ]:
        built = results(tmp_path / "built.json", "this", arguments, a="pass")
        assert trust.tests([built], "this")["partial"] is partial, arguments


def test_the_build_that_made_the_mart_is_told_and_not_the_newest_run(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute(
            "create schema raw; create table raw._loads as select * from (values "
            "(1, 'order', timestamp '2026-01-01'), (1, 'product', timestamp '2026-01-01'), "
            "(2, 'order', timestamp '2026-01-02'), (3, 'order', timestamp '2026-01-03')) "
            "as l(run, table_name, snapshot_at)"
        )
    with opened(shops.target(tmp_path / "w.duckdb")) as warehouse:
        assert trust.build(warehouse, "raw") is None, "no build, no notes"
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute(
            "create schema analytics; create table analytics._builds as select * from (values "
            "(1, 'first', 'raw', 1, 'made', 'UTC'), (2, 'ours', 'raw', 2, 'made', 'America/New_York'), "
            "(3, 'part', 'raw', 3, null, null), (4, 'theirs', 'billing', 3, 'made', 'UTC')) "
            "as b(build, invocation_id, raw_schema, run, order_mart, time_zone)"
        )
    with opened(shops.target(tmp_path / "w.duckdb")) as warehouse:
        assert trust.build(warehouse, "raw") == {
            "run": 2,
            "invocation": "ours",
            "snapshot_at": "2026-01-01T00:00:00Z",
            "snapshot_on": "2025-12-31",
            "time_zone": "America/New_York",
        }, "the table that was read longest ago counts"


def test_the_newest_run_of_each_table_is_told(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute(
            "create schema raw; create table raw._loads as select * from (values "
            "(1, 'order', 5, timestamp '2026-01-01', 'counts equal'), "
            "(2, 'order', 7, timestamp '2026-01-02', 'equal: 7 rows by hash')"
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
        "verdict": "equal: 7 rows by hash",
        "verdictKo": "같음: 해시로 7행",
    }


def test_the_command_says_what_to_do_without_a_warehouse_or_a_mart(own):
    done = commands.python(own, "dashboard", "page", "--out", str(own.folder / "page.html"))
    assert done.returncode == 1 and "does not exist yet" in done.stderr and "make extract" in done.stderr
    with duckdb.connect(own.warehouse_path):
        pass
    done = commands.python(own, "dashboard", "page", "--out", str(own.folder / "page.html"))
    assert done.returncode == 1 and "has no analytics.order_mart" in done.stderr and "make build" in done.stderr
    assert not (own.folder / "page.html").exists()
