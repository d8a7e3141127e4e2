"""What held when an order was placed: from MySQL, by the loaders and dbt's snapshots, to the mart."""

import shutil

import duckdb
import pytest

from tests import commands, forked_dbt, small_shop
from tests.own_database import OwnDatabase
from tests.small_shop import customer, order, product

OBSERVED = (
    "select order_id, country, country_when_ordered, price, price_when_ordered, is_observed "
    "from analytics.order_mart order by 1"
)
HISTORY = (
    "select customer_id, country, until_run is null from analytics.customer_history order by customer_id, from_run"
)
ALL = ("order_mart", "customer_mart", "customer_history", "product_history")


def ask(own, sql: str) -> list[tuple]:
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def everything(own) -> dict[str, list[tuple]]:
    return {name: ask(own, f"select * from analytics.{name} order by all") for name in ALL}


def build(own, **changes: str) -> None:
    commands.succeeded(commands.dbt(own, "build", "--select", "+order_mart", "customer_mart", "--quiet", **changes))


def extract_and_build(own, **changes: str) -> None:
    commands.succeeded(commands.python(own, "loaders", "extract"))
    build(own, **changes)


@pytest.fixture(scope="module")
def shop(module_own):
    """Read twice: between the readings one customer moved, one moved without saying so, one left, one came."""
    own = module_own
    small_shop.create(own)
    own.write(
        *(customer(number, "Korea", "2024-01-01") for number in (1, 2, 3)),
        product(1, "Cup", "8.00", "2024-01-01"),
        order(1, 1, 1, "2024-02-28 10:00:00"),
        order(2, 2, 1, "2024-02-29 12:00:00"),
    )
    extract_and_build(own)
    own.write(
        order(3, 1, 1, "2024-03-01 09:29:59"),
        "update customer set country = 'Japan', updated_at = '2024-03-01 09:30:00' where customer_id = 1",
        order(4, 1, 1, "2024-03-01 09:30:00"),
        "update customer set country = 'Japan' where customer_id = 2",
        order(5, 2, 1, "2024-03-01 10:00:00"),
        "update product set price = 9.00, updated_at = '2024-03-01 11:00:00' where product_id = 1",
        "delete from customer where customer_id = 3",
        customer(4, "Korea", "2024-03-01 12:00:00"),
        order(6, 4, 1, "2024-03-01 12:00:01"),
    )
    extract_and_build(own, TZ="Asia/Seoul")
    return own


def test_an_order_keeps_what_held_when_it_was_placed_where_that_was_observed(shop):
    rows = [(number, now, then, str(price), None if was is None else str(was), seen)
            for number, now, then, price, was, seen in ask(shop, OBSERVED)]  # fmt: skip
    assert rows == [
        (1, "Japan", None, "9.00", None, False),  # before the first reading
        (2, "Japan", "Korea", "9.00", "8.00", True),  # the newest moment of the first reading itself
        (3, "Japan", "Korea", "9.00", "8.00", True),
        (4, "Japan", "Japan", "9.00", "8.00", True),  # placed in the second of the move
        (5, "Japan", "Korea", "9.00", "8.00", True),  # the move that did not say when counts from the next reading
        (6, "Korea", "Korea", "9.00", "9.00", True),  # a customer who came between the readings
    ]


def test_states_that_ended_and_rows_that_are_gone_are_closed(shop):
    assert ask(shop, HISTORY) == [
        (1, "Korea", False),
        (1, "Japan", True),
        (2, "Korea", False),
        (2, "Japan", True),
        (3, "Korea", False),
        (4, "Korea", True),
    ]


def test_building_twice_equals_once(shop):
    before = everything(shop)
    build(shop)
    assert everything(shop) == before


def test_a_customer_who_comes_back_under_the_same_number_has_no_two_states_at_once(shop):
    shop.write(customer(3, "France", "2024-03-02 08:00:00"), order(7, 3, 1, "2024-03-02 08:00:01"))
    extract_and_build(shop)
    (row,) = [row for row in ask(shop, OBSERVED) if row[0] == 7]
    assert row[1:3] == ("France", "France")
    assert [state for state in ask(shop, HISTORY) if state[0] == 3] == [(3, "Korea", False), (3, "France", True)]


BUILT = ("build", "--select", "customer_history", "product_history", "order_mart",
         "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")  # fmt: skip
BY_CLOCK = """
    create table analytics.by_clock as select
        * exclude (from_run, until_run, noted_in_run),
        timestamp '2026-01-01' + from_run * interval 1 day as dbt_valid_from,
        timestamp '2026-01-01' + until_run * interval 1 day as dbt_valid_to, dbt_valid_from as dbt_updated_at
    from analytics.{history};
    drop table analytics.{history};
    alter table analytics.by_clock rename to {history};
"""


