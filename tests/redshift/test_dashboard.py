"""The page over Redshift: the same data as over DuckDB, and SQL that runs there."""

import base64
import json
import re
import zlib

import duckdb
import pytest

from local_stack.redshift import environment
from tests import commands
from tests.dashboard.pages import go
from tests.redshift.conftest import connection_to

# Modules share one warehouse and lake: another may have left a larger shop there.
WHOLE = ("loaders", "extract", "--full", "--allow-deletes")


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
        commands.succeeded(commands.dbt(module_own, "build", "--quiet", **target))
        file = module_own.folder / f"{target['DBT_TARGET']}.html"
        commands.succeeded(commands.python(module_own, "dashboard", "page", "--out", str(file), **target))
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
            shown = page.evaluate("name => dashboard.tile(name)", tile)
            cursor.execute(shown["sql"])
            answered = [[None if value is None else str(value) for value in row] for row in cursor.fetchall()]
            assert shown["rows"] == answered, (tile, shown["sql"])


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
