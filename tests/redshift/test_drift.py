"""When the source's columns change, on the Redshift stand-in: in place where real Redshift can, else by a new table."""

import pytest
from redshift_connector.error import ProgrammingError

from loaders.warehouse.redshift_session import RedshiftSession
from tests.redshift.conftest import connection_to
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.redshift.test_statements import sent


@pytest.fixture
def shop(both):  # noqa: F811
    """Two rows and a view on them, loaded."""
    both.own.write(
        "create table t (id int primary key, v varchar(20), n int, b varbinary(4))",
        "insert into t values (1, 'a', 10, x'00ff'), (2, 'b', 20, null)",
    )
    both.run()
    both.ask(f"create view {both.schema}.view_of_t as select id, v from {both.schema}.t with no schema binding")
    return both


def after(shop, *statements: str, **options):
    """The batch of the run that follows a change, and what was sent to the warehouse meanwhile."""
    shop.own.write(*statements)
    with sent() as told:
        (batch,) = shop.run(**options).batches
    return batch, told


def test_a_wider_varchar_is_widened_in_place_before_the_transaction(shop):
    batch, told = after(shop, "alter table t modify v varchar(200)")
    assert (batch.mode, batch.rows) == ("incremental", 0)
    (widened,) = [place for place, sql in enumerate(told) if sql.startswith("alter table")]
    assert told[widened].endswith('alter column "v" type VARCHAR(800)')
    assert told[widened + 2] == "begin" and not any("_order_he_new" in sql for sql in told)
    after(shop, "update t set v = repeat('김', 200) where id = 2")
    assert shop.rows(columns="id, v") == [(1, "a"), (2, "김" * 200)]


class Refusing(RedshiftSession):
    """Redshift does not widen a column of encoding BYTEDICT, RUNLENGTH, TEXT255 or TEXT32K."""

    def run(self, sql: str) -> None:
        if sql.startswith("alter table") and " alter column " in sql:
            raise ProgrammingError({"S": "ERROR", "C": "0A000", "M": "cannot alter type of a column with encoding"})
        super().run(sql)


def test_a_varchar_that_cannot_be_widened_in_place_goes_through_a_new_table(shop):
    shop.own.write("alter table t modify v varchar(200)", "insert into t values (3, repeat('김', 200), 30, null)")
    with shop.warehouse() as warehouse:
        (batch,) = shop.extract(warehouse=warehouse, full=False).batches
    assert batch.mode == "incremental"
    with sent() as told:
        shop.load(Refusing(lambda: connection_to(shop.redshift), "localhost"))
    assert any("_order_he_new" in sql for sql in told)
    assert shop.rows(columns="id, v, _run") == [(1, "a", 1), (2, "b", 1), (3, "김" * 200, 2)]
    assert shop.rows("view_of_t") == [(1, "a"), (2, "b"), (3, "김" * 200)]


@pytest.mark.parametrize(
    ("change", "large", "shown", "value"),
    [
        ("modify n bigint", "n = 5000000000", "n", 5_000_000_000),
        ("modify b varbinary(9)", "b = x'010203040506070809'", "to_hex(b)", "010203040506070809"),
    ],
)
def test_any_other_type_goes_through_a_new_table_and_is_still_not_read_whole(shop, change, large, shown, value):
    batch, told = after(shop, f"alter table t {change}")
    assert (batch.mode, batch.rows) == ("incremental", 0)
    assert [sql.split()[0] for sql in told if sql.startswith(("drop table", "alter table"))][-2:] == ["drop", "alter"]
    after(shop, f"update t set {large} where id = 2")
    assert shop.rows(columns="id, _run") == [(1, 1), (2, 3)]
    assert shop.rows("view_of_t") == [(1, "a"), (2, "b")]
    assert shop.rows(columns=f"id, {shown}")[1] == (2, value)


def test_a_new_column_is_read_in_the_same_run_with_its_default_in_old_rows(shop):
    batch, _told = after(shop, "alter table t add column w int not null default 7 first")
    assert batch.mode == "full" and shop.rows(columns="id, w") == [(1, 7), (2, 7)]
    assert after(shop)[0].mode == "incremental"
    assert shop.rows("view_of_t") == [(1, "a"), (2, "b")]


def test_a_dropped_column_stays_with_its_values_through_runs_of_either_kind(shop):
    batch, _told = after(shop, "alter table t drop column n", "insert into t values (3, 'c', null)")
    assert batch.mode == "full"
    assert shop.rows(columns="id, v, n") == [(1, "a", 10), (2, "b", 20), (3, "c", None)]
    batch, _told = after(shop, "update t set v = 'new' where id = 1", "delete from t where id = 2")
    assert batch.mode == "incremental"
    assert shop.ask(f"select id, v, n from {shop.schema}.t where _deleted_at is null order by 1") == [
        (1, "new", 10), (3, "c", None),
    ]  # fmt: skip
    assert shop.rows("view_of_t") == [(1, "new"), (2, "b"), (3, "c")]
    shop.ask(f"drop table {shop.schema}.t")
    shop.ask(f"drop table {shop.schema}._loads")
    assert shop.load() == [1, 2, 3]
    assert shop.rows(columns="id, n, _deleted_at is null") == [(1, 10, True), (2, 20, False), (3, None, True)]


def test_full_makes_the_table_anew_after_a_change_that_raw_cannot_follow(shop):
    shop.own.write("alter table t drop column b")
    shop.run()
    batch, _told = after(shop, "alter table t modify n varchar(9)", full=True)
    assert "b, which the source has no longer, leaves raw" in batch.notices[1]
    assert shop.rows(columns="id, n") == [(1, "10"), (2, "20")] and len(shop.rows()[0]) == 3 + 4
    assert after(shop)[0].mode == "incremental"


@pytest.mark.parametrize("change", ["add column w int", "modify n bigint"], ids=["read whole", "copied"])
def test_who_may_read_a_table_may_read_the_one_that_takes_its_place(shop, change):
    """Rights that were granted by hand on the old table were lost with it."""
    granted = (
        "select identity_type, privilege_type from svv_relation_privileges where relation_name = 't' "
        f"and namespace_name = '{shop.schema}' and identity_name <> current_user order by 1"
    )
    shop.ask(f"grant select on {shop.schema}.t to public")
    before = shop.ask(granted)
    _batch, told = after(shop, f"alter table t {change}")
    assert any("_order_he_new" in sql for sql in told)
    assert list(map(tuple, shop.ask(granted))) == list(map(tuple, before)) == [("public", "select")]


def test_readers_see_the_old_table_until_the_load_commits(shop):
    """They wait from the DROP to the COMMIT: after every COPY, the comparison by value and the line in `_loads`."""
    _batch, told = after(shop, "alter table t add column w int")
    words = [sql.split()[0] for sql in told]
    drop = max(place for place, sql in enumerate(told) if sql.startswith("drop table") and '."t"' in sql)
    assert drop > max(place for place, word in enumerate(words) if word in ("copy", "declare", "insert"))
    assert words[drop:] == ["drop", "alter", "commit"]
