"""CSV files and answers from the marts."""

import csv

import duckdb
import pytest

from dashboard import ask, export
from loaders.errors import Failure
from tests import commands


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


def exported(warehouse, folder, bom=False):
    (done,) = export.export(warehouse, "analytics", ["order_mart"], folder, bom)
    return done


def test_a_mart_becomes_utf_8_with_one_header_and_null_and_empty_told_apart(warehouse, tmp_path):
    done = exported(warehouse, tmp_path / "out")
    assert done.rows == 2
    assert done.path.read_text(encoding="utf-8") == (
        'id,name,note,price,at_\n1,"say ""hi""\nthere 김 😀",,,\n2,"a,b","",1.50,2026-01-02 03:04:05.000000\n'
    )
    with done.path.open(encoding="utf-8", newline="") as stream:
        assert next(iter(list(csv.reader(stream))[1:]))[1] == 'say "hi"\nthere 김 😀'


def test_the_same_mart_gives_the_same_bytes(warehouse, tmp_path):
    first = exported(warehouse, tmp_path / "one").path.read_bytes()
    warehouse.execute(
        "create or replace table analytics.order_mart as select * from analytics.order_mart order by id desc"
    )
    assert exported(warehouse, tmp_path / "two").path.read_bytes() == first


def test_a_byte_order_mark_is_there_only_if_asked_for(warehouse, tmp_path):
    with_mark = exported(warehouse, tmp_path / "bom", bom=True).path.read_bytes()
    assert with_mark == b"\xef\xbb\xbf" + exported(warehouse, tmp_path / "plain").path.read_bytes()


def test_a_mart_that_was_not_built_is_named(warehouse, tmp_path):
    with pytest.raises(Failure, match=r"has no analytics\.nowhere"):
        list(export.export(warehouse, "analytics", ["nowhere"], tmp_path / "out", False))


def test_an_unwritable_folder_is_named(warehouse, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match="cannot be written"):
        exported(warehouse, tmp_path / "file" / "out")


def test_the_command_says_what_to_do_without_a_warehouse(own):
    done = commands.python(own, "dashboard", "export", "--out", str(own.folder / "out"))
    assert done.returncode == 1
    assert "does not exist yet" in done.stderr and "make extract" in done.stderr


def test_questions_end_with_a_semicolon_and_wrong_ones_do_not_end_the_session(warehouse):
    assert list(ask.questions(["select 1;", "select", "2;", "select 3"])) == ["select 1;", "select\n2;", "select 3"]
    assert "Catalog Error" in ask.answer(warehouse, "select * from nowhere")
    assert "42" in ask.answer(warehouse, "select 42 as answer")
