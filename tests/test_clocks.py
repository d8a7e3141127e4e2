"""No clock decides what came first, and what a source's own clock shows is what its time zone makes of it."""

import datetime
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from loaders.help import discover
from loaders.words import catalog
from local_stack import private_server
from tests import commands, forked_dbt, small_shop
from tests.own_database import OwnDatabase
from tests.test_dbt_project import copied_project
from tests.wrong_clocks import LIBFAKETIME, WrongClocks, of_a_process

DAY = datetime.timedelta(days=1)
UNTESTED = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--quiet")
NODES = ("customer_history", "product_history", "order_mart")
THEN = (
    "select order_id, country_when_ordered, is_observed, is_on_time from analytics.order_mart "
    "where order_id >= 100 order by 1"
)


def ask(own, sql: str) -> list[tuple]:
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def shop(own):
    """A customer, a product and an order, placed by the source's clock as it is."""
    small_shop.create(own)
    own.write(
        small_shop.customer(1, "Korea", "2024-01-01"),
        small_shop.product(1, "Cup", "8.00", "2024-01-01"),
        small_shop.order(1, 1, 1, str(WrongClocks(own).now())),
    )
    return own


def test_clocks_a_day_off_forwards_and_backwards_change_no_order_of_anything(shop):
    """Each customer's move is followed by an order. It has the country of then, or, where the source's clock showed its
    time twice, none; the newest build is the one with the highest number, whatever its machine's clock said."""
    known, clocks = catalog.read(commands.SHOP_CATALOG), WrongClocks(shop)
    # An order that no run brings again: only a build that knows which one was before it makes it anew.
    shop.write(
        small_shop.customer(2, "Korea", "2024-01-01"),
        small_shop.product(2, "Pen", "1.00", "2023-01-01"),
        small_shop.order(100, 2, 2, "2024-01-02", "delivered", "'2024-01-06'"),
    )
    clocks.run(known)
    forked_dbt.dbt(shop, "build", "--select", "+order_mart", *UNTESTED)
    days = {"Norway": (1, -1, 1, 6), "Peru": (-1, 1, -1, 2), "Japan": (0, 0, 0, 6), "Chile": (2, 1, 0, 6)}
    for number, (country, (source, loaders, machine, promised)) in enumerate(days.items(), start=101):
        clocks.source = source * DAY
        moved = clocks.now() - datetime.timedelta(seconds=2)
        placed = moved + datetime.timedelta(seconds=1)
        shop.write(
            f"update customer set country = '{country}', updated_at = '{moved}' where customer_id = 1",
            small_shop.order(number, 1, 1, str(placed), "delivered", f"'{placed + 4 * DAY}'"),
        )
        clocks.run(known, loaders)
        variables = f"{{incremental_order_mart: true, promised_delivery_days: {promised}}}"
        forked_dbt.dbt(shop, "build", "--select", *NODES, *UNTESTED, "--vars", variables, CLOCK_DAYS=str(machine))
        told = ask(shop, f"select is_on_time from analytics.order_mart where order_id in (100, {number})")
        assert told == [(promised >= 4,)] * 2, country
    assert ask(shop, THEN) == [
        (100, None, False, True),  # before the shop was ever read
        (101, None, False, True),  # read again since, because it is of the newest hour
        (102, None, False, True),
        (103, None, False, True),
        (104, "Chile", True, True),
    ]
    # Another state, read while the clock shows the same.
    clocks.source = moved + datetime.timedelta(seconds=2) - WrongClocks(shop).now()
    shop.write("update customer set country = 'Kenya' where customer_id = 1")
    clocks.run(known)
    forked_dbt.dbt(shop, "build", "--select", *NODES, *UNTESTED)
    assert ask(shop, "select run from analytics.stg_shop__clock_turns") == [(3,)]
    history = "select country, from_run, until_run from analytics.customer_history where customer_id = 1 order by 2"
    assert ask(shop, history) == [
        (country, run, run + 1 if run < 6 else None) for run, country in enumerate(["Korea", *days, "Kenya"], start=1)
    ]
    forked_dbt.dbt(shop, "test", "--select", *NODES, "--exclude-resource-type", "unit_test")
    # Clocks are shown: the third build's machine was a day behind, and it stayed the third.
    shown = "select started_at > lag(started_at) over (order by build) from analytics._builds order by build"
    assert ask(shop, shown) == [(None,), (True,), (False,), (True,), (True,), (True,)]


