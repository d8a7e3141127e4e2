"""CSV files and answers from the marts."""

import csv
import io
import os
import re
import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard import ask, export, formulas
from loaders.common.errors import Failure
from loaders.warehouse.duckdb_connection import close_off
from loaders.warehouse.duckdb_sql import read_parquet
from tests import commands

# The csv module of Python 3.10 refuses the character NUL; it reads this one in its place.
NUL = "\ufdd0"


@pytest.fixture
def warehouse(tmp_path):
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute("create schema analytics")
        connection.execute(
            "create table analytics.order_mart as select * from (values "
            "(2, 'a,b', '', 1.50::decimal(10,2), timestamp '2026-01-02 03:04:05'), "
            "(1, 'say \"hi\"\nthere 김 😀', null, null, null)) t(id, name, note, price, at_)"
        )
        yield connection


def exported(warehouse, folder, bom=False, guard=True):
    """The finished CSV file of the order mart; the Parquet file and the dictionary lie beside it."""
    csv_file, _parquet, _dictionary = export.export(
        warehouse, "analytics", ["order_mart"], folder, export.Style(bom, guard)
    )
    return csv_file


def test_a_mart_becomes_utf_8_with_one_header_and_null_and_empty_told_apart(warehouse, tmp_path):
    done = exported(warehouse, tmp_path / "out")
    assert done.rows == 2
    assert done.path.read_text(encoding="utf-8") == (
        'id,name,note,price,at_\n1,"say ""hi""\nthere 김 😀",,,\n2,"a,b","",1.50,2026-01-02 03:04:05.000000\n'
    )
    with done.path.open(encoding="utf-8", newline="") as stream:
        assert next(iter(list(csv.reader(stream))[1:]))[1] == 'say "hi"\nthere 김 😀'


def reopened(warehouse, tmp_path):
    """An export leaves its connection no other use."""
    warehouse.close()
    return duckdb.connect(tmp_path / "w.duckdb")


def test_the_same_mart_gives_the_same_bytes(warehouse, tmp_path):
    first = exported(warehouse, tmp_path / "one").path.read_bytes()
    warehouse = reopened(warehouse, tmp_path)
    warehouse.execute(
        "create or replace table analytics.order_mart as select * from analytics.order_mart order by id desc"
    )
    assert exported(warehouse, tmp_path / "two").path.read_bytes() == first


def test_a_file_is_what_docs_bi_says_of_it(warehouse, tmp_path):
    """Looker Studio, Power BI and Excel read these; none of them runs here."""
    written = exported(warehouse, tmp_path).path
    text = written.read_bytes().decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert not text.startswith("\ufeff") and {len(row) for row in rows} == {len(header)} == {5}
    assert rows[1][3:] == ["1.50", "2026-01-02 03:04:05.000000"], "a point and no thousands; year, month, day"
    parquet = f"parquet_metadata('{written.with_suffix('.parquet')}')"
    kinds = duckdb.sql(f"select distinct compression, type = 'INT96', path_in_schema like '%, %' from {parquet}")
    assert kinds.fetchall() == [("SNAPPY", False, False)], "no nested column, no time in the form of old"


def test_a_second_export_takes_each_files_place_whole(warehouse, tmp_path):
    """So that a tool's Refresh replaces; a reader that has the old file open reads it to its end."""
    first = exported(warehouse, tmp_path).path
    names = sorted(tmp_path.glob("*.*"))
    before = first.read_bytes()
    with first.open("rb", buffering=0) as reader:
        half = reader.read(9)
        tomorrow = reopened(warehouse, tmp_path)
        tomorrow.execute("delete from analytics.order_mart where id = 1")
        exported(tomorrow, tmp_path)
        assert half + reader.read() == before
    header, row = first.read_bytes().splitlines()
    assert header == before.splitlines()[0] and row == before.splitlines()[-1]
    assert sorted(tmp_path.glob("*.*")) == names


def test_a_byte_order_mark_is_there_only_if_asked_for(warehouse, tmp_path):
    with_mark = exported(warehouse, tmp_path / "bom", bom=True).path.read_bytes()
    plain = exported(reopened(warehouse, tmp_path), tmp_path / "plain").path.read_bytes()
    assert with_mark == b"\xef\xbb\xbf" + plain


def test_a_mart_that_was_not_built_is_named(warehouse, tmp_path):
    with pytest.raises(Failure, match=r"has no analytics\.nowhere"):
        list(export.export(warehouse, "analytics", ["nowhere"], tmp_path / "out", export.Style()))


