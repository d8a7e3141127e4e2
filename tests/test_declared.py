"""What a catalog declares of a table - its cursor, its key - is found wrong by the first command, in a sentence."""

from dataclasses import replace

import pytest

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.run.match_catalog import match
from loaders.words.catalog import Catalog
from tests.own_database import sequence


def declared(own, **changes) -> Catalog:
    known = own.discover()
    return replace(known, tables=tuple(replace(table, **changes) for table in known.tables))


def refused(own, known: Catalog, **options) -> Failure:
    with pytest.raises(Failure) as caught:
        own.run(known, **options)
    return caught.value


def nothing_published(own) -> bool:
    return not list(own.lake.keys("_runs/"))


@pytest.fixture
def moments(own):
    own.write(
        "create table t (id int primary key, at datetime(6), n int, u bigint unsigned, day date, w varchar(20))",
        "insert into t select seq, '2026-01-01' + interval seq minute, seq, 18446744073709550000 + seq, "
        f"'2026-01-01', concat('w', seq) from {sequence(1, 300)}",
    )
    return own


@pytest.mark.parametrize(("first", "second"), [("at", "n"), ("n", "at"), ("u", "day"), ("day", "u")])
def test_another_cursor_is_followed_without_a_bound_and_then_with_its_own(moments, first, second):
    moments.run(declared(moments, cursor=first))
    known = declared(moments, cursor=second)
    moments.write("delete from t where id = 1", "update t set w = 'new', n = 900 where id = 7")
    (batch,) = moments.run(known).batches
    assert (batch.cursor, batch.cursor_from) == (second, None)
    assert batch.verdict == "equal: 299 rows by hash, all by value; 1 repaired; 1 gone"
    assert batch.notices == (f"t: the cursor was {first} and is {second}: no row is read by it yet, all are compared",)
    moments.write("update t set n = 901, u = u + 1000, at = '2026-02-01', day = '2026-02-01' where id = 9")
    (batch,) = moments.run(known).batches
    assert batch.cursor_from is not None and batch.notices == () and "repaired" not in batch.verdict


def test_a_cursor_whose_type_changed_ends_no_run(moments):
    known = declared(moments, cursor="at")
    moments.run(known)
    moments.write("alter table t drop column at", "alter table t add column at int default 5")
    (batch,) = moments.run(known, full=True).batches
    assert (batch.cursor, batch.cursor_to) == ("at", "5")
    moments.write("alter table t drop column at", "alter table t add column at date default '2026-01-01'")
    moments.run(known, full=True)
    assert moments.run(known).batches[0].verdict == "equal: 300 rows by hash, all by value"


def test_a_record_from_before_cursors_had_names_gives_no_bound_of_another_type(moments):
    moments.run(declared(moments, cursor="at"))
    record = runs.read(moments.lake, 1)
    unnamed = replace(record, batches=tuple(replace(batch, cursor=None) for batch in record.batches))
    moments.lake.replace("_runs/1.json", unnamed.to_json())
    (batch,) = moments.run(declared(moments, cursor="n")).batches
    assert (batch.cursor, batch.cursor_from) == ("n", None)


def test_a_cursor_of_text_is_refused_by_the_first_command(moments):
    known = declared(moments, cursor="w")
    failure = refused(moments, known)
    assert failure.problem == "the cursor t.w is a varchar(20)" and "or none: runs are exact" in failure.fix
    assert nothing_published(moments)
    with moments.snapshot() as snapshot, pytest.raises(Failure, match=r"the cursor t\.w"):
        match(known, snapshot)  # as `plan`, `doctor` and `verify` do


def test_a_null_in_a_declared_key_is_named_by_the_rest_of_its_row(own):
    own.write(
        "create table t (k int null, v varchar(9), w int)", "insert into t values (1, 'one', 1), (null, 'two', 2)"
    )
    known = declared(own, primary_key=("k",))
    failure = refused(own, known)
    assert failure.problem == "t.k belongs to the key, and is NULL in the row v=two, w=2"
    assert "under primary_key in the catalog" in failure.fix and nothing_published(own)
    own.write("update t set k = 2 where k is null")
    own.run(known)
    own.write("insert into t values (null, null, 3)")
    assert refused(own, known).problem == "t.k belongs to the key, and is NULL in the row v=NULL, w=3"
    own.run(declared(own, primary_key=()), full=True)
    assert len(own.live("t", "k")) == 3


def test_a_declared_key_that_two_rows_share_is_refused_before_it_is_published(own):
    own.write(
        "create table t (a int not null, b varchar(9) collate utf8mb4_general_ci not null)",
        "insert into t values (1, 'x'), (1, 'X'), (1, 'x '), (2, 'x')",
    )
    known = declared(own, primary_key=("a", "b"))
    own.run(known)
    own.write("insert into t values (2, 'x')")
    failure = refused(own, known)
    assert failure.problem == "2 rows of t have the key a=2, b=x" and "none" in failure.fix
    assert refused(own, known, full=True).problem == failure.problem
    assert len(own.live("t", "a")) == 4


@pytest.mark.parametrize("key", [("b",), ("a", "b")])
def test_a_changed_row_is_found_among_keys_that_a_collation_takes_for_one(own, key):
    """Its repair brought all of them, and no run ended any more but whole ones."""
    own.write(
        "create table t (a int not null, b varchar(9) collate utf8mb4_general_ci not null, v int)",
        "insert into t values (1, 'x', 1), (1, 'X', 2), (1, 'x ', 3), (1, '김', 4)",
    )
    known = declared(own, primary_key=key)
    own.run(known)
    own.write("update t set v = v + 10 where cast(b as binary) in ('x', '김')")
    assert own.run(known).batches[0].verdict == "equal: 4 rows by hash, all by value; 2 repaired"
    assert own.live("t", "v") == [(2,), (3,), (11,), (14,)]


def test_a_declared_key_that_two_rows_share_is_refused_at_the_first_run(own):
    own.write("create table t (a int not null)", "insert into t values (1), (7), (7), (7)")
    assert refused(own, declared(own, primary_key=("a",))).problem == "3 rows of t have the key a=7"
    assert nothing_published(own)


def test_no_value_of_a_key_becomes_null(own):
    own.write(
        "create table t (d date primary key, e date)", "set sql_mode = ''",
        "insert into t values ('2021-00-00', '0000-00-00')",
    )  # fmt: skip
    failure = refused(own, declared(own, invalid_to_null=frozenset("d")))
    assert "on_invalid of t.d is null, and it belongs to the key" in failure.problem
    failure = refused(own, declared(own), invalid_to_null=True)
    assert "t.d: the value 2021-00-00 of the row d=2021-00-00 has no exact home" in failure.problem
    assert "it belongs to the key, which cannot become NULL" in failure.fix
    assert nothing_published(own)
