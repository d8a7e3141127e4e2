"""`verify` and the marts: equal is said of a mart only if MySQL computes the same rows, column by column; on DuckDB."""

from contextlib import contextmanager
from dataclasses import replace

import duckdb
import pytest

from loaders.common.errors import Failure
from loaders.proof import raw_state, verify
from loaders.proof.verify import Ends, Finding
from loaders.run import backlog
from loaders.run.match_catalog import match
from loaders.words import catalog
from tests import commands, forked_dbt, small_shop
from tests.own_database import watch
from tests.small_shop import customer, order, product
from tests.test_verify import damaged, told

HISTORIES = (
    "country_when_ordered, loyalty_level_when_ordered, product_name_when_ordered, category_when_ordered, "
    "seller_company_when_ordered, price_when_ordered, is_observed"
)
EQUAL = f"equal to the join computed by MySQL, 22 of 29 columns by value; not compared: {HISTORIES}"


@pytest.fixture(scope="module")
def built(module_own):
    """Twelve orders, extracted and built by the project's own models; `kept.order_mart` is the mart as dbt made it."""
    small_shop.create(module_own)
    module_own.write(
        customer(1, "Korea", "2024-01-01"), customer(2, "Frånce", "2024-01-01", "Silver"),
        customer(3, "", "2024-01-01"),
        product(1, "Cup", "8.00", "2024-01-01"), product(2, "컵 ", "0.01", "2024-01-01"),
        *(order(n, 1 + n % 3, 1 + n % 2, f"2024-02-28 10:00:{n}") for n in range(1, 10)),
        order(10, 1, 1, "2024-02-29 23:59:59", "delivered", "'2024-03-05 00:00:17'"),
        order(11, 2, 2, "2024-02-28 10:00:00", "Returned", "'2024-02-28 09:00:00'"),
        order(12, 3, 1, "1000-01-01 00:00:00", "returned"),
        "update `order` set amount = 10 * order_id, request = nullif(elt(order_id, '', 'ring', '  '), 'ring')",
    )  # fmt: skip
    known = catalog.read(commands.SHOP_CATALOG)
    module_own.run(known)
    forked_dbt.dbt(
        module_own, "build", "--quiet", "--select", "+order_mart",
        "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
    )  # fmt: skip
    damaged(module_own, "create schema kept", "create table kept.order_mart as from analytics.order_mart")
    return module_own


@pytest.fixture
def mended(built):
    yield built
    damaged(
        built,
        "drop table analytics.order_mart",
        "create table analytics.order_mart as from kept.order_mart",
    )


def finding(own, known=None, whole=True, deep=False) -> Finding:
    """What `verify` says of the mart, and of raw before it."""
    known = known or catalog.read(commands.SHOP_CATALOG)
    with own.opened(known.schema) as warehouse, own.snapshot() as snapshot:
        ends = Ends(
            snapshot, warehouse, raw_state.applied(own.lake, warehouse), backlog.pending(own.lake, warehouse),
            "analytics", watch, whole,
        )  # fmt: skip
        pairs = match(known, snapshot)
        raw = [verify.raw_table(ends, table, source, known, deep) for table, source in pairs]
        return next(verify.mart(ends, table, source, raw) for table, source in pairs if table.mart)


def test_a_built_mart_is_equal_and_what_mysql_cannot_know_is_named(built):
    assert finding(built) == Finding("order_mart", True, EQUAL, 12)


