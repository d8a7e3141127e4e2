"""The loaders' Redshift path on the stand-in: raw equal to DuckDB's, one transaction, what each failure leaves."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest
from redshift_connector.error import Error as RedshiftError
from redshift_connector.error import InterfaceError

from loaders.common.errors import Exit, Failure
from loaders.common.quoting import mysql_name, sql_name
from loaders.common.settings import ROOT
from loaders.lake.run_files import RunFiles, manifest
from loaders.retention import withdraw
from loaders.run import backlog, pipeline
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.warehouse.redshift_errors import is_conflict
from loaders.warehouse.redshift_session import RedshiftSession
from loaders.warehouse.redshift_warehouse import RedshiftWarehouse
from loaders.words.catalog import Table
from loaders.words.delete_limit import DeleteLimit
from local_stack.redshift import environment
from tests import test_type_matrix as matrix
from tests.chaos_proxy import Line
from tests.own_database import sequence
from tests.redshift.conftest import connection_to
from tests.test_duckdb_warehouse import ASKED
from tests.test_lake import Refusals


class Both:
    """A source of the test's own, a lake in S3, and a raw schema in Redshift and in DuckDB."""

    def __init__(self, own, lake, redshift, ask, schema):
        self.own, self.lake, self.redshift, self.ask, self.schema = own, lake, redshift, ask, schema

    @contextmanager
    def warehouse(self, session: RedshiftSession | None = None, role: str = ""):
        session = session or self.session()
        with closing(session):
            yield RedshiftWarehouse(session, self.schema, role or self.redshift.copy_role)

    def session(self, connect=None) -> RedshiftSession:
        return RedshiftSession(connect or (lambda: connection_to(self.redshift)), "localhost")

    def catalog(self, for_redshift=False):
        """All tables there are, to go to the test's own schema."""
        return replace(self.own.discover(), schema=self.schema, for_redshift=for_redshift)

    def extract(self, for_redshift=False, full=True, known=None, **options):
        return self.own.extract(known or self.catalog(for_redshift), lake=self.lake, full=full, **options)

    def run(self, for_redshift=False, known=None, session: RedshiftSession | None = None, **options):
        """What `make extract` does: load what waits, read, compare with raw, and make both commits."""
        with self.warehouse(session) as warehouse:
            return self.own.run_with(warehouse, known or self.catalog(for_redshift), self.lake, **options)

    def load(self, session: RedshiftSession | None = None, **changes) -> list[int]:
        with self.warehouse(session, **changes) as opened:
            return [run.run for run in backlog.load(self.lake, opened)]

    def load_duckdb(self) -> list[int]:
        with open_warehouse(self.own.warehouse_path, self.schema, folders=[self.lake.on_this_machine]) as warehouse:
            return [run.run for run in backlog.load(self.lake, warehouse)]

    def rows(self, table="t", columns="*") -> list[tuple]:
        return sorted(self.ask(f'select {columns} from {self.schema}."{table}"'), key=repr)

    def duckdb_rows(self, table="t", columns="*") -> list[tuple]:
        return sorted(self.own.raw(table, columns, self.schema), key=repr)

    def fails(self, session: RedshiftSession | None = None, **changes) -> Failure:
        with pytest.raises(Failure) as caught:
            self.load(session, **changes)
        return caught.value


@pytest.fixture
def both(own, lake, redshift, ask, schema):
    return Both(own, lake, redshift, ask, schema)


@pytest.fixture
def loaded(both):
    """A table loaded once, and a second run that waits."""
    both.own.write("create table t (id int primary key, v varchar(20))", "insert into t values (1, 'old'), (2, 'old')")
    both.extract()
    both.load()
    both.own.write(
        "update t set v = 'new' where id = 1", "delete from t where id = 2", "insert into t values (3, 'new')"
    )
    both.extract()
    return both


OLD, NEW = [(1, "old", 1), (2, "old", 1)], [(1, "new", 2), (3, "new", 2)]


