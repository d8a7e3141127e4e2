"""`erase` and dbt: a customer leaves the history, and the marts with the next build."""

import shutil

import duckdb
import pytest

from loaders.cli import dbt_nodes
from loaders.common.settings import ROOT
from loaders.retention import traces
from tests import commands, small_shop
from tests.mart_machine import UNTESTED
from tests.test_builds import INCREMENTAL, build
from tests.test_verify import damaged


@pytest.fixture
def filled(own):
    """The demo's three tables with two customers who have each ordered, read."""
    small_shop.create(own)
    own.write(
        small_shop.customer(1, "Korea", "2024-01-01"),
        small_shop.customer(2, "Liechtenstein", "2024-01-01"),
        small_shop.product(1, "Book", "5.00", "2024-01-01"),
        small_shop.product(2, "Pen", "1.00", "2024-02-01"),
        small_shop.order(1, 1, 1, "2024-02-01"),
        small_shop.order(2, 2, 1, "2024-01-02"),
    )
    commands.succeeded(commands.python(own, "loaders", "extract"))
    return own


@pytest.fixture
def shop(filled):
    """The same, built by dbt once."""
    commands.succeeded(commands.dbt(filled, "build", *UNTESTED))
    return filled


def test_a_customer_leaves_history_and_marts_too(shop):
    """Also what another schema keeps that was built of the same raw, as `DBT_SCHEMA=dev_kim make build` makes one."""
    copied = ("customer_history", "customer_mart", "_builds")
    damaged(shop, "create schema dev_kim", *(f"create table dev_kim.{t} as from analytics.{t}" for t in copied))
    commands.succeeded(commands.python(shop, "dashboard", "export", "--out", str(shop.folder / "target/export")))
    shop.write("delete from `order` where customer_id = 2", "delete from customer where customer_id = 2")
    said = commands.succeeded(commands.python(shop, "loaders", "erase", "--table", "customer", "--key", "2"))
    for line in (
        "raw.customer: 1 row removed",
        "analytics.customer_history: 1 row removed",
        "lake: 0 rows in 1 file",
        "dev_kim.customer_history: 1 row removed",
        "analytics.customer_mart: 1 row that bears the key; `make build` makes it anew from raw",
        "dev_kim.customer_mart: 1 row that bears the key",
        "    analytics.order_mart: 1 row holds one",
        "target/export/customer_mart.csv: 1 row of it, 1 of its texts",
        "target/export/customer_mart.parquet: 1 row of it",
        "target/export/order_mart.parquet: 1 row of it",
        "order 2, referring to customer 2 by customer_id: --with-references erases that too",
        f"backups and copies of {shop.warehouse_path}",
        "nothing is left of customer 2 in the lake, raw and the histories (raw.customer, analytics.customer_history, "
        "dev_kim.customer_history). Next: `make extract build dashboard export`, then `make erase ARGS=--rewrite`",
    ):
        assert line in said, said
    # The order's rows are still in raw until the next run has seen them gone, and dbt's tests would say so.
    commands.succeeded(commands.python(shop, "loaders", "extract"))
    commands.succeeded(commands.dbt(shop, "build"))
    with duckdb.connect(shop.warehouse_path, read_only=True) as connection:
        for table in ("raw.customer", "analytics.customer_history", "analytics.customer_mart", "analytics.order_mart"):
            assert connection.execute(f"select customer_id from {table}").fetchall() == [(1,)], table
    commands.succeeded(commands.python(shop, "dashboard", "export", "--out", str(shop.folder / "target/export")))
    assert not traces.in_bytes(shop.folder / "target/export/customer_mart.csv", ["Liechtenstein"])
    damaged(shop, "drop table dev_kim.customer_mart")
    commands.succeeded(commands.python(shop, "loaders", "erase", "--rewrite"))
    assert b"Liechtenstein" not in shop.warehouse_path.read_bytes()
    # By a catalog that is not in the project: dbt, which takes five seconds, is not asked again what it makes of it.
    catalog = shutil.copy(commands.SHOP_CATALOG, shop.folder)
    again = commands.python(shop, "loaders", "erase", "--table", "customer", "--key", "2", CATALOG=str(catalog))
    assert again.returncode == 1 and "it never was there, or was erased before" in again.stderr, again.stdout
    assert "lake: 0 rows in" in again.stdout and "; 0 files written anew" in again.stdout


def test_a_customer_leaves_an_incremental_mart_with_the_next_build(filled):
    """Raw keeps no mark of whom `erase` removed, so what changed since the last build would not tell. A shop whose
    foreign keys are not looked after may keep a person's orders."""
    build(filled, "+order_mart", *INCREMENTAL)
    filled.write("set foreign_key_checks = 0", "delete from customer where customer_id = 2")
    said = commands.succeeded(commands.python(filled, "loaders", "erase", "--table", "customer", "--key", "2"))
    assert "analytics._builds: 1 builds forgotten: the next makes incremental marts whole" in said
    # The order and its product are older than what the run looks back at, so they are not read again.
    commands.succeeded(commands.python(filled, "loaders", "extract"))
    build(filled, *INCREMENTAL)
    with duckdb.connect(filled.warehouse_path, read_only=True) as connection:
        found = connection.execute("select order_id, country from analytics.order_mart order by 1").fetchall()
    assert found == [(1, "Korea"), (2, None)]


def test_every_history_of_the_project_names_its_table():
    """A snapshot without `history_of` would keep a person whom `erase` removed."""
    for file in (ROOT / "dbt_project/snapshots").glob("*.yml"):
        assert f"meta: {{history_of: {file.stem.removesuffix('_history')}}}" in file.read_text()


def test_what_dbt_makes_of_a_table_is_found_whatever_names_there_are():
    """By what reads what: dbt's --select would take a blank for "or", and knows a table by dbt's name for it only."""
    reads = {
        "model.x.stg": ["source.x.shop.order"],
        "model.x.mart": ["model.x.stg", "model.x.other"],
        "snapshot.x.history": ["model.x.mart"],
        "model.x.other": ["source.x.shop.order lines"],
        "model.x.third": ["source.x.reshop.order", "source.x.shop.preorder"],
    }
    every = [{"unique_id": name, "depends_on": {"nodes": nodes}} for name, nodes in reads.items()]

    def found(source: str) -> set[str]:
        return {entry["unique_id"] for entry in dbt_nodes.descendants(source, every)}

    assert found(".shop.order") == {"model.x.stg", "model.x.mart", "snapshot.x.history"}
    assert found(".shop.order lines") == {"model.x.other", "model.x.mart", "snapshot.x.history"}
    assert found(".shop.nothing") == set()
