"""A column that the shop drops, renames or gives another type: the build stops and names it; no mart goes wrong."""

import duckdb
import pytest

from tests import commands, small_shop
from tests.own_database import OwnDatabase
from tests.test_drift import without_widths

ORDERS = (
    small_shop.customer(1, "Korea", "2024-01-01"),
    small_shop.product(1, "Cup", "1.50", "2024-01-01"),
    small_shop.order(1, 1, 1, "2024-01-02", "delivered", "'2024-01-05'"),
)


@pytest.fixture(scope="module")
def shop(module_own):
    """One order, loaded and in the mart."""
    small_shop.create(module_own)
    module_own.write(*ORDERS)
    extracted(module_own)
    commands.succeeded(built(module_own))
    return module_own


def extracted(own: OwnDatabase, *options: str):
    done = commands.python(own, "loaders", "extract", *options)
    commands.succeeded(done)
    return done


def built(own: OwnDatabase):
    """What the data tests of staging, and the mart without its own tests, need."""
    return commands.dbt(own, "build", "--select", "+order_mart", "--exclude", "test_type:unit")


def mart(own: OwnDatabase) -> list[tuple]:
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        return connection.execute("select * from analytics.order_mart order by order_id").fetchall()


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("drop column delivery_fee", "add column delivery_fee decimal(10,2) not null default 3.50 after delivery_id"),
        ("rename column shipping_date to arrived_at", "rename column arrived_at to shipping_date"),
    ],
)
def test_a_dropped_or_renamed_column_that_a_model_reads_stops_the_build_by_name(shop, change, back):
    """Also one that may be NULL, and before any new row shows a NULL."""
    name, before = change.split()[2], mart(shop)
    shop.write(f"alter table `order` {change}")
    told = extracted(shop).stderr
    assert f"notice: order: the source dropped column {name}" in told
    done = built(shop)
    assert done.returncode != 0 and f'raw."order".{name}: gone at the source' in done.stdout
    assert mart(shop) == before
    shop.write(f"alter table `order` {back}")
    extracted(shop, "--full", "--tables", "order")


def test_a_column_of_another_type_is_cast_or_stops_the_build(shop):
    shop.write("alter table `order` modify amount varchar(20) not null", "update `order` set amount = '10 KRW'")
    failed = commands.python(shop, "loaders", "extract")
    assert failed.returncode == 3
    assert "column amount was int and is varchar(20)" in without_widths(failed.stderr)
    assert "python -m loaders extract --full --tables order" in failed.stderr
    extracted(shop, "--full", "--tables", "order")
    done = built(shop)
    assert done.returncode != 0 and "at_least_stg_shop__orders_0__amount" in done.stdout
    shop.write("update `order` set amount = '10'", "alter table `order` modify amount int not null")
    extracted(shop, "--full", "--tables", "order")


def test_a_column_that_no_model_reads_stops_nothing(shop):
    shop.write("alter table `order` add column note varchar(9) null")
    assert "notice: order: new column note (varchar(9))" in extracted(shop).stderr
    shop.write("alter table `order` drop column note")
    extracted(shop)
    commands.succeeded(built(shop))


def test_verify_names_a_column_that_a_mart_is_compared_by(shop):
    """Extract does not stop at it: only `verify` has MySQL compute the mart."""
    shop.write("alter table `order` drop column quantity")
    extracted(shop)
    told = commands.python(shop, "loaders", "verify", "--tables", "order")
    assert told.returncode == 1 and "Unknown column 'o.quantity'" in told.stderr
    assert "correct mart.query of table order in the catalog" in told.stderr