DAMAGES = {
    "amounts swapped": (
        "update analytics.order_mart set amount = 210 - amount where order_id in (10, 11)",
        ["different: 2:", "  order_id=10: amount is '100' at the source, '110' here",
         "  order_id=11: amount is '110' at the source, '100' here"],
    ),
    "keys negated": (
        "update analytics.order_mart set order_id = -order_id where order_id < 3",
        ["only at the source: 2:", "  order_id=1", "  order_id=2",
         "only here: 2:", "  order_id=-2", "  order_id=-1"],
    ),
    "keys exchanged": (
        "update analytics.order_mart set order_id = 3 - order_id where order_id < 3",
        ["different: 2:",
         "  order_id=1: customer_id is '2' at the source, '3' here; product_id is '2' at the source, '1' here; "
         "delivery_id is 'D1' at the source, 'D2' here; country is 'Frånce' at the source, '' here; "
         "loyalty_level is 'Silver' at the source, 'Gold' here; product_name is '컵 ' at the source, 'Cup' here; "
         "amount is '10' at the source, '20' here; net_amount is '10' at the source, '20' here; "
         "price is '0.01' at the source, '8.00' here; ordered_at is '2024-02-28 10:00:01.000000' at the source, "
         "'2024-02-28 10:00:02.000000' here",
         None],
    ),
    "a key that is NULL": (
        "update analytics.order_mart set order_id = null where order_id = 4",
        ["only at the source: 1:", "  order_id=4", "only here: 1:", "  order_id=None"],
    ),
    "NULL for an empty text": (
        "update analytics.order_mart set country = null where order_id = 2",
        ["different: 1:", "  order_id=2: country is '' at the source, NULL here"],
    ),
    "an empty text for NULL": (
        "update analytics.order_mart set delivered_at = '2024-03-05' where order_id = 3",
        ["different: 1:", "  order_id=3: delivered_at is NULL at the source, '2024-03-05 00:00:00.000000' here"],
    ),
    "a blank that is gone": (
        "update analytics.order_mart set product_name = trim(product_name) where order_id = 1",
        ["different: 1:", "  order_id=1: product_name is '컵 ' at the source, '컵' here"],
    ),
    "another case": (
        "update analytics.order_mart set status = 'PLACED' where order_id = 5",
        ["different: 1:", "  order_id=5: status is 'placed' at the source, 'PLACED' here"],
    ),
    "another's dimension": (
        "update analytics.order_mart set country = 'Korea' where order_id = 1",
        ["different: 1:", "  order_id=1: country is 'Frånce' at the source, 'Korea' here"],
    ),
    "NULL for a truth": (
        "update analytics.order_mart set is_on_time = true where order_id = 1",
        ["different: 1:", "  order_id=1: is_on_time is NULL at the source, '1' here"],
    ),
    "a cent": (
        "update analytics.order_mart set delivery_fee = 3.51, price = 8.01 where order_id = 10",
        ["different: 1:", "  order_id=10: price is '8.00' at the source, '8.01' here; "
         "delivery_fee is '3.50' at the source, '3.51' here"],
    ),
    "a row that is gone": (
        "delete from analytics.order_mart where order_id = 12",
        ["only at the source: 1:", "  order_id=12"],
    ),
    "a row twice": (
        "insert into analytics.order_mart from analytics.order_mart where order_id = 12",
        ["only here: 1:", "  order_id=12"],
    ),
    "one row for another": (
        "update analytics.order_mart set order_id = 11 where order_id = 12",
        ["only at the source: 1:", "  order_id=12", "only here: 1:", "  order_id=11"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_differs_is_named_by_key_and_column(mended, damage):
    statement, details = DAMAGES[damage]
    damaged(mended, statement)
    found = finding(mended)
    assert (found.equal, found.rows, found.fix) == (False, 12, "make verify ARGS=--deep, which tells")
    assert "raw is equal by hash, so the mart is not what its model makes of it" in found.said
    assert HISTORIES in found.said
    assert [line for line, wanted in zip(found.details, details, strict=True) if wanted not in (line, None)] == []


def test_by_every_value_it_is_known_whether_raw_or_the_mart_is_wrong(mended):
    """By hash alone it was said to be the mart, whose model made the same of raw's wrong value again and again."""
    damaged(mended, "update analytics.order_mart set country = 'Korea' where order_id = 1")
    found = finding(mended, deep=True)
    assert "raw is equal, so the mart is not what its model makes of it, or its query" in found.said
    assert found.fix.startswith("make build ARGS=--full-refresh, and if it differs still, correct meta.mart.query")
    damaged(mended, "update raw.customer set country = 'Korea' where customer_id = 2")
    found = finding(mended, deep=True)
    damaged(mended, "update raw.customer set country = 'Frånce' where customer_id = 2")
    assert "raw differs too (customer)" in found.said and "--full --tables customer" in found.fix


ANOTHER = {"VARCHAR": "{0} || 'x'", "BOOLEAN": "not {0}", "TIMESTAMP": "{0} + interval 1 microsecond"}


def test_every_compared_column_takes_part(mended):
    with duckdb.connect(mended.warehouse_path) as connection:
        columns = connection.execute("select * from analytics.order_mart limit 0").description
        kinds = {name: str(kind) for name, kind, *_rest in columns if name not in (*HISTORIES.split(", "), "order_id")}
        changes = [f"{name} = {ANOTHER.get(kind, '{0} + 1').format(name)}" for name, kind in kinds.items()]
        connection.execute(f"update analytics.order_mart set {', '.join(changes)} where order_id = 10")
    (line,) = finding(mended).details[1:]
    assert [name for name in kinds if f" {name} is '" in line] == list(kinds) and len(kinds) == 21


def test_a_column_that_the_mart_lacks_is_a_difference(mended):
    damaged(mended, "alter table analytics.order_mart drop column country")
    found = finding(mended)
    assert (found.equal, found.fix) == (False, "make build")
    assert found.said == "has no column country, which the catalog's query gives"
    damaged(mended, "alter table analytics.order_mart drop column order_id")
    assert finding(mended).said == "has no column order_id, country, which the catalog's query gives"


@contextmanager
def undone(own, *statements: str, back: tuple[str, ...]):
    own.write(*statements)
    yield
    own.write(*back)


def test_who_is_behind_is_said_and_what_mends_it(mended):
    known = catalog.read(commands.SHOP_CATALOG)
    with undone(
        mended,
        "update customer set country = 'Japan' where customer_id = 2",
        back=("update customer set country = 'Frånce' where customer_id = 2",),
    ):
        found = finding(mended)
        assert "12 rows in the mart: raw differs too (customer)" in found.said
        assert found.fix == "make extract, then make build"
        found = finding(mended, known.only(["order"]), whole=False)
        assert "not every table was compared" in found.said and found.fix == "make extract, then make build"
        mended.run(known)
        found = finding(mended)
        assert "it was built of run 1, raw holds run 2" in found.said and found.fix == "make build"
        assert len(found.details) == 5, found.details
    mended.run(known)
    assert finding(mended).equal


def with_query(query: str):
    known = catalog.read(commands.SHOP_CATALOG)
    return replace(
        known,
        tables=tuple(
            replace(table, mart=replace(table.mart, query=query)) if table.mart else table for table in known.tables
        ),
    )


@pytest.mark.parametrize("end", [" ;\n", " -- all of them"])
def test_a_query_may_end_as_people_end_them_and_have_few_columns(built, end):
    found = finding(built, with_query(f"select order_id, amount from `order` where '%' <> '%s'{end}"))
    assert found.equal and "2 of 29 columns by value; not compared: customer_id" in found.said


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("select order_id, amuont from `order`", "Unknown column 'amuont'"),
        ("select order_id, order_id from `order`", "Duplicate column name 'order_id'"),
        ("delete from `order`", "(1064)"),
        ("select amount from `order`", "has no column order_id, which is in the key of order"),
        ("select concat('no. ', order_id) as order_id from `order`", "the query of the catalog gives 'no. 1'"),
    ],
)
def test_a_query_that_cannot_be_compared_is_refused_with_a_remedy(built, query, problem):
    with pytest.raises(Failure) as refused:
        finding(built, with_query(query))
    assert problem in str(refused.value) and "mart.query" in refused.value.fix


LOSSY = {
    # Of MySQL's value and the warehouse's of another type: where nothing is lost, and where something is.
    "cast(0.1 as decimal(9,4))": ("0.1::double", "0.1000001::double"),
    "1234567890123456.7891": ("1234567890123456.7891::decimal(20,4)", "1234567890123456.7891::double"),
    "9007199254740993": ("9007199254740993::bigint", "9007199254740993::double"),
    "'2021-02-03 10:00:00.000000'": ("'2021-02-03 10:00:00'::timestamp", None),
    "'2021-02-30 10:00:00'": ("'2021-02-30 10:00:00'", "try_cast('2021-02-30 10:00:00' as timestamp)"),
    "'12abc'": ("'12abc'", "12.0::double"),
    "'1_000'": ("'1_000'", "1000"),
    "' 7 '": ("' 7 '", "7"),
    "'7'": ("7", "8"),
    "cast('2021-02-03' as date)": ("'2021-02-03'::timestamp", "'2021-02-03 00:00:01'::timestamp"),
    "cast('2021-02-03 01:00:00' as datetime)": ("'2021-02-03 01:00:00'::timestamp", "'2021-02-03'::date"),
    "1e300": ("1e300::double", "1e299::double"),
    "cast(x'00ff' as binary)": ("'\\x00\\xff'::blob", "'\\xff'::blob"),
    "1 = 1": ("true", "false"),
}


@pytest.mark.parametrize("given", LOSSY)
def test_a_cast_of_the_mart_that_loses_something_is_a_difference(mended, given):
    """Both ends printed their values in the mart's type: what its cast had lost, MySQL's printing lost too."""
    known = with_query(f"select order_id, {given} as more from `order`")
    for same, here in zip((True, False), LOSSY[given], strict=True):
        if here:
            damaged(mended, f"create or replace table analytics.order_mart as select order_id, {here} as more "
                    "from kept.order_mart")  # fmt: skip
            found = finding(mended, known)
            assert found.equal == same, (here, found)


def test_bytes_are_compared_with_bytes_alone(mended):
    damaged(mended, "create or replace table analytics.order_mart as select order_id, '\\x12'::blob as more "
            "from kept.order_mart")  # fmt: skip
    with pytest.raises(Failure, match="more is BLOB in the mart, and the catalog's query gives no bytes"):
        finding(mended, with_query("select order_id, 12 as more from `order`"))


def test_the_command_says_it_and_ends_with_its_exit_code(mended):
    equal = told(mended, "verify", "--deep")
    assert f"12 rows  {EQUAL}" in equal and equal.splitlines()[-1] == "equal"
    damaged(mended, DAMAGES["amounts swapped"][0])
    unlike = told(mended, "verify", code=1)
    assert "      next: make build" in unlike and unlike.splitlines()[-1] == "NOT EQUAL: order_mart"
