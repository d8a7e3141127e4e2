"""What once misled: half days and months, comparisons with nothing, promises that are not over, cut lists."""

import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard import page as pages
from loaders.common.errors import Failure
from tests.dashboard import shops
from tests.dashboard.pages import both_engines, go

TOO_EARLY = "no comparison: the period before begins before the first order"
FIRST = "#tile-summary dl > div:nth-child(1) dd.quiet"
NOTE = "#tile-revenue header p"
SERIES = "revenueChart(dashboard.view, dashboard.view.figures.revenue).series.map((s) => s.data.map((d) => d.value))"


def at(day: str, **more) -> dict:
    return {"ordered_at": f"{day} 12:00:00", "delivered_at": f"{day} 13:00:00", "delivery_days": 0} | more


@pytest.fixture
def page_of(tmp_path, open_page):
    def draw(orders, filters=(), **facts):
        options = {name: facts.pop(name) for name in ("viewport", "color_scheme") if name in facts}
        path = tmp_path / "w.duckdb"
        path.unlink(missing_ok=True)
        return open_page(
            shops.drawn(shops.of_orders(path, orders), tmp_path / "page.html", **facts), filters, **options
        )

    return draw


def read_at(day: str) -> dict:
    return {"build": {"run": 1, "snapshot_at": f"{day}T12:30:00Z", "snapshot_on": day}}


def test_growth_is_told_against_whole_periods_only(page_of):
    days = [f"2025-{month:02}-{day:02}" for month in (1, 2, 3, 4) for day in (1, 15, 28)] + ["2025-05-01"]
    page = page_of([at(day) for day in days], **read_at("2025-05-01"))
    for choice, said in [
        ([("from", "2025-02-01"), ("to", "2025-02-28")], "0.0% against the month before"),
        ([("from", "2025-03-01"), ("to", "2025-04-30")], "0.0% against the 2 months before"),
        ([("from", "2025-01-10"), ("to", "2025-01-31")], TOO_EARLY),
        ([("from", "2025-02-01"), ("to", "2025-04-30")], TOO_EARLY),
        ([("from", "2025-05-01"), ("to", "2025-05-01")], "no comparison: the last day is not over"),
        ([], ""),
    ]:
        go(page, choice)
        assert page.inner_text(FIRST) == said, choice
    go(page, [("from", "2025-01-01"), ("to", "2025-01-31")])
    assert page.inner_text(NOTE) == f"{TOO_EARLY}.", "the chart, too, says against what, or why against nothing"


def test_orders_that_may_not_have_come_to_the_chosen_status_are_hollow_and_not_compared(page_of):
    orders = [at(f"2025-0{month}-{day:02}", status="returned") for month in (1, 2, 3) for day in range(1, 29)]
    page = page_of(orders, [("status", "returned"), ("from", "2025-03-15")], **read_at("2025-03-29"))
    assert page.inner_text(FIRST) == "no comparison: the newest orders may not have come to this status yet"
    assert "orders from 2025-03-24 on may not have come to it" in page.inner_text(NOTE)
    solid, before = page.evaluate(SERIES)[:2]
    assert solid[-6:] == [10, *[None] * 5] and before[-6:] == [10, *[None] * 5]
    go(page, [("status", "returned"), ("from", "2025-03-15"), ("to", "2025-03-23")])
    assert page.inner_text(FIRST) == "0.0% against the 9 days before"
    go(page, [("from", "2025-03-15")])
    assert page.inner_text(FIRST) == "0.0% against the 14 days before"


def test_presets_end_with_what_is_over_say_so_and_stay_relative(page_of):
    orders = [at(f"2025-{month:02}-{day:02}") for month in (1, 2, 3, 4) for day in (1, 30 if month != 2 else 28)]
    page = page_of(orders, [("range", "days30")], **read_at("2025-04-30"))
    assert page.input_value("[data-place=to]") == "2025-04-29", "the day on which the shop was read is not over"
    said = page.inner_text("[data-place=range]")
    assert "Last 30 days, to 2025-04-29" in said and "Last 3 months, to 2025-03-31" in said
    assert "Latest year, to 2025-04-30" in said, "that of the newest order, whenever it is read"
    page = page_of(orders, [("range", "days30")], **read_at("2025-05-02"))
    assert page.input_value("[data-place=to]") == "2025-04-30", "the same address, read later"