def test_raw_is_the_same_in_both_warehouses_for_every_type(both):
    kinds = {name: entry for name, entry in (matrix.MATRIX | matrix.BINARY).items() if "longtext" not in name}
    columns, largest = [], max(len(entry[1]) for entry in kinds.values())
    values = [["null"] * len(kinds) for _ in range(largest)]
    for place, (kind, literals, *_rest) in enumerate(kinds.values()):
        columns.append(f"c{place} {kind} null")
        for row, literal in enumerate(literals):
            wide = "300000" in literal or "100000" in literal or "\\0" in literal
            values[row][place] = "null" if wide else literal
    both.own.write(
        f"create table t (id int primary key, {', '.join(columns)}) row_format=dynamic",
        "set sql_mode = ''",
        *(f"insert into t values ({number}, {', '.join(row)})" for number, row in enumerate(values)),
    )
    both.extract()
    both.load()
    both.load_duckdb()
    binary = {f"c{place}" for place, name in enumerate(kinds) if name in matrix.BINARY}
    names = [f"c{place}" for place in range(len(kinds))]

    def listed(to_hex: str) -> str:
        return ", ".join(["id", *(to_hex.format(name) if name in binary else name for name in names)])

    ours = both.rows(columns=listed("to_hex({})"))
    assert len(ours) == largest
    assert ours == both.duckdb_rows(columns=listed("lower(hex({}))"))


def test_a_run_replaces_the_rows_and_leaves_its_line(loaded):
    assert loaded.load() == [2]
    assert loaded.rows(columns="id, v, _run") == NEW
    assert loaded.rows("_loads", "run, table_name, mode, row_count, verdict") == [
        (1, "t", "full", 2, "equal: 2 rows"),
        (2, "t", "full", 2, "equal: 2 rows"),
    ]
    assert loaded.load() == []


def test_a_lake_is_carried_to_an_empty_warehouse(loaded, ask, schema):
    """The same lake fills DuckDB from its first run on, though Redshift had part of it, and then a new Redshift."""
    assert loaded.load_duckdb() == [1, 2]
    assert loaded.duckdb_rows(columns="id, v, _run") == NEW
    ask(f"drop schema {schema} cascade")
    assert loaded.load() == [1, 2]
    assert loaded.rows(columns="id, v, _run") == NEW


@pytest.mark.parametrize("change", ["drop column v", "add column w int"])
def test_a_column_that_is_missing_or_too_many_in_the_target_makes_the_table_anew(loaded, change):
    loaded.ask(f"alter table {loaded.schema}.t {change}")
    assert loaded.load() == [2]
    assert loaded.rows(columns="id, v, _run") == NEW
    assert len(loaded.rows()[0]) == 6, "id, v, their hash and the loaders' own three"


def test_a_changed_column_makes_the_table_anew_and_views_go_on(loaded):
    loaded.load()
    loaded.ask(f"create view {loaded.schema}.view_of_t as select id from {loaded.schema}.t with no schema binding")
    loaded.own.write("alter table t modify v varchar(30), add w int default 7")
    loaded.extract()
    assert loaded.load() == [3]
    assert loaded.rows(columns="id, v, w") == [(1, "new", 7), (3, "new", 7)]
    assert sorted(loaded.ask(f"select * from {loaded.schema}.view_of_t")) == [(1,), (3,)]


def test_dist_and_sort_keys_of_the_catalog_are_the_tables(both):
    both.own.write("create table t (id int primary key, at datetime)")
    known = both.own.discover()
    table = replace(known.tables[0], dist="id", sort=("at", "id"))
    both.own.extract(replace(known, schema=both.schema, tables=(table,)), lake=both.lake, full=True)
    both.load()
    query = f"select diststyle, sortkey1, sortkey_num from svv_table_info where schema = '{both.schema}'"
    assert ("KEY(id)", "at", 2) in both.ask(query)


def test_an_empty_table_is_made(both):
    both.own.write("create table t (id int primary key, b varbinary(20), d decimal(38,2))")
    both.extract()
    assert both.load() == [1]
    assert both.rows() == []


