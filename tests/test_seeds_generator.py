"""The shop's generator: believable, the same every time, exact on its way in, and careful where it writes."""

import datetime
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.settings import ROOT
from loaders.source import mysql_url
from local_stack import private_server
from seeds_generator import cli as seeds_cli
from seeds_generator import day, files, generate, schema, shop
from tests import commands

UNTIL = datetime.date(2026, 1, 1)


def everything(seed=7, customers=300, products=50, orders=10_000):
    people = generate.customers(seed, customers, UNTIL)
    goods = generate.products(seed, products, UNTIL)
    return people, goods, pd.concat(generate.orders(seed, orders, UNTIL, people, goods), ignore_index=True)


@pytest.fixture(scope="module")
def made():
    return everything()


def seeds(own, *arguments, **changes):
    return commands.python(own, "seeds_generator", *arguments, **{"SOURCE_URL": "", **changes})


def ask(own, sql):
    with closing(own.connect(own.source_url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def checksum(own, *tables):
    return ask(own, f"checksum table {', '.join(f'`{table}`' for table in tables)}")


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(made):
    for one, same, other in zip(made, everything(), everything(seed=8), strict=True):
        pd.testing.assert_frame_equal(one, same)
        assert not one.equals(other)


def test_sizes_are_as_asked_whatever_the_chunks(made):
    assert [len(table) for table in made] == [300, 50, 10_000]
    people, goods, _orders = made
    chunks = list(generate.orders(7, 120_000, UNTIL, people, goods))
    assert len(chunks) > 1 and sum(map(len, chunks)) == 120_000
    assert max(map(len, chunks)) < 2 * generate.CHUNK_ORDERS


def test_customers_come_from_ten_countries_in_four_levels_with_texts_in_their_scripts(made):
    people = made[0]
    assert people["country"].nunique() == 10 and people["loyalty_level"].nunique() == 4
    assert people["customer_id"].is_unique and people["email"].is_unique
    assert people.loc[people["country"] == "Korea", "name"].str.match(r"^[가-힣]{2,4}$").all()


def test_a_few_customers_and_products_make_up_much_of_the_orders(made):
    orders = made[2]
    for column, share in (("customer_id", 0.10), ("product_id", 0.10)):
        counts = orders[column].value_counts()
        assert counts.head(int(len(counts) * share)).sum() > 0.2 * len(orders)
        assert (counts > 1).mean() > 0.9, "most come again"


def test_seasons_and_weekdays_show(made):
    dates = made[2]["order_date"].dt
    per_month = dates.month.value_counts()
    assert per_month[11] > 1.3 * per_month[2]
    assert (dates.day_of_week >= 5).mean() > 2.3 / 7


def test_statuses_follow_each_other_and_deliveries_take_one_to_seven_days_with_hours(made):
    orders = made[2]
    arrived = orders["status"].isin(["delivered", "returned"])
    assert (orders["shipping_date"].notna() == arrived).all()
    span = (orders["shipping_date"] - orders["order_date"])[arrived]
    assert span.min() >= pd.Timedelta(days=1) and span.max() <= pd.Timedelta(days=7)
    assert (span.dt.total_seconds() % 86_400 != 0).mean() > 0.9
    assert (orders["updated_at"] >= orders["created_at"]).all()
    assert orders["updated_at"].max() <= pd.Timestamp(UNTIL)
    assert set(orders["status"]) == {"placed", "paid", "shipped", "delivered", "returned", "cancelled"}
    old = orders["order_date"] < pd.Timestamp(UNTIL) - pd.Timedelta(days=8)
    assert orders.loc[old, "status"].isin(["delivered", "returned", "cancelled"]).all()


def test_about_a_third_of_the_requests_is_null_and_some_are_empty(made):
    requests = made[2]["request"]
    assert 0.27 < requests.isna().mean() < 0.33
    assert 0.01 < (requests == "").mean() < 0.06
    assert requests.dropna().str.contains("[가-힣]").any() and requests.dropna().str.contains("😊|🐶").any()


def test_money_is_whole_for_orders_and_in_hundredths_for_prices(made):
    _people, goods, orders = made
    assert (orders["amount"] >= 1).all()
    assert str(goods["price"].dtype) == "decimal128(10, 2)[pyarrow]"
    price = dict(zip(goods["product_id"], goods["price"], strict=True))
    first = orders.iloc[0]
    assert abs(first["amount"] - price[first["product_id"]] * int(first["quantity"])) <= 1


any_text = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


def unescaped(field: str) -> str | None:
    """What LOAD DATA makes of a field, by MySQL's documentation."""
    if field == "\\N":
        return None
    plain, rest = "", iter(field)
    for character in rest:
        plain += {"n": "\n", "t": "\t", "0": "\0"}.get(after := next(rest), after) if character == "\\" else character
    return plain


@given(st.lists(st.tuples(any_text, any_text), max_size=8))
def test_the_bulk_file_says_exactly_what_the_rows_hold(rows):
    table = pa.table(
        {"a": pa.array([r[0] for r in rows], pa.string()), "b": pa.array([r[1] for r in rows], pa.string())}
    )
    lines = bytes(shop.tab_separated(table)).decode().split("\n")[:-1]
    assert [tuple(unescaped(field) for field in line.split("\t")) for line in lines] == rows


@pytest.mark.parametrize("way", [shop.add, shop.insert], ids=["load data", "insert"])
def test_rows_arrive_exactly_by_both_ways(own, way):
    people, goods, orders = everything(customers=20, products=5, orders=50)
    orders.loc[0, "request"] = "tab\there, line\nthere, back\\slash, 'quote\", \\N and NUL\0"
    with closing(own.connect(own.shop_url, local_infile=True)) as connection:
        schema.create(connection)
        for table, rows in (("customer", people), ("product", goods), ("order", orders)):
            assert way(connection, table, rows) == len(rows)
        connection.commit()
    found = ask(own, "select order_id, request, amount, shipping_date, updated_at from `order` order by order_id")
    expected = [
        (row.order_id, None if pd.isna(row.request) else row.request, row.amount,
         None if pd.isna(row.shipping_date) else row.shipping_date.to_pydatetime(), row.updated_at.to_pydatetime())
        for row in orders.itertuples()
    ]  # fmt: skip
    assert list(found) == expected
    assert dict(ask(own, "select product_id, price from product")) == dict(
        zip(goods["product_id"], goods["price"], strict=True)
    )


def test_fill_makes_the_schema_of_the_design_and_leaves_a_shop_that_is_there(own):
    assert "customer 300, product 50, order 1,000" in commands.succeeded(
        seeds(own, "fill", "--yes", "--orders", "1000")
    )
    keys = ask(
        own,
        "select table_name, index_name from information_schema.statistics where table_schema = database() "
        "and index_name = 'updated_at'",
    )
    assert len(keys) == 3
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        cursor.execute("show create table `order`")
        assert cursor.fetchone()[1].count("FOREIGN KEY") == 2
    before = checksum(own, *schema.TABLES)
    assert "there already" in commands.succeeded(seeds(own, "fill", "--yes", "--orders", "1000"))
    assert checksum(own, *schema.TABLES) == before
    commands.succeeded(seeds(own, "fill", "--yes", "--orders", "1000", "--fresh"))
    assert checksum(own, *schema.TABLES) == before, "the same seed, the same shop"


def test_tables_that_it_did_not_make_are_refused_and_stay_as_they_are(own):
    own.write("create table customer (id int primary key)", "insert into customer values (1)")
    for command in (["fill"], ["fill", "--fresh"], ["day"]):
        done = seeds(own, *command, "--yes")
        assert done.returncode == 1 and "customer that the demo's generator did not make" in done.stderr
    assert ask(own, "select * from customer") == ((1,),)


def test_shop_url_is_written_to_only_with_yes_and_never_if_it_is_the_source(own):
    done = seeds(own, "fill")
    assert done.returncode == 1 and "say --yes" in done.stderr
    done = seeds(own, "fill", "--yes", SOURCE_URL=own.source_url)
    assert done.returncode == 1 and "never written to" in done.stderr
    assert ask(own, "show tables") == ()


def test_the_source_is_known_by_another_name_too(own, tmp_path):
    url = mysql_url.parse(own.source_url, "the test's URL")
    if url.unix_socket:
        (tmp_path / "alias").symlink_to(url.unix_socket)
        alias = replace(url, host="127.0.0.1", port=3307, unix_socket=str(tmp_path / "alias")).text()
    else:
        alias = replace(url, host="localhost" if url.host == "127.0.0.1" else "127.0.0.1").text()
    done = seeds(own, "fill", "--yes", SOURCE_URL=alias)
    assert done.returncode == 1 and "never written to" in done.stderr, done.stderr
    done = seeds(own, "fill", "--yes", SOURCE_URL=replace(url, password="wrong").text())
    assert done.returncode == 1 and "check the user and password in SOURCE_URL" in done.stderr, done.stderr
    assert ask(own, "show tables") == ()


def test_the_source_stays_untouched_whatever_is_run(own, database, tmp_path):
    """SOURCE_URL names a second server, with a database and tables like the shop's, by an account that could write."""
    second = private_server.up(tmp_path / "second", say=lambda _text: None)
    try:
        other = type(own)(second.url("shop", database), second.url("root", database), tmp_path)
        with closing(own.connect(second.url("root", "mysql"))) as connection, connection.cursor() as cursor:
            cursor.execute(f"create database {database}")
        with closing(other.connect(other.shop_url)) as connection:
            schema.create(connection)
        other.write("create table mine (id int primary key)", "insert into mine values (1)")
        before = checksum(other, *schema.TABLES, "mine")
        (tmp_path / "shop.py").write_text("customer = []\nproduct = []\norder = []\n")
        for command in (["fill", "--orders", "500"], ["day"], ["load", str(tmp_path / "shop.py"), "--fresh"]):
            commands.succeeded(seeds(own, *command, "--yes", SOURCE_URL=other.shop_url))
        assert checksum(other, *schema.TABLES, "mine") == before
    finally:
        private_server.down(tmp_path / "second", say=lambda _text: None)


def test_a_python_module_of_dictionaries_becomes_a_shop(own, tmp_path):
    module = tmp_path / "shop.py"
    module.write_text(
        "at = '2026-01-02 03:04:05'\n"
        "customer = [dict(customer_id=1, name='김민준', email='', phone='', country='Korea', address='', "
        "loyalty_level='Gold', created_at=at, updated_at=at)]\n"
        "product = []\norder = []\n"
    )
    commands.succeeded(seeds(own, "load", str(module), "--yes"))
    assert ask(own, "select name, email from customer") == (("김민준", ""),)
    done = seeds(own, "load", str(module), "--yes")
    assert done.returncode == 1 and "not empty" in done.stderr and "--fresh" in done.stderr


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("customer_id,name", "1,x", "lacks address"),
        ("{columns},extra", "{values},1", "unknown columns extra"),
        ("{columns}", "{values}", None),
        ("{columns}", "x,{rest}", "a row of customer does not fit: Incorrect integer value: 'x'"),
        ("{columns}", "1,{long}", "name of row 1 is 'nnn"),
        ("{columns}", "7,{values}", "line 2 has 10 fields, the header 9"),
        ("{columns}", "1,n,e,p,c,a,Gold,2026-01-01", "line 2 has 8 fields, the header 9"),
        ("{columns}", "1.5,{rest}", "customer_id of row 1 is '1.5', which MySQL would change to fit int"),
        ("{columns}", "{values}.1234567", "updated_at of row 1 is '2026-01-01 00:00:00.1234567'"),
    ],
)
def test_csv_files_that_do_not_fit_are_named(own, tmp_path, header, row, told):
    columns = ",".join(schema.columns("customer"))
    rest = "n,e,p,c,a,Gold,2026-01-01,2026-01-01 00:00:00"
    texts = {"columns": columns, "values": f"1,{rest}", "rest": rest, "long": "n" * 101 + rest[1:]}
    (tmp_path / "customer.csv").write_text(f"{header}\n{row}\n".format(**texts))
    for table in ("product", "order"):
        (tmp_path / f"{table}.csv").write_text(",".join(schema.columns(table)) + "\n")
    done = seeds(own, "load", str(tmp_path), "--yes")
    if told is None:
        commands.succeeded(done)
    else:
        assert done.returncode == 1 and told in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert ask(
            own, "select count(*) from information_schema.tables where table_schema = database() and table_rows > 0"
        ) == ((0,),)


