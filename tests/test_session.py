"""The session that reads: whatever the server, or init_connect, makes of sessions, answers are whole and the same.

Each setting of the list is shown to be needed: without it, the server's hostile value changes, cuts, refuses or ends
an answer.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import NamedTuple

import pymysql
import pytest

from loaders.common.errors import Failure
from loaders.source import mysql, mysql_url, session
from loaders.source.conversion import Conversion
from loaders.source.shared_snapshot import shared_snapshot
from loaders.types.type_contract import contract

ROWS = 5_000
STATED = {setting.name: setting for setting in (*session.MARIADB_LIMITS, *session.EVERYWHERE, *session.SOMEWHERE)}
NUMBERS = "with recursive n as (select 1 as i union all select i + 1 from n where i < 1000) select "


@pytest.fixture(scope="module")
def shop(module_own):
    """A table whose rows show what a session makes of them, and one whose keys are alike at the beginning."""
    module_own.write(
        "create table t (id int primary key, c char(5), moment timestamp(6) null, v varchar(200))",
        *[
            f"insert into t {NUMBERS} i + {at}, 'a', '2024-05-05 10:00:00.5', repeat('x', 200) from n"
            for at in range(0, ROWS, 1000)
        ],
        "create table keyed (k varchar(700) primary key)",
        f"insert into keyed {NUMBERS} concat(repeat('k', 690), 1000 - i) from n",
    )
    return module_own


@pytest.fixture(scope="module")
def administrator(shop, mysql_server):
    with closing(shop.connect(mysql_server.url("root", database_of(shop)), autocommit=True)) as connection:
        if ask(connection, "show variables like 'sql_generate_invisible_primary_key'"):
            ask(connection, "set session sql_generate_invisible_primary_key = 1")
            ask(connection, "create table keyless (v int)")
        yield connection


def ask(connection: pymysql.Connection, sql: str):
    return mysql.rows(connection, sql)


@contextmanager
def everywhere(administrator, name: str, value: object) -> Iterator[None]:
    """What every new session begins with, for a while."""
    ((before,),) = ask(administrator, f"select @@global.{name}")
    back = "default" if before == "DEFAULT" else administrator.escape(before)
    ask(administrator, f"set global {name} = {administrator.escape(value)}")
    try:
        yield
    finally:
        ask(administrator, f"set global {name} = {back}")


# What is asked in a hostile world: each gives what must be the same in any.


def answers(shop) -> object:
    """Rows by two helpers that share a moment, sums per bucket, and that the moment is today's."""
    with (
        closing(shop.connect(shop.source_url, **mysql.CONNECT_OPTIONS)) as one,
        closing(shop.connect(shop.source_url, **mysql.CONNECT_OPTIONS)) as two,
        closing(shop.connect(shop.source_url, **mysql.CONNECT_OPTIONS)) as locker,
        shared_snapshot([one, two], locker, ["t"], pytest.fail) as snapshot,
    ):
        table = snapshot.tables()["t"]
        columns = [contract(column, "t") for column in table.columns]
        batches = snapshot.read(table, Conversion("t", columns, ["id"]), [f"id % 2 = {rest}" for rest in (0, 1)])
        found = sorted(tuple(row.values()) for batch in batches for row in batch.to_pylist())
        sums = snapshot.sums(table, "id div 2", "crc32(v)")
        return found, sums, snapshot.count(table), snapshot.taken_at.year > 2000


def printed(sql: str) -> Callable:
    def probe(shop):
        with shop.snapshot() as snapshot:
            table = snapshot.tables()["t"]
            return [row for rows in snapshot.printed(table, sql) for row in rows]

    return probe


def after_a_pause(shop) -> int:
    """Another connection reads meanwhile."""
    with shop.snapshot() as snapshot:
        table = snapshot.tables()["t"]
        time.sleep(1.7)
        return snapshot.count(table)


def twice(shop) -> list[int]:
    """Two snapshots, one after the other, over one connection."""
    with closing(shop.connect(shop.source_url, **mysql.CONNECT_OPTIONS)) as connection:
        counts = []
        for _ in range(2):
            with mysql.snapshot(connection) as snapshot:
                counts.append(snapshot.count(snapshot.tables()["t"]))
        return counts


def while_altered(shop) -> int:
    """Somebody holds the table for two seconds."""
    with shop.snapshot() as snapshot, closing(shop.connect(shop.shop_url)) as other:
        table = snapshot.tables()["t"]
        ask(other, "lock tables t write")
        letting_go = threading.Timer(2, ask, (other, "unlock tables"))
        letting_go.start()
        try:
            return snapshot.count(table)
        finally:
            letting_go.join()


def estimate_of_what_grew(shop) -> bool:
    """Somebody asked when the table was empty: the server keeps that answer for a day."""
    asked = "select table_name, table_rows from information_schema.tables where table_schema = database()"
    shop.write("drop table if exists grown", "create table grown (id int primary key)")
    with closing(shop.connect(shop.shop_url, autocommit=True)) as somebody:
        ask(somebody, asked)
    shop.write(f"insert into grown {NUMBERS} i from n")
    with shop.snapshot() as snapshot:
        return snapshot.tables()["grown"].estimated_rows > 500


def generated_key(shop) -> tuple[str, ...]:
    with shop.snapshot() as snapshot:
        return snapshot.tables()["keyless"].primary_key