def test_days_and_months_that_are_not_over_look_so(page_of):
    orders = [at(day) for day in ("2025-01-01", "2025-02-10", "2025-03-10", "2025-04-10", "2025-05-02")]
    page = page_of(orders, color_scheme="dark", **read_at("2025-05-02"))
    assert "Hollow" in page.inner_text(NOTE) and "2025-05-02" in page.inner_text(NOTE)
    whole, *others = page.evaluate(SERIES)
    assert whole[-1] is None and others[-1][-1] == 10, "May is two days old"
    drawn = page.locator("#tile-revenue svg").inner_html()
    assert 'fill="#fff"' not in drawn and drawn.count("stroke-dasharray") == 2, "hollow, in the legend too"
    go(page, [("from", "2025-02-01"), ("to", "2025-04-30")])
    assert "Hollow" not in page.inner_text(NOTE)


def test_a_target_is_a_line_beside_whole_months_of_the_whole_shop(page_of, tmp_path):
    page = page_of([at("2025-01-01"), at("2025-03-10"), at("2025-05-10", country="Japan")], monthlyTarget=25)
    lines = (
        "revenueChart(dashboard.view, dashboard.view.figures.revenue).series.map((s) => [s.name, s.data.at(-1).value])"
    )
    assert ["Target", 25] in page.evaluate(lines)
    for choice in [("country", "Japan")], [("from", "2025-02-01"), ("to", "2025-02-28")]:
        go(page, choice)
        assert "Target" not in [name for name, _ in page.evaluate(lines)]
        assert "The target is of whole months" in page.inner_text(NOTE)
    project = tmp_path / "dbt_project.yml"
    for text, found in ("vars: {monthly_revenue_target: 30000}", 30000), ("vars: {}", 0):
        project.write_text(text)
        assert pages.promises(project)["monthlyTarget"] == found
    project.write_text('vars: {monthly_revenue_target: "30,000"}')
    with pytest.raises(Failure, match="'30,000', which is no whole amount"):
        pages.promises(project)


def test_a_long_list_of_choices_can_be_searched(page_of):
    page = page_of([at("2025-01-01", country=f"Land {number}") for number in range(40)])
    page.click("#filters [data-name=country] summary")
    page.get_by_role("searchbox").fill("land 3")
    assert page.get_by_role("checkbox").count() == 11
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Land 37").check()
    assert page.url.endswith("country=Land+37")


def test_only_promises_that_are_over_count_as_kept(page_of):
    old = [at("2025-03-01", delivery_days=2), at("2025-03-02", delivery_days=9)]
    young = [at("2025-03-18", delivery_days=1), at("2025-03-20", delivery_days=1)]
    page = page_of(old + young, **read_at("2025-03-20"))
    assert "50.0%" in page.inner_text("#tile-summary") and "of 2 delivered and due" in page.inner_text("#tile-summary")
    assert page.evaluate("dashboard.tile('on_time').rows") == [["Korea", "2", "1", "50.0"]]
    go(page, [("from", "2025-03-18")])
    assert page.inner_text("#tile-on_time .nothing") == "Nothing delivered and due in this choice"
    assert page.locator("#tile-days .nothing").is_hidden(), "something was delivered"


def test_a_shop_without_orders_names_no_day_long_ago(page_of):
    page = page_of([])
    assert "of orders before 2025-12-29" in page.inner_text("#tile-on_time header")


