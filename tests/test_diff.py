"""`make diff`: what a change of the models does to the data, told by both built from one raw; and the comparison."""

import math
import re
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diff import report
from diff.compare import Difference, Row, compared
from diff.relations import Model
from tests import commands
from tests.git import git
from tests.test_dbt_project import copied_project

VALUES = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, math.nan]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "A", "가"]))
ROWS = st.lists(st.tuples(st.integers(0, 6), VALUES, TEXTS), max_size=8)


def model(**changes) -> Model:
    known = {
        "name": "m", "base": ("main", "a"), "branch": ("main", "b"), "keys": (("k",),), "left_out": frozenset(),
        "is_public": True, "is_personal": frozenset(), "asks_the_clock": False,
    }  # fmt: skip
    return Model(**{**known, **changes})


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as connection:
        yield connection


def difference(connection, before, after, keys=(("k",),)) -> Difference:
    for name, rows in (("a", before), ("b", after)):
        connection.execute(f"create or replace table {name} (k integer, x double, t varchar)")
        if rows:
            connection.executemany(f"insert into {name} values (?, ?, ?)", [list(row) for row in rows])
    return compared(connection, model(keys=keys), 100)


def same(row):
    """NaN is itself, as it is for DuckDB."""
    return tuple("NaN" if isinstance(value, float) and math.isnan(value) else value for value in row)


@settings(max_examples=120)
@given(ROWS, ROWS)
def test_rows_are_counted_as_python_counts_them(connection, before, after):
    before, after = [same(row) for row in before], [same(row) for row in after]
    found = difference(connection, before, after)
    keyed = [{row[0]: row[1:] for row in rows} for rows in (before, after)]
    if all(len(rows) == len(by_key) for rows, by_key in zip((before, after), keyed, strict=True)):
        one, other = keyed
        both = one.keys() & other.keys()
        changed = sorted(key for key in both if one[key] != other[key])
        assert found.key == ("k",)
        expected = {"added": len(other.keys() - both), "removed": len(one.keys() - both), "changed": len(changed)}
        assert [int(row.key[0]) for row in found.samples if row.kind == "changed"] == changed
        by_column = [sum(one[key][place] != other[key][place] for key in both) for place in (0, 1)]
        assert [found.columns.get(name, 0) for name in ("x", "t")] == by_column
    else:
        assert found.key == () and "no two rows may be told apart by (k)" in found.notes[0]
        more, less = Counter(after) - Counter(before), Counter(before) - Counter(after)
        expected = {"added": more.total(), "removed": less.total(), "changed": 0}
    assert found.counts == expected and found.is_identical is (not any(expected.values()))


def test_a_key_with_null_is_none(connection):
    found = difference(connection, [(None, 1.0, "a")], [(None, 1.0, "a")])
    assert found.key == () and found.is_identical


def test_columns_may_have_any_name(connection):
    """Also those that the comparison itself might think of."""
    for name, value in (("a", 1), ("b", 2)):
        connection.execute(f"create or replace table {name} as select 7 as a, {value} as b, 3 as in_base")
    found = compared(connection, model(keys=(("a",),)), 5)
    assert found.counts == {"added": 0, "removed": 0, "changed": 1} and found.columns == {"b": 1}
    assert found.samples[0].values == {"b": ("1", "2")}


def test_a_retyped_column_is_named_and_compared_as_text(connection):
    connection.execute("create or replace table a as select 1 as k, 10::integer as n, 7 as gone")
    connection.execute("create or replace table b as select 1 as k, '10x' as n, 7.5 as fresh")
    found = compared(connection, model(), 10)
    assert found.retyped == {"n": ("INTEGER", "VARCHAR")} and found.counts["changed"] == 1
    assert (found.removed_columns, found.added_columns) == ({"gone": "INTEGER"}, {"fresh": "DECIMAL(2,1)"})
    assert found.samples == [Row("changed", ("1",), {"n": ("10", "10x")})]


def told_by(difference: Difference) -> report.Report:
    return report.Report("main", "here", "run 1 of raw", [difference], [], 0)


def test_a_comment_is_bounded_and_no_value_becomes_markup(connection):
    evil = "<img src=x> [a](http://b) @all | `x` _y_ ![c](d)"
    many = [(number, float(number), evil * 40) for number in range(300)]
    found = difference(connection, [(key, x, "") for key, x, _text in many], many)
    comment = report.markdown(told_by(found), "the page")
    assert not set("<[@`!|") & set(comment.partition("First rows:")[2].replace("</details>", ""))
    told = [difference(connection, many, many[:200]) for _ in range(3)] * 100
    long = report.markdown(report.Report("main", "here", "run 1 of raw", told, [], 0), "the page")
    assert len(long) < 65_536 and "There is more than a comment takes" in long
    assert "<img" not in report.page(told_by(found))