def test_a_role_that_may_not_read_the_lake_leaves_raw_as_it_was_and_is_named(loaded):
    failure = loaded.fails(role=loaded.redshift.empty_role)
    assert "Access Denied" in failure.problem
    assert loaded.redshift.empty_role in failure.fix and "s3:GetObject" in failure.fix
    assert loaded.rows(columns="id, v, _run") == OLD
    assert loaded.load() == [2]


def test_a_role_that_may_list_but_not_read_leaves_raw_as_it_was(loaded):
    failure = loaded.fails(role=loaded.redshift.list_role)
    assert "Access Denied" in failure.problem
    assert loaded.rows(columns="id, v, _run") == OLD


def test_a_role_that_is_not_attached_is_named(loaded):
    failure = loaded.fails(role="arn:aws:iam::123456789012:role/not-attached")
    assert "attach the role arn:aws:iam::123456789012:role/not-attached" in failure.fix


def test_keys_that_expire_in_mid_run_publish_nothing_and_the_next_run_works(both):
    both.own.write("create table a (id int primary key)", "insert into a values (1)", "create table b (id int)")
    both.extract()
    requests = Refusals(both.lake.client, "", 400, "ExpiredToken", lambda number: number > 3)
    with pytest.raises(Failure, match="ExpiredToken") as caught:
        both.extract()
    assert "log in again" in caught.value.fix and requests.asked > 3
    requests.which = lambda _number: False
    assert pipeline.runs.numbers(both.lake) == [1]
    assert both.extract().run == 2 and both.load() == [1, 2]
    assert both.extract().run == 3
    attempts = {key.split("/")[1] for key in both.lake.keys("a/")}
    assert len(attempts) == 3, "what the stopped run left is swept"


def test_a_file_deleted_before_copy_is_named_and_raw_stays(loaded):
    run = pipeline.runs.read(loaded.lake, 2)
    loaded.lake.delete([run.batches[0].files[0].key])
    failure = loaded.fails()
    assert "part-00000.parquet" in failure.problem and "restore that file" in failure.fix
    assert loaded.rows(columns="id, v, _run") == OLD


def test_a_file_deleted_between_its_check_and_copy_is_named_and_raw_stays(loaded):
    """The manifest calls each file mandatory, so COPY itself refuses."""
    run = pipeline.runs.read(loaded.lake, 2)
    loaded.lake.delete([run.batches[0].files[0].key])
    loaded.lake.verify = lambda _key, _sha256: None
    failure = loaded.fails()
    assert "part-00000.parquet" in failure.problem and "does not exist" in failure.problem
    assert loaded.rows(columns="id, v, _run") == OLD


def test_a_file_exchanged_for_one_of_the_same_size_is_named_and_raw_stays(loaded):
    (file,) = pipeline.runs.read(loaded.lake, 2).batches[0].files
    changed = bytearray(loaded.lake.read(file.key))
    changed[100] ^= 1
    loaded.lake.client.put_object(Bucket=loaded.lake.bucket, Key=loaded.lake.prefix + file.key, Body=bytes(changed))
    assert "part-00000.parquet is damaged" in loaded.fails().problem
    assert loaded.rows(columns="id, v, _run") == OLD


TOO_MUCH = ("create table t (id int primary key, v mediumtext)", "insert into t values (7, 'fine'), (8, {value})")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("repeat('일', 21846)", "(65,538 bytes)"), ("concat('a', char(0), 'b')", r"value a\0b")],
    ids=["too long in bytes", "a NUL"],
)
def test_a_value_that_redshift_cannot_hold_is_refused_before_it_is_published(both, value, shown):
    """Table, column and key are named. A published run does not change: it would wait for ever."""
    both.own.write(*(statement.format(value=value) for statement in TOO_MUCH))
    with pytest.raises(Failure, match=r"t\.v: the value .* of the row id=8 has no exact home as VARCHAR") as caught:
        both.extract(for_redshift=True)
    assert shown in caught.value.problem and "on_invalid: null" in caught.value.fix
    assert list(both.lake.keys("")) == []
    run = both.extract(for_redshift=True, invalid_to_null=True)
    assert run.batches[0].invalid == {"v": 1} and both.load() == [1]
    assert both.rows(columns="id, v") == [(7, "fine"), (8, None)]


