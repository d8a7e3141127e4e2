"""How the page behaves: for eyes, keys and screen readers; with hostile names, odd shops and small screens."""

import csv
import io
import json
import re
import unicodedata
from datetime import datetime, timedelta, timezone

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard import ask, formulas
from dashboard import page as pages
from dashboard.warehouse import opened
from loaders.common.errors import Failure
from tests.dashboard import shops
from tests.dashboard.pages import go

HOSTILE = "</script><img src=x onerror=alert(1)>"
LONG = "Extraordinarily " * 9 + "long"
ARABIC = "إبريق شاي"
TABLE_TILES = ("countries", "customers", "products")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return shops.drawn(
        shops.generated(folder / "w.duckdb", 2_000), folder / "page.html", loads=LOADS, build=BUILD, tests=TESTS
    )


LOADS = [
    {"table": "order", "run": 3, "rows": 2000, "snapshot_at": "2026-01-02T03:04:05Z", "verdict": "counts equal"},
    {"table": "product", "run": 2, "rows": 50, "snapshot_at": "2026-01-01T03:04:05Z", "verdict": "hashes equal"},
]
BUILD = {"run": 2, "snapshot_at": "2026-01-01T03:04:05Z"}
TESTS = {
    "at": "2026-01-02T03:10:00Z",
    "partial": False,
    "tests": 9,
    "passed": 8,
    "warned": 0,
    "not_passed": [{"test": "unique_order_mart_order_id", "status": "fail"}],
}


def drawn(folder, orders):
    return shops.drawn(shops.of_orders(folder / "w.duckdb", orders), folder / "page.html")


def test_names_in_the_data_are_shown_as_text_and_never_run(tmp_path, open_page):
    names = {"product_name": HOSTILE, "category": HOSTILE, "country": HOSTILE, "loyalty_level": HOSTILE}
    file = drawn(tmp_path, [names, {"product_name": '"><svg onload=alert(1)>'}])
    assert HOSTILE.encode() not in file.read_bytes()
    page = open_page(file)
    assert HOSTILE in page.inner_text("#tile-products tbody")
    page.hover("#tile-categories .chart svg path >> nth=1", force=True)
    for tile in pages.queries("duckdb", "m", 5):
        page.click(f"#tile-{tile} .more")
        page.click("#rows .actions button:last-child")
    go(page, [("country", HOSTILE)])
    assert page.locator("#filters .list.active b").inner_text() == HOSTILE
    assert page.locator("img, #tiles script").count() == 0


any_text = st.lists(
    st.characters(exclude_categories=["Cs"])
    | st.sampled_from([*"<>&'\"{}\\;=\0\n\u2028\u202e", "</script>", "<!--", "{where}"]),
    max_size=30,
).map("".join)


def in_address(text):
    return "\0" + text if text.startswith("\0") else text


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([f"{mark}{text}" for mark in ("\0", "\0\0", "") for text in ["", *"abcdefghi"]])
@given(st.lists(any_text, min_size=20, max_size=40, unique=True))
def test_any_texts_in_the_data_are_texts_in_the_page(tmp_path, open_page, texts):
    (tmp_path / "w.duckdb").unlink(missing_ok=True)
    file = drawn(tmp_path, [{"product_name": text, "category": text, "country": text} for text in texts])
    page = open_page(file)
    assert (
        set(page.evaluate("dashboard.shop.countries")) == set(page.evaluate("dashboard.shop.categories")) == set(texts)
    )
    with opened(shops.target(tmp_path / "w.duckdb")) as warehouse:
        for text in texts[::10]:
            go(page, [("country", in_address(text))])
            shown = page.evaluate("dashboard.tile('products')")
            assert shown["rows"] == shops.answers(warehouse, shown["sql"]) and len(shown["rows"]) == 1


def test_the_policy_allows_no_request_and_no_foreign_script(demo, open_page):
    policy = open_page(demo).locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0] and "unsafe-eval" not in policy


def test_months_in_the_address_are_whole_and_what_is_no_date_is_left_out(demo, open_page):
    """As a page of months writes them; 2025-02-30 was taken for the 2nd of March."""
    page = open_page(demo, [("from", "2025-06"), ("to", "2025-07")])
    dates = "[...document.querySelectorAll('#filters input[type=date]')].map((field) => field.value)"
    assert page.evaluate(dates) == ["2025-06-01", "2025-07-31"]
    go(page, [("from", "2025-02-30"), ("to", "2025-12")])
    assert page.evaluate(dates)[1] == "2025-12-31" and page.inner_text("#notice").endswith("left out: from=2025-02-30")


