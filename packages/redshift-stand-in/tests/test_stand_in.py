"""What the stand-in promises: what Redshift refuses it refuses; what it does its own way, it does so."""

import datetime
import os
import shutil
import signal
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from redshift_connector.error import Error

from redshift_stand_in import Names, StandInError, refusals, stack, tls
from redshift_stand_in.rewrite import rewrite
from stand_in_fixtures import connection_to

REFUSED = {
    "ON CONFLICT": "insert into {t} values (1) on conflict do nothing",
    "RETURNING": "insert into {t} values (1) returning id",
    "CREATE INDEX": "create index i on {t} (id)",
    "DISTINCT ON": "select distinct on (id) id from {t}",
    "string_agg": "select string_agg(id::varchar, ',') from {t}",
    "array_agg": "select array_agg(id) from {t}",
    "FILTER (WHERE)": "select count(*) filter (where id > 1) from {t}",
    "LATERAL": "select * from {t}, lateral (select 1) x",
    "the type json": "create table {s}.x (v json)",
    "the type uuid": "create table {s}.x (v uuid)",
    "SERIAL": "create table {s}.x (v serial)",
    "the type bytea": "create table {s}.x (v bytea)",
    "a partitioned table": "create table {s}.x (v int) partition by range (v)",
    "TABLESAMPLE": "select * from {t} tablesample system (1)",
    "generate_series": "select generate_series(1, 3)",
    "COPY FROM STDIN": "copy {t} from stdin",
    "a cursor that scrolls or is held": "declare c cursor with hold for select 1",
    "CREATE TRIGGER": "create trigger x before insert on {t} execute procedure f()",
    "CREATE DOMAIN": "create sequence {s}.x",
    "UNLOAD": "unload ('select 1') to 's3://x/y' iam_role default",
    "QUALIFY": "select id from {t} qualify row_number() over (order by id) = 1",
    "PIVOT": "select * from {t} pivot (count(*) for id in (1))",
    "MERGE": "merge into {t} using {t} s on {t}.id = s.id when matched then delete",
    "the type super": "create table {s}.x (v super)",
    "LISTAGG": "select listagg(id, ',') from {t}",
    "a materialized view": "create materialized view {s}.x as select 1",
    "a procedure": "create procedure {s}.x() language plpgsql as $$ begin end $$",
    "a function of one's own": "create function {s}.x() returns int stable as $$ select 1 $$ language sql",
    "CONNECT BY": "select id from {t} connect by prior id = id",
    "ALTER TABLE APPEND": "alter table {t} append from {t}",
    "APPROXIMATE": "select approximate count(distinct id) from {t}",
}


def refused(ask, sql: str) -> str:
    with pytest.raises(Error) as caught:
        ask(sql)
    return caught.value.args[0]["M"]


def test_every_refusal_has_a_test():
    assert set(REFUSED) == set(refusals.NOT_IN_REDSHIFT | refusals.NOT_JUDGED)


@pytest.mark.parametrize("what", REFUSED)
def test_what_redshift_does_not_have_is_refused_by_name(ask, schema, table, what):
    assert refused(ask, REFUSED[what].format(t=table, s=schema)).startswith(f"{what} is refused by the local Redshift")


def test_a_word_inside_a_value_a_comment_or_a_quoted_name_is_no_reason_to_refuse(ask, schema):
    ask(f'create table {schema}.t ("returning" varchar(20)) -- on conflict')
    ask(f"insert into {schema}.t values ('uuid json bytea')")
    assert ask(f'select "returning" from {schema}.t') == [("uuid json bytea",)]


def test_widths_count_bytes(ask, schema):
    ask(f"create table {schema}.t (v varchar(10), b varbyte(3))")
    ask(f"insert into {schema}.t (v) values ('일이삼')")
    assert "value too long for type character varying(10)" in refused(
        ask, f"insert into {schema}.t (v) values ('일이삼사')"
    )
    assert "value too long for type varbyte(3)" in refused(
        ask, f"insert into {schema}.t (b) values (from_hex('01020304'))"
    )
    assert "cannot exceed 65535" in refused(ask, f"create table {schema}.u (v varchar(65536))")