def test_an_unwritable_folder_is_named(warehouse, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot be written"):
        exported(warehouse, tmp_path / "file" / "out")


def test_the_command_says_what_to_do_without_a_warehouse(own):
    done = commands.python(own, "dashboard", "export", "--out", str(own.folder / "out"))
    assert done.returncode == 1
    assert "does not exist yet" in done.stderr and "make extract" in done.stderr


def test_an_unknown_mart_offers_the_known_ones(own):
    with duckdb.connect(own.warehouse_path):
        pass
    done = commands.python(own, "dashboard", "export", "oder_mart", "--out", str(own.folder / "out"))
    assert done.returncode == 1
    assert "has no mart oder_mart" in done.stderr and "did you mean order_mart " in done.stderr


def test_a_warehouse_in_use_by_another_program_names_it(own):
    with duckdb.connect(own.warehouse_path):
        done = commands.python(own, "dashboard", "export", "--out", str(own.folder / "out"))
    assert done.returncode == 75
    assert f"{own.warehouse_path} is in use by" in done.stderr and f"PID {os.getpid()}" in done.stderr


def test_nothing_but_the_finished_files_is_left(warehouse, tmp_path):
    folder = tmp_path / "out"
    exported(warehouse, folder, bom=True)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["data_dictionary.csv", "order_mart.csv", "order_mart.parquet"]


@settings(max_examples=60)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_any_text_comes_back_from_the_file_as_it_was(texts):
    """`csv` reads NULL and '' alike, so that the two are told apart by the bytes in the test above."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("create schema analytics; create table analytics.order_mart (id integer, text varchar)")
        connection.executemany("insert into analytics.order_mart values (?, ?)", list(enumerate(texts)))
        done = exported(connection, Path(folder), guard=False)
        with done.path.open(encoding="utf-8", newline="") as stream:
            _header, *rows = csv.reader(line.replace("\0", NUL) for line in stream)
    assert [text for _id, text in rows] == [text.replace("\0", NUL) for text in texts]


def test_questions_end_with_a_semicolon_and_wrong_ones_do_not_end_the_session(warehouse):
    assert list(ask.questions(["select 1;", "select", "2;", "select 3"])) == ["select 1;", "select\n2;", "select 3"]
    with pytest.raises(Failure, match="Catalog Error"):
        list(ask.answer(warehouse, "select * from nowhere"))
    assert "42" in "".join(ask.answer(warehouse, "select 41 as one; select 42 as answer;"))


@pytest.mark.parametrize("opening", ["'", "$$", "$x$", '"', "/*", "e'", "--"])
def test_no_text_or_comment_ends_a_question(opening):
    lines = [f"select {opening} UK;", "copy (select 44) to '/x';", "more;"]
    assert next(ask.questions(lines)) != lines[0]


def test_a_question_reaches_the_tables_and_nothing_else(warehouse, tmp_path):
    aside = tmp_path / "aside"
    close_off(warehouse, [])
    for question in (
        f"copy analytics.order_mart to '{aside}'", "from read_text('/etc/hosts')", f"attach '{aside}'",
        f"export database '{aside}'", "reset lock_configuration", "set enable_external_access = true", "load httpfs",
    ):  # fmt: skip
        with pytest.raises(Failure):
            list(ask.answer(warehouse, question))
    assert not aside.exists()
    assert "2" in "".join(ask.answer(warehouse, "use analytics; select count(*) from order_mart"))


FORMULAS = {
    "=1+1": "'=1+1", "+1": "'+1", "-1+2": "'-1+2", "@sum(a1)": "'@sum(a1)", "\t=1": "\t'=1", "\r=1": "\r'=1",
    "\n=1": "\n'=1", "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "＝1+1": "'＝1+1", "'=1": "''=1", "''-": "'''-",
    ";=cmd;": ";'=cmd;", 'a;"=1': "a;'\"=1", "a|+1|+2": "a|'+1|'+2", "x\n-1": "x\n'-1", "=;=": "'=;'=",
}  # fmt: skip
HARMLESS = ("", "a=1", "'t Hooft", " =1", "1-2", "\u00a0", "문 앞", "\tx", "a;b", "7, 5")


def test_no_text_runs_as_a_formula_in_a_spreadsheet_and_numbers_stay_numbers(warehouse, tmp_path):
    warehouse.execute("create or replace table analytics.order_mart (id integer, name varchar, hours decimal(9, 2))")
    texts = [*FORMULAS, *HARMLESS]
    warehouse.executemany("insert into analytics.order_mart values (?, ?, -1.5)", list(enumerate(texts)))
    done = exported(warehouse, tmp_path)
    assert done.guarded == len(FORMULAS) and "apostrophe before it" in str(done)
    with done.path.open(encoding="utf-8", newline="") as stream:
        _header, *rows = csv.reader(stream)
    assert [row[1] for row in rows] == [*FORMULAS.values(), *HARMLESS]
    assert {row[2] for row in rows} == {"-1.50"}


def test_parquet_and_an_unguarded_csv_hold_text_as_it_is(warehouse, tmp_path):
    warehouse.execute("update analytics.order_mart set name = '=1+1'")
    unguarded = exported(warehouse, tmp_path / "plain", guard=False)
    assert unguarded.guarded == 0 and "'=1+1" not in unguarded.path.read_text(encoding="utf-8")
    rows = duckdb.sql(f"from {read_parquet([tmp_path / 'plain/order_mart.parquet'])}").fetchall()
    assert rows == warehouse.execute("select * from analytics.order_mart order by all").fetchall()
    with pytest.raises(duckdb.PermissionException):
        warehouse.execute("select content from read_text('/etc/hostname')")
    exported(reopened(warehouse, tmp_path), tmp_path / "guarded")
    assert duckdb.sql(f"from {read_parquet([tmp_path / 'guarded/order_mart.parquet'])}").fetchall() == rows


hostile_texts = st.lists(st.text("'\"=+-@;,|\t\r\n＝ab"), min_size=1, max_size=20)


@settings(max_examples=25)
@given(hostile_texts, st.sampled_from(",;|\t"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_NONE]))
def test_no_cell_begins_like_a_formula_whatever_separates_cells(texts, separator, quoting):
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("create schema analytics; create table analytics.order_mart (text varchar, id integer)")
        connection.execute("insert into analytics.order_mart select unnest(?), 1", [texts])
        file = exported(connection, Path(folder)).path.read_text(encoding="utf-8")
    cells = [cell for row in csv.reader(file.splitlines(), delimiter=separator, quoting=quoting) for cell in row]
    assert not [cell for cell in cells if re.match("[=+\\-@＝]", cell)]


@settings(max_examples=60)
@given(hostile_texts)
def test_the_guard_can_be_undone(texts):
    """Taking one apostrophe away at every place that matches gives back exactly what was there."""
    with duckdb.connect() as connection:
        connection.execute("create table t (text varchar)")
        connection.execute("insert into t select unnest(?)", [texts])
        guarded = [text for (text,) in connection.execute(f"select {formulas.guarded('text')} from t").fetchall()]
        assert guarded == list(map(formulas.heading, texts))
    assert [re.sub(formulas.PATTERN, lambda found: found[1] + found[2][1:], text) for text in guarded] == texts


def test_the_dictionary_says_what_every_mart_and_column_is(warehouse, tmp_path):
    warehouse.execute("comment on table analytics.order_mart is 'One row per order.\n'")
    warehouse.execute("comment on column analytics.order_mart.price is 'What it costs, \"today\".'")
    exported(warehouse, tmp_path)
    with (tmp_path / "data_dictionary.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["mart", "column", "type", "description"]
    assert rows[1] == ["order_mart", "", "", "One row per order."]
    assert ["order_mart", "price", "decimal(10,2)", 'What it costs, "today".'] in rows
    assert len(rows) == 7


def database(warehouse, folder):
    *_others, done = export.export(warehouse, "analytics", ["order_mart"], folder, export.Style(database=True))
    return done.path


def test_a_duckdb_file_holds_the_marts_alone_and_is_replaced_under_its_reader(warehouse, tmp_path):
    warehouse.execute("create schema raw; create table raw.customer as select 'Kim' as name")
    warehouse.execute("comment on column analytics.order_mart.price is 'What it''s worth.'")
    before = warehouse.execute("from analytics.order_mart").fetchall()
    with duckdb.connect(database(warehouse, tmp_path), read_only=True) as marts:
        assert marts.execute("select table_name from duckdb_tables()").fetchall() == [("order_mart",)]
        comments = marts.execute("select comment from duckdb_columns() where comment is not null").fetchall()
        assert comments == [("What it's worth.",)]
        tomorrow = reopened(warehouse, tmp_path)
        tomorrow.execute("delete from analytics.order_mart where id = 1")
        database(tomorrow, tmp_path)
        assert marts.execute("from order_mart").fetchall() == before
    with duckdb.connect(tmp_path / "marts.duckdb", read_only=True) as marts:
        assert marts.execute("from order_mart").fetchall() == before[:1]