def test_filters_live_in_the_address_and_back_leaves_the_page(demo, open_page):
    page = open_page(demo)
    all_orders = page.inner_text("#tile-summary dl > div:nth-child(2) dd >> nth=0")
    page.click("#filters [data-name=country] summary")
    page.get_by_role("checkbox", name="Korea").check()
    assert "country=Korea" in page.url
    page.select_option("#filters [data-place=range]", "days90")
    assert "range=days90" in page.url and "from=" not in page.url and "country=Korea" in page.url
    page.fill("#filters [data-place=from]", "2025-11-01")
    assert "from=2025-11-01" in page.url and "range=" not in page.url
    assert page.inner_text("#tile-summary dl > div:nth-child(2) dd >> nth=0") != all_orders
    assert page.evaluate("history.length") == 2, "Back leaves the page"
    go(page, [("country", "Korea"), ("level", "Gold")])
    page.click("#filters .reset")
    assert page.inner_text("#tile-summary dl > div:nth-child(2) dd >> nth=0") == all_orders


def test_what_the_address_says_wrongly_is_named(demo, open_page):
    page = open_page(demo, [("country", "Narnia"), ("from", "yesterday"), ("colour", "red"), ("level", "Gold")])
    notice = page.inner_text("#notice")
    assert all(wrong in notice for wrong in ("country=Narnia", "from=yesterday", "colour=red")) and "Gold" not in notice
    go(page, [("to", "2025-01-01"), ("from", "2025-02-01")])
    assert page.input_value("[data-place=from]") == "2025-01-01" and page.input_value("[data-place=to]") == "2025-02-01"


def test_a_click_on_a_bar_chooses_it_and_another_takes_it_back(demo, open_page):
    page = open_page(demo)
    page.click("#tile-on_time .chart", position={"x": 130, "y": 20})
    assert "country=" in page.url
    page.click("#tile-on_time .chart", position={"x": 130, "y": 20})
    assert "country=" not in page.url


def test_tables_sort_and_page_by_keys_alone(demo, open_page):
    page = open_page(demo)
    for tile in TABLE_TILES:
        head = page.locator(f"#tile-{tile} thead th").last
        head.locator("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == "descending"
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        numbers = [
            float(text.replace(",", "")) for text in page.locator(f"#tile-{tile} tbody td:last-child").all_inner_texts()
        ]
        assert numbers == sorted(numbers) and len(numbers) == 10
    later = page.locator("#tile-customers .pager button").last
    first = page.inner_text("#tile-customers tbody")
    later.focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#tile-customers tbody") != first
    assert "11–20 of" in page.inner_text("#tile-customers .pager")
    page.keyboard.press("Enter")
    assert "21–30 of" in page.inner_text("#tile-customers .pager")


def test_every_tile_hands_out_its_sql_and_its_rows_as_csv(demo, open_page):
    page = open_page(demo, [("country", "Korea"), ("from", "2025-01-01")])
    for tile in pages.queries("duckdb", "m", 5):
        shown = page.evaluate("name => dashboard.tile(name)", tile)
        page.click(f"#tile-{tile} .more")
        assert page.inner_text("#rows pre") == shown["sql"]
        assert "'Korea'" in shown["sql"]
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download CSV").click()
        assert waiting.value.suggested_filename == f"{tile}-2025-01-01-2025-12-31-Korea.csv"
        header, *rows = csv.reader(io.StringIO(waiting.value.path().read_text(encoding="utf-8-sig")))
        assert header == shown["columns"]
        assert rows == [[value or "" for value in row] for row in shown["rows"]]
        page.keyboard.press("Escape")
        assert not page.locator("#rows").evaluate("dialog => dialog.open")


def test_from_a_figure_to_its_orders_in_two_clicks(demo, open_page):
    page = open_page(demo, [("from", "2025-01-01"), ("status", "returned")])
    page.click("#tile-categories .more")
    page.get_by_role("button", name="List orders: Books").click()
    assert page.inner_text("#rows h2") == "Orders behind: Revenue by category: Books"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    assert waiting.value.suggested_filename == "orders-categories-Books-2025-01-01-2025-12-31-returned.csv"
    header, *rows = csv.reader(io.StringIO(waiting.value.path().read_text(encoding="utf-8-sig")))
    assert header[:3] == ["order_id", "ordered_on", "status"] and {row[2] for row in rows} == {"returned"}
    page.get_by_role("button", name="Back to the rows").click()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "List orders: Books"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Net revenue 0: List orders").click()
    assert page.locator("#rows tbody tr").count() == 0 and "not in ('cancelled'" in page.inner_text("#rows pre")


def test_the_sql_of_a_tile_runs_as_it_is_in_make_sql(tmp_path, open_page):
    file = drawn(tmp_path, [{"amount": 777}, {"amount": 40, "country": "O'Brien"}])
    sql = open_page(file, [("country", "O'Brien")]).evaluate("dashboard.tile('countries').sql")
    with shops.duckdb.connect(tmp_path / "w.duckdb", read_only=True) as connection:
        (question,) = ask.questions(sql.splitlines())
        told = "".join(ask.answer(connection, question))
    assert "O'Brien" in told and "40" in told and "777" not in told


@pytest.fixture(scope="module")
def functions(browser, demo):
    """The page's own functions, to be called with anything."""
    page = browser.new_page()
    page.goto(demo.as_uri())
    page.wait_for_selector("#notes:not(:empty)")
    yield page
    page.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("';\n\r\\\0\x1b\u2028\u202e")), min_size=1
    )
)
@example(["UK;\ncopy (select 44) to '/tmp/x';\n", "';select 1;--", "$$;", "/*", ""])
def test_any_text_chosen_is_one_line_of_one_question_and_comes_back(functions, texts):
    literals = functions.evaluate("texts => texts.map((text) => literal('duckdb', text))", texts)
    (question,) = ask.questions(f"select {', '.join(literals)};".splitlines())
    assert not {"Cc", "Cf", "Zl", "Zp"} & set(map(unicodedata.category, question))
    assert duckdb.execute(question).fetchall() == [tuple(texts)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text("'\"=+-@;,|\t\r\n＝ab"), min_size=1))
