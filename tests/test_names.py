"""Names of every kind that MySQL takes: loaded and built as they are, or left out by name; none of them is run."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from itertools import cycle
from pathlib import Path

import duckdb
import pymysql
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from dashboard import ask, export, formulas
from loaders.common.errors import Failure
from loaders.common.quoting import jinja_text, mysql_name, mysql_value, sql_name
from loaders.help import discover, staging
from loaders.run.match_catalog import unloadable
from loaders.source.described import SourceTable
from loaders.types.type_contract import SourceColumn
from loaders.words import catalog
from tests import forked_dbt
from tests.own_database import OwnDatabase

CANARY = "canary-7f3e"
RUNS_IN_JINJA = "{%endraw%}{{log(env_var('CANARY'),true)}}{%raw%}"
TABLES = (
    "kim's", "x';copy(select 43)to '{file}';select'1", "a;b", "50%", "%s", "$HOME", "`tick`", "}}", "%}", "#}", "{",
    "-- x", "/*", "order", "select", "null", "yes", "~", "2024", "a.b", ".hidden", "_under", "__", " leading", "a  b",
    "a,b", "a+b", "source:x", "*", "[x]", "@model", "고객", "가" * 46, "كشف", "İstanbul", "ẞ", "a\u200bb", "\u202ea",
    "é", "e\u0301", "\ufeffx", "a\u3000b", "￦", "same name", "same_name", "same-name",
)  # fmt: skip
COLUMNS = (
    "{%endraw%}{%set a='copy(select 42)to $$FILE$$'%}{%raw%}", "{%endraw%}{%do run_query(a)%}{%raw%}", RUNS_IN_JINJA,
    "{{env_var('CANARY')}}", "{#", "#}", "{", "}}", "{% raw %}", "kim's", 'say "hi"', "a;b", ";drop table x;--", "50%",
    "%s", "$1", "`", "a\tb", "a\nb", "a\r\nb", "\x01", "\x7f", "\u2028", "\u202e", "a\u200b", "select", "가" * 64, "İ",
    "filename", ":x", " lead", "</script>", "file_row_number", "_x", "a.b", "--", "/*",
)  # fmt: skip
VALUES = (
    "=cmd|' /C calc'!A0", ";=1+1;", "UK;\ncopy (select 44) to '/x'", "{{env_var('CANARY')}}", "</script>", "\x1b[2J",
    "\u202e\u2028", "\0", "it's", '"', "\\", "\\N", "NULL", "", " ", "a,b", "\r\n", "😀",
)  # fmt: skip
LEFT_OUT = ('a"b', "a\\b", "a{{b", "a{%b", "a{#b", "a\tb", "a\nb", "\x1b[2J", "a\u2028b", "_loads")


def table(name: str, columns: Iterable[str] = ("id",), key: tuple[str, ...] = ()) -> SourceTable:
    return SourceTable(name, "InnoDB", 0, tuple(SourceColumn(column, "int", "int") for column in columns), key)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The dbt project with its macros and hooks, and no model: what `discover --write` puts in is all there is."""
    folder = tmp_path_factory.mktemp("names") / "dbt_project"
    for part in ("macros", "tests/generic"):
        shutil.copytree(forked_dbt.PROJECT / part, folder / part)
    (folder / "models").mkdir()
    shutil.copy(forked_dbt.PROJECT / "models/groups.yml", folder / "models")
    shutil.copy(forked_dbt.PROJECT / "dbt_project.yml", folder)
    return folder


def written(project: Path, tables: Iterable[SourceTable]) -> tuple[catalog.Catalog, list[str]]:
    """What `discover --write own` makes of the tables, alone in the project; and its notices."""
    shutil.rmtree(project / "models/staging/own", ignore_errors=True)
    files, notices = discover.write("own", tables, project)
    return catalog.read(files[0]), notices


def parsed(own: OwnDatabase, project: Path) -> dict:
    """dbt's manifest, once it is known that nothing in the project has told the canary."""
    told = forked_dbt.dbt(own, "parse", "--no-partial-parse", project=project, CANARY=CANARY)
    manifest = (own.folder / "target/manifest.json").read_text(encoding="utf-8")
    assert CANARY not in told and CANARY not in manifest
    return json.loads(manifest)


