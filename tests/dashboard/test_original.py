"""With the original shop's data the page shows the original dashboard's published figures."""

import pytest

from dashboard.warehouse import opened
from tests import commands
from tests.dashboard import shops
from tests.mart_machine import UNTESTED
from tests.test_acceptance import COUNTRIES, DATA, write_shop

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the original shop's data is not beside the checkout (../shared/acceptance)"
)


@pytest.fixture(scope="module")
def original(module_own):
    """The page, by the project's own commands, all the way from the original's CSV files."""
    folder = module_own.folder / "original"
    folder.mkdir()
    write_shop(folder)
    loaded = commands.python(module_own, "seeds_generator", "load", str(folder), "--yes", SOURCE_URL="")
    commands.succeeded(loaded)
    commands.succeeded(commands.python(module_own, "loaders", "extract"))
    # test_acceptance.py has dbt test it.
    commands.succeeded(commands.dbt(module_own, "build", *UNTESTED))
    file = module_own.folder / "page.html"
    told = commands.succeeded(commands.python(module_own, "dashboard", "page", "--out", str(file)))
    assert f"wrote {file}" in told
    return module_own.warehouse_path, file


def test_the_page_shows_the_published_figures(original, open_page):
    page = open_page(original[1])
    figures = {text.split("\n")[0]: text for text in page.locator("#tile-summary dl > div").all_inner_texts()}
    published = {"Orders": "10,000", "Customers": "300", "Products": "50", "Delivery fees": "90,473.72"}
    assert {name: figures[name].split("\n")[1] for name in published} == published
    assert "9.05 per order" in figures["Delivery fees"]
    rows = [row.split("\t") for row in page.locator("#tile-countries tbody tr").all_inner_texts()]
    shown = {country: (orders, customers, fee, average) for country, orders, customers, _revenue, fee, average in rows}
    assert shown == {
        country: (f"{orders:,}", str(customers), f"{float(fee):,.2f}", average)
        for country, (orders, customers, fee, average) in COUNTRIES.items()
    }
    assert [row[0] for row in rows] == list(COUNTRIES)
    days = page.evaluate("dashboard.tile('days').rows")
    assert days == [
        [str(day), str(orders)] for day, orders in enumerate([1477, 1406, 1369, 1438, 1377, 1462, 1471], start=1)
    ]
    hours = page.evaluate("dashboard.tile('hours').rows")
    assert [row[:2] for row in hours] == [[str(24 * int(day)), orders] for day, orders in days]
    top = [row.split("\t") for row in page.locator("#tile-customers tbody tr").all_inner_texts()]
    assert {(row[0], row[1], row[3], row[4]) for row in top[:6]} == {
        ("284", "48", "447.25", "9.32"),
        ("128", "48", "441.31", "9.19"),
        ("203", "47", "402.90", "8.57"),
        ("7", "47", "411.70", "8.76"),
        ("258", "45", "405.69", "9.02"),
        ("241", "45", top[4][3], top[4][4]),
    }
    total = page.locator("#tile-customers tfoot td").all_inner_texts()
    assert (total[0], *total[2:]) == ("10,000", "90,473.72", "9.05")


def test_the_page_names_its_run_and_its_tests(original, open_page):
    said = open_page(original[1]).inner_text("#trust summary")
    assert "built from run 1" in said and "3 tables: equal" in said and "tests passed" in said
    with opened(shops.target(original[0])) as warehouse:
        ((tables,),) = warehouse.ask("select count(*) from raw._loads")
    assert tables == 3