def test_the_pages_csv_guards_what_the_exported_file_guards(functions, texts):
    cells = functions.evaluate("texts => texts.map((text) => csvCell(text, 'product'))", texts)
    ours = map(formulas.heading, texts)
    assert [next(csv.reader(io.StringIO(cell, newline="")), [""]) for cell in cells] == [[text] for text in ours]


def test_no_cell_of_a_csv_file_runs_as_a_formula(tmp_path, open_page):
    names = ["=1+1", "+1", "-1", "@x", "＝1", "'=1", 'say "hi", you']
    file = drawn(tmp_path, [{"product_name": name} for name in names])
    page = open_page(file)
    text = page.evaluate(
        """() => {
            const time = calendar(dashboard.shop);
            const { products } = figures(dashboard.shop, time, readState(dashboard.shop, time, ""));
            return csv(dashboard.shop, TILES.products.columns, products);
        }"""
    )
    cells = [row[1] for row in list(csv.reader(io.StringIO(text)))[1:]]
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "'＝1", "''=1", 'say "hi", you']


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("ko", 390)])
def test_axe_finds_nothing_serious(demo, open_page, theme, language, width):
    page = open_page(demo, [("theme", theme), ("lang", language)], viewport={"width": width, "height": 844})
    page.click("#trust summary")
    page.click("#filters [data-name=category] summary")
    _nothing_serious(page)
    page.keyboard.press("Escape")
    page.click("#tile-revenue .more")
    _nothing_serious(page)


def _nothing_serious(page):
    violations = Axe().run(page).response["violations"]
    serious = [found for found in violations if found["impact"] in ("serious", "critical")]
    assert serious == [], json.dumps(serious, indent=1)[:3000]