@pytest.mark.parametrize("name", ["oid", "XMIN", "deletexid"])
def test_a_column_named_as_redshifts_own_is_refused_before_it_is_read(both, name):
    both.own.write(f"create table t (id int primary key, {name} int)")
    with pytest.raises(Failure, match=rf"t\.{name} bears the name of a system column") as caught:
        both.extract(for_redshift=True)
    assert "rename it at the source" in caught.value.fix and list(both.lake.keys("")) == []
    both.extract()
    assert both.load_duckdb() == [1]


@pytest.mark.parametrize(("key", "named"), [(" primary key", "id=8"), ("", "without a key")], ids=["key", "no key"])
def test_a_row_of_over_4_mb_is_refused_before_it_is_published(both, key, named):
    """Each value has room in its column; COPY counts them together."""
    both.own.write(
        f"create table t (id int{key}, a longblob, b longblob)",
        "insert into t values (7, repeat(x'ab', 4194304), null), (8, repeat(x'ab', 4194304), x'00'), (9, null, null)",
    )
    with pytest.raises(Failure, match=f"t: the row {named} has 4,194,305 bytes, and Redshift's COPY") as caught:
        both.extract(for_redshift=True)
    assert "shorten its values" in caught.value.fix and list(both.lake.keys("")) == []
    both.own.write("update t set a = null where id = 8")
    assert both.extract(for_redshift=True).batches[0].rows == 3


def test_a_lake_made_for_duckdb_with_a_value_too_long_names_file_row_column_and_value(both):
    """DuckDB has no such limit, so that lake may hold it; carried to Redshift, COPY refuses, and says enough."""
    both.own.write(*(statement.format(value="repeat('x', 70000)") for statement in TOO_MUCH))
    both.extract()
    failure = both.fails()
    assert "column v is longer than the length defined in the table. Table: 65535, Data: 70000" in failure.problem
    assert "part-00000.parquet, line 0, column v" in failure.problem
    assert "row 2 (id=8), column v: 70,000 bytes for 65,535, the value begins with 'xxxx" in failure.problem
    assert "shorten the value at the source" in failure.fix and "withdraw 1" in failure.fix
    assert both.fails().problem == failure.problem, "and so for ever, until it is given up"
    with both.warehouse() as warehouse:
        withdraw.withdraw(both.lake, warehouse, withdraw.plan(both.lake, warehouse, 1))
    both.own.write("update t set v = 'short' where id = 8")
    assert both.run(for_redshift=True).run == 1
    assert both.rows(columns="id, v") == [(7, "fine"), (8, "short")]


def test_what_redshift_refuses_is_refused_before_it_is_published(both):
    both.own.write(*(statement.format(value="repeat('x', 70000)") for statement in TOO_MUCH))
    with pytest.raises(Failure, match="column v is longer than the length defined") as caught:
        both.run()
    assert "nothing of this run was published" in caught.value.fix
    assert list(both.lake.keys("")) == []
    both.own.write(TOO_MUCH[-1].format(value="'x'").replace("insert", "replace"))
    assert both.run().run == 1
    assert both.load_duckdb() == [1]


HARD_NAMES = (
    "kim's", 'a") from stdin; drop table raw; --', "primary key", "x distkey", ") sortkey (", "as select 1", "50%",
    "a,b", "; select 1", "select", "a\\", "back\\'slash", "varbyte (3)", "a\tb", "고객", "$$x$$", '"', '""',
)  # fmt: skip