def test_a_bare_varchar_has_256_bytes_and_a_bare_decimal_no_places(ask, schema):
    ask(f"create table {schema}.t (v varchar, d decimal)")
    assert "character varying(256)" in refused(ask, f"insert into {schema}.t (v) values (repeat('x', 257))")
    ask(f"insert into {schema}.t (d) values (1.5)")
    assert ask(f"select d from {schema}.t where d is not null") == [(2,)]


def test_blanks_at_the_end_do_not_count_when_a_varchar_is_compared(ask, schema):
    """So keys that differ by one must be compared with something behind them, as who merges rows does."""
    ask(f"create table {schema}.t (v varchar(9)); ")
    ask(f"insert into {schema}.t values ('a'), ('a '), ('A'), (' a')")
    assert ask(f"select count(*) from {schema}.t where v = 'a'") == [(2,)]
    assert ask(f"select count(*) from {schema}.t where v in ('a   ')") == [(2,)]
    assert ask(f"select count(distinct v), sum(len(v)) from {schema}.t") == [(3, 6)]
    assert ask(f"select count(*) from {schema}.t one join {schema}.t other on one.v = other.v") == [(6,)]
    assert ask(f"select count(*) from {schema}.t one join {schema}.t other on one.v || '.' = other.v || '.'") == [(4,)]
    ask(f"delete from {schema}.t using {schema}.t as gone where t.v = gone.v and gone.v || '.' = 'a .'")
    assert ask(f"select count(*) from {schema}.t") == [(2,)]


def test_two_that_change_the_same_rows_at_once_are_a_violation_of_serializable_isolation(ask, redshift, table):
    """1023, named in the detail only; what a transaction sees is fixed by its first statement, LOCK excepted."""
    ask(f"insert into {table} values (1)")
    with connection_to(redshift) as other, other.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(f"select * from {table}")
        ask(f"update {table} set id = 2")
        cursor.execute(f"select * from {table}")
        assert [tuple(row) for row in cursor.fetchall()] == [(1,)]
        with pytest.raises(Error) as caught:
            cursor.execute(f"update {table} set id = 3")
        assert caught.value.args[0]["M"] == "1023" and "Serializable isolation" in caught.value.args[0]["D"]
        cursor.execute("rollback")
        cursor.execute("begin")
        cursor.execute(f"lock {table}")
        cursor.execute(f"select * from {table}")
        assert [tuple(row) for row in cursor.fetchall()] == [(2,)]


def test_primary_keys_are_not_enforced(ask, schema):
    keys = f"other int references {schema}.t (id), primary key (id), unique (other)"
    ask(f"create table {schema}.t (id int not null, {keys})")
    ask(f"insert into {schema}.t values (1, 5), (1, 5)")
    assert ask(f"select count(*) from {schema}.t") == [(2,)]


def test_names_fold_to_lower_case_also_when_quoted(ask, schema):
    ask(f'create table {schema}."Order" ("Id" int)')
    assert ask(f'select "ID" from {schema}."ORDER"') == []
    assert ask(f"select column_name from svv_redshift_columns where schema_name = '{schema}'") == [("id",)]


def test_dist_and_sort_keys_are_remembered_and_must_exist(ask, schema):
    ask(f"create table {schema}.t (id int distkey, at timestamp encode zstd) compound sortkey (at, id)")
    found = ask(f"select diststyle, sortkey1, sortkey_num from svv_table_info where schema = '{schema}'")
    assert found == [("KEY(id)", "at", 2)]
    assert 'column "nope" named in distkey or sortkey' in refused(
        ask, f"create table {schema}.u (id int) distkey(nope)"
    )


def test_truncate_commits_the_transaction_it_is_in(ask, table):
    ask(f"insert into {table} values (1)")
    ask("begin")
    ask(f"truncate {table}")
    ask(f"insert into {table} values (2)")
    ask("rollback")
    assert ask(f"select id from {table}") == [(2,)]


