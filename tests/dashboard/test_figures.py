"""Every number of every tile equals its own SQL, run on the warehouse, to the last digit: filtered or not."""

import random
from decimal import Decimal

import pytest

from dashboard import cubes
from dashboard import page as pages
from dashboard.warehouse import opened
from tests.dashboard import shops
from tests.dashboard.pages import go

TILES = sorted(pages.queries("duckdb", "analytics.order_mart", 5))
COUNTRIES = ("Korea", "Japan", "USA", "Vietnam", "Germany")
CATEGORIES = ("Kitchen", "Home", "Books", "Food")
STATUSES = ("placed", "shipped", "delivered", "returned", "cancelled")
LEVELS = ("Bronze", "Silver", "Gold", "Platinum")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's shop, by days."""
    folder = tmp_path_factory.mktemp("demo")
    warehouse = shops.generated(folder / "w.duckdb", 10_000)
    return warehouse, shops.drawn(warehouse, folder / "page.html")


@pytest.fixture(scope="module")
def summed(demo, tmp_path_factory):
    """The same page as a shop with too many orders to be on it has it: sums by days."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cubes, "MOST_ORDERS", 9_999)
        return demo[0], shops.drawn(demo[0], tmp_path_factory.mktemp("summed") / "page.html")


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    """The same shop a hundred times as busy, by months."""
    folder = tmp_path_factory.mktemp("million")
    warehouse = shops.generated(folder / "w.duckdb", 1_000_000)
    return warehouse, shops.drawn(warehouse, folder / "page.html")


def differences(page, warehouse) -> list[str]:
    """Tiles whose rows are not what their own SQL gives."""
    found = []
    for tile in TILES:
        shown = page.evaluate("name => dashboard.tile(name)", tile)
        answered = shops.answers(warehouse, shown["sql"])
        if shown["rows"] != answered:
            found.append(f"{tile}: {page.url}\n{shown['sql']}\nshown {shown['rows'][:3]}\nSQL {answered[:3]}")
    return found


def choices(seed: int, number: int, by: str) -> list[list[tuple[str, str]]]:
    """Random filters; the same seed gives the same."""
    dice = random.Random(seed)  # noqa: S311 (no secret)

    def some(name: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
        return [(name, value) for value in dice.sample(values, dice.choice((0, 0, 1, 2)))]

    def dates() -> list[tuple[str, str]]:
        if dice.random() < 0.2:
            return []
        months = sorted((dice.randint(2024, 2025), dice.randint(1, 12)) for _ in "ab")
        days = (f"-{dice.randint(1, 28):02}", f"-{dice.randint(1, 28):02}") if by == "day" else ("", "")
        texts = [f"{year}-{month:02}{day}" for (year, month), day in zip(months, days, strict=True)]
        return list(zip(("from", "to"), sorted(texts), strict=True))

    return [
        [
            *dates(),
            *some("country", COUNTRIES),
            *some("category", CATEGORIES),
            *some("level", LEVELS),
            *some("status", STATUSES),
        ]
        for _ in range(number)
    ]


CHOSEN = [
    [],
    [("from", "2025-01-01"), ("to", "2025-12-31")],  # a whole year against the year before
    [("from", "2025-02-01"), ("to", "2025-02-28")],  # a short month by days, against 28 days
    [("from", "2025-03-01"), ("to", "2025-03-31")],  # one whole month by days, against the shorter one before
    [("from", "2025-03-01"), ("to", "2025-05-31")],  # three whole months, against three, though they are 92 days
    [("range", "days30")],
    [("range", "months3")],
    [("from", "2024-02-29"), ("to", "2024-02-29")],  # one leap day
    [("from", "2024-01-15"), ("to", "2024-12-20")],  # more than 92 days that are no whole months
    [("country", "Korea"), ("category", "Books"), ("level", "Platinum"), ("from", "2024-07-01"), ("to", "2024-07-03")],
]


@pytest.mark.parametrize(
    ("engine", "kind", "language", "seed", "number"),
    [("chromium", "demo", "en", 41, 12), ("chromium", "summed", "ko", 42, 12), ("firefox", "demo", "ko", 44, 0)],
)
def test_every_tile_equals_its_sql(request, open_page, kind, language, seed, number):
    path, file = request.getfixturevalue(kind)
    page = open_page(file, [("lang", language)])
    with opened(shops.target(path)) as warehouse:
        for filters in [*CHOSEN, *choices(seed, number, "day")]:
            go(page, [*filters, ("lang", language)])
            assert differences(page, warehouse) == []


def test_every_tile_equals_its_sql_in_a_shop_of_a_million_orders(million, open_page):
    path, file = million
    page = open_page(file)
    assert page.evaluate("dashboard.shop.grain") == "month"
    assert "whole months" in page.inner_text("#notes")
    with opened(shops.target(path)) as warehouse:
        for filters in [[], [("from", "2025-01"), ("to", "2025-06")], *choices(43, 3, "month")]:
            go(page, filters)
            assert differences(page, warehouse) == []


@pytest.mark.parametrize(
    "filters",
    [
        [("from", "2024-02-01"), ("to", "2024-02-29")],
        [("from", "2024-02-10"), ("to", "2024-06-20"), ("status", "delivered"), ("level", "Gold")],
    ],
)
def test_the_orders_behind_every_figure_are_those_of_their_sql(demo, open_page, filters):
    path, file = demo
    page = open_page(file, filters)
    tiles = page.evaluate("Object.fromEntries(Object.keys(TILES).map((name) => [name, dashboard.tile(name)]))")
    figures = [("summary", 0, figure) for figure in ("revenue", "net_revenue", "on_time_percent")]
    figures += [(name, row, None) for name, tile in tiles.items() for row in {0, len(tile["rows"]) // 3}]
    with opened(shops.target(path)) as warehouse:
        for name, row, figure in figures:
            told = page.evaluate("([tile, row, figure]) => dashboard.orders(tile, row, figure)", [name, row, figure])
            assert told["rows"] == shops.answers(warehouse, told["sql"]), (name, row, told["sql"])
            shown = dict(zip(tiles[name]["columns"], tiles[name]["rows"][row], strict=True))
            orders = [dict(zip(told["columns"], order, strict=True)) for order in told["rows"]]
            if figure == "net_revenue":
                assert sum(int(order["amount"]) for order in orders) == int(shown["net_revenue"])
            elif name == "retention":
                assert len({order["customer_id"] for order in orders}) == int(shown["ordered"])
            else:
                counted = "due" if name == "on_time" or figure == "on_time_percent" else "orders"
                assert len(orders) == int(shown[counted]) > 0, (name, row)


def test_a_page_of_sums_says_that_it_lists_no_order_and_gives_the_sql(summed, open_page):
    page = open_page(summed[1])
    page.click("#tile-countries .more")
    page.click("#rows .open >> nth=0")
    said = page.inner_text("#rows .notice")
    assert "the shop has 10,000 orders, and a page lists up to" in said and said in page.inner_text("#notes")
    assert "order_id" in page.inner_text("#rows pre") and page.get_by_role("button", name="CSV").count() == 0


def test_the_page_stays_small(demo, million):
    assert demo[1].stat().st_size < 2_000_000
    assert million[1].stat().st_size < 5_000_000


def test_the_shown_numbers_are_those_of_the_rows(demo, open_page):
    """The figures at the top and the tables' totals, as a reader sees them, against a query of the test's own."""
    path, file = demo
    page = open_page(file, [("country", "Korea"), ("from", "2025-03-01"), ("to", "2025-05-31")])
    with opened(shops.target(path)) as warehouse:
        ((revenue, net, orders, customers, products, fees),) = warehouse.ask(
            "select sum(amount), sum(net_amount), count(*), count(distinct customer_id), "
            "count(distinct product_id), sum(delivery_fee) "
            "from analytics.order_mart "
            "where country = 'Korea' and ordered_at >= '2025-03-01' and ordered_at < '2025-06-01'"
        )
    average = (fees / orders).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    names = page.locator("#tile-summary dt").all_inner_texts()
    shown = dict(zip(names, page.locator("#tile-summary dl > div > dd:nth-child(2)").all_inner_texts(), strict=True))
    assert (
        shown
        | {
            "Revenue": f"{revenue:,}",
            "Net revenue": f"{net:,}",
            "Orders": f"{orders:,}",
            "Average order": f"{(Decimal(revenue) / orders).quantize(Decimal('0.01'), 'ROUND_HALF_UP'):,}",
            "Customers": f"{customers:,}",
            "Products": f"{products:,}",
            "Delivery fees": f"{fees:,}",
        }
        == shown
    )
    for tile in ("countries", "customers"):
        total = page.locator(f"#tile-{tile} tfoot td").all_inner_texts()
        assert total[0] == f"{orders:,}" and total[-2:] == [f"{fees:,}", str(average)]
    assert page.locator("#tile-products tfoot td").last.inner_text() == f"{revenue:,}"
    assert page.locator("#tile-countries tbody th").all_inner_texts() == ["Korea"]
