"""dbt's documentation in a real browser: a column may have any name, and nothing of it runs, loads or leads away."""

import json
import shutil
from contextlib import contextmanager

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard import docs_page
from dashboard import page as pages
from loaders.common.errors import Failure
from loaders.common.quoting import sql_name
from loaders.help import discover
from loaders.source.described import SourceTable
from loaders.types.type_contract import SourceColumn
from tests import forked_dbt
from tests.own_database import OwnDatabase

# Of at most 64 characters, as MySQL has them.
COLUMNS = (
    "</script><script>document.title='ran'</script>",
    "<img src=x onerror=document.title='ran'>",
    "<meta http-equiv=refresh content='0;url=https://example.com/'>",
    "<!--<script>",
    "{{constructor.constructor('document.title=1')()}}",
    '"CATALOG.JSON INLINE DATA"',
    "a&lt;b",
    "a'b\"c",
    "a\u2028\u202eb",
    "__proto__",
    "가 😀",
)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """What `dbt docs generate` leaves of a project with one table of such columns."""
    own = OwnDatabase("", "", tmp_path_factory.mktemp("docs"))
    project = own.folder / "dbt_project"
    for part in ("macros", "tests/generic"):
        shutil.copytree(forked_dbt.PROJECT / part, project / part)
    (project / "models").mkdir()
    shutil.copy(forked_dbt.PROJECT / "models/groups.yml", project / "models")
    shutil.copy(forked_dbt.PROJECT / "dbt_project.yml", project)
    columns = tuple(SourceColumn(name, "int", "int") for name in COLUMNS)
    discover.write("own", [SourceTable("hostile", "InnoDB", 0, columns, ())], project)
    with duckdb.connect(own.warehouse_path) as warehouse:
        marks = ", ".join(f"{sql_name(name)} integer" for name in (*COLUMNS, "_deleted_at"))
        warehouse.execute(f"create schema raw_own; create table raw_own.hostile ({marks})")
    forked_dbt.dbt(own, "docs", "generate", project=project)
    return own.folder / "target"


@contextmanager
def opened(browser, target, file, place="source/source.order_he.own.hostile"):
    """The page on the table with those columns; it asks for nothing, and nothing goes wrong in it."""
    pages.write(docs_page.html(target), file)
    page, troubles = browser.new_page(), []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: message.text.startswith("TypeError") and troubles.append(message.text))
    # The templates of dbt's page ask for {{ getIcon(…) }} before they are filled in; the policy refuses that too.
    page.on("request", lambda asked: "getIcon(" in asked.url or troubles.append(asked.url))
    page.goto(f"{file.as_uri()}#!/{place}")
    page.wait_for_selector("td:has-text('가 😀')")
    yield page
    assert troubles == [file.as_uri()] and page.title() == "dbt Docs" and page.url.startswith(file.as_uri())
    page.close()


def cells(page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('td')].map((cell) => cell.textContent.trim())")


def found(page, text: str) -> None:
    """Search for a text until the page has marked it, by markup of its own."""
    page.fill("input[ng-model='search.query']", text)
    # Of many columns that match, the page hides some.
    page.wait_for_selector(f".search-result-match:has-text('{text}')", state="attached")


def test_names_in_the_documentation_are_text_and_nothing_else(target, tmp_path, browser):
    with opened(browser, target, tmp_path / "index.html") as page:
        assert set(COLUMNS) <= set(cells(page))
        for text in ("script", "meta", "lt"):
            found(page, text)
        assert "a&lt;b" in page.inner_text("body")


def test_a_models_columns_say_what_they_are_computed_from_and_names_in_it_are_text(target, tmp_path, browser):
    own, model = tmp_path / "target", "model.order_he.stg_own__hostile"
    shutil.copytree(target, own)
    manifest = json.loads((own / "manifest.json").read_text(encoding="utf-8"))
    # The catalog cannot describe every name, so that a * would not be known to stand for it; of one with a " sqlglot
    # knows nothing.
    (source,) = manifest["sources"].values()
    source["columns"] |= {name: source["columns"]["a&lt;b"] | {"name": name} for name in COLUMNS if '"' not in name}
    lines = manifest["nodes"][model]["compiled_code"].split("\n")
    manifest["nodes"][model]["compiled_code"] = "\n".join(line for line in lines if '""' not in line)
    (own / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with opened(browser, own, tmp_path / "index.html", f"model/{model}") as page:
        for row in page.query_selector_all("tr:has(td)"):
            row.click()
        said = page.evaluate("[...document.querySelectorAll('[marked] code')].map((each) => each.textContent.trim())")
        described = {f"raw_own.hostile.{name}" for name in manifest["nodes"][model]["columns"]}
        assert described <= {*said} and any("<img src=x" in each for each in described)


any_name = st.lists(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from([*"<>&'\"\\{}=\u2028", "<script>", "</script", "<!--"]),
    min_size=1,
).map(lambda parts: f"x{''.join(parts)[:62]}x")


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(any_name, min_size=20, max_size=60, unique=True))
def test_any_names_are_text_in_the_documentation(target, tmp_path, browser, names):
    own = tmp_path / "target"
    shutil.copytree(target, own, dirs_exist_ok=True)
    catalog = json.loads((target / "catalog.json").read_text(encoding="utf-8"))
    columns = catalog["sources"]["source.order_he.own.hostile"]["columns"]
    columns |= {name: columns["_deleted_at"] | {"name": name} for name in names}
    (own / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    with opened(browser, own, tmp_path / "index.html") as page:
        assert {*names, *COLUMNS} <= set(cells(page))
        found(page, "x")


def test_a_page_that_dbt_writes_otherwise_is_refused_and_one_that_is_not_there_named(tmp_path):
    with pytest.raises(Failure, match=r"index\.html cannot be read"):
        docs_page.html(tmp_path)
    for name in ("index.html", "manifest.json", "catalog.json"):
        (tmp_path / name).write_text("<script>other</script>")
    with pytest.raises(Failure, match="is not the page"):
        docs_page.html(tmp_path)