def test_names_of_every_kind_are_loaded_and_changed_as_they_are(both):
    """On the stand-in a quote in a column's name once ended COPY's list of columns."""
    tables = {name: mysql_name(name) for name in ('kim\'s "own"', "unique (t)")}
    both.own.write("create table t (id int)")
    known = replace(both.catalog(), tables=tuple(Table(name, ("id",)) for name in tables))
    first, *between, last = HARD_NAMES
    columns = ", ".join(f"{mysql_name(name)} varbinary(9)" for name in (first, *between))
    columns += f", {mysql_name(last)} varchar(9)"
    for table in tables.values():
        both.own.write(
            f"create table {table} (id int primary key, {columns})",
            f"insert into {table} (id, {mysql_name(first)}) values (1, 'a'), (2, null)",
        )
    both.run(known=known)
    for table in tables.values():
        changed = f"update {table} set {mysql_name(last)} = 'new' where id = 2"
        both.own.write(changed, f"delete from {table} where id = 1")
    assert both.run(known=known).run == 2
    for table in tables:
        live = f"from {both.schema}.{sql_name(table)} where _deleted_at is null"
        assert [tuple(row) for row in both.ask(f"select id, {sql_name(first)}, {sql_name(last)} {live}")] == [
            (2, None, "new")
        ]


def test_a_name_that_redshift_would_cut_is_refused_before_anything_is_read(both):
    both.own.write(f"create table t (id int primary key, `{'열' * 43}` int)")
    with pytest.raises(Failure, match="has a name of 129 bytes, Redshift cuts at 127"):
        both.extract(for_redshift=True)


@pytest.mark.parametrize("value", ["123456789.5", "-1e34"])
def test_a_decimal_out_of_range_is_refused_before_it_is_published(both, value):
    both.own.write("create table t (id int primary key, d decimal(65,30))", f"insert into t values (3, {value})")
    with pytest.raises(Failure, match=r"t\.d: the value .* of the row id=3 has no exact home"):
        both.extract(for_redshift=True)
    assert list(both.lake.keys("")) == []


def test_repeated_keys_are_refused(loaded):
    run = pipeline.runs.read(loaded.lake, 2)
    wrong = replace(run, batches=(replace(run.batches[0], primary_key=("v",)),))
    with loaded.warehouse() as warehouse, pytest.raises(Failure, match="1 key of run 2 occurs more than once"):
        warehouse.apply(wrong, RunFiles(loaded.lake, loaded.own.folder), lambda _lost, _elsewhere: None)
    assert loaded.rows(columns="id, v, _run") == OLD


def test_keys_that_differ_by_a_blank_are_two_keys(both):
    both.own.write(
        "create table t (id varchar(9) collate utf8mb4_nopad_bin primary key)", "insert into t values ('a'), ('a ')"
    )
    both.extract()
    assert both.load() == [1]
    assert both.rows(columns="id || '|'") == [("a |",), ("a|",)]


class Breaking:
    """A connection that breaks at a chosen statement, before or after the server has it."""

    def __init__(self, connection, at: str, after: bool, error: Exception):
        self.connection, self.at, self.after, self.error = connection, at, after, error

    def cursor(self):
        return BreakingCursor(self, self.connection.cursor())

    def close(self):
        self.connection.close()


class BreakingCursor:
    def __init__(self, owner, cursor):
        self.owner, self.cursor = owner, cursor

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.cursor.close()

    def execute(self, sql):
        owner, hit = self.owner, sql.startswith(self.owner.at)
        if hit and owner.after:
            self.cursor.execute(sql)
        if hit:
            owner.at = "never again"
            owner.connection.close()
            raise owner.error
        self.cursor.execute(sql)

    def fetchall(self):
        return self.cursor.fetchall()


def breaking(loaded, at: str, after: bool, error: Exception | None = None):
    """A way to connect whose first connection breaks; the next ones are whole."""
    connections = iter([Breaking(connection_to(loaded.redshift), at, after, error or InterfaceError("gone"))])
    return lambda: next(connections, None) or connection_to(loaded.redshift)


@pytest.mark.parametrize("at", ["begin", "lock", "copy", "delete", "insert", "commit"])
def test_a_connection_that_breaks_before_a_statement_leaves_raw_as_it_was(loaded, at):
    failure = loaded.fails(loaded.session(breaking(loaded, at, after=False)))
    assert "run 2" in failure.problem and "make load" in failure.fix
    assert loaded.rows(columns="id, v, _run") == OLD
    assert loaded.load() == [2]
    assert loaded.rows(columns="id, v, _run") == NEW