def test_a_list_that_is_cut_says_so_and_unfolds(page_of):
    page = page_of([at("2025-03-01", category=f"Kind {number:02}") for number in range(40)])
    fold = page.locator("#tile-categories .fold")
    assert fold.inner_text() == "28 more: show all 40"
    fold.focus()
    page.keyboard.press("Enter")
    assert "Kind 39" in page.locator("#tile-categories svg").inner_html()
    assert fold.inner_text() == "Show the first only" and page.evaluate("document.activeElement.className") == "fold"


def test_nobody_came_back_is_zero_and_not_yet_is_empty(page_of):
    orders = [at("2025-01-01", customer_id=1), at("2025-02-10", customer_id=2), at("2025-03-10", customer_id=1)]
    page = page_of([order | {"product_id": 1} for order in orders], **read_at("2025-03-10"))
    lines = [row.split("\t") for row in page.locator("#tile-retention tbody tr").all_inner_texts()]
    assert lines == [
        ["2025-01", "1", "100.0%", "0.0%", "100.0%…"],
        ["2025-02", "1", "100.0%", "0.0%…", ""],
    ]
    assert "Shown are" not in page.inner_text("#tile-retention header")
    page = page_of([*orders, at("2026-02-10", customer_id=1)])
    assert "Shown are 12 months of each; all" in page.inner_text("#tile-retention header")
    firsts = [at(f"{2024 + month // 12}-{month % 12 + 1:02}-01") for month in range(25)]
    page = page_of(firsts)
    assert "Shown are the newest 24 first months, 12 months of each" in page.inner_text("#tile-retention header")


def test_where_nobody_ever_came_back_the_months_say_so(page_of):
    """A shop whose customers all ordered once showed its first months alone, and 100 % in each of them."""
    page = page_of([at("2025-01-01"), at("2025-02-10"), at("2025-03-10")], **read_at("2025-04-10"))
    lines = [row.split("\t") for row in page.locator("#tile-retention tbody tr").all_inner_texts()]
    assert lines == [
        ["2025-01", "1", "100.0%", "0.0%", "0.0%…"],
        ["2025-02", "1", "100.0%", "0.0%…", ""],
        ["2025-03", "1", "100.0%…", "", ""],
    ]


def test_days_of_delivery_lie_on_an_axis_of_days(page_of):
    page = page_of([at("2025-03-01", delivery_days=days) for days in (1, 1, 4, 400)])
    axis = page.evaluate("daysChart(null, [[1, 2], [4, 1], [400, 1]])")
    assert axis["xAxis"]["data"][:4] == ["1 d", "2 d", "3 d", "4 d"] and axis["xAxis"]["data"][-1] == "31 d and more"
    assert [bar["value"] for bar in axis["series"][0]["data"]][:4] == [2, 0, 0, 1]


def test_hours_are_put_into_spans_before_they_are_rounded(page_of):
    late = {"delivered_at": "2025-03-05 05:06:08", "delivery_hours": "24.00"}  # a second over 24 hours
    page = page_of([late | {"ordered_at": "2025-03-04 05:06:07"}])
    assert page.evaluate("dashboard.tile('hours').rows") == [["48", "1", "100.0"]]
    page.click("#tile-hours .more")
    assert page.inner_text("#rows tbody th") == "24–48 h", "48 alone would be so many hours"


@both_engines
def test_a_date_can_be_typed_by_keyboard_alone_and_the_skip_link_keeps_the_filters(page_of):
    page = page_of([at("2024-01-01"), at("2025-12-30")], [("country", "Korea")])
    page.focus("[data-place=from]")
    page.keyboard.type("05052025")  # day and month, in whichever order this browser has them
    assert page.input_value("[data-place=from]") == "2025-05-05" and "from=2025-05-05" in page.url
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert "country=Korea" in page.url and page.evaluate("document.activeElement.id") == "tiles"


