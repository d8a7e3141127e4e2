"""The page over Redshift: the same data as over DuckDB, SQL that runs there, and figures that are dbt's metrics."""

import base64
import datetime
import json
import re
import shutil
import zlib
from decimal import Decimal

import duckdb
import pytest

from dashboard.metrics import defined
from dashboard.semantic import Metrics
from local_stack.redshift import environment
from tests import commands
from tests.dashboard.pages import go
from tests.redshift.conftest import connection_to

# Modules share one warehouse and lake: another may have left a larger shop there.
WHOLE = ("loaders", "extract", "--full", "--allow-deletes")
# With a few tests, which the page counts; test_marts.py has dbt run them all on both.
BUILD = ("build", "--quiet", "--exclude", "test_type:generic", "test_type:unit")


@pytest.fixture(scope="module")
def pages(module_own, redshift):
    """The same mart, loaded and built in both warehouses, and the page over each."""
    filled = ("seeds_generator", "fill", "--yes", "--orders", "1500")
    commands.succeeded(commands.python(module_own, *filled, SOURCE_URL=""))
    cloud = environment(redshift)
    commands.succeeded(commands.python(module_own, *WHOLE, **cloud))
    files = []
    for target in (cloud, cloud | {"DBT_TARGET": "duckdb"}):
        commands.succeeded(commands.python(module_own, "loaders", "load", **target))
        commands.succeeded(commands.dbt(module_own, *BUILD, **target))
        file = module_own.folder / f"{target['DBT_TARGET']}.html"
        commands.succeeded(commands.python(module_own, "dashboard", "page", "--out", str(file), **target))
        shutil.copy(module_own.folder / "target/semantic_manifest.json", file.with_suffix(".json"))
        files.append(file)
    return files


def packed(file) -> tuple[dict, bytes]:
    """The page's header, without what tells of the warehouse and the moment, and its columns."""
    content = zlib.decompress(base64.b64decode(re.search(r'id="data">([^<]+)<', file.read_text())[1]))
    end = 4 + int.from_bytes(content[:4], "big")
    header = json.loads(content[4:end])
    for name in ("engine", "queries", "written", "tests", "loads", "build"):
        assert header.pop(name), name
    return header, content[end:]


def test_both_warehouses_give_the_same_page(pages):
    ours, theirs = map(packed, pages)
    assert ours == theirs


@pytest.mark.parametrize("filters", [[], [("from", "2025-01-01"), ("to", "2025-06-30"), ("country", "Korea")]])
def test_every_tile_equals_its_sql_there(pages, redshift, open_page, filters):
    page = open_page(pages[0])
    go(page, filters)
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        for tile in page.evaluate("Object.keys(TILES)"):
            for shown in page.evaluate("name => [dashboard.tile(name), dashboard.orders(name, 0)]", tile):
                cursor.execute(shown["sql"])
                answered = [[None if value is None else str(value) for value in row] for row in cursor.fetchall()]
                assert shown["rows"] == answered, (tile, shown["sql"])


# What the rows of each tile go by. The spans of hours are no dimension: they count all together.
BY = {
    "summary": [], "hours": [], "revenue": ["metric_time__month"], "categories": ["order__category"],
    "countries": ["order__country"], "share": ["order__country"], "on_time": ["order__country"],
    "days": ["order__delivery_days"], "customers": ["customer"], "products": ["product"],
    "retention": ["cohort__cohort_month__month", "cohort__months_since_first"],
}  # fmt: skip
# Columns that show another metric in this tile than elsewhere, or none: the cohort's size is in the share.
HERE = {
    "revenue": {"revenue_before": "revenue_year_before"},
    "days": {"orders": "delivered_orders"},
    "hours": {"orders": "delivered_orders"},
    "retention": {"customers": None, "ordered_percent": "retention"},
}
DUE = ("delivered_orders", "on_time_orders", "on_time_share")
UNITS = {"integer": (1, Decimal(1)), "cents": (1, Decimal("0.01")), "percent": (100, Decimal("0.1"))}
DAY = "{{ TimeDimension('order__ordered_on', 'day') }}"
CHOSEN = ["{{ Dimension('order__country') }} = 'Korea'", f"{DAY} >= '2025-01-01'", f"{DAY} < '2025-07-01'"]


