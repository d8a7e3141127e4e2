"""The dbt project: its conventions, its tests when something is wrong, and the other database beside the shop."""

import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from dashboard.semantic import Metrics
from loaders.common.settings import ROOT
from tests import commands, forked_dbt
from tests.own_database import OwnDatabase

PROJECT = ROOT / "dbt_project"


@pytest.fixture(scope="module")
def shop(module_own):
    """A small shop, loaded and built; two orders and a customer are gone at the source."""
    filled = commands.python(
        module_own, "seeds_generator", "fill", "--yes", "--orders", "400", "--customers", "40", SOURCE_URL=""
    )
    commands.succeeded(filled)
    commands.succeeded(commands.python(module_own, "loaders", "extract"))
    with duckdb.connect(module_own.warehouse_path) as raw:
        raw.execute('update raw."order" set _deleted_at = now() where order_id in (1, 2) or customer_id = 3')
        raw.execute("update raw.customer set _deleted_at = now() where customer_id = 3")
    commands.succeeded(commands.dbt(module_own, "--warn-error", "build"))
    return module_own


@pytest.fixture(scope="module")
def manifest(shop):
    return json.loads((shop.folder / "target/manifest.json").read_text())


def copied_project(folder: Path) -> Path:
    """The dbt project in a folder where a test may change it."""
    project = folder / "dbt_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target", "logs", "profiles.yml"))
    return project