def test_a_share_is_never_nothing_or_all_of_a_part():
    assert [report.share(1, 100_000), report.share(99_999, 100_000), report.share(2, 2), report.share(1, 3)] == [
        "less than 0.1 %", "nearly 100 %", "100.0 %", "33.3 %",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def shop(module_own):
    """A small shop, loaded; no mart was ever built of it."""
    filled = commands.python(
        module_own, "seeds_generator", "fill", "--yes", "--orders", "300", "--customers", "40", SOURCE_URL=""
    )
    commands.succeeded(filled)
    commands.succeeded(commands.python(module_own, "loaders", "extract"))
    return module_own


@pytest.fixture
def project(tmp_path) -> Path:
    """The dbt project as the one commit of a repository."""
    copied = copied_project(tmp_path)
    git("init", "-q", "-b", "main", root=tmp_path)
    git("add", ".", root=tmp_path)
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    git(*who, "commit", "-qm", "base", root=tmp_path)
    return copied


def edit(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    file.write_text(text, "utf-8")


def diff(own, project: Path, *arguments: str, **changes: str):
    words = ("diff", "--base", "main", "--project-dir", str(project), "--out", str(own.folder / "diff"), *arguments)
    return commands.python(own, *words, **changes)


def test_a_change_is_told_by_model_column_and_row_and_no_personal_value_with_it(shop, project):
    marts = project / "models/marts"
    edit(project / "macros/numbers/order_totals.sql", ("sum(delivery_fee)", "sum(delivery_fee + 1)"))
    # An own mart that everybody may read: personal values under another name, and among other text.
    people = "select customer_id, country as known_as, {} as called from {{{{ ref('stg_shop__customers') }}}}"
    mart = marts / "people_mart.sql"
    mart.write_text("{{ config(contract={'enforced': false}) }}\n" + people.format("loyalty_level"), "utf-8")
    keyed = "models:\n  - name: people_mart\n    columns: [{name: customer_id, data_tests: [unique]}]\n"
    (marts / "people_mart.yml").write_text(keyed, "utf-8")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    git("add", str(mart), str(marts / "people_mart.yml"), root=project)
    git(*who, "commit", "-qm", "people", root=project)
    edit(
        mart,
        ("country as known_as", "'Dear ' || upper(customer_name) as known_as"),
        ("loyalty_level", "length(country)"),
    )
    edit(marts / "product_mart.sql", ("select * from typed", "-- What follows is what was typed.\nselect * from typed"))
    edit(project / "models/semantic/sales_days.sql", ("select ", "-- A comment.\nselect "))
    # dbt does not call the mart of a metric that is defined anew modified.
    edit(marts / "order_mart.yml", ("coalesce(quantity, 0)", "coalesce(quantity, 0) * 2"))

    before = shop.warehouse_path.read_bytes()
    told = commands.succeeded(diff(shop, project, "--rows", "7"))
    assert shop.warehouse_path.read_bytes() == before
    assert "2 commits" not in told and "both built of run 1 of raw" in told
    assert "built and identical: order_mart, sales_days" in told
    assert "customer_mart: 40 rows before, 40 after; " in told and "sum of delivery_fees: " in told
    assert "people_mart: 40 rows before, 40 after; 40 changed (by customer_id)" in told
    assert "column retyped: called, varchar -> bigint; compared as text" in told
    assert "values not shown: personal, or perhaps: known_as" in told
    (before, after) = re.search(r"^  units: ([\d,]+) -> ([\d,]+)$", told, re.MULTILINE).groups()
    assert int(after.replace(",", "")) == 2 * int(before.replace(",", "")) > 300
    assert re.search(r"^  as before: .*\brevenue\b", told, re.MULTILINE) and " and 1 metric differs between " in told
    comment, page = (shop.folder / "diff" / name for name in ("comment.md", "index.html"))
    with duckdb.connect(shop.warehouse_path, read_only=True) as raw:
        names = [name for (name,) in raw.execute("select distinct upper(name) from raw.customer").fetchall()]
    for text in (told, comment.read_text("utf-8"), page.read_text("utf-8")):
        assert "people" in text and not [name for name in names if name in text.upper()]
    assert "7 of 40 rows changed" in page.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--base", "nobodys"], "git knows no nobodys"), ([], "does not exist yet")],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(own, project, arguments, said):
    done = diff(own, project, *arguments)
    assert done.returncode == 1 and f"{said}" in done.stderr and "fix: " in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