# How the focused element stands: seen by its outline, on the screen, and not beneath the bar of filters that stays.
STANDS = """() => {
    const it = document.activeElement, { left, top, right, bottom } = it.getBoundingClientRect();
    const bar = document.getElementById("filters").getBoundingClientRect();
    const faults = [];
    if (getComputedStyle(it).outlineStyle === "none") faults.push("no outline");
    if (bottom < 1 || top > innerHeight - 1 || right < 1 || left > innerWidth - 1) faults.push("off the screen");
    const apart = it.closest("#filters, dialog") || top > bar.bottom - 2 || bottom < bar.top + 2;
    if (!apart) faults.push("beneath the filters");
    const ground = getComputedStyle(document.getElementById("filters")).backgroundColor;
    if (!ground.startsWith("rgb(")) faults.push("seen through the filters");
    return faults;
}"""


class Keys:
    """A reader without a mouse: what is focused says a name, and is seen, wherever Tab stops."""

    def __init__(self, page):
        self.page = page

    def name(self) -> str:
        """Role and name of what is focused, as the accessibility tree has them."""
        focused = self.page.locator(":focus")
        if not focused.count():
            return "date picker"  # Chromium's own, within the field
        return focused.aria_snapshot().split("\n")[0].removeprefix("- ").strip("'")

    def go(self, wanted: str, key: str = "Tab") -> None:
        """On to what has that role and name."""
        for _ in range(60):
            self.page.keyboard.press(key)
            name = self.name()
            assert len(name.split(None, 1)) == 2 and not {*name} & {*"▾▴↓↑"}, f"no name to be read: {name}"
            assert name == "date picker" or self.page.evaluate(STANDS) == [], name
            if name.startswith(wanted):
                return
        raise AssertionError(f"no {wanted} to be reached by {key}")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)


@both_engines
def test_a_session_by_keyboard_alone(page_of):
    orders = [at(f"2025-0{1 + number % 9}-15", category=f"Kind {number:02}") for number in range(40)]
    orders += [at("2025-08-20", country="Japan", category=f"Kind {number:02}") for number in range(30)]
    page = page_of(orders, viewport={"width": 1024, "height": 900}, **read_at("2025-10-01"))  # two lines of filters
    page.evaluate("""() => {
        const click = HTMLAnchorElement.prototype.click;
        window.saved = [];
        HTMLAnchorElement.prototype.click = function () { saved.push(this.download); click.call(this); };
    }""")
    keys = Keys(page)
    keys.go('link "Skip to the figures"')
    keys.go('combobox "Period"')
    while page.evaluate("document.activeElement.value") != "months3":
        keys.press("ArrowDown")
    assert "range=months3" in page.url and keys.name().startswith('combobox "Period"')
    keys.go("text: Country")
    keys.press("Enter")
    keys.go('checkbox "Japan"')
    keys.press("Space")
    assert "country=Japan" in page.url and keys.name() == 'checkbox "Japan" [checked]'
    keys.press("Escape")
    assert keys.name().startswith("text: Country Japan") and not page.locator("#filters details[open]").count()
    keys.go('button "18 more: show all 30"')
    keys.press("Enter")
    assert keys.name() == 'button "Show the first only" [expanded]'
    keys.go('button "Rows and SQL: Revenue by category"', "Shift+Tab")
    keys.press("Enter")
    assert keys.name().startswith('heading "Rows and SQL: Revenue by category"')
    keys.go('button "List orders: Kind 02"')
    keys.press("Enter")
    assert keys.name().startswith('heading "Orders behind: Revenue by category: Kind 02"')
    keys.go('button "Download CSV"')
    keys.press("Enter")
    assert page.evaluate("saved") == ["orders-categories-Kind_02-2025-06-01-2025-08-31-Japan.csv"]
    keys.go('button "Back to the rows"')
    keys.press("Enter")
    assert keys.name().startswith('button "List orders: Kind 02"')
    keys.press("Escape")
    assert keys.name().startswith('button "Rows and SQL: Revenue by category"'), "back where the dialog was opened"
    keys.go('button "Reset"', "Shift+Tab")
    keys.press("Enter")
    assert not page.url.partition("#")[2] and keys.name() == 'button "Reset"'