# By how much a list of choices is narrower than its longest one.
NATURAL = """it => {
    const width = it.offsetWidth;
    it.style.width = it.parentElement.style.width = "max-content";
    const short = it.offsetWidth - width;
    it.style.width = it.parentElement.style.width = "";
    return short;
}"""


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_wider_than_the_screen(demo, tmp_path, open_page, width):
    odd = [{"product_name": LONG[:150], "country": "A" * 50, "category": "B" * 50}, {"product_name": ARABIC}]
    for file in (demo, drawn(tmp_path, odd)):
        page = open_page(file, viewport={"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("[data-place=range]").evaluate(NATURAL) <= 1, "a period's last day is in its name"
        page.click("#filters [data-name=category] summary")
        places = page.locator(".options:visible label").evaluate_all(
            "them => them.map((it) => it.getBoundingClientRect().toJSON())"
        )
        assert max(place["right"] for place in places) <= width
        assert file != demo or {place["height"] for place in places} == {33}, "no name is broken into two lines"
        shade = page.locator(".scroll").first.evaluate("it => getComputedStyle(it).backgroundAttachment")
        assert shade == "local, scroll", "where a table is cut, a shade says that it goes on"


def test_both_languages_say_everything(demo, open_page):
    page = open_page(demo, [("lang", "ko")])
    words = page.evaluate("WORDS")
    assert words["en"].keys() == words["ko"].keys() and words["en"]["columns"].keys() == words["ko"]["columns"].keys()
    counted = {name for name, text in words["en"].items() if re.search(r"\{\w+\} [a-z]+s\b", str(text))}
    never_one = {"daysBefore", "monthsBefore", "cohortsCut", "monthsCut", "unlisted"}
    assert counted == never_one, "{tables|table|tables}"
    assert page.evaluate("document.documentElement.lang") == "ko" and "주문" in page.title()
    assert "undefined" not in page.inner_text("body")
    axis = [0, 800, 5_000, 12_000, 80_000, 250_000_000]
    assert page.evaluate("axis => axis.map(short)", axis) == ["0", "800", "5,000", "1.2만", "8만", "2.5억"]
    page.click("#language")
    assert page.evaluate("axis => axis.map(short)", axis) == ["0", "800", "5k", "12k", "80k", "250m"]
    assert page.evaluate("document.documentElement.lang") == "en" and "orders" in page.title()
    assert "undefined" not in page.inner_text("body")
    assert open_page(demo, locale="ko-KR").evaluate("document.documentElement.lang") == "ko"


def test_the_theme_follows_the_system_until_it_is_chosen(demo, open_page):
    page = open_page(demo, color_scheme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light" and "theme=light" in page.url


def test_the_page_says_how_fresh_and_how_tested_its_data_is(demo, open_page):
    page = open_page(demo)
    said = page.inner_text("#trust summary")
    assert "Data as of 2026-01-01 03:04 UTC" in said and "days old" in said and "built from run 2" in said
    assert "raw holds a newer run, 3: run make build" in said, (
        "the newest run is not the one that the mart was built from"
    )
    assert "counts equal, hashes equal" in said and "8 of 9 tests passed" in said
    page.click("#trust summary")
    details = page.inner_text("#trust div")
    assert "unique_order_mart_order_id (fail)" in details and "The data is old" in details


def trusted(folder, **changes):
    """A page whose mart was built an hour ago from the newest run, every test passed; or not quite so."""
    hour_ago = (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()
    facts = {
        "loads": [{"table": "order", "run": 3, "rows": 1, "snapshot_at": hour_ago, "verdict": "equal: 1 rows"}],
        "build": {"run": 3, "snapshot_at": hour_ago, "time_zone": "America/New_York"},
        "tests": {"at": hour_ago, "partial": False, "tests": 9, "passed": 9, "warned": 0, "not_passed": []},
    }
    return shops.drawn(shops.of_orders(folder / "w.duckdb", [{}]), folder / "page.html", **facts | changes)


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({}, None),
        ({"build": None}, "which run this was built from is not known here"),
        ({"build": {"run": 2, "snapshot_at": "2026-01-01T03:04:05Z"}}, "raw holds a newer run, 3"),
        ({"build": {"run": 3, "snapshot_at": "2026-01-01T03:04:05Z"}}, "The data is old"),
        ({"tests": None}, "the tests of that build are not known"),
        ({"tests": TESTS | {"not_passed": [], "passed": 3, "tests": 3, "partial": True}}, "A partial build"),
        ({"tests": TESTS}, "1 test did not pass"),
        ({"loads": [LOADS[0] | {"verdict": "unverified: --no-load"}]}, "Not compared with the source: order"),
    ],
)
def test_the_dot_is_green_only_without_a_doubt(tmp_path, open_page, changes, doubt):
    page = open_page(trusted(tmp_path, **changes))
    assert page.locator("#trust.sound").count() == (doubt is None)
    assert "1 hour old" in page.inner_text("#trust summary") or doubt
    assert "1 table: " in page.inner_text("#trust summary")
    zone = "America/New_York" if "build" not in changes else "the shop's time zone"
    assert f"Days are counted in {zone}; times are UTC." in page.inner_text("#notes")
    page.click("#trust summary")
    assert doubt is None or doubt in page.inner_text("#trust")


def test_verdicts_are_told_in_the_pages_language_and_shortly(tmp_path, open_page):
    said = {
        "verdict": "untouched since run 1, 9 rows equal by hash then",
        "verdictKo": "1번 실행 뒤로 바뀌지 않음, 그때 같음",
    }
    page = open_page(trusted(tmp_path, loads=[LOADS[0] | said, LOADS[1] | said]), [("lang", "ko")])
    assert "테이블 2개, 원본과 비교: 1번 실행 뒤로 바뀌지 않음 " in page.inner_text("#trust summary").replace("\n", " ")
    page.click("#trust summary")
    assert page.locator("#trust td:last-child").all_inner_texts() == [said["verdictKo"]] * 2
    page.click("#language")
    assert "2 tables: untouched since run 1" in page.inner_text("#trust summary")


def test_a_page_without_loads_or_tests_says_so(tmp_path, open_page):
    page = open_page(drawn(tmp_path, [{}]))
    assert "not known" in page.inner_text("#trust summary")


def test_it_prints_light_and_without_buttons(demo, open_page):
    page = open_page(demo, [("theme", "dark")])
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#tile-revenue .more").is_visible() and page.locator("#tile-revenue svg").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    edge = "name => document.querySelector(name).getBoundingClientRect().right"
    assert page.evaluate(edge, ".heat") < page.evaluate(edge, "#tile-retention"), "the last months are on the paper"
    assert page.locator("#meaning dd").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#meaning dd").first.is_visible()


NULLS = {"country": None, "category": None, "delivery_days": None, "delivery_hours": None, "delivery_fee": None}
ODD_SHOPS = {
    "empty": [],
    "one order": [{}],
    "nothing delivered": [{"delivery_days": None, "delivery_hours": None}] * 2,
    "nulls and blanks": [NULLS, {"country": ""}, {"country": "O'Brien \\ Land"}],
    "two decades": [{"ordered_at": "2005-01-31 23:59:59"}, {"ordered_at": "2025-02-28 00:00:00"}],
    "late and early": [
        {"delivery_days": -1, "delivery_hours": "-24.01"},
        {"delivery_days": 400, "delivery_hours": "9600"},
    ],
    "many countries": [{"country": f"Land {number:03}"} for number in range(150)],
    "big money": [{"amount": 2_147_483_647, "delivery_fee": "99999999.99"}] * 99,
    "halves": [{"delivery_fee": fee} for fee in ("0.01", "0.02")],
    "days of Seoul": [
        {"ordered_at": "2025-03-31 23:30:00", "ordered_on": "2025-04-01"}, {"ordered_at": "2025-03-31 01:00:00"},
    ],
    "leap days": [{"ordered_at": "2024-02-29 12:00:00"}, {"ordered_at": "2025-03-01 00:00:00", "country": "Japan"}],
}  # fmt: skip


@pytest.mark.parametrize("shop", ODD_SHOPS)
def test_odd_shops_are_right_and_readable(tmp_path, open_page, shop):
    warehouse_file = shops.of_orders(tmp_path / "w.duckdb", ODD_SHOPS[shop])
    page = open_page(shops.drawn(warehouse_file, tmp_path / "page.html"))
    members = page.evaluate("dashboard.shop.countries")
    choices = [[]] + [[("country", "\0" if member is None else member)] for member in members[-3:]]
    choices += [[("from", page.evaluate("dashboard.shop.first"))]] if ODD_SHOPS[shop] else []
    with opened(shops.target(warehouse_file)) as warehouse:
        for filters in choices:
            go(page, filters)
            assert page.inner_text("#notice") == ""
            assert not any(word in page.inner_text("body") for word in ("undefined", "NaN", "null"))
            for tile in pages.queries("duckdb", "m", 5):
                shown = page.evaluate("name => dashboard.tile(name)", tile)
                assert shown["rows"] == shops.answers(warehouse, shown["sql"]), (tile, filters)


def test_money_that_a_page_cannot_add_exactly_is_refused(tmp_path):
    warehouse_file = shops.of_orders(tmp_path / "w.duckdb", [{}])
    with shops.duckdb.connect(warehouse_file) as connection:
        connection.execute("alter table analytics.order_mart alter amount type bigint")
        connection.execute(f"update analytics.order_mart set amount = {2**53}")
    with pytest.raises(Failure, match=r"sum of orders\.revenue"):
        shops.drawn(warehouse_file, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_customer_in_two_countries_or_an_order_without_a_date_is_refused(tmp_path):
    for number, (orders, problem) in enumerate(
        [
            ([{"customer_id": 1}, {"customer_id": 1, "country": "Japan"}], "different countries"),
            ([{"ordered_at": None}], "without ordered_on"),
        ]
    ):
        warehouse_file = shops.of_orders(tmp_path / f"{number}.duckdb", orders)
        with pytest.raises(Failure, match=problem):
            shops.drawn(warehouse_file, tmp_path / "page.html")


def test_a_warehouse_without_the_mart_and_a_place_that_cannot_be_written_are_named(tmp_path):
    with shops.duckdb.connect(tmp_path / "w.duckdb"):
        pass
    with pytest.raises(Failure, match=r"has no analytics\.order_mart"):
        shops.drawn(tmp_path / "w.duckdb", tmp_path / "page.html")
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot be written"):
        pages.write("page", tmp_path / "file" / "page.html")