@pytest.mark.parametrize("name", ["oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "deletexid", "insertxid"])
def test_a_column_named_like_a_system_column_is_refused(ask, schema, table, name):
    """https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html, column_name; the last two unverified."""
    assert "conflicts with a system column name" in refused(ask, f'create table {schema}.u ("{name}" int)')
    assert "conflicts with a system column name" in refused(ask, f'alter table {table} add column "{name}" int')


def test_one_cursor_at_a_time_is_open_in_a_session(ask, table):
    """https://docs.aws.amazon.com/redshift/latest/dg/declare.html"""
    ask("begin")
    ask(f"declare one cursor for select * from {table}")
    ask("close one")
    ask(f"declare two cursor for select * from {table}")
    assert ask("fetch all from two") == []
    assert "only one cursor at a time" in refused(ask, f"declare three cursor for select * from {table}")
    ask("rollback")
    assert "transaction block" in refused(ask, "declare four cursor for select 1")


def test_a_varbyte_is_resized_like_a_varchar(ask, schema):
    """https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html: ALTER COLUMN … TYPE."""
    ask(f"create table {schema}.t (b varbyte(2), v varchar(2), n int)")
    ask(f"alter table {schema}.t alter column b type varbyte(4)")
    ask(f"insert into {schema}.t (b) values (from_hex('01020304'))")
    assert "varbyte(4)" in refused(ask, f"insert into {schema}.t (b) values (from_hex('0102030405'))")
    assert "varbyte(3)" in refused(ask, f"alter table {schema}.t alter column b type varbyte(3)")
    for column, other in (("b", "varchar(9)"), ("v", "varbyte(9)"), ("n", "varchar(9)")):
        told = refused(ask, f"alter table {schema}.t alter column {column} type {other}")
        assert "only the size of a VARCHAR or a VARBYTE" in told


@pytest.mark.parametrize(
    "query",
    [
        "select t.id from {t} t where not exists (select * from {t} b where not exists "
        "(select * from {t} c where t.id = c.id))",
        "select * from {t} a left join {t} b on a.id = b.id and b.id = (select max(id) from {t} c where c.id = b.id)",
        "select id from {t} a where id not in (select sum(id) over () from {t} b where a.id = b.id)",
    ],
)
def test_correlated_subqueries_that_redshift_cannot_take_apart_are_refused(ask, schema, table, query):
    """https://docs.aws.amazon.com/redshift/latest/dg/r_correlated_subqueries.html: three of its kinds."""
    for sql in (query, f"create table {schema}.made as {query}"):
        told = refused(ask, sql.format(t=table))
        assert told == "This type of correlated subquery pattern is not supported due to internal error"


def test_other_correlated_subqueries_are_answered(ask, table):
    for condition in (
        "exists (select 1 from {t} b where b.id = a.id and exists (select 1 from {t} c where c.id = b.id))",
        "id = (select max(id) from {t} b where b.id = a.id)",
        "id not in (select sum(id) over () from {t} b)",
    ):
        assert ask(f"select id from {table} a where {condition}".format(t=table)) == []
    joined = f"select * from {table} a left join (select id from {table} b where exists (select 1 from {table} c " \
             "where c.id = b.id)) b on a.id = b.id"  # fmt: skip
    assert ask(joined) == []


def test_a_reader_waits_for_a_drop_and_a_rename_and_then_does_not_find_its_table(ask, redshift, table):
    """r_LOCK: DROP and ALTER take ACCESS EXCLUSIVE there too; who has begun to read makes the DROP wait."""
    with connection_to(redshift) as reader, connection_to(redshift) as other, reader.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute(f"select * from {table}")
        for sql in (f"alter table {table} rename to away", f"drop table {table}"):
            with other.cursor() as waiting:
                waiting.execute("set statement_timeout to 300")
                with pytest.raises(Error, match="statement timeout"):
                    waiting.execute(sql)
        cursor.execute("rollback")
        ask("begin")
        ask(f"alter table {table} rename to away")
        cursor.execute("set statement_timeout to 300")
        with pytest.raises(Error, match="statement timeout"):
            cursor.execute(f"select * from {table}")
        ask("commit")
        with pytest.raises(Error, match="does not exist"):
            cursor.execute(f"select * from {table}")


def test_only_a_varchar_can_be_resized_and_only_outside_a_transaction(ask, schema):
    ask(f"create table {schema}.t (v varchar(5), n int)")
    ask(f"alter table {schema}.t alter column v type varchar(50)")
    assert "only the size of a VARCHAR" in refused(ask, f"alter table {schema}.t alter column n type bigint")
    ask(f"create view {schema}.v as select v from {schema}.t with no schema binding")
    ask(f"alter table {schema}.t alter column v type varchar(55)")
    ask(f"insert into {schema}.t values (repeat('x', 55), 1)")
    assert ask(f"select length(v) from {schema}.v") == [(55,)]
    ask("begin")
    assert "inside a transaction block" in refused(ask, f"alter table {schema}.t alter column v type varchar(60)")
    ask("rollback")


def test_a_late_binding_view_outlives_its_table(ask, schema):
    ask(f"create table {schema}.t (id int)")
    ask(f"create view {schema}.v as select id from {schema}.t with no schema binding")
    ask(f"drop table {schema}.t cascade")
    ask(f"create table {schema}.t (id int, more int)")
    assert ask(f"select * from {schema}.v") == []


def test_late_binding_views_on_views_come_back_whatever_their_order_and_depend_on_nothing(ask, schema):
    """dbt reads pg_depend to know what a DROP … CASCADE takes; there it takes no late-binding view."""
    ask(f"create table {schema}.t (id int)")
    ask(f"create view {schema}.below as select id from {schema}.t with no schema binding")
    ask(f"create view {schema}.above as select id from {schema}.below with no schema binding")
    ask(f"drop table {schema}.t cascade")
    ask(f"create table {schema}.t (id int)")
    ask(f"create view {schema}.bound as select id from {schema}.t")
    assert ask(f"select * from {schema}.above") == []
    depending = ask(
        "select distinct v.relname from pg_depend inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid "
        "inner join pg_class v on pg_rewrite.ev_class = v.oid inner join pg_namespace n on v.relnamespace = n.oid "
        f"where n.nspname = '{schema}' and pg_rewrite.ev_class <> pg_depend.refobjid"
    )
    assert depending == [("bound",)]


def test_an_error_of_the_stand_ins_own_ends_the_transaction_like_any_other(ask, table):
    ask("begin")
    ask(f"insert into {table} values (1)")
    refused(ask, f"insert into {table} values (2) on conflict do nothing")
    assert "transaction is aborted" in refused(ask, "select 1")
    ask("rollback")
    assert ask(f"select count(*) from {table}") == [(0,)]


def test_functions_count_as_redshifts_do(ask):
    assert ask("select avg(x) from (select 1 as x union all select 2) t") == [(1,)]
    assert ask("select 5 / 2, len('김'), nvl(null, 'x')") == [(2, 1, "x")]
    assert ask("select datediff(month, '2024-01-31'::date, '2024-02-01'::date)") == [(1,)]
    assert ask("select dateadd(day, 1, '2024-02-28'::date)") == [(datetime.datetime(2024, 2, 29),)]
    assert ask(r"select 'a\\b'") == [("a\\b",)]


def test_results_have_no_text_type_and_the_version_is_redshifts(ask):
    assert "Redshift" in ask("select version()")[0][0]
    assert ask("select 'a'::varchar")[0] == ("a",)


def test_a_reader_sees_what_it_is_granted_and_no_more(ask, redshift, table, schema):
    reader = connection_to(redshift, "bi_reader")
    with reader, reader.cursor() as cursor:
        with pytest.raises(Error, match="permission denied"):
            cursor.execute(f"select * from {table}")
        ask(f"grant usage on schema {schema} to bi_reader")
        ask(f"grant select on {table} to bi_reader")
        cursor.execute(f"select * from {table}")
        with pytest.raises(Error, match="permission denied"):
            cursor.execute(f"insert into {table} values (1)")


def test_a_wrong_password_is_refused_and_so_is_a_connection_without_tls(redshift):
    with pytest.raises(Error, match="password authentication failed"):
        connection_to(redshift, password="wrong")
    with pytest.raises(Error, match="SSL off"):
        connection_to(redshift, ssl=False, sslmode="disable")


def test_a_certificate_of_another_authority_or_for_another_name_is_not_trusted(redshift, tmp_path):
    other, _certificate, _key = tls.make(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(other))
        with pytest.raises(Error, match="certificate"):
            connection_to(redshift)


def test_its_certificate_is_one_that_strict_clients_take(tmp_path):
    """Strict is what Python is by itself from 3.13 on; the older ones are asked to be."""
    authority, certificate, key = tls.make(tmp_path)
    there, here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=authority)
    there.load_cert_chain(certificate, key)
    here.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, its = socket.socketpair()
    with ours, its, ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(there.wrap_socket, its, server_side=True)
        with here.wrap_socket(ours, server_hostname="localhost") as secure:
            assert secure.getpeercert()["subjectAltName"][0] == ("DNS", "localhost")
        accepted.result().close()


def test_psycopg_can_use_it_too(redshift):
    connection = psycopg2.connect(
        host="localhost", port=redshift.port, dbname="dev", user="admin", password=redshift.passwords["admin"],
        sslmode="verify-full", sslrootcert=redshift.authority,
    )  # fmt: skip
    with connection, connection.cursor() as cursor:
        cursor.execute("select %s::int + 1, getdate() is not null", (41,))
        assert cursor.fetchone() == (42, True)
    connection.close()


def test_settings_that_only_redshift_has_are_taken(ask):
    for name, value in (
        ("query_group", "'x'"),
        ("enable_result_cache_for_session", "off"),
        ("statement_timeout", "5000"),
    ):
        ask(f"set {name} to {value}")


def test_it_starts_again_after_being_killed_and_leaves_no_process(tmp_path):
    home = tmp_path / "stack"
    first = stack.up(home, say=lambda _text: None)
    os.kill(first.pid, signal.SIGKILL)
    while stack.answers(first):
        time.sleep(0.01)
    second = stack.up(home, say=lambda _text: None)
    try:
        assert second.pid != first.pid
        assert not stack._is_ours(first.postgres_pid, first.folder)
        assert stack.up(home, say=lambda _text: None).pid == second.pid
        with pytest.raises(StandInError, match=r"runs with the files in s3://lake; `python -m redshift_stand_in down"):
            stack.up(home, Names("another"))
        copy = tmp_path / "copy"
        shutil.copytree(home, copy)
        assert stack.described(copy) is None and not stack.down(copy), "a copied folder has no stack of its own"
    finally:
        assert stack.down(home)
    assert not stack._is_ours(second.pid, "redshift_stand_in")
    assert not stack._is_ours(second.postgres_pid, second.folder)
    assert not stack.down(home)


@pytest.mark.parametrize(
    ("redshift_sql", "postgres_sql"),
    [
        ("select nvl(a, 1) from t", "select coalesce(a, 1) from t"),
        ("select dateadd(day, 1, d)", "select dateadd('day', 1, d)"),
        ("select 'nvl(a, 1)' -- nvl(b, 2)", "select 'nvl(a, 1)' -- nvl(b, 2)"),
        ("select convert(int, '1')", "select cast('1' as int)"),
        ('select "A" from T', 'select "a" from T'),
        ("select a minus select b", "select a except select b"),
        (r"select 'a\'b'", r"select E'a\'b'"),
        ("set query_group to 'x'", "set redshift.query_group to 'x'"),
    ],
)
def test_rewriting_changes_words_and_nothing_else(redshift_sql, postgres_sql):
    assert rewrite(redshift_sql).sql == postgres_sql


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select dateadd(", "syntax error"),
        ("select dateadd(day", "syntax error"),
        ("select cast('a' as varchar(", "syntax error"),
        ("create view", "syntax error in CREATE VIEW"),
        ("copy {t} from 'elsewhere' iam_role default format parquet", "'elsewhere', which is no address in S3,"),
    ],
)
def test_what_is_half_or_no_statement_is_refused_and_the_connection_goes_on(ask, table, sql, told):
    assert told in refused(ask, sql.format(t=table))
    assert ask("select 1") == [(1,)]
