"""The whole way on both targets, by the project's own commands: the marts are equal, value by value."""

import json
import shutil

import duckdb
import pytest
from redshift_connector.error import Error

from loaders.help.lineage import Lineage
from local_stack.redshift import environment
from tests import commands, small_shop
from tests.mart_machine import UNTESTED
from tests.redshift.conftest import connection_to

STAGING = ("stg_shop__customers", "stg_shop__products", "stg_shop__orders")
HISTORY = ("int_customer_versions", "int_product_versions", "customer_history", "product_history")
MARTS = ("order_mart", "customer_mart", "product_mart", "daily_sales_mart", "delivery_mart", "retention_mart")


# Modules share one warehouse and lake: another may have left a larger shop there.
WHOLE = ("loaders", "extract", "--full", "--allow-deletes")


@pytest.fixture(scope="module")
def shop(module_own, redshift):
    """One shop, extracted to S3 once, loaded into both warehouses and built in both."""
    filled = ("seeds_generator", "fill", "--yes", "--orders", "2000")
    commands.succeeded(commands.python(module_own, *filled, SOURCE_URL=""))
    module_own.write(*small_shop.ODD_ROWS)
    cloud = environment(redshift)
    commands.succeeded(commands.python(module_own, *WHOLE, **cloud))
    told = commands.succeeded(commands.dbt(module_own, "build", **cloud))
    assert "ERROR=0 SKIP=0" in told
    shutil.copy(module_own.folder / "target/manifest.json", module_own.folder / "redshift.json")
    on_duckdb = cloud | {"DBT_TARGET": "duckdb"}
    commands.succeeded(commands.python(module_own, "loaders", "load", **on_duckdb))
    commands.succeeded(commands.dbt(module_own, "build", *UNTESTED, **on_duckdb))
    return module_own


@pytest.mark.parametrize("relation", STAGING + HISTORY + MARTS)
def test_every_relation_is_the_same_on_both_targets(shop, redshift, relation):
    query = f"select * from analytics.{relation} order by 1, 2, 3"
    with duckdb.connect(shop.warehouse_path, read_only=True) as connection:
        result = connection.execute(query)
        names, theirs = [column[0] for column in result.description], result.fetchall()
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        ours = [tuple(row) for row in cursor.fetchall()]
        assert [column[0] for column in cursor.description] == names
    assert len(ours) >= 50
    assert ours == theirs


def test_lineage_is_the_same_by_either_targets_sql(shop):
    manifests = [
        json.loads((shop.folder / file).read_text("utf-8")) for file in ("redshift.json", "target/manifest.json")
    ]
    redshift, duckdb_ = map(Lineage, manifests)
    columns = [(name, column) for name in redshift.ids.values() for column in redshift.columns(name)]
    told = {redshift.name(column): redshift.text(redshift.origin(column)) for column in columns}
    assert told == {duckdb_.name(column): duckdb_.text(duckdb_.origin(column)) for column in columns}
    assert told["order_mart.delivery_hours"] == "raw.order.order_date, raw.order.shipping_date"


def test_local_times_become_the_same_moments_on_both_targets(redshift):
    """In winter, in summer, in an hour that clocks show twice and in one they skip: as the macro in_utc writes it."""
    local = ("2024-01-15 12:00", "2024-07-15 12:00", "2024-11-03 01:30", "2024-03-10 02:30")
    asked = "select " + ", ".join(
        f"(timestamp '{time}:00' at time zone '{zone}') at time zone 'UTC'"
        for zone in ("America/New_York", "Asia/Seoul", "Europe/Berlin")
        for time in local
    )
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        cursor.execute(asked)
        theirs = tuple(cursor.fetchall()[0])
    assert theirs == duckdb.sql(asked).fetchone()


def test_two_amounts_exchanged_are_found_in_the_mart(shop, redshift):
    cloud = environment(redshift)
    two = "where order_id in (10, 11)"
    both = f"(select sum(amount) from analytics.order_mart {two})"
    exchange = f"update analytics.order_mart set amount = {both} - amount {two}"
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(exchange)
        unlike = commands.python(shop, "loaders", "verify", **cloud)
        cursor.execute(exchange)
    assert unlike.returncode == 1 and "order_id=10: amount is '" in unlike.stdout, unlike.stdout
    assert unlike.stdout.splitlines()[-1] == "NOT EQUAL: order_mart"


def test_the_mart_has_its_keys_comments_and_late_binding_views_there(shop, redshift):
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select diststyle, sortkey1 from svv_table_info where schema = 'analytics' and \"table\" = 'order_mart'"
        )
        assert tuple(cursor.fetchall()[0]) == ("KEY(customer_id)", "ordered_at")
        cursor.execute(
            "select remarks from svv_redshift_columns where schema_name = 'analytics' and column_name = 'amount'"
        )
        assert any("fixed when it was placed" in (row[0] or "") for row in cursor.fetchall())
        cursor.execute(f"show tables from schema {redshift.database}.analytics")
        kinds = {row[2]: row[7] for row in cursor.fetchall()}
    assert kinds["stg_shop__orders"] == "LATE BINDING VIEW" and kinds["order_mart"] == "REGULAR TABLE"


