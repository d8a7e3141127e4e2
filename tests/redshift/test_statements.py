"""The exact SQL of every statement that a load sends, whole: read `load.sql` as a reviewer would.

Delete that file to have it written anew, and read the difference before it is committed.
"""

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redshift_connector

from loaders.lake import parquet
from loaders.run import backlog, plan
from loaders.run.match_catalog import match
from loaders.source import mysql
from loaders.types.column_type import ColumnType
from loaders.types.homes import homes
from loaders.warehouse import profile, raw_sql, redshift_sql
from loaders.warehouse.redshift_connection import connect
from tests.own_database import sequence
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.test_runs import record

GOLDEN = Path(__file__).with_name("load.sql")


@contextmanager
def sent():
    """The statements that the driver is given meanwhile."""
    statements: list[str] = []
    execute = redshift_connector.Cursor.execute

    def recorded(cursor, sql, *arguments):
        statements.append(sql)
        return execute(cursor, sql, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redshift_connector.Cursor, "execute", recorded)
        yield statements


def general(both, statements: list[str]) -> str:  # noqa: F811
    """Statements without what is another in each test: names, moments, versions."""
    text = ";\n".join(statements) + ";\n"
    for own, general_name in (
        (both.schema, "raw"),
        (str(both.lake).rstrip("/"), "s3://bucket/order-he"),
        (both.redshift.copy_role, "arn:aws:iam::123456789012:role/order-he-copy"),
    ):
        text = text.replace(own, general_name)
    text = re.sub(r"\b(\d+)-[0-9a-f]{16}\b", r"\1-attempt", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", "2026-01-02 03:04:05.678901", text)
    return re.sub(r"'[^']*MariaDB[^']*'|'\d+\.\d+\.\d+[^']*'", "'10.11.19-MariaDB'", text)


@pytest.fixture
def shop(both):  # noqa: F811
    """Two tables whose names and columns need quoting, an empty raw, and a way to connect as a profile does."""
    both.ask(f"drop schema {both.schema}")
    both.own.write(
        "create table `order` (id int, part varchar(3), primary key (id, part), b varbinary(4), d decimal(5,2))",
        "insert into `order` values (1, 'a', x'00ff', 1.25)",
        "create table nothing (at datetime)",
    )
    values = {"host": "localhost", "port": both.redshift.port, "user": "admin"}
    both.target = profile.Target("r", "redshift", values | {"password": both.redshift.passwords["admin"]})
    return both


def load(shop, said=None) -> list[str]:
    with sent() as statements, shop.warehouse(shop.session(lambda: connect(shop.target))) as warehouse:
        warehouse.comments = said or {}
        list(backlog.load(shop.lake, warehouse))
        warehouse.newest()
    return statements


def test_the_statements_of_a_first_load_and_of_one_that_finds_a_changed_table(shop):
    """And what is never sent: TRUNCATE (it commits), keys, COPY outside a transaction, a table's name unquoted."""
    shop.extract()
    first = load(shop)
    shop.own.write("alter table `order` modify d decimal(7,3)")
    shop.extract()
    found = f"-- a first load\n{general(shop, first)}\n-- a table changed\n{general(shop, load(shop))}"
    if not GOLDEN.exists():
        GOLDEN.write_text(found)
        pytest.fail(f"{GOLDEN} was not there and has been written: read it, commit it")
    assert found == GOLDEN.read_text()


def test_the_plan_is_what_a_first_load_then_sends(shop):
    """But for counts and verdicts, which only a run knows."""
    shop.own.write("drop table nothing")
    known = replace(shop.own.discover(), schema=shop.schema)
    known = replace(known, tables=tuple(replace(table, comments={"part": "a \\ o'clock"}) for table in known.tables))
    with shop.own.snapshot() as snapshot:
        pairs = match(known, snapshot)
        batches = [plan.whole_table(*pair, homes(pair[0].name, pair[1].columns, True)) for pair in pairs]
        planned = plan.planned(batches, 1, known, snapshot)
    statements = plan.statements(planned, shop.lake.url, shop.redshift.copy_role, known.comments)
    shop.extract()
    really = load(shop, known.comments)
    really = really[really.index(raw_sql.newest_run(shop.schema)) + 1 : really.index("commit") + 1]
    planned_text, real_text = (general(shop, given).replace("<attempt>", "attempt") for given in (statements, really))
    record_of_loads = re.compile(r'insert into "raw"\."_loads" .*\n')
    assert record_of_loads.sub("", planned_text) == record_of_loads.sub("", real_text)
    without_keys = tuple(replace(batch, mode="incremental", primary_key=()) for batch in planned.batches)
    again = plan.statements(replace(planned, batches=without_keys), shop.lake.url, shop.redshift.copy_role, {})
    assert not [sql for sql in again if sql.startswith("delete") and " where " in sql]
    described = "select description from pg_description where objoid = "
    assert shop.ask(f"""{described}'{shop.schema}."order"'::regclass""") == [("a / o'clock",)]
    with sent() as again, shop.warehouse() as warehouse:
        warehouse.comments = known.comments
        shop.own.run_with(warehouse, known, shop.lake)
    assert not [each for each in again if each.startswith("comment")], "of a table that is there"


def test_dist_and_sort_keys_are_in_the_statement():
    (batch,) = record(7, "7-a").batches
    columns = (*batch.columns, ColumnType("at", "datetime", "TIMESTAMP", "TIMESTAMP"))
    keyed = replace(batch, columns=columns, dist="order_id", sort=("at", "order_id"))
    assert redshift_sql.create_table("raw", keyed).endswith(') distkey ("order_id") sortkey ("at", "order_id")')


def test_rights_are_granted_anew_to_whom_they_were_granted():
    """The stand-in tells no groups and roles from users."""
    (batch,) = record(7, "7-a").batches
    found = [("SELECT", kind, 'bi "x"') for kind in ("user", "group", "role", "public")]
    found += [(left, "user", "x") for left in ("RULE", "TRIGGER")]  # by GRANT ALL; no statement grants them
    start = f'grant select on "raw"."{batch.table}" to '
    assert redshift_sql.grants("raw", batch, found) == [
        f'{start}"bi ""x"""', f'{start}group "bi ""x"""', f'{start}role "bi ""x"""', f"{start}public",
    ]  # fmt: skip


def test_text_is_quoted_for_a_server_whose_backslash_escapes():
    assert redshift_sql.text("it's a \\") == "'it''s a \\\\'"
    assert redshift_sql.copy("s", "s3://b/m", "default").endswith("iam_role default format as parquet manifest")


def test_what_a_load_costs_in_statements_and_bytes(shop, monkeypatch):
    """One COPY for each table that has rows to bring, however many files they are in; docs/scale.md has the counts."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 2_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 200)
    monkeypatch.setattr(mysql, "BLOCK_BYTES", 1_000)
    more = f"insert into `order` select seq, 'a', x'00', 2.5 from {sequence(2, 400)}"
    shop.own.write(more, "alter table `order` add column at datetime default now()")

    def sent_by(*changes: str) -> tuple[int, int, int]:
        """COPYs, files of the one that takes most, and statements; none of them grows with the rows."""
        shop.own.write(*changes)
        with sent() as statements:
            run = shop.run(session=shop.session(lambda: connect(shop.target)))
        assert sum(map(len, statements)) < 8_000
        files = max(len(batch.files) for batch in run.batches)
        return sum(sql.startswith("copy ") for sql in statements), files, len(statements)

    copies, files, sent_at_first = sent_by()
    assert (copies, files % parquet.FILES_TOGETHER, files > 4) == (1, 0, True), "`nothing` has no rows"
    changed = sent_by("update `order` set d = 1 where id = 7")
    deleted = sent_by("update `order` set d = 2 where id = 8", "delete from `order` where id = 9")
    nothing = sent_by()
    assert (changed[:2], deleted[:2], nothing[:2]) == ((1, 1), (2, 1), (0, 0)), "keys that are gone are a COPY more"
    assert max(sent_at_first, changed[2], deleted[2], nothing[2]) <= 47