def test_a_commit_whose_answer_is_lost_is_looked_up_not_guessed(loaded):
    assert loaded.load(loaded.session(breaking(loaded, "commit", after=True))) == [2]
    assert loaded.rows(columns="id, v, _run") == NEW
    assert len(loaded.rows("_loads")) == 2


class Cut(RedshiftSession):
    """A session whose line loses the answer to the first statement that begins with `at`."""

    def __init__(self, both, line: Line, at: str, connect=None):
        self.line, self.at = line, at
        super().__init__(connect or (lambda: connection_to(both.redshift, port=line.port)), "localhost")

    def run(self, sql: str) -> None:
        if sql.startswith(self.at):
            self.at = "never again"
            # The driver asks twice: to parse, and then to execute.
            self.line.lose_answers(after=1)
        super().run(sql)


@pytest.fixture
def line(redshift):
    with closing(Line(redshift.port)) as opened:
        yield opened


@pytest.mark.parametrize("at", ["lock", "create temporary", "copy", "delete", "insert"])
def test_a_line_that_is_cut_in_the_middle_of_a_statement_leaves_raw_as_it_was(loaded, line, at):
    with pytest.raises(Failure, match="could not apply run 2") as caught:
        loaded.load(Cut(loaded, line, at))
    assert "raw is unchanged" in caught.value.fix
    assert loaded.rows(columns="id, v, _run") == OLD
    assert loaded.load() == [2]
    assert loaded.rows(columns="id, v, _run") == NEW


def test_a_line_that_is_cut_in_the_middle_of_commit_is_asked_again(loaded, line):
    assert loaded.load(Cut(loaded, line, "commit")) == [2]
    assert loaded.rows(columns="id, v, _run") == NEW
    assert len(loaded.rows("_loads")) == 2


def test_a_lost_commit_is_found_even_when_another_load_went_on_since(loaded, line):
    loaded.extract()

    class Slow(Cut):
        """Between the cut and the question, another load applies the next run."""

        def _asked_anew(self, *question):
            loaded.load()
            return super()._asked_anew(*question)

    assert loaded.load(Slow(loaded, line, "commit")) == [2, 3]
    assert len(loaded.rows("_loads")) == 3


def test_when_a_lost_commit_cannot_be_asked_for_the_failure_says_just_that(loaded, line):
    connections = iter([connection_to(loaded.redshift, port=line.port)])

    def once():
        with suppress(StopIteration):
            return next(connections)
        raise Failure("Redshift at localhost:1 cannot be reached: refused", "wait")

    with pytest.raises(Failure, match=r"run 2 .* whether it did cannot be asked: Redshift at localhost:1") as caught:
        loaded.load(Cut(loaded, line, "commit", connect=once))
    assert "all of it has happened or nothing" in caught.value.fix
    assert loaded.rows(columns="id, v, _run") == NEW, "this time it was there"
    assert loaded.load() == []


class Disturbed(RedshiftSession):
    """A session in which somebody else changes the raw table between its COPY and its DELETE, so many times."""

    def __init__(self, both, times: int):
        self.both, self.times = both, times
        super().__init__(lambda: connection_to(both.redshift), "localhost")

    def run(self, sql: str) -> None:
        if sql.startswith("delete") and self.times:
            self.times -= 1
            self.both.ask(f"update {self.both.schema}.t set v = v")
        super().run(sql)


def test_a_serialization_conflict_is_tried_again_as_a_whole(loaded, capsys):
    assert loaded.load(Disturbed(loaded, 2)) == [2]
    said = "notice: run 2 is tried again, since another transaction came in between: 1023 (Serializable isolation"
    assert capsys.readouterr().err.count(said) == 2
    assert loaded.rows(columns="id, v, _run") == NEW
    assert len(loaded.rows("_loads")) == 2


def test_a_conflict_in_every_try_leaves_raw_as_it_was_and_is_named(loaded):
    with pytest.raises(Failure, match=r"could not apply run 2 .* 1023 \(Serializable isolation violation") as caught:
        loaded.load(Disturbed(loaded, 3))
    assert caught.value.ends == Exit.TRY_AGAIN
    assert loaded.rows(columns="id, v, _run") == OLD
    assert loaded.load() == [2]