@pytest.mark.parametrize("engine", ["redshift", "duckdb"])
def test_every_tile_shows_the_metrics_that_dbt_defines(pages, module_own, redshift, open_page, engine):
    page = open_page(pages[1])
    metrics = Metrics(pages[engine == "duckdb"].with_suffix(".json"), engine)
    with connection_to(redshift) as there, duckdb.connect(module_own.warehouse_path, read_only=True) as here:
        cursor = (there if engine == "redshift" else here).cursor()

        def ask(name, by, where):
            # Each by itself: PostgreSQL, behind the stand-in, refuses some questions of several (decision 147).
            cursor.execute(metrics.sql([name], by, where))
            return cursor.fetchall()

        for tile in page.evaluate("Object.keys(TILES)"):
            assert_shows(page, tile, HERE.get(tile, {}), ask, [])
        go(page, [("from", "2025-01-01"), ("to", "2025-06-30"), ("country", "Korea")])
        # The mart of cohorts knows no countries, and what is before half a year is no year before.
        for tile in BY.keys() - {"retention"}:
            assert_shows(page, tile, HERE.get(tile, {}) if tile != "revenue" else {}, ask, CHOSEN)


def assert_shows(page, tile, named, ask, where):
    """Each column that shows a metric has its value in every row: equal, or rounded where it is a quotient."""
    rows, columns, due = page.evaluate(
        "name => [dashboard.tile(name).rows, TILES[name].columns, dashboard.view.time.dueBefore]", tile
    )
    named = page.evaluate("METRIC_OF") | {"due": "delivered_orders"} | named
    shown = {name: at for at, column in enumerate(columns) if (name := named.get(column, column)) in defined()}
    assert shown, tile
    keys = [0, 2] if tile == "retention" else range(len(BY[tile]))
    for name, at in shown.items():
        more = [f"{DAY} < '{due}'"] if name in DUE and "due" in columns else []
        scale, unit = UNITS[list(columns.values())[at]]
        ours = added(rows, keys, at, 1)
        theirs = added(ask(name, BY[tile], [*where, *more]), range(len(BY[tile])), -1, scale)
        assert ours.keys() == theirs.keys(), (tile, name)
        off = Decimal("1e-9") + unit / 2 if defined()[name]["type"] == "ratio" else 0
        assert all(abs(ours[key] - theirs[key]) <= off for key in ours), (tile, name, ours, theirs)


def added(rows, keys, at, scale):
    """The column's values by the rows' keys, as text; what is nothing is left out, whoever says so."""
    found = {}
    for row in rows:
        parts = [row[key].date() if isinstance(row[key], datetime.datetime) else row[key] for key in keys]
        key = tuple(None if part is None else str(part) for part in parts)
        found[key] = found.get(key, 0) + scale * Decimal(str(row[at] or 0))
    return {key: value for key, value in found.items() if value}


def test_texts_in_the_sql_are_escaped_as_each_engine_wants(pages, redshift, open_page):
    text = "O'Brien \\' or 1=1 --"
    with duckdb.connect() as connection:
        literal = open_page(pages[1]).evaluate("text => literal('duckdb', text)", text)
        assert connection.execute(f"select {literal}").fetchall() == [(text,)]
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        literal = open_page(pages[0]).evaluate("text => literal('redshift', text)", text)
        assert literal == "'O''Brien \\\\'' or 1=1 --'"
        cursor.execute(f"select {literal}")
        assert "Brien" in cursor.fetchall()[0][0]