def versioned(shop) -> int:
    shop.write(
        "drop table if exists versioned",
        "create table versioned (id int primary key) with system versioning",
        "insert into versioned values (1)",
    )
    with shop.snapshot() as snapshot:
        return snapshot.count(snapshot.tables()["versioned"])


in_order = printed("select k from keyed order by cast(concat(k, '.') as binary)")


class Hostile(NamedTuple):
    """value: what the server gives to every session; probe: what is asked then."""

    value: object
    probe: Callable = answers


HOSTILE = {
    "max_statement_time": Hostile(0.000001),
    "sql_select_limit": Hostile(0),
    "max_join_size": Hostile(10),
    "sql_mode": Hostile("PAD_CHAR_TO_FULL_LENGTH"),
    "time_zone": Hostile("+09:00"),
    "max_sort_length": Hostile(64, in_order),
    "sort_buffer_size": Hostile(1024, printed("select id from t order by concat(v, repeat('x', 30000 - id))")),
    "div_precision_increment": Hostile(1, printed("select 1 / 7")),
    "completion_type": Hostile("RELEASE", twice),
    "sql_buffer_result": Hostile(1, printed("explain format=json select v from t")),
    "wait_timeout": Hostile(1, after_a_pause),
    "lock_wait_timeout": Hostile(1, while_altered),
    "max_execution_time": Hostile(1),
    "information_schema_stats_expiry": Hostile(86_400, estimate_of_what_grew),
    "show_gipk_in_create_table_and_information_schema": Hostile("OFF", generated_key),
    "idle_transaction_timeout": Hostile(1, after_a_pause),
    "idle_readonly_transaction_timeout": Hostile(1, after_a_pause),
    "system_versioning_asof": Hostile("2000-01-01 00:00:00", versioned),
    "max_session_mem_used": Hostile(65_536),
    "tmp_disk_table_size": Hostile(1024),
}
# The first is shown in test_mysql.py, where the lake is slow. No server here has a second engine.
ELSEWHERE = {"net_write_timeout", "use_secondary_engine"}


def test_every_setting_is_shown():
    assert set(STATED) == set(HOSTILE) | ELSEWHERE


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_server_changes_no_answer_and_would_without_the_setting(shop, administrator, name, monkeypatch):
    value, probe = HOSTILE[name]
    expected = probe(shop)
    with everywhere(administrator, name, value):
        assert probe(shop) == expected
        for group in ("MARIADB_LIMITS", "EVERYWHERE", "SOMEWHERE"):
            kept = tuple(setting for setting in getattr(session, group) if setting.name != name)
            monkeypatch.setattr(session, group, kept)
        found = None
        with suppress(Failure, pymysql.MySQLError, OSError, IndexError, ValueError):
            found = probe(shop)
        assert found != expected


@pytest.mark.parametrize(
    "left",
    [
        "create temporary table t as select 5 as id",
        "lock tables keyed read",
        "start transaction with consistent snapshot",
        "set transaction isolation level read uncommitted",
        "set names latin1",
        "set timestamp = 5",
        "set sql_auto_is_null = 1, last_insert_id = 7",
        "use information_schema",
        "set session sql_select_limit = 3, wait_timeout = 1, sql_mode = 'ansi_quotes'",
    ],
)
def test_what_init_connect_left_behind_is_gone(shop, administrator, left):
    # A grant on this very database hides the one on all that are named alike, so it says everything.
    escaped = database_of(shop).replace("_", "\\_")
    rights = "select, lock tables, create temporary tables"
    ask(administrator, f"grant {rights} on `{escaped}`.* to {account(shop)}")
    expected = answers(shop)
    with everywhere(administrator, "init_connect", left):
        assert answers(shop) == expected


def test_a_variable_that_may_not_be_set_is_named(shop, monkeypatch):
    refused = session.Setting("max_connections", 5, "is the server's")
    monkeypatch.setattr(session, "EVERYWHERE", (*session.EVERYWHERE, refused))
    with pytest.raises(Failure, match="does not let the session set max_connections to 5"), shop.snapshot():
        pass


def test_runs_among_all_hostile_values_at_once_are_exact(shop, administrator):
    """Published and loaded whole, then with changes of every kind."""
    known = catalog_of(shop, "t")
    with closing(shop.connect(shop.shop_url, autocommit=True)) as writer, ExitStack() as hostile:
        for name, (value, _probe) in HOSTILE.items():
            if ask(administrator, f"show global variables like '{name}'"):
                hostile.enter_context(everywhere(administrator, name, value))
        first = shop.run(known).batches[0].verdict
        ask(writer, "update t set c = 'b' where id % 50 = 3")
        ask(writer, "delete from t where id in (7, 4999)")
        ask(writer, "insert into t values (9999, 'c', null, null)")
        second = shop.run(known).batches[0].verdict
        there = ask(writer, "select id, c, moment, v from t order by id")
    assert (first, second) == (
        "equal: 5,000 rows, all by value",
        "equal: 4,999 rows by hash, all by value; 101 repaired; 2 gone",
    )
    assert shop.live("t", "id, c, moment, v") == list(there)


def database_of(shop) -> str:
    return mysql_url.parse(shop.source_url, "x").database


def catalog_of(shop, *names: str):
    """A catalog of these tables alone."""
    return shop.discover().only(names)


def account(shop) -> str:
    with shop.snapshot() as snapshot:
        ((whole,),) = ask(snapshot.connection, "select current_user()")
    user, _, host = whole.decode().partition("@")
    return f"'{user}'@'{host}'"