@contextmanager
def server_with_its_clock_wrong(home: Path, days: int) -> Iterator[private_server.Server]:
    """A server of the test's own: its folder stays, its process has the clock."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in of_a_process(days).items():
            patch.setenv(name, value)
        server = private_server.up(home, "mariadb", say=lambda _text: None)
    try:
        yield server
    finally:
        private_server.down(home, say=lambda _text: None)


@pytest.mark.skipif(not LIBFAKETIME, reason="requirements/test.txt brings libfaketime for Linux on x86_64 alone")
def test_server_loaders_and_dbt_as_processes_with_clocks_a_day_off_and_then_a_day_off_the_other_way(tmp_path):
    """The whole of each process is wrong, C libraries and databases included: what the test above moves is what
    sessions and Python show. The server and dbt go back by two days, the loaders forwards; histories go by runs."""
    began = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    for source, loaders, machine in ((1, -1, 1), (-1, 1, -1)):
        with server_with_its_clock_wrong(tmp_path / "mysql", source) as server:
            own = OwnDatabase(server.url("shop"), server.url("loader"), tmp_path)
            if source == 1:
                small_shop.create(own)
                own.write(
                    small_shop.customer(1, "Korea", "2024-01-01"), small_shop.product(1, "Cup", "1.00", "2024-01-01")
                )
            else:
                own.write("update customer set country = 'Norway', updated_at = now()")
            own.write(small_shop.order(2 + source, 1, 1, "2024-01-01"), "update `order` set order_date = now()")
            commands.succeeded(commands.python(own, "loaders", "extract", **of_a_process(loaders)))
            commands.succeeded(
                commands.dbt(own, "build", "--select", "+order_mart", *UNTESTED, **of_a_process(machine))
            )
            told = commands.succeeded(commands.python(own, "loaders", "verify", **of_a_process(loaders)))
            assert told.splitlines()[-1].startswith("equal; ")
    # Each process did have the clock that it was given.
    for sql, days in (
        ("select any_value(snapshot_at) from raw._loads group by run order by run", [1, -1]),
        ("select any_value(loaded_at) from raw._loads group by run order by run", [-1, 1]),
        ("select started_at from analytics._builds order by build", [1, -1]),
    ):
        assert [round((moment - began) / DAY) for (moment,) in ask(own, sql)] == days, sql
    history = "select country, from_run, until_run from analytics.customer_history order by from_run"
    assert ask(own, history) == [("Korea", 1, 2), ("Norway", 2, None)]
    assert ask(own, "select run from analytics.stg_shop__clock_turns") == [(2,)]
    # Placed at a time that the source's clock showed twice: nobody can tell where the customer lived.
    assert ask(own, "select country, country_when_ordered, is_observed from analytics.order_mart") == (
        [("Norway", None, False)] * 2
    )


SOURCES = "models/staging/shop/_shop__sources.yml"


def in_zone(folder, zone: str):
    """The dbt project, its shop in a time zone."""
    project = copied_project(folder)
    text = (project / SOURCES).read_text()
    assert "time_zone: UTC" in text
    (project / SOURCES).write_text(text.replace("time_zone: UTC", f"time_zone: {zone}"))
    return project


def test_a_shop_that_keeps_korean_time_says_so_in_the_catalog(shop, tmp_path):
    """An order twenty minutes before a move has the country of before; without the zone the newest rows would lie nine
    hours in the future, which a test says."""
    clocks, nine = WrongClocks(shop, source=-datetime.timedelta(hours=1)), datetime.timedelta(hours=9)
    shop.write(f"update `order` set order_date = '{clocks.now() + nine}', updated_at = '{clocks.now() + nine}'")
    known = catalog.read(commands.SHOP_CATALOG)
    seoul = in_zone(tmp_path / "seoul", "Asia/Seoul")
    clocks.run(known)
    forked_dbt.dbt(shop, "build", "--select", "+order_mart", *UNTESTED, project=seoul)
    clocks.source = datetime.timedelta()
    moved = clocks.now() + nine - datetime.timedelta(seconds=2)
    shop.write(
        small_shop.order(101, 1, 1, str(moved - datetime.timedelta(minutes=20))),
        f"update customer set country = 'Japan', updated_at = '{moved}'",
    )
    clocks.run(known)
    tested = ("no_row_is_dated_after_it_was_read", "every_local_time_is_one_moment", "--exclude", "test_type:generic")
    said = forked_dbt.dbt(
        shop, "build", "--select", *NODES, *tested, project=seoul, DBT_TARGET_PATH=str(tmp_path / "target")
    )
    assert "WARN" not in said.replace("WARN=0", ""), said
    assert ask(shop, THEN) == [(101, "Korea", True, None)]
    utc = ask(shop, "select ordered_at from analytics.order_mart where order_id = 101")
    assert utc == [(moved - nine - datetime.timedelta(minutes=20),)]
    # `verify` has MySQL compute the mart: its query says the zone of its moments, as docs/source.md tells; days stay.
    text = (seoul / SOURCES).read_text()
    zones = ", '+09:00', '+00:00') as"
    for column in ("order_date as ordered_at", "shipping_date as delivered_at"):
        text = text.replace(f"o.{column}", f"convert_tz(o.{column.replace(' as', zones)}")
    (seoul / SOURCES).write_text(text)
    commands.succeeded(commands.python(shop, "loaders", "verify", CATALOG=str(seoul / SOURCES)))
    said = forked_dbt.dbt(shop, "build", "--select", "stg_shop__orders+1", "stg_shop__customers", "stg_shop__products",
                          "no_row_is_dated_after_it_was_read", "--exclude", "order_mart+")  # fmt: skip
    assert "no_row_is_dated_after_it_was_read" in said and "Got 2 results, configured to warn if != 0" in said, said


def test_hours_that_clocks_show_twice_or_never_are_counted_and_count_as_the_later(shop, tmp_path):
    shop.write(
        small_shop.order(101, 1, 1, "2024-11-03 01:30:00"),  # twice in New York
        small_shop.order(102, 1, 1, "2024-03-10 02:30:00"),  # never
        small_shop.order(103, 1, 1, "2024-11-03 02:00:00"),
    )
    shop.run(catalog.read(commands.SHOP_CATALOG))
    new_york = in_zone(tmp_path, "America/New_York")
    said = forked_dbt.dbt(
        shop, "build", "--select", "stg_shop__orders", "every_local_time_is_one_moment", "--store-failures",
        "--exclude", "test_type:generic", project=new_york,
    )  # fmt: skip
    assert "Got 6 results, configured to warn if != 0" in said, said
    moments = "select ordered_at from analytics.stg_shop__orders where order_id > 100 order by order_id"
    assert ask(shop, moments) == [
        (datetime.datetime(2024, 11, 3, 6, 30),),
        (datetime.datetime(2024, 3, 10, 7, 30),),
        (datetime.datetime(2024, 11, 3, 7, 0),),
    ]


def test_a_time_zone_that_is_none_stops_the_build_by_name(shop, tmp_path):
    shop.run(catalog.read(commands.SHOP_CATALOG))
    said = forked_dbt.dbt(
        shop, "run", "--select", "stg_shop__orders", project=in_zone(tmp_path, "Asia/Pyongseoul"), fails=True
    )
    told = " ".join(said.split())
    assert "the source shop is said to be in the time zone Asia/Pyongseoul, which is none: write a name like" in told


def test_days_and_months_are_those_of_the_zone_in_which_the_shop_counts_them(shop, tmp_path):
    """Rows and moments are in UTC. A mart of other days is made anew, one without the column names the way out."""
    shop.write(
        "delete from `order`",
        small_shop.order(1, 1, 1, "2024-02-29 14:59:59", "delivered", "'2024-02-29 15:00:00'"),  # midnight in Seoul
        small_shop.order(2, 1, 1, "2024-02-29 15:00:00"),
        small_shop.order(3, 1, 1, "2024-03-01 04:59:59", "delivered", "'2024-03-01 05:00:00'"),  # midnight in New York
        small_shop.order(4, 1, 1, "2024-03-01 05:00:00"),
        small_shop.order(5, 1, 1, "2024-11-04 04:30:00", "delivered", "'2024-11-04 05:30:00'"),  # 23:30, after 25 hours
    )
    shop.run(catalog.read(commands.SHOP_CATALOG))
    selected = ("+daily_sales_mart", "+retention_mart", "every_order_reaches_the_mart")

    def build(zone: str, *more: str, **options) -> str:
        variables = f"{{incremental_order_mart: true, shop_time_zone: {zone}}}"
        chosen = ("--select", *selected, "--exclude", "test_type:generic", "test_type:unit", "--vars", variables)
        return " ".join(forked_dbt.dbt(shop, "build", *chosen, *more, **options).split())

    def counts(days: list[str], taken: list[int | None]) -> None:
        rows = ask(
            shop, "select cast(ordered_on as varchar), delivery_days from analytics.order_mart order by order_id"
        )
        assert rows == list(zip(days, taken, strict=True))
        counted = (
            "select cast(order_date as varchar), orders from analytics.daily_sales_mart where orders > 0 order by 1"
        )
        assert ask(shop, counted) == sorted(Counter(days).items())
        months = "select months_since_first, orders from analytics.retention_mart where orders > 0 order by 1"
        assert ask(shop, months) == [(0, days.count("2024-02-29")), (1, days.count("2024-03-01")), (9, 1)]

    with duckdb.connect(shop.warehouse_path) as older:
        older.execute("create schema analytics; create table analytics.order_mart (order_id bigint)")
        older.execute(
            "create table analytics._builds (build bigint, invocation_id varchar, raw_schema varchar, run bigint, "
            "attempt varchar, started_at timestamp, ended_at timestamp, run_at_end bigint, attempt_at_end varchar, "
            "order_mart varchar)"
        )
    assert "make build ARGS=--full-refresh" in build("America/New_York", fails=True)
    build("America/New_York", "--full-refresh")
    counts(["2024-02-29"] * 3 + ["2024-03-01", "2024-11-03"], [0, None, 1, None, 1])
    build("Asia/Seoul")
    counts(["2024-02-29"] + ["2024-03-01"] * 3 + ["2024-11-04"], [1, None, 0, None, 0])
    assert ask(shop, "select time_zone from analytics._builds order by build desc limit 1") == [("Asia/Seoul",)]
    utc = "select ordered_at from analytics.order_mart where order_id = 1"
    assert ask(shop, utc) == [(datetime.datetime(2024, 2, 29, 14, 59, 59),)]
    # `verify` has MySQL compute the mart: its query says the zone of its days, as docs/source.md tells.
    text = commands.SHOP_CATALOG.read_text()
    ordered, delivered = (f"convert_tz(o.{column}, '+00:00', '+09:00')" for column in ("order_date", "shipping_date"))
    text = text.replace("date(o.order_date)", f"date({ordered})")
    text = text.replace("datediff(o.shipping_date, o.order_date)", f"datediff({delivered}, {ordered})")
    (tmp_path / "seoul.yml").write_text(text)
    unlike = commands.python(shop, "loaders", "verify")
    assert unlike.returncode == 1
    assert "order_id=2: ordered_on is '2024-02-29' at the source" in unlike.stdout, unlike.stdout
    commands.succeeded(commands.python(shop, "loaders", "verify", CATALOG=str(tmp_path / "seoul.yml")))
    told = build("Asia/Pyongseoul", fails=True)
    assert "the days of the shop are said to be in the time zone Asia/Pyongseoul, which is none: write a name" in told


def test_staging_that_discover_wrote_makes_utc_of_the_zone_that_its_catalog_says(own, tmp_path):
    """A DATETIME is what the source's clocks showed, whatever its column is called; a TIMESTAMP is a moment already."""
    own.write(
        "create table t (id int primary key, `at {{ 1 }}` datetime(6), seen timestamp null)",
        "insert into t values (1, '2024-07-01 08:30:00.25', '2024-07-01 08:30:00'), (2, null, null)",
    )
    project = copied_project(tmp_path / "seoul")
    with own.snapshot() as snapshot:
        (sources, *_views), notices = discover.write("own", snapshot.tables().values(), project)
    assert len(notices) == 1 and "DATETIME columns (1)" in notices[0]
    own.run(catalog.read(sources))
    moments = {"UTC": datetime.datetime(2024, 7, 1, 8, 30, 0, 250000)}
    moments["Asia/Seoul"] = moments["UTC"] - datetime.timedelta(hours=9)
    for zone, moment in moments.items():
        sources.write_text(sources.read_text().replace("time_zone: UTC", f"time_zone: {zone}"))
        forked_dbt.dbt(own, "run", "--select", "staging.own", project=project)
        found = ask(own, 'select "at {{ 1 }}", seen from analytics.stg_own__t order by id')
        assert found == [(moment, datetime.datetime(2024, 7, 1, 8, 30)), (None, None)], zone