def test_docs_and_freshness_work_there(shop, redshift):
    cloud = environment(redshift)
    commands.succeeded(commands.dbt(shop, "docs", "generate", "--quiet", **cloud))
    assert (shop.folder / "target/catalog.json").exists()
    assert "PASS" in commands.succeeded(commands.dbt(shop, "source", "freshness", **cloud))


def test_stale_data_ends_the_freshness_command_with_an_error(shop, redshift):
    """So a schedule hears of a pipeline that has silently stopped, not only of one that fails."""
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("update raw._loads set snapshot_at = dateadd(hour, -49, snapshot_at) where table_name = 'order'")
        stale = commands.dbt(shop, "source", "freshness", **environment(redshift))
        cursor.execute("update raw._loads set snapshot_at = dateadd(hour, 49, snapshot_at) where table_name = 'order'")
    assert stale.returncode == 1 and "ERROR STALE freshness of shop.order" in stale.stdout, stale.stdout


def test_status_reads_the_same_from_both(shop, redshift):
    cloud = environment(redshift)
    ours = commands.succeeded(commands.python(shop, "loaders", "status", **cloud))
    theirs = commands.succeeded(commands.python(shop, "loaders", "status", **cloud | {"DBT_TARGET": "duckdb"}))
    assert "0 runs wait in the lake" in ours and "0 runs wait in the lake" in theirs
    assert ours.count("equal: ") == theirs.count("equal: ") == 3


@pytest.mark.parametrize("changes", [{}, {"DBT_TARGET": "duckdb"}])
def test_verify_says_equal_of_source_raw_and_the_mart_that_dbt_built(shop, redshift, changes):
    cloud = environment(redshift) | changes
    told = commands.succeeded(commands.python(shop, "loaders", "verify", "--deep", **cloud)).splitlines()
    assert "equal by every value of 13 columns" in told[3] and "2,003 rows  equal to the join computed" in told[4]
    assert told[-1] == "equal"


def test_the_bi_reader_sees_the_marts_and_neither_raw_nor_staging(shop, redshift):
    with connection_to(redshift, "bi_reader") as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from analytics.order_mart")
        assert tuple(cursor.fetchall()[0]) == (2003,)
        for mart in MARTS:
            cursor.execute(f"select count(*) from analytics.{mart}")
        for forbidden in ("analytics.stg_shop__customers", "analytics.customer_history", 'raw."order"', "raw.customer"):
            with pytest.raises(Error, match="permission denied"):
                cursor.execute(f"select * from {forbidden}")


def test_a_pull_request_has_a_schema_of_its_own_which_is_dropped_and_no_other_can_be(shop, redshift):
    cloud = environment(redshift) | {"DBT_SCHEMA": "pr_123"}
    untested = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    commands.succeeded(commands.dbt(shop, "build", "--select", "+order_mart", *untested, **cloud))
    with connection_to(redshift) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from pr_123.order_mart")
        assert tuple(cursor.fetchall()[0]) == (2003,)
        commands.succeeded(commands.dbt(shop, "run-operation", "drop_pull_request_schema", **cloud))
        with pytest.raises(Error, match="does not exist"):
            cursor.execute("select count(*) from pr_123.order_mart")
    refused = commands.dbt(shop, "run-operation", "drop_pull_request_schema", **environment(redshift))
    assert refused.returncode != 0 and "nothing was dropped" in refused.stdout


def test_an_export_of_either_warehouse_gives_the_same_bytes(shop, redshift, tmp_path):
    """Redshift's marts go by a cursor into a DuckDB of our own: types and descriptions are to arrive with the rows."""
    cloud = environment(redshift)
    for target in ("redshift_local", "duckdb"):
        arguments = ("dashboard", "export", "--out", str(tmp_path / target))
        commands.succeeded(commands.python(shop, *arguments, **cloud | {"DBT_TARGET": target}))
    ours, theirs = (sorted((tmp_path / target).iterdir()) for target in ("redshift_local", "duckdb"))
    assert [file.name for file in ours] == [file.name for file in theirs] and len(ours) == 2 * len(MARTS) + 1
    for one, other in zip(ours, theirs, strict=True):
        if one.suffix == ".csv":
            assert one.read_bytes() == other.read_bytes(), one.name
    assert "'=1+1 긴긴" in (tmp_path / "redshift_local/product_mart.csv").read_text(encoding="utf-8")
