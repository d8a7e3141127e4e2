"""The original shop's data, through MySQL, the loaders and dbt, gives the original's mart and published figures."""

from decimal import Decimal

import duckdb
import pandas as pd
import pytest

from loaders.common.settings import ROOT
from tests import commands

DATA = ROOT.parent / "shared" / "acceptance"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the original shop's data is not beside the checkout (../shared/acceptance)"
)

COUNTRIES = {
    "USA": (1172, 37, "10708.14", "9.14"),
    "Vietnam": (1162, 35, "10626.63", "9.15"),
    "Canada": (1088, 33, "9889.98", "9.09"),
    "UK": (1074, 32, "9494.27", "8.84"),
    "Japan": (1041, 30, "9348.74", "8.98"),
    "France": (1018, 31, "9267.59", "9.10"),
    "Singapore": (1004, 31, "9053.21", "9.02"),
    "Germany": (972, 28, "8837.63", "9.09"),
    "Australia": (758, 22, "6862.99", "9.05"),
    "Korea": (711, 21, "6384.54", "8.98"),
}


def original(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / name, dtype=str, keep_default_na=False)


def number(values: pd.Series) -> pd.Series:
    """CUST0155 -> 155"""
    return values.str.slice(-5).str.replace(r"\D", "", regex=True).astype(int).astype(str)


def write_shop(folder) -> None:
    """The original's CSV files in this project's schema, as ../shared/acceptance/README.md describes it."""
    customers, products, orders = (original(f"op_{table}_table.csv") for table in ("customer", "product", "order"))
    made = {"created_at": "2024-01-01 00:00:00", "updated_at": "2024-01-01 00:00:00"}
    identifiers = number(customers["customer_id"])
    pd.DataFrame(
        {
            "customer_id": identifiers,
            "name": "Customer " + identifiers,
            "email": "customer" + identifiers + "@example.com",
            "phone": customers["phone"],
            "country": customers["country"],
            "address": customers["address"],
            "loyalty_level": customers["level_royalty"],
            **made,
        }
    ).to_csv(folder / "customer.csv", index=False)
    pd.DataFrame(
        {
            "product_id": number(products["product_id"]),
            "product_name": products["product_name"],
            "category": "unknown",
            "price": products["price"],
            "weight_kg": products["weight_kg"],
            "seller_company": products["seller_company"],
            **made,
        }
    ).to_csv(folder / "product.csv", index=False)
    price = dict(zip(products["product_id"], products["price"], strict=True))
    pd.DataFrame(
        {
            "order_id": number(orders["order_id"]),
            "customer_id": number(orders["customer_id"]),
            "product_id": number(orders["product_id"]),
            "order_date": orders["order_date"],
            "quantity": "1",
            "amount": [str(round(Decimal(price[product]))) for product in orders["product_id"]],
            "delivery_id": orders["delivery_id"],
            "delivery_fee": orders["delivery_fee"],
            "shipping_date": orders["shipping_date"],
            "status": "delivered",
            "request": orders["request"],
            "created_at": orders["order_date"],
            "updated_at": orders["order_date"],
        }
    ).to_csv(folder / "order.csv", index=False)


@pytest.fixture(scope="module")
def mart(module_own):
    """A read-only connection to the warehouse, once the original's data has gone the whole way."""
    folder = module_own.folder / "original"
    folder.mkdir()
    write_shop(folder)
    # SOURCE_URL names the same database on purpose for the loaders; the generator must not see it as a source.
    loaded = commands.python(module_own, "seeds_generator", "load", str(folder), "--yes", SOURCE_URL="")
    assert "customer 300, product 50, order 10,000" in commands.succeeded(loaded)
    commands.succeeded(commands.python(module_own, "loaders", "extract"))
    commands.succeeded(commands.dbt(module_own, "build", "--quiet"))
    with duckdb.connect(module_own.warehouse_path, read_only=True) as connection:
        connection.execute("set schema = 'analytics'")
        yield connection


def test_the_mart_is_the_originals_row_by_row(mart):
    ours = mart.execute(
        "select format('ORD{:05d}', order_id), format('CUST{:04d}', customer_id), loyalty_level, country, "
        "format('PROD{:03d}', product_id), product_name, price, delivery_fee, delivery_days, delivery_hours "
        "from order_mart order by order_id"
    ).fetchall()
    published = original("dm_dataset.csv").sort_values("order_id")
    theirs = [
        (*row[:6], Decimal(row[6]), Decimal(row[7]), int(row[8]), Decimal(row[9]))
        for row in published.itertuples(index=False, name=None)
    ]
    assert len(theirs) == 10_000
    assert ours == theirs


def test_totals(mart):
    assert mart.execute(
        "select count(*), count(distinct customer_id), count(distinct product_id), sum(delivery_fee), "
        "round(sum(delivery_fee) / count(*), 6) from order_mart"
    ).fetchone() == (10_000, 300, 50, Decimal("90473.72"), pytest.approx(9.047372, abs=1e-9))


def test_by_country(mart):
    found = mart.execute(
        "select country, count(*), count(distinct customer_id), sum(delivery_fee) from order_mart group by 1"
    ).fetchall()
    figures = {
        country: (orders, customers, str(fee), str((fee / orders).quantize(Decimal("0.01"))))
        for country, orders, customers, fee in found
    }
    assert figures == COUNTRIES


def test_delivery_days_and_hours(mart):
    found = mart.execute(
        "select delivery_days, count(*), min(delivery_hours), max(delivery_hours) from order_mart group by 1 order by 1"
    ).fetchall()
    assert [row[:2] for row in found] == list(enumerate([1477, 1406, 1369, 1438, 1377, 1462, 1471], start=1))
    assert all(row[2:] == (24 * row[0], 24 * row[0]) for row in found)


def test_top_customers(mart):
    top = mart.execute(
        "select customer_id, count(*), sum(delivery_fee) from order_mart group by 1 order by 2 desc, 1"
    ).fetchall()
    figures = {customer: (orders, str(fee), str(round(fee / orders, 2))) for customer, orders, fee in top}
    assert {customer: figures[customer] for customer in (284, 128, 203, 7, 258)} == {
        284: (48, "447.25", "9.32"),
        128: (48, "441.31", "9.19"),
        203: (47, "402.90", "8.57"),
        7: (47, "411.70", "8.76"),
        258: (45, "405.69", "9.02"),
    }
    assert [orders for _customer, orders, _fee in top[:6]] == [48, 48, 47, 47, 45, 45]
    assert figures[241][0] == 45


def test_the_other_marts_give_the_same_figures(mart):
    by_country = "select country, sum(orders)::int, sum(delivery_fees) from {} group by 1"
    expected = {(country, orders, Decimal(fee)) for country, (orders, _customers, fee, _average) in COUNTRIES.items()}
    for name in ("customer_mart", "daily_sales_mart", "delivery_mart"):
        assert set(mart.execute(by_country.format(name)).fetchall()) == expected, name
    top = "select orders, delivery_fees from customer_mart where customer_id = 284"
    assert mart.execute(top).fetchall() == [(48, Decimal("447.25"))]
    assert mart.execute("select sum(orders)::int, count(*) from product_mart").fetchone() == (10_000, 50)


def test_requests_that_were_not_written_are_null(mart):
    assert mart.execute('select count(*) from raw."order" where request is null').fetchone() == (3049,)
