"""From a real MySQL server to raw: any schema, one snapshot, two commits."""

import json
import resource
import threading
from dataclasses import replace

import duckdb
import pyarrow.parquet as pq
import pymysql
import pytest

from loaders.common.errors import Failure
from loaders.help import discover
from loaders.lake import runs
from loaders.lake.folder import Folder
from loaders.run.match_catalog import match
from loaders.source.described import SourceTable
from loaders.words import catalog
from loaders.words.run_record import Run
from tests.own_database import sequence

LINEAGE = ["_source_hash", "_run", "_extracted_at", "_deleted_at"]


def names(own, table):
    with duckdb.connect(own.warehouse_path, read_only=True) as connection:
        return [row[0] for row in connection.execute(f'describe raw_own."{table}"').fetchall()]


def test_all_tables_of_a_run_arrive_together_with_their_lines_in_loads(own):
    own.write(
        "create table customer (id int primary key, name varchar(20))",
        "create table `order` (id bigint primary key, customer_id int, "
        "foreign key (customer_id) references customer (id))",
        "insert into customer values (1, '김민준'), (2, '')",
        "insert into `order` values (10, 1), (11, null)",
    )
    run = own.extract()
    assert own.load() == [1]
    assert own.raw("customer", "id, name") == [(1, "김민준"), (2, "")]
    assert own.raw("order", "id, customer_id") == [(10, 1), (11, None)]
    assert own.raw("_loads", "run, table_name, row_count, verdict") == [
        (1, "customer", 2, "equal: 2 rows"),
        (1, "order", 2, "equal: 2 rows"),
    ]
    assert [batch.rows for batch in run.batches] == [2, 2]


def test_the_lake_holds_files_and_record_as_designed(own):
    own.write("create table t (id int primary key)", "insert into t values (1), (2)")
    run = own.extract()
    (file,) = run.batches[0].files
    assert file.key == f"t/{run.attempt}/part-00000.parquet"
    assert sorted(own.lake.keys("")) == ["_runs/1.json", file.key]
    record = json.loads(own.lake.read("_runs/1.json"))
    assert (record["format_version"], record["parent"], record["run"]) == (1, 0, 1)
    assert record["batches"][0]["columns"][0]["mysql"].startswith("int")


def test_an_empty_table_leaves_no_file_and_a_table_with_its_types(own):
    own.write("create table t (id int primary key, price decimal(10,2), at datetime(6))")
    assert own.extract().batches[0].files == ()
    own.load()
    assert own.raw("t") == []
    assert names(own, "t") == ["id", "price", "at", *LINEAGE]


def test_a_run_in_which_nothing_changed_still_leaves_its_record_and_its_loads(own):
    own.write("create table t (id int primary key)")
    own.extract()
    own.extract()
    assert own.load() == [1, 2]
    assert own.raw("_loads", "run, table_name, row_count") == [(1, "t", 0), (2, "t", 0)]


def test_names_of_every_kind_survive(own):
    own.write(
        "create table `Order ``of`` it's %s ü 주문` "
        '(`select` int primary key, `a b``c` int, `Q"q` varchar(9), `{{x}}` int)',
        "insert into `Order ``of`` it's %s ü 주문` values (1, 2, 'x', 4)",
        "create table `_runs` (id int primary key)",
        "create table `..` (id int primary key)",
    )
    own.extract()
    own.load()
    assert names(own, "Order `of` it's %s ü 주문") == ["select", "a b`c", 'Q"q', "{{x}}", *LINEAGE]
    assert own.raw("Order `of` it's %s ü 주문", "columns(c -> c not like '\\_%' escape '\\')") == [(1, 2, "x", 4)]
    assert (own.raw("_runs"), own.raw("..")) == ([], [])


def test_composite_keys_and_tables_without_key_keep_every_row(own):
    own.write(
        "create table pair (a int, b varchar(9), v int, primary key (b, a))",
        "insert into pair values (1, 'x', 1), (2, 'x', 2), (1, 'y', 3)",
        "create table log (message varchar(20))",
        "insert into log values ('twice'), ('twice'), (null)",
    )
    known = own.discover()
    assert {table.name: table.primary_key for table in known.tables} == {"pair": ("b", "a"), "log": ()}
    own.extract(known)
    own.load()
    assert own.raw("pair", "a, b, v") == [(1, "x", 1), (1, "y", 3), (2, "x", 2)]
    assert own.raw("log", "message") == [("twice",), ("twice",), (None,)]