def views(manifest: dict) -> list[dict]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def identifier_of(manifest: dict) -> Callable[[dict], str]:
    """The table that a view reads."""
    return lambda view: manifest["sources"][view["depends_on"]["nodes"][0]]["identifier"]


nowhere = pytest.fixture(lambda tmp_path: OwnDatabase("", "", tmp_path))


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_table_that_dbt_cannot_speak_of_is_left_out_by_name(project, name):
    known, (notice,) = written(project, [table(name), table("t")])
    assert notice.startswith(f"left out {name}: ")
    assert [one.name for one in known.tables] == ["t"]


@pytest.mark.parametrize("opening", ["{{env_var('CANARY')}}", "{%x", "{#x"])
def test_a_key_that_dbt_would_render_is_left_out_by_name_and_refused_in_a_catalog(project, tmp_path, opening):
    known, (notice,) = written(project, [table("bad", [opening], (opening,)), table("t")])
    assert notice.startswith("left out bad: ") and [one.name for one in known.tables] == ["t"]
    file = tmp_path / "sources.yml"
    for place in ("identifier", "primary_key", "cursor", "sort", "name"):
        entry = {"name": "t"} | (
            {place: opening} if place in ("identifier", "name") else {"config": {"meta": {place: opening}}}
        )
        file.write_text(json.dumps({"sources": [{"name": "own", "tables": [entry]}]}))
        with pytest.raises(Failure):
            catalog.read(file)


def test_columns_that_a_warehouse_cannot_tell_apart_are_named():
    for columns in (["k", "\u212a"], ["x", "_RUN"], ["_source_hash"]):
        assert "would bear the same name" in unloadable(table("t", columns))
    assert unloadable(table("t", ["a", "b", "ı", "i"])) is None


# A server takes no name with a character beyond the first plane; what reads a catalog must stand any.
any_character = st.characters(min_codepoint=1, exclude_categories=["Cs"])
hostile = st.sampled_from(
    [*"{}%#'\";`\\$ \t\n\u202e_.-", "{{", "}}", "{%", "%}", "{#", "#}", "env_var('CANARY')", "endraw", "raw"]
)
any_text = (
    st.lists(any_character | hostile | st.sampled_from(VALUES), max_size=20).map("".join).map(lambda text: text[:64])
)
any_name = any_text.map(lambda name: name.rstrip() or "x")
any_table = st.builds(
    lambda name, columns: table(name, columns, tuple(columns[:1])),
    any_name,
    st.lists(any_name, min_size=1, max_size=6, unique_by=str.lower),
)


@settings(max_examples=500)
@given(any_name | st.sampled_from(COLUMNS + TABLES))
def test_a_name_comes_back_from_jinja_as_it_was(name):
    rendered = Environment(autoescape=False).from_string(f"a {staging._column(name)} b").render()  # noqa: S701
    assert rendered == f"a {sql_name(name)} b"
    assert Environment(autoescape=False).from_string(f"{{{{ {jinja_text(name)} }}}}").render() == name  # noqa: S701


@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(st.lists(any_table, min_size=25, max_size=60, unique_by=lambda one: one.name))
@example([table(name, COLUMNS, (column,)) for name, column in zip(TABLES + LEFT_OUT, cycle(("id", *COLUMNS)))])
def test_whatever_tables_are_discovered_dbt_reads_them_and_runs_nothing(project, nowhere, tables):
    known, notices = written(project, [*tables, table("always")])
    assert len(known.tables) + len(notices) == len(tables) + 1
    manifest = parsed(nowhere, project)
    assert {source["identifier"] for source in manifest["sources"].values()} == {one.name for one in known.tables}
    assert len(views(manifest)) == len(known.tables) == len(set(map(identifier_of(manifest), views(manifest))))