# As the driver hands them on, by the reports that redshift_errors names.
CONFLICTS = [
    {"C": "40001", "M": "1023", "D": "Serializable isolation violation on table"},
    {
        "C": "XX000",
        "M": "1023",
        "D": "\n  -----\n  error: Serializable isolation violation on table - 117, ...\n  -----\n",
    },
    {"C": "XX000", "M": "1023"},
    {"C": "XX000", "M": "1018", "D": "Relation does not exist."},
    {"C": "XX000", "M": "could not open relation with OID 117"},
    {"C": "42P01", "M": "table 117 dropped by concurrent transaction"},
    {"C": "XX000", "M": "could not complete because of conflict with concurrent transaction"},
    {"C": "40P01", "M": "deadlock detected"},
]


@pytest.mark.parametrize("told", [{"C": "42P01", "M": 'relation "t" does not exist'}, {"C": "XX000", "M": "10230"}, {}])
def test_what_is_no_conflict(told):
    assert not is_conflict(RedshiftError(told))


class Conflicting(RedshiftSession):
    """A session whose COMMIT, after so many that succeed, finds that another writer was faster."""

    def __init__(self, both, before: int, told=CONFLICTS[0]):
        self.left, self.told = before + 1, told
        super().__init__(lambda: connection_to(both.redshift), "localhost")

    def run(self, sql: str) -> None:
        self.left -= sql == "commit"
        if sql == "commit" and not self.left:
            super().run("rollback")
            raise RedshiftError(self.told)
        super().run(sql)


@pytest.mark.parametrize("told", CONFLICTS, ids=lambda told: f"{told['C']} {told['M']}")
def test_a_conflict_at_the_commit_itself_is_tried_again_and_the_run_is_published_once(loaded, told):
    loaded.load()
    assert loaded.run(full=True, session=Conflicting(loaded, 0, told)).run == 3
    assert loaded.rows(columns="id, v, _run") == [(1, "new", 3), (3, "new", 3)]
    assert list(loaded.lake.keys("_runs/")) == [f"_runs/{number}.json" for number in (1, 2, 3)]
    assert len(loaded.rows("_loads")) == 3


def test_a_run_whose_commit_has_lost_its_answer_is_published_and_in_raw(loaded, line):
    loaded.load()
    assert loaded.run(full=True, session=Cut(loaded, line, "commit")).run == 3
    assert loaded.rows(columns="id, v, _run") == [(1, "new", 3), (3, "new", 3)]
    assert loaded.load() == []


@pytest.mark.parametrize("at", ["begin", "lock", "copy", "delete", "insert"])
def test_a_run_whose_connection_breaks_before_its_proof_is_not_published(loaded, at):
    loaded.load()
    with pytest.raises(Failure, match="could not apply run 3") as caught:
        loaded.run(full=True, session=loaded.session(breaking(loaded, at, after=False)))
    assert "nothing of this run was published" in caught.value.fix
    assert len(list(loaded.lake.keys("_runs/"))) == 2
    assert {key.split("/")[1][0] for key in loaded.lake.keys("t/")} == {"1", "2"}, "no file of it is left"
    assert loaded.rows(columns="id, v, _run") == NEW
    assert loaded.run(full=True).run == 3


@pytest.mark.parametrize("question", ASKED.values(), ids=ASKED)
def test_whatever_redshift_says_when_it_is_asked_is_a_failure(loaded, question):
    session = loaded.session()
    with loaded.warehouse(session) as warehouse:
        session.interrupt()
        with pytest.raises(Failure, match="Redshift at localhost could not read schema"):
            question(warehouse, pipeline.runs.read(loaded.lake, 1).batches[0])