@pytest.mark.parametrize("width", [1200, 3840])
def test_a_shop_of_millions_hides_no_column_and_writes_no_figure_over_another(page_of, width):
    goods = {"product_name": "Everyday Rice Cooker", "category": "Electronics", "quantity": 1_425_755}
    orders = [at("2025-03-01", amount=93_867_974, delivery_fee="8992036.82", delivery_days=days, **goods)
        for days in range(1, 8)]  # fmt: skip
    page = page_of(orders, viewport={"width": width, "height": 900})
    for tile in ("countries", "customers", "products"):
        page.locator(f"#tile-{tile} .scroll").evaluate(
            "it => { if (it.scrollWidth > it.clientWidth) throw new Error(`${it.scrollWidth} > ${it.clientWidth}`) }"
        )
    assert page.evaluate("daysChart(null, [[1, 246226], [2, 241883]]).series[0].labelLayout.hideOverlap")


MONEY = st.integers(0, 2_000_000_000)
DAYS = st.dates(min_value=datetime.date(2019, 1, 1), max_value=datetime.date(2026, 1, 1))
NAMES = st.sampled_from(
    ["Korea", "대한민국의 아주 긴 이름", "A" * 300, "Bosnia and Herzegovina", *(f"Land {n}" for n in range(40))]
)
SHOPS = st.lists(st.tuples(DAYS, MONEY, NAMES, st.integers(1, 5)), min_size=1, max_size=60)
FALLS_OUT = """() => {
    const out = [];
    for (const cell of document.querySelectorAll("#tile-summary dd, #tile-summary dt, h2, button, .fold")) {
        if (cell.offsetParent && cell.scrollWidth > cell.clientWidth + 1) out.push(cell.innerText);
    }
    for (const host of document.querySelectorAll(".chart")) {
        const frame = host.getBoundingClientRect();
        for (const text of host.querySelectorAll("svg text")) {
            const place = text.getBoundingClientRect();
            const beside = place.left < frame.left - 1 || place.right > frame.right + 1;
            const above = place.top < frame.top - 1 || place.bottom > frame.bottom + 1;
            const cut = host.parentElement.id === "tile-hours" && text.textContent.includes("…");
            if (place.width && (beside || above || cut)) out.push(`${host.parentElement.id}: ${text.textContent}`);
        }
    }
    if (document.documentElement.scrollWidth > innerWidth) out.push("the page is wider than the screen");
    return out;
}"""


WIDE = [
    (datetime.date(2021, month, 3), 10**month, "A" * 300 if month == 1 else f"Land {month}", 1)
    for month in range(1, 10)
]


@pytest.mark.parametrize(("engine", "language"), [("chromium", "en"), ("chromium", "ko"), ("firefox", "ko")])
@example(orders=WIDE, width=360, theme="dark")
@example(
    orders=[(datetime.date(2019, 2, 1), 0, "Korea", 1), (datetime.date(2022, 3, 1), 0, "Korea", 1)],
    width=390,
    theme="light",
)
@settings(max_examples=4, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    orders=SHOPS,
    width=st.sampled_from([360, 390, 768, 1024, 1280, 2560, 3840]),
    theme=st.sampled_from(["light", "dark"]),
)
def test_no_text_falls_out_of_its_place_in_any_shop_on_any_screen(page_of, language, orders, width, theme):
    shop = [
        at(str(day), amount=money, net_amount=money, country=name, category=name, customer_id=number, product_id=number)
        | {"customer_id": 100 * number + len(name), "product_id": 100 * number + len(name), "product_name": name}
        for number, (day, money, name, _of) in enumerate(orders)
    ]
    page = page_of(shop, [("lang", language), ("theme", theme)], viewport={"width": width, "height": 900})
    assert page.evaluate(FALLS_OUT) == []
    assert not any(word in page.inner_text("body") for word in ("undefined", "NaN", "null", "{"))
