"""`verify` on the Redshift stand-in: every type printed alike by both ends, changes found, marts compared."""

from dataclasses import replace

import pytest

from loaders.proof import raw_state, verify
from loaders.proof.verify import Ends
from loaders.run import backlog
from loaders.run.match_catalog import match
from loaders.words import catalog
from tests import deep_table
from tests.own_database import watch
from tests.redshift.test_load import both  # noqa: F401 (a fixture)

# What makes another value of each kind of column in Redshift.
CHANGES = {
    "smallint": "case when {0} = 5 then 6 else 5 end",
    "integer": "5",
    "bigint": "case when {0} = 5 then 6 else 5 end",
    "real": "0.3",
    "double precision": "0.10000000000000002",
    "character varying": "case when {0} = 'x' then 'y' else 'x' end",
    "bytea": "case when {0} = from_hex('01') then from_hex('02') else from_hex('01') end",
    "date": "{0} + 1",
    "timestamp without time zone": "{0} + interval '1 microsecond'",
    "numeric": "case when {0} = 0 then 1 else 0 end",
}


def finding(both, deep: bool, marts="nowhere"):  # noqa: F811
    known = both.catalog(for_redshift=True)
    with both.warehouse() as warehouse, both.own.snapshot() as snapshot:
        applied, waiting = raw_state.applied(both.lake, warehouse), backlog.pending(both.lake, warehouse)
        ends = Ends(snapshot, warehouse, applied, waiting, marts, watch, True)
        ((table, source),) = match(known, snapshot)
        return verify.raw_table(ends, table, source, known, deep)


@pytest.mark.parametrize("deep", [False, True])
def test_what_changed_since_the_last_run_is_named(both, deep):  # noqa: F811
    both.own.write(
        "create table t (k varchar(9) collate utf8mb4_general_ci primary key, v int)",
        "insert into t values ('a', 1), ('B ', 2), ('ab', 3), ('', 4), ('김', 5)",
    )
    both.run(for_redshift=True)
    assert finding(both, deep).equal
    both.own.write("delete from t where k = 'ab'", "update t set v = 6 where k = 'a'", "insert into t values ('c', 7)")
    found = finding(both, deep)
    assert (found.equal, found.fix) == (False, "make extract") and "since run 1" in found.said
    changed = ": v is '6' at the source, '1' here" if deep else ""
    assert found.details == [
        "only at the source: 1:", "  k=c", "only here: 1:", "  k=ab", "different: 1:", f"  k=a{changed}",
    ]  # fmt: skip


def test_deep_says_equal_of_every_type_and_finds_a_change_of_each_column_that_keeps_the_hash(both):  # noqa: F811
    names = deep_table.filled(both.own, for_redshift=True)
    both.run(for_redshift=True)
    found = finding(both, deep=True)
    assert found.equal, found
    assert found.said == f"equal by every value of {len(names) + 1} columns"
    types = dict(
        both.ask(f"select column_name, data_type from information_schema.columns where table_schema = '{both.schema}'")
    )
    changes = ", ".join(f"{column} = {CHANGES[types[column]].format(column)}" for column in names)
    both.ask(f"update {both.schema}.t set {changes} where id = 0")
    assert finding(both, deep=False).equal
    found = finding(both, deep=True)
    (line,) = found.details[1:]
    assert [f"{column} is" in line for column in names] == [True] * len(names), line
    assert found.fix == 'make extract ARGS="--full --tables t"'


MART = """mart:
            name: m
            query: >-
              select k, fee, n * 2 as twice, f, at, cast(at as date) as day, t, n > 1 as many, coalesce(t, '') as label
              from t
        """


def test_a_mart_is_compared_by_every_value_of_every_row(both):  # noqa: F811
    both.own.write(
        "create table t (k varchar(9) collate utf8mb4_bin primary key, fee decimal(10,2), n int null, f double, "
        "at datetime(6), t varchar(20) null)",
        "insert into t values ('a', 1.25, 3, 0.1, '2024-02-29 01:02:03.000004', ''), "
        "('B', -0.50, null, 5e-324, '1000-01-01', null), ('', 0, 0, 1e300, '9999-12-31 23:59:59.999999', '김 ')",
    )
    both.run(for_redshift=True)
    text = both.own.catalog_file.read_text().replace("primary_key:", f"{MART}primary_key:")
    both.own.catalog_file.write_text(text)
    assert mart(both).said == "not built yet"
    both.ask(
        f"create table {both.schema}.m as select k, fee, n * 2 as twice, f, at, cast(at as date) as day, t, "
        f"n > 1 as many, cast(coalesce(t, '') as varchar(80)) as label, 'x'::varchar(9) as other from {both.schema}.t"
    )
    assert mart(both).said == ("equal to the join computed by MySQL, 9 of 10 columns by value; not compared: other")
    for change, line in (
        ("twice = 0 where k = 'B'", "  k=B: twice is NULL at the source, '0' here"),
        ("t = null where k = 'a'", "  k=a: t is '' at the source, NULL here"),
        ("label = '김' where k = ''", "  k=: label is '김 ' at the source, '김' here"),
        ("many = not many where k = 'a'", "  k=a: many is '1' at the source, '0' here"),
        ("f = 0.10000000000000002 where k = 'a'",
         "  k=a: f is '0.1' at the source, '0.10000000000000002' here"),
    ):  # fmt: skip
        both.ask(f"create table {both.schema}.kept as select * from {both.schema}.m")
        both.ask(f"update {both.schema}.m set {change}")
        found = mart(both)
        assert not found.equal and found.details == ["different: 1:", line]
        both.ask(f"drop table {both.schema}.m")
        both.ask(f"alter table {both.schema}.kept rename to m")
    both.ask(f"update {both.schema}.m set fee = 0.75 - fee where k in ('a', 'B')")
    assert mart(both).details == [
        "different: 2:", "  k=B: fee is '-0.50' at the source, '1.25' here",
        "  k=a: fee is '1.25' at the source, '-0.50' here",
    ]  # fmt: skip
    both.ask(f"update {both.schema}.m set k = 'C' where k = 'B'")
    assert mart(both).details[:4] == ["only at the source: 1:", "  k=B", "only here: 1:", "  k=C"]


def mart(both):  # noqa: F811
    known = replace(catalog.read(both.own.catalog_file), schema=both.schema)
    with both.warehouse() as warehouse, both.own.snapshot() as snapshot:
        ((table, source),) = match(known, snapshot)
        return verify.mart(Ends(snapshot, warehouse, {}, [], both.schema, watch, True), table, source, [])