def loaded_at_once(both, number: int) -> list[list[int]]:
    """What each of so many loads, begun together, said that it had applied."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _number: both.load(), range(number)))


def test_two_loads_at_once_apply_a_run_once(loaded):
    assert all(end in ([2], []) for end in loaded_at_once(loaded, 3))
    assert loaded.rows(columns="id, v, _run") == NEW
    assert len(loaded.rows("_loads")) == 2


def test_two_first_loads_at_once_apply_a_run_once(both, schema):
    """Here not even the schema is there, and of a snapshot taken before the lock nobody would notice the other."""
    both.ask(f"drop schema {schema}")
    both.own.write("create table t (id int)", "insert into t values (1), (2)")
    both.extract()
    assert all(end in ([1], []) for end in loaded_at_once(both, 4))
    assert both.rows(columns="id") == [(1,), (2,)]
    assert len(both.rows("_loads")) == 1


def test_who_asks_what_is_loaded_does_not_wait_for_a_load(loaded):
    """LOCK keeps readers out until the transaction ends: status, freshness and builds waited for every load."""
    seen = []

    def ask_meanwhile(_lost, _elsewhere):
        return lambda: seen.append(loaded.rows("_loads", "run"))

    run = pipeline.runs.read(loaded.lake, 2)
    with loaded.warehouse() as warehouse:
        warehouse.apply(run, RunFiles(loaded.lake, loaded.own.folder), ask_meanwhile)
    assert seen == [[(1,)]] and loaded.rows("_loads", "run") == [(1,), (2,)]


def test_the_command_needs_a_lake_that_redshift_can_read(own, redshift):
    own.write("create table t (id int primary key)")
    own.discover()
    (own.folder / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    settings = {"SOURCE_URL": own.source_url, "CATALOG": str(own.catalog_file), "DBT_PROFILES_DIR": str(own.folder)}
    told = subprocess.run(
        [sys.executable, "-m", "loaders", "extract"],
        cwd=ROOT, env=os.environ | environment(redshift) | settings | {"LAKE_URL": str(own.folder / "lake")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 1
    assert "Redshift cannot read the lake" in told.stderr and "s3://bucket/prefix" in told.stderr


def test_copy_reads_the_files_of_the_record_whatever_manifest_lies_in_the_lake(loaded):
    """One that somebody edited was loaded, and called equal by `verify`."""
    run, first = (pipeline.runs.read(loaded.lake, number) for number in (2, 1))
    key = f"t/{run.attempt}/manifest"
    loaded.lake.replace(key, manifest(first.batches[0].files, loaded.lake.url))
    assert loaded.load() == [2] and loaded.rows(columns="id, v, _run") == NEW
    entries = json.loads(loaded.lake.read(key))["entries"]
    assert [entry["url"] for entry in entries] == [loaded.lake.url(file.key) for file in run.batches[0].files]


def test_an_object_that_bears_the_old_ones_metadata_is_named(loaded):
    """It was known by its metadata, which whoever replaces it writes."""
    (file,) = pipeline.runs.read(loaded.lake, 2).batches[0].files
    s3, place = loaded.lake.client, {"Bucket": loaded.lake.bucket, "Key": loaded.lake.prefix + file.key}
    metadata = s3.head_object(**place)["Metadata"] | {"sha256": file.sha256}
    changed = bytearray(loaded.lake.read(file.key))
    changed[100] ^= 1
    s3.put_object(**place, Body=bytes(changed), Metadata=metadata, ChecksumAlgorithm="SHA256")
    assert "part-00000.parquet is damaged" in loaded.fails().problem
    assert loaded.rows(columns="id, v, _run") == OLD


def test_new_rows_do_not_make_up_for_old_ones_that_are_gone_when_a_table_is_read_whole(both):
    both.own.write(
        "create table t (k varchar(9) collate utf8mb4_bin primary key, v int)",
        f"insert into t select concat('k', seq), 1 from {sequence(1, 1_000)}",
    )
    both.run()
    both.own.write("update t set k = upper(k) where substr(k, 2) <= 150")
    with pytest.raises(Failure, match="150 of the 1,000 rows of t are gone at the source"):
        both.run(full=True)
    assert both.rows(columns="count(*), min(k), max(_run)") == [(1000, "k1", 1)]
    both.run(full=True, deletes=DeleteLimit(lifted=True))
    assert both.rows(columns="count(*), min(k), max(_run)") == [(1000, "K1", 2)]