def rows_of_order(own) -> int | None:
    """None: between its removal and its making, there is no such table."""
    try:
        return ask(own, "select count(*) from `order`")[0][0]
    except pymysql.err.ProgrammingError:
        return None


def test_a_fresh_fill_that_is_stopped_says_that_the_old_shop_is_gone_and_goes_on_when_run_again(own):
    """MySQL takes no table's removal back; it used to say that nothing was half done."""
    commands.succeeded(seeds(own, "fill", "--yes", "--orders", "20"))
    filling = subprocess.Popen(
        [sys.executable, "-m", "seeds_generator", "fill", "--yes", "--fresh", "--orders", "500000"],
        cwd=ROOT, env=commands.settings(own) | {"SOURCE_URL": ""}, stdout=-1, stderr=-1, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    # Removing the table and making it anew may pass between two looks. That it is empty does not: the new rows are to
    # be seen once all are written.
    while filling.poll() is None and rows_of_order(own) != 0:
        time.sleep(0.01)
    filling.send_signal(signal.SIGINT)
    _out, said = filling.communicate(timeout=60)
    assert filling.returncode == 130 and "the shop that was there is gone" in said and "Traceback" not in said
    assert ask(own, "select count(*) from `order`") == ((0,),)
    assert "order 30" in commands.succeeded(seeds(own, "fill", "--yes", "--fresh", "--orders", "30"))


def test_a_fresh_load_that_mysql_refuses_leaves_the_old_shop(own, tmp_path):
    commands.succeeded(seeds(own, "fill", "--yes", "--orders", "500"))
    before = checksum(own, *schema.TABLES)
    row = "dict(customer_id={}, name='n', email='', phone='', country='', address='', loyalty_level='', {})"
    times = "created_at='2026-01-02', updated_at='2026-01-02'"
    module = tmp_path / "shop.py"
    module.write_text(f"customer = [{row.format(1, times)}, {row.format(1, times)}]\nproduct = []\norder = []\n")
    done = seeds(own, "load", str(module), "--yes", "--fresh")
    assert done.returncode == 1 and "Duplicate entry '1'" in done.stderr and "as it was" in done.stderr, done.stderr
    assert checksum(own, *schema.TABLES) == before
    module.write_text(f"customer = [{row.format(1, times)}]\nproduct = []\norder = []\n")
    commands.succeeded(seeds(own, "load", str(module), "--yes", "--fresh"))
    assert [ask(own, f"select count(*) from `{table}`")[0][0] for table in schema.TABLES] == [1, 0, 0]


@pytest.mark.parametrize(
    ("price", "exact"),
    [("1.5", True), ("1.500", True), ("1", True), ("-1.25", True), ("1.505", False), ("1e-3", False)],
)
def test_a_price_that_mysql_would_round_is_refused(price, exact):
    frame = pd.DataFrame([dict.fromkeys(schema.columns("product"), "1") | {"price": price}], dtype=object)
    if exact:
        assert files._exact(frame, "product", "f") is frame
    else:
        with pytest.raises(Failure, match=re.escape(f"f: price of row 1 is '{price}'")):
            files._exact(frame, "product", "f")


@pytest.mark.parametrize(("text", "told"), [("customer = [", "SyntaxError"), ("import nothing_here", "ModuleNotFound")])
def test_a_module_that_python_cannot_run_is_named(tmp_path, text, told):
    module = tmp_path / "shop.py"
    module.write_text(text)
    with pytest.raises(Failure, match=f"cannot be run: {told}"):
        files.read(module)


def test_the_session_is_strict_however_lax_the_server(own):
    connect = seeds_cli.connector(SimpleNamespace(shop_url=own.shop_url, environment={}), yes=True)
    with closing(connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select @@sql_mode")
        assert cursor.fetchone()[0].startswith("STRICT_ALL_TABLES")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Failure, match=r"customer\.csv is missing"):
        files.read(tmp_path)


def test_a_day_brings_every_kind_of_change(own):
    commands.succeeded(seeds(own, "fill", "--yes"))
    before = {table: set(ask(own, f"select * from `{table}`")) for table in schema.TABLES}
    told = commands.succeeded(seeds(own, "day", "--yes"))
    assert told.startswith("2026-01-01 has passed")
    after = {table: set(ask(own, f"select * from `{table}`")) for table in schema.TABLES}
    ids = {when: {row[0] for row in tables["order"]} for when, tables in (("before", before), ("after", after))}
    assert ids["after"] - ids["before"], "new orders"
    assert ids["before"] - ids["after"], "orders deleted"
    (erased,) = {row[0] for row in before["customer"]} - {row[0] for row in after["customer"]}
    assert not [row for row in after["order"] if row[1] == erased], "an erased customer takes the orders along"
    old = {row[0]: row for row in before["order"]}
    changed = [row for row in after["order"] if row[0] in old and row != old[row[0]]]
    assert {row[9] for row in changed} >= {"paid", "shipped", "delivered", "returned"} - {"paid"}
    assert [row for row in changed if row[12] == old[row[0]][12]], "an update that forgot updated_at"
    assert len(before["product"] ^ after["product"]) == 10, "five prices changed"
    assert "committed late" in told
    second = commands.succeeded(seeds(own, "day", "--yes"))
    assert second.startswith("2026-01-02 has passed")


def test_the_late_commit_is_one(own):
    """The row that was stamped first becomes visible last: a reader in between would miss it for good by updated_at."""
    commands.succeeded(seeds(own, "fill", "--yes", "--orders", "500"))
    seen = []

    def connect():
        connection = own.connect(own.shop_url, local_infile=True)
        seen.append(connection)
        return connection

    day._late_commit(connect, day.Clock(UNTIL))
    stamps = ask(own, f"select updated_at from `order` where updated_at >= '{UNTIL}' order by order_id desc")
    assert len(stamps) == 2 and stamps[0] < stamps[1]


def test_days_pass_in_a_shop_of_one_order(own):
    """Its first day ended in a traceback, for want of two delivered orders, after half of it was committed."""
    commands.succeeded(seeds(own, "fill", "--yes", "--orders", "1"))
    assert all("has passed" in commands.succeeded(seeds(own, "day", "--yes")) for _day in range(3))


def test_a_day_without_a_shop_says_what_to_do(own):
    done = seeds(own, "day", "--yes")
    assert done.returncode == 1 and "make seed" in done.stderr and "Traceback" not in done.stderr