def ask(own, sql: str) -> list[tuple]:
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_mart_is_the_same_join_that_mysql_itself_computes(shop):
    with closing(shop.connect(shop.source_url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select o.order_id, c.country, p.price, o.amount, o.delivery_fee, datediff(o.shipping_date, o.order_date), "
            "round(timestampdiff(second, o.order_date, o.shipping_date) / 3600, 2), coalesce(o.request, '') <> '' "
            "from `order` o join customer c using (customer_id) join product p using (product_id) "
            "where o.order_id > 2 and o.customer_id <> 3 order by 1"
        )
        expected = [(*row[:-1], bool(row[-1])) for row in cursor.fetchall()]
    ours = ask(
        shop,
        "select order_id, country, price, amount, delivery_fee, delivery_days, delivery_hours, has_request "
        "from analytics.order_mart order by 1",
    )
    assert len(ours) > 350
    assert ours == expected


SELLER = ("country, seller_company", ["order__country", "order__seller_company"])
SHARES = [
    ("product_mart", "return_share", "return_rate", "product_id", ["product"]),
    ("delivery_mart", "on_time_share", "on_time_share", *SELLER),
    ("delivery_mart", "average_delivery_days", "average_delivery_days", *SELLER),
]


@pytest.mark.parametrize(("mart", "column", "metric", "keys", "by"), SHARES)
def test_a_marts_share_is_the_metrics_rounded(shop, mart, column, metric, keys, by):
    metrics = Metrics(shop.folder / "target/semantic_manifest.json", "duckdb")
    here = {row[:-1]: row[-1] for row in ask(shop, f"select {keys}, {column} from analytics.{mart}")}
    there = {row[:-1]: row[-1] for row in ask(shop, metrics.sql([metric], by))}
    here, there = ({key: value for key, value in found.items() if value is not None} for found in (here, there))
    assert here and here.keys() == there.keys()
    # A quotient of whole numbers against one of floating point.
    assert all(
        abs(float(value) - there[key]) <= 10.0 ** value.as_tuple().exponent / 2 + 1e-9 for key, value in here.items()
    )


def test_rows_that_are_gone_at_the_source_are_gone_in_staging_and_mart(shop):
    gone = "where order_id in (1, 2) or customer_id = 3"
    for relation in ("stg_shop__orders", "order_mart"):
        assert ask(shop, f"select count(*) from analytics.{relation} {gone}") == [(0,)]


def test_missing_raw_tables_say_make_extract(own):
    done = commands.dbt(own, "build")
    assert done.returncode != 0
    tables = 'raw."customer", raw."order", raw."product" are missing'
    assert f"{tables} in the warehouse {own.warehouse_path}: run `make extract` first" in done.stdout


def test_only_the_raw_tables_that_a_chosen_model_reads_must_be_there(own):
    texts = "product_name varchar, category varchar, seller_company varchar"
    numbers = "product_id integer, price decimal(10, 2), weight_kg decimal(10, 2)"
    times = "created_at timestamp, updated_at timestamp, _extracted_at timestamp, _deleted_at timestamp, _run bigint"
    with duckdb.connect(own.warehouse_path) as raw:
        raw.execute("create schema raw")
        raw.execute(f"create table raw.product ({texts}, {numbers}, {times})")
    commands.succeeded(commands.dbt(own, "run", "--select", "stg_shop__products"))


def test_dbt_debug_says_that_the_profile_is_missing_and_nothing_of_the_project(tmp_path):
    own = OwnDatabase("", "", tmp_path)
    told = forked_dbt.dbt(own, "--no-use-colors", "debug", fails=True, DBT_PROFILES_DIR=str(tmp_path / ".."))
    assert "profiles.yml file [ERROR not found]" in told and "dbt_project.yml file [OK found and valid]" in told
    assert "All checks passed" in forked_dbt.dbt(own, "debug")


def test_a_database_file_in_use_by_another_program_names_it(shop):
    with duckdb.connect(shop.warehouse_path):
        done = commands.dbt(shop, "run", "--select", "stg_shop__orders")
    assert done.returncode != 0
    assert "Conflicting lock is held in" in done.stdout and f"PID {os.getpid()}" in done.stdout


def test_the_shop_can_be_switched_off_for_an_own_database_without_a_warning(own, tmp_path):
    project = copied_project(tmp_path)
    view = project / "models/staging/own/stg_own__things.sql"
    view.parent.mkdir()
    view.write_text("select 1 as thing_id\n")
    told = commands.succeeded(
        commands.dbt(own, "--warn-error", "build", "--vars", "{shop: false}", "--project-dir", str(project))
    )
    assert "1 view model in" in told and "WARN=0 ERROR=0 SKIP=0" in told, told
    done = commands.python(own, "dashboard", "metrics", DBT_TARGET_PATH=str(own.folder / "target"))
    assert done.returncode == 1 and "error: this dbt project has no metrics" in done.stderr, done.stdout + done.stderr


def test_a_contract_stops_a_mart_of_the_wrong_type(shop, tmp_path):
    broken = copied_project(tmp_path)
    mart = broken / "models/marts/order_mart.sql"
    mart.write_text(mart.read_text().replace("cast(amount as integer)", "cast(amount as varchar(20))"))
    done = commands.dbt(shop, "run", "--select", "order_mart", "--project-dir", str(broken))
    assert done.returncode != 0
    assert "amount" in done.stdout and "data type mismatch" in done.stdout


DAMAGES = {
    "unique_stg_shop__customers_customer_id": "insert into raw.customer select * from raw.customer limit 1",
    "relationships_stg_shop__orders_product_id__product_id__ref_stg_shop__products_": (
        'delete from raw.product where product_id = (select min(product_id) from raw."order")'
    ),
    "accepted_values_stg_shop__orders_status__placed__paid__shipped__delivered__returned__cancelled": (
        "update raw.\"order\" set status = 'lost' where order_id = 10"
    ),
    "at_least_stg_shop__orders_0__amount": 'update raw."order" set amount = -1 where order_id = 11',
    "every_order_reaches_the_mart": "delete from analytics.order_mart where order_id = 12",
    "unique_order_mart_order_id": "insert into analytics.order_mart from analytics.order_mart where order_id = 13",
    "money_is_preserved": "update analytics.order_mart set delivery_fee = delivery_fee + 0.01 where order_id = 14",
    "every_mart_adds_up_to_the_order_mart": "update analytics.retention_mart set net_revenue = net_revenue + 1",
    "unique_together_daily_sales_mart_order_date__country__category": (
        "insert into analytics.daily_sales_mart from analytics.daily_sales_mart limit 1"
    ),
    "follows_the_runs_customer_history_customer_id": (
        "update analytics.customer_history set until_run = from_run - 1 where customer_id = 5"
    ),
    "unique_customer_history_dbt_scd_id": (
        "insert into analytics.customer_history from analytics.customer_history where customer_id = 4"
    ),
}


def dbt_on_a_damaged_copy(shop, folder: Path, damages, *arguments: str) -> dict[str, str]:
    """Damage a copy of the warehouse, run dbt on it, and return what became of each node: pass, fail, …"""
    copy = folder / "warehouse.duckdb"
    shop.copy_warehouse(copy)
    with duckdb.connect(copy) as connection:
        for damage in damages:
            connection.execute(damage)
    commands.dbt(shop, *arguments, DUCKDB_PATH=str(copy), DBT_TARGET_PATH=str(folder / "target"))
    results = json.loads((folder / "target/run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2]: result["status"] for result in results}


def test_every_kind_of_damage_fails_the_test_that_is_there_for_it(shop, tmp_path):
    statuses = dbt_on_a_damaged_copy(shop, tmp_path, DAMAGES.values(), "test", "--select", "test_type:data")
    assert {name: statuses[name] for name in DAMAGES} == dict.fromkeys(DAMAGES, "fail")


def test_one_value_of_any_column_of_the_mart_that_is_stale_fails_the_test_of_the_whole(shop, tmp_path):
    """Made NULL, and made something where it was NULL: a comparison with NULL would say neither."""
    copy = tmp_path / "warehouse.duckdb"
    shop.copy_warehouse(copy)
    test = (shop.folder / "target/compiled/order_he/tests/shop/every_order_reaches_the_mart.sql").read_text()
    some = {"VARCHAR": "'x'", "BOOLEAN": "true", "TIMESTAMP": "timestamp '2024-01-01'", "DATE": "date '2024-01-01'"}
    with duckdb.connect(copy) as connection:
        columns = connection.execute(
            "select column_name, data_type from duckdb_columns() where table_name = 'order_mart'"
        ).fetchall()
        assert connection.execute(test).fetchall() == [] and len(columns) == 29
        for column, kind in columns:
            for value in ("null", some.get(kind, "7")):
                changed = f"{column} is distinct from cast({value} as {kind})"
                connection.execute("begin")
                ((hits,),) = connection.execute(
                    f"update analytics.order_mart set {column} = {value} where order_id = "
                    f"(select max(order_id) from analytics.order_mart where {changed})"
                ).fetchall() or ((0,),)
                assert bool(connection.execute(test).fetchall()) is bool(hits), (column, value)
                assert hits or value == "null" or column == "is_observed", column
                connection.execute("rollback")


def test_a_value_that_the_contract_would_round_fails_a_test(shop, tmp_path):
    """DuckDB rounds as Redshift does; Redshift would also cut a text that is too wide, which the same test sees."""
    finer = [
        "drop view analytics.stg_shop__products",
        "alter table raw.product alter price type decimal(12, 4)",
        "update raw.product set price = price + 0.0049",
    ]
    statuses = dbt_on_a_damaged_copy(
        shop, tmp_path, finer, "build", "--select", "stg_shop__products", "order_mart", "--exclude", "test_type:unit"
    )
    assert statuses["order_mart"] == "success" and statuses["every_order_reaches_the_mart"] == "fail", statuses


def test_every_model_and_column_is_described(manifest, shop):
    columns = ask(
        shop,
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = 'analytics' and table_name not in ('_builds', '_histories')",
    )
    described = {
        (node["name"], column["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "snapshot")
        and node["description"]
        and node["config"]["materialized"] != "ephemeral"  # written into those that read it
        for column in node["columns"].values()
        if column["description"]
    }
    assert set(columns) == described


def test_descriptions_reach_the_warehouse(shop):
    bare = (
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = 'analytics' and table_name not in ('_builds', '_histories') and comment is null"
    )
    assert ask(shop, bare) == []


def test_every_source_column_is_described(manifest, shop):
    found = ask(
        shop,
        "select table_name, column_name from duckdb_columns() where schema_name = 'raw' and table_name <> '_loads'",
    )
    described = {
        (source["identifier"], column["name"])
        for source in manifest["sources"].values()
        for column in source["columns"].values()
        if column["description"]
    }
    assert set(found) == described


def test_every_model_has_its_yaml_beside_it_with_the_same_name():
    for sql in PROJECT.glob("models/**/*.sql"):
        if "__" not in sql.stem or "shop" in sql.parts[-2]:
            assert sql.with_suffix(".yml").exists(), sql


def beyond_staging(manifest) -> list[str]:
    """The names of all relations that hold rows made of the shop's customers or orders, staging left out."""
    found, waiting = set(), ["source.order_he.shop.customer", "source.order_he.shop.order"]
    while waiting:
        for child in manifest["child_map"].get(waiting.pop(), []):
            if child.startswith(("model.", "snapshot.")) and child not in found:
                found.add(child)
                waiting.append(child)
    names = {manifest["nodes"][child]["alias"] for child in found}
    return sorted(name for name in names if not name.startswith(("stg_", "base_")))


def test_nothing_beyond_staging_depends_on_personal_data(manifest, shop, tmp_path):
    """Other people under the same numbers give the same rows: no column holds, hashes or measures them."""
    relations = beyond_staging(manifest)
    assert {"order_mart", "customer_mart", "customer_history", "int_customer_versions"} <= set(relations)
    before = {name: ask(shop, f"select * from analytics.{name} order by all") for name in relations}
    others = [
        "update raw.customer set name = 'N' || customer_id, email = 'e', phone = null, address = repeat('a', 300)",
        "update raw.\"order\" set request = 'R' where trim(request) <> ''",
    ]
    arguments = ("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
    statuses = dbt_on_a_damaged_copy(shop, tmp_path, others, *arguments)
    assert statuses["order_mart"] == "success", statuses
    with duckdb.connect(tmp_path / "warehouse.duckdb", read_only=True) as connection:
        for name in relations:
            rows = connection.execute(f"select * from analytics.{name} order by all").fetchall()
            assert rows == before[name], name


def test_nothing_beyond_staging_has_a_personal_column(manifest, shop):
    personal = {"name", "customer_name", "email", "phone", "address", "request"}
    names = beyond_staging(manifest)
    columns = ask(shop, "select table_name, column_name from duckdb_columns() where schema_name = 'analytics'")
    assert not [(table, column) for table, column in columns if table in names and column in personal]


def test_source_freshness_reads_what_the_loaders_wrote(shop):
    assert "PASS" in commands.succeeded(commands.dbt(shop, "source", "freshness"))


def test_the_docs_site_is_one_file_with_every_description(shop):
    commands.succeeded(commands.dbt(shop, "docs", "generate", "--quiet"))
    file = shop.folder / "docs.html"
    commands.succeeded(commands.python(shop, "dashboard", "docs", "--out", str(file)))
    page = file.read_text(encoding="utf-8")
    assert "from a shop's MySQL database to marts" in page and "Calendar days from order to delivery" in page
    # JSON in a text in a script.
    assert json.dumps(json.dumps("쇼핑몰의 MySQL 테이블")[1:-1])[1:-1] in page


def test_a_part_is_built_into_a_schema_of_ones_own_over_what_is_built(shop, tmp_path):
    """As `make dev` does it: with unit tests, which ask the warehouse for columns, and histories that are not there."""
    forked_dbt.dbt(shop, "parse", "--target-path", str(tmp_path))
    own = {"DBT_SCHEMA": "dev_kim", "DBT_TARGET_PATH": str(tmp_path / "own")}
    forked_dbt.dbt(shop, "build", "--select", "order_mart", "--defer", "--state", str(tmp_path), **own)
    built = (
        "select table_name from duckdb_tables() where schema_name = 'dev_kim' and table_name not like '^_%' escape '^'"
    )
    assert ask(shop, built) == [("order_mart",)]
    both = [ask(shop, f"select * from {schema}.order_mart order by 1") for schema in ("analytics", "dev_kim")]
    assert both[0] == both[1] != []
    with duckdb.connect(shop.warehouse_path) as connection:
        connection.execute("drop schema dev_kim cascade")


def test_dbt_run_without_a_history_says_dbt_build(shop, tmp_path):
    copy = tmp_path / "warehouse.duckdb"
    shop.copy_warehouse(copy)
    with duckdb.connect(copy) as connection:
        connection.execute("drop table analytics.customer_history")
    done = commands.dbt(shop, "run", DUCKDB_PATH=str(copy))
    assert done.returncode != 0
    assert "analytics.customer_history was never made" in done.stdout and "run `dbt build`" in done.stdout


REACHING = (
    "copy (select 1) to '{file}'", "attach '{file}'", "export database '{file}'", "install httpfs", "load httpfs",
    "set enable_external_access = true", "reset lock_configuration", "set temp_directory = '{file}'",
    "create persistent secret (type s3)",
)  # fmt: skip
READING = ("read_text('/etc/passwd')", "read_blob('https://localhost/x')", "glob('/*')", "'/etc/passwd.parquet'")


def test_no_model_and_no_hook_reaches_beyond_the_warehouse(tmp_path):
    """Each asked alone, through dbt, by the profile that `make setup` writes."""
    own, project, file = OwnDatabase("", "", tmp_path), copied_project(tmp_path), tmp_path / "reached"
    texts = [f'{{{{ config(pre_hook="{asked.format(file=file)}") }}}} select 1 as one' for asked in REACHING]
    texts += [f"select * from {place}" for place in READING]
    folder = project / "models/hostile"
    folder.mkdir()
    for number, text in enumerate([*texts, "select 1 as one"]):
        (folder / f"hostile_{number:02}.sql").write_text(text)
    forked_dbt.dbt(own, "run", "--select", "hostile", project=project, fails=True)
    results = json.loads((own.folder / "target/run_results.json").read_text())["results"]
    hostile = [result for result in results if "hostile" in result["unique_id"]]
    said = {result["unique_id"][-2:]: (result["status"], result["message"]) for result in hostile}
    assert said.pop(f"{len(texts):02}")[0] == "success" and len(said) == len(texts)
    for number, (status, message) in said.items():
        refused = any(word in message for word in ("disabled", "has been locked"))
        assert (status, refused) == ("error", True), (texts[int(number)], message)
    assert not file.exists()


def test_a_question_that_metricflow_does_not_understand_names_what_there_is(shop):
    done = commands.python(shop, "dashboard", "metrics", "revenu", DBT_TARGET_PATH=str(shop.folder / "target"))
    assert done.returncode == 1 and "'revenue'" in done.stderr and "fix: run `make metrics`" in done.stderr