def created(own: OwnDatabase, name: str, columns: Iterable[str], values: Iterable[str] = VALUES) -> None:
    """A table of texts with two rows, unless the server itself refuses the name."""
    columns = list(columns)
    marks = ", ".join(f"{mysql_name(column)} varchar(64)" for column in columns)
    texts = ", ".join(mysql_value(value) for _column, value in zip(columns, cycle(values), strict=False))
    with suppress(pymysql.MySQLError):
        own.write(
            f"create table {mysql_name(name)} (id int primary key, {marks})",
            f"insert into {mysql_name(name)} select 1, {', '.join(['null'] * len(columns))}",
            f"insert into {mysql_name(name)} select 2, {texts}",
        )


def built(own: OwnDatabase, project: Path) -> int:
    """All that is in the database discovered, extracted, built by dbt, and compared; how many tables that was."""
    with own.snapshot() as snapshot:
        tables = list(snapshot.tables().values())
    known, notices = written(project, tables)
    own.run(known)
    own.write("update always set a = 'new' where id = 2")
    own.run(known)
    told = forked_dbt.dbt(own, "build", project=project, CANARY=CANARY)
    assert CANARY not in told and len(known.tables) + len(notices) == len(tables)
    manifest = json.loads((own.folder / "target/manifest.json").read_text(encoding="utf-8"))
    stored: dict[str, list[tuple]] = {}
    with duckdb.connect(own.warehouse_path, read_only=True) as warehouse, closing(own.connect(own.shop_url)) as source:
        for view in views(manifest):
            with source.cursor() as cursor:
                cursor.execute(f"select * from {mysql_name(identifier_of(manifest)(view))} order by id")
                names = [column[0] for column in cursor.description]
                found = warehouse.execute(f"from analytics.{sql_name(view['alias'])} order by id")
                assert [column[0] for column in found.description] == names
                rows = found.fetchall()
                assert rows == list(cursor.fetchall())
            stored[view["alias"]] = [tuple(names), *rows]
        told_and_exported(own, warehouse, stored)
    return len(known.tables)


def told_and_exported(own: OwnDatabase, warehouse, stored: dict[str, list[tuple]]) -> None:
    """What `make sql` and `make export` make of views: tables of text, and cells that are the same, once unguarded."""
    for view in stored:
        (question,) = ask.questions([f"from analytics.{sql_name(view)} order by id;"])
        assert list(ask.answer(warehouse, question))
    folder = own.folder / "export"
    list(export.export(warehouse, "analytics", stored, folder, export.Style()))
    for view, rows in stored.items():
        # The csv module of Python 3.10 refuses the character NUL; it reads this one in its place.
        text = (folder / f"{view}.csv").read_bytes().decode().replace("\0", "\ufdd0")
        cells = [
            [re.sub(formulas.PATTERN, lambda at: at[1] + at[2][1:], cell) for cell in row]
            for row in csv.reader(io.StringIO(text, newline=""))
        ]
        assert cells == [["" if cell is None else str(cell).replace("\0", "\ufdd0") for cell in row] for row in rows]


def test_names_of_every_kind_are_loaded_and_built(own, project):
    file = own.folder / "written"
    created(own, "always", ["a"])
    for name in TABLES:
        created(own, name.replace("{file}", str(file)), ["a", "b"])
    columns = [column.replace("FILE", "/x") for column in COLUMNS]
    created(own, "columns", columns)
    assert built(own, project) > len(TABLES) - 3
    with duckdb.connect(own.warehouse_path, read_only=True) as warehouse:
        found = warehouse.execute("from analytics.stg_own__columns").description
        assert [column[0] for column in found] == ["id", *columns]
    assert not file.exists()


@settings(max_examples=2, suppress_health_check=list(HealthCheck))
@given(
    st.lists(any_table, min_size=10, max_size=25, unique_by=lambda one: one.name),
    st.lists(any_text, min_size=10, max_size=40),
)
def test_any_names_and_values_are_loaded_built_and_exported_or_left_out(own, project, tables, values):
    with closing(own.connect(own.shop_url)) as connection, connection.cursor() as cursor:
        cursor.execute("show tables")
        own.write(*(f"drop table {mysql_name(name)}" for (name,) in cursor.fetchall()))
    shutil.rmtree(own.lake.folder, ignore_errors=True)
    own.warehouse_path.unlink(missing_ok=True)
    created(own, "always", ["a"])
    for one in tables:
        created(own, one.name, [column.name for column in one.columns], values)
    assert built(own, project) >= 1