@pytest.fixture
def copied(shop, tmp_path):
    """The same warehouse, to be damaged."""
    shop.copy_warehouse(tmp_path / "warehouse.duckdb")
    shutil.copytree(shop.lake.folder, tmp_path / "lake")
    return OwnDatabase(shop.shop_url, shop.source_url, tmp_path)


def test_a_history_that_went_by_a_clock_goes_on_by_runs(copied):
    order = "select customer_id, country, until_run is null from analytics.customer_history order by 1, from_run"
    before, mart = ask(copied, order), ask(copied, "select * from analytics.order_mart order by 1")
    with duckdb.connect(copied.warehouse_path) as connection:
        for history in ("customer_history", "product_history"):
            connection.execute(BY_CLOCK.format(history=history))
        connection.execute("drop table analytics._histories; alter table analytics._builds drop column build")
    said = forked_dbt.dbt(copied, *BUILT)
    assert "analytics.customer_history goes by the runs of raw now, and no longer by clocks" in said
    assert ask(copied, order) == before
    assert ask(copied, "select * from analytics.order_mart order by 1") == mart
    runs = ask(copied, "select max(from_run) < 0, max(until_run) <= 0 from analytics.customer_history")
    assert runs == [(True, True)]
    assert "goes by the runs of raw now" not in forked_dbt.dbt(copied, *BUILT)


def test_a_lake_that_was_begun_anew_is_followed_once_it_is_said(copied):
    """Its runs count from 1 again, and the histories have seen more."""
    (seen,) = ask(copied, "select max(run) from analytics._histories")[0]
    history = "select country, from_run, until_run from analytics.customer_history where customer_id = 1 order by 2"
    before = ask(copied, history)
    with duckdb.connect(copied.warehouse_path) as raw:
        raw.execute("delete from raw._loads where run > 1; update raw._loads set attempt = 'another'")
        raw.execute("update raw.customer set country = 'Peru', _run = 1 where customer_id = 1")
    said = " ".join(forked_dbt.dbt(copied, *BUILT).split())
    told = f"raw holds run 1, and analytics.customer_history has seen run {seen}: the history stays as it is until raw"
    assert told in said and "`python -m loaders dbt run-operation count_runs_anew`" in said
    assert ask(copied, history) == before
    forked_dbt.dbt(copied, "run-operation", "count_runs_anew")
    assert "has seen run" not in forked_dbt.dbt(copied, *BUILT)
    shifted = [(country, first - seen - 1, last and last - seen - 1) for country, first, last in before]
    assert ask(copied, history) == [*shifted[:-1], (*shifted[-1][:2], 1), ("Peru", 1, None)]


# A test that warns fails too; the files themselves are looked at elsewhere (test_dbt_project.py).
GREEN = ("--warn-error-options", "{error: all}", "build", "--quiet")
MARTS = ("order_mart", "customer_mart", "product_mart", "daily_sales_mart", "delivery_mart", "retention_mart")


def test_an_empty_shop_one_order_and_odd_rows_build_with_every_test_green(own):
    small_shop.create(own)
    commands.succeeded(commands.python(own, "loaders", "extract"))
    commands.succeeded(commands.dbt(own, *GREEN))
    assert [ask(own, f"select count(*) from analytics.{mart}") for mart in MARTS] == [[(0,)]] * len(MARTS)
    own.write(customer(1, "Korea", "2024-01-01"), product(1, "Cup", "1.00", "2024-01-01"))
    own.write(order(1, 1, 1, "2024-02-29 23:59:59"), *small_shop.ODD_ROWS)
    commands.succeeded(commands.python(own, "loaders", "extract"))
    commands.succeeded(commands.dbt(own, *GREEN))
    assert ask(own, "select product_name, orders from analytics.product_mart where product_id = 900001") == [
        (small_shop.LONG_NAME, 3)
    ]
    assert ask(own, "select segment from analytics.customer_mart where country = 'Atlantis'") == [("no purchase",)]
    # The order of the year 1000 adds its own day and month, and no empty ones of a thousand years.
    ((days, pairs),) = ask(own, "select count(*), count(distinct (country, category)) from analytics.daily_sales_mart")
    assert days <= 10_001 * pairs
    assert ask(own, "select min(order_date)::varchar, sum(orders)::int from analytics.daily_sales_mart") == [
        ("1000-01-01", 4)
    ]
    assert ask(own, "select max(months_since_first) from analytics.retention_mart") == [(12 * 1024 + 2,)]