def test_generated_and_invisible_columns_come_along_and_views_stay_behind(own, mysql_server):
    own.write(
        "create table t (id int primary key, twice int generated always as (id * 2) virtual, "
        "stored_twice int generated always as (id * 2) stored, hidden int invisible default 7)",
        "insert into t (id) values (1)",
        "create view v as select id from t",
    )
    known = own.discover()
    assert [table.name for table in known.tables] == ["t"]
    own.extract(known)
    own.load()
    assert own.raw("t", "id, twice, stored_twice, hidden") == [(1, 2, 2, 7)]


def test_names_that_the_warehouse_cannot_tell_apart_are_left_out_with_a_notice(own):
    """The server tells table names apart by case (on Linux); the warehouse does not."""
    own.write("create table Tag (id int primary key)", "create table tag (id int primary key)")
    with own.snapshot() as snapshot:
        text, notices = discover.catalog_yaml("own", snapshot.tables().values())
    assert len(notices) == 1 and "would be the same as" in notices[0]
    assert len(catalog.read(written(own, text)).tables) == 1


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a{{b", "a{%b", "a{#b"])
def test_names_that_dbt_cannot_speak_of_are_left_out_with_a_notice(name):
    text, (notice,) = discover.catalog_yaml("own", [SourceTable(name, "InnoDB", 0, (), ())])
    assert f"left out {name}: dbt" in notice and "tables: []" in text


@pytest.mark.parametrize(
    ("name", "schema"),
    [("own_2__b", "raw_own_2__b"), ("Shop Data-2", "raw_shop_data_2"), ("2024", "raw_2024"), ("쇼핑몰", "raw_source")],
)
def test_the_schema_is_a_plain_name_whatever_the_database_is_called(own, name, schema):
    own.write("create table t (id int primary key)")
    with own.snapshot() as snapshot:
        text, _notices = discover.catalog_yaml(name, snapshot.tables().values())
    known = catalog.read(written(own, text))
    assert (known.source, known.schema) == (name, schema)


def test_more_tables_than_files_may_be_open_are_discovered_and_extracted(own):
    own.write(*(f"create table t{number} (id int primary key) engine=memory" for number in range(300)))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        known = own.discover()
        assert len(own.extract(known).batches) == len(known.tables) == 300
        assert own.load() == [1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_table_of_an_engine_without_snapshots_says_so_in_its_verdict(own):
    own.write("create table t (id int primary key) engine=myisam", "insert into t values (1)")
    assert own.extract().batches[0].verdict == "not compared: MyISAM tables take no part in the snapshot"


def test_the_tables_of_a_run_are_of_one_moment(own):
    """A writer that adds customer and order in one transaction, without pause, never shows an order alone."""
    own.write("create table customer (id int primary key)", "create table `order` (id int primary key)")
    stop = threading.Event()

    def shop_goes_on():
        number = 0
        connection = own.connect(own.shop_url)
        with connection, connection.cursor() as cursor:
            while not stop.is_set():
                number += 1
                cursor.execute(f"insert into customer values ({number})")
                cursor.execute(f"insert into `order` values ({number})")
                connection.commit()

    writer = threading.Thread(target=shop_goes_on)
    writer.start()
    try:
        known = own.discover()
        # Whole: a second run without a warehouse to compare with brings nothing, which proved nothing here.
        records = [own.extract(known, full=True) for _ in range(8)]
    finally:
        stop.set()
        writer.join()
    counts = [[batch.rows for batch in run.batches] for run in records]
    assert all(customers == orders for customers, orders in counts)
    assert len({customers for customers, _orders in counts}) > 1


def test_no_table_takes_the_place_of_another_while_a_run_reads(own):
    """As gh-ost and pt-osc do: the copy had the rows of the snapshot's moment, and not those copied into it since."""
    own.write(
        "create table o (id int primary key)",
        f"insert into o select seq from {sequence(1, 1000)}",
        "create table o_copy like o",
        "insert into o_copy select * from o where id <= 950",
    )
    known = replace(own.discover(), tables=tuple(t for t in own.discover().tables if t.name == "o"))
    with own.snapshot() as snapshot, own.connect(own.shop_url) as shop, shop.cursor() as cursor:
        match(known, snapshot)
        cursor.execute("insert into o_copy select * from o where id > 950")
        cursor.execute("set session lock_wait_timeout = 1")
        with pytest.raises(pymysql.OperationalError, match="1205"):
            cursor.execute("rename table o to o_old, o_copy to o")


def test_of_two_runs_at_once_one_wins_and_the_other_leaves_nothing(own):
    own.write("create table t (id int primary key)", "insert into t values (1)")
    known = own.discover()
    own.extract(known)
    outcomes: list[object] = []
    barrier = threading.Barrier(2)

    class Waiting(Folder):
        """The lake, where both runs meet after they have seen the same last number."""

        def put_file(self, key, file, sha256):
            barrier.wait(10)
            super().put_file(key, file, sha256)

    def one_run():
        try:
            outcomes.append(own.extract(known, lake=Waiting(own.lake.folder), full=True))
        except Failure as failure:
            outcomes.append(failure)

    threads = [threading.Thread(target=one_run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, Run)]
    (lost,) = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert "another run published number 2" in lost.problem
    attempts = {key.split("/")[1] for key in own.lake.keys("t/")}
    assert attempts == {runs.read(own.lake, 1).attempt, won.attempt}


def test_a_failing_table_publishes_nothing_and_leaves_no_file(own):
    own.write(
        "create table a (id int primary key)",
        "insert into a values (1)",
        "create table b (id int primary key, at date)",
        "set sql_mode = ''",
        "insert into b values (5, '2021-02-30')",
    )
    with pytest.raises(Failure) as caught:
        own.extract()
    assert "b" in caught.value.problem and "at" in caught.value.problem and "id=5" in caught.value.problem
    assert list(own.lake.keys("")) == []
    assert own.extract(invalid_to_null=True).batches[1].invalid == {"at": 1}
    own.load()
    assert own.raw("b", 'id, "at"') == [(5, None)]
    assert own.raw("_loads", "table_name, invalid_count") == [("a", 0), ("b", 1)]


def test_a_column_that_lets_invalid_values_be_null_does_so_for_itself_only(own):
    own.write(
        "create table b (id int primary key, at date, other date)",
        "set sql_mode = ''",
        "insert into b values (5, '2021-02-30', '2021-01-01')",
    )
    own.discover()
    text = own.catalog_file.read_text()
    text += "    columns: [{name: at, config: {meta: {on_invalid: null}}}]\n"
    known = catalog.read(written(own, text))
    assert own.extract(known).batches[0].invalid == {"at": 1}
    own.write("set sql_mode = ''", "insert into b values (6, null, '0000-00-00')")
    with pytest.raises(Failure, match="other"):
        own.extract(known, full=True)


def test_raw_loaded_from_another_lake_is_refused(own, tmp_path):
    own.write("create table t (id int primary key)")
    own.extract()
    own.load()
    (own.folder / "lake").rename(tmp_path / "first lake")
    with pytest.raises(Failure, match="holds run 1, which is not from the lake"):
        own.load()
    own.extract()
    with pytest.raises(Failure, match="holds run 1, which is not from the lake"):
        own.load()


def test_a_file_missing_or_damaged_in_the_lake_stops_the_load_and_is_named(own):
    own.write("create table t (id int primary key)", "insert into t values (1)")
    own.extract()
    own.load()
    (file,) = own.extract(full=True).batches[0].files
    path = own.lake.folder / file.key
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(Failure, match="is damaged"):
        own.load()
    path.unlink()
    with pytest.raises(Failure, match="has no t/"):
        own.load()
    assert own.raw("t", "id, _run") == [(1, 1)]
    path.write_bytes(whole)
    assert own.load() == [2]


def test_parquet_files_are_in_the_form_that_redshift_documents(own):
    own.write(
        "create table t (id int unsigned primary key, big bigint unsigned, at datetime(6), d decimal(10,2), "
        "tiny tinyint unsigned, name text, day date, b varbinary(9))",
        "insert into t values (1, 18446744073709551615, '2026-01-02 03:04:05.678901', 1.10, "
        "255, 'x', '2026-01-02', 'b')",
    )
    (file,) = own.extract().batches[0].files
    parquet = pq.ParquetFile(own.lake.folder / file.key)
    kinds = {
        column.name: (column.physical_type, column.converted_type) for column in map(parquet.schema.column, range(8))
    }
    assert kinds["at"] == ("INT64", "TIMESTAMP_MICROS")
    assert not any((converted or "").startswith("UINT") for _physical, converted in kinds.values())
    assert kinds["tiny"] == ("INT32", "INT_16") and kinds["id"][0] == "INT64"
    assert kinds["big"] == ("FIXED_LEN_BYTE_ARRAY", "DECIMAL")
    group = parquet.metadata.row_group(0)
    assert {group.column(number).compression for number in range(8)} == {"ZSTD"}
    assert parquet.metadata.format_version == "1.0"


def written(own, text):
    own.catalog_file.write_text(text, encoding="utf-8")
    return own.catalog_file
