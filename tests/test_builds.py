"""What a build notes of the run that it read, what it does when raw moves under it, and what freshness goes by."""

import datetime
import json

import duckdb
import pytest

from tests import commands, forked_dbt, small_shop
from tests.small_shop import customer, order, product
from tests.test_dbt_project import ask

NOTED = "select run, run_at_end, started_at < ended_at from analytics._builds order by build"
SOME = ("customer_history", "product_history", "order_mart", "--exclude-resource-type", "test",
        "--exclude-resource-type", "unit_test", "--quiet")  # fmt: skip
INCREMENTAL = ("--vars", "{incremental_order_mart: true}")


@pytest.fixture(scope="module")
def shop(module_own):
    """Two orders, read and built once."""
    small_shop.create(module_own)
    module_own.write(
        customer(1, "Korea", "2024-01-01"),
        product(1, "Cup", "8.00", "2024-01-01"),
        order(1, 1, 1, "2024-02-28 10:00:00", "delivered", "'2024-03-02 10:00:00'"),
        order(2, 1, 1, "2024-02-28 16:00:00"),
    )
    commands.succeeded(commands.python(module_own, "loaders", "extract"))
    build(module_own, "+order_mart", "+customer_mart")
    return module_own


def build(own, *arguments: str) -> None:
    forked_dbt.dbt(own, "build", "--select", *SOME[:3], *arguments, *SOME[3:])


def test_a_build_notes_the_run_it_read(shop):
    assert ask(shop, NOTED) == [(1, 1, True)]


def test_a_run_without_changes_leaves_its_record_and_lines_which_freshness_reads(shop):
    before = ask(shop, "select max(snapshot_at) from raw._loads")
    commands.succeeded(commands.python(shop, "loaders", "extract"))
    (newest,) = ask(shop, "select max(run) from raw._loads")[0]
    record = json.loads((shop.folder / f"lake/_runs/{newest}.json").read_text())
    assert newest >= 2 and sorted(batch["table"] for batch in record["batches"]) == ["customer", "order", "product"]
    assert ask(shop, f"select count(*) from raw._loads where run = {newest}") == [(3,)]
    assert ask(shop, "select max(snapshot_at) from raw._loads") > before
    forked_dbt.dbt(shop, "source", "freshness")
    freshness = json.loads((shop.folder / "target/sources.json").read_text())["results"]
    newest_at = ask(shop, "select max(snapshot_at) from raw._loads")[0][0].replace(tzinfo=datetime.timezone.utc)
    assert {datetime.datetime.fromisoformat(source["max_loaded_at"]) for source in freshness} == {newest_at}


def increments(own) -> str:
    """After which run's changes the last build, an incremental one, took; -1: all there are."""
    made = (own.folder / "target/compiled/order_he/models/marts/order_mart.sql").read_text()
    return made.partition("where runs.run > ")[2].split()[0]


def test_an_incremental_mart_takes_what_changed_and_is_made_anew_where_its_past_tells_nothing(shop):
    def is_its_own_full_refresh() -> None:
        found = ask(shop, "select * from analytics.order_mart order by 1")
        build(shop, *INCREMENTAL, "--full-refresh")
        assert found == ask(shop, "select * from analytics.order_mart order by 1")

    shop.write("update customer set country = 'Japan'", "delete from `order` where order_id = 2",
               order(3, 1, 1, "2024-02-29 16:00:00"))  # fmt: skip
    (before,) = ask(shop, "select run from analytics._builds order by build desc limit 1")[0]
    commands.succeeded(commands.python(shop, "loaders", "extract"))
    build(shop, *INCREMENTAL)
    assert increments(shop) == str(before)
    assert ask(shop, "select order_id, country from analytics.order_mart order by 1") == [(1, "Japan"), (3, "Japan")]
    is_its_own_full_refresh()
    # Another definition of late.
    build(shop, "--vars", "{incremental_order_mart: true, promised_delivery_days: 1}")
    assert increments(shop) == "-1"
    assert ask(shop, "select is_on_time from analytics.order_mart where order_id = 1") == [(False,)]
    build(shop, *INCREMENTAL)
    assert increments(shop) == "-1"
    # A table read whole keeps no marks of what is gone.
    shop.write("delete from `order` where order_id = 3")
    commands.succeeded(commands.python(shop, "loaders", "extract", "--full"))
    build(shop, *INCREMENTAL)
    assert increments(shop) == "-1"
    is_its_own_full_refresh()
    # A mart that was made without its histories may miss what they get to know later.
    forked_dbt.dbt(shop, "run", "--select", "order_mart", "--quiet", *INCREMENTAL)
    build(shop, *INCREMENTAL)
    assert increments(shop) == "-1"
    # Raw that holds another past: a lake that was begun anew.
    with duckdb.connect(shop.warehouse_path) as raw:
        raw.execute("update raw._loads set attempt = 'another'")
    build(shop, *INCREMENTAL)
    assert increments(shop) == "-1"
    build(shop, *INCREMENTAL)
    assert increments(shop) != "-1"
