"""The catalog: a good file, and every way it can be wrong with the message a user gets."""

import copy
import datetime
import json
from contextlib import suppress

import pytest
import yaml

from loaders.cli import report
from loaders.common import texts
from loaders.common.errors import Failure
from loaders.words import catalog

GOOD = """
version: 2
sources:
  - name: shop
    description: "{{ doc('shop') }}"
    tables:
      - name: orders
        identifier: order
        config: {meta: {primary_key: [order_id], cursor: updated_at, owner: sales}}
        columns:
          - name: shipping_date
            config: {meta: {on_invalid: null}}
      - name: tag
"""


@pytest.mark.parametrize(
    ("of_source", "of_table", "hours", "said"),
    [
        ("{warn_after: {count: 36, period: hour}, error_after: {count: 2, period: day}}", "", 36, "pass"),
        ("{warn_after: {count: 36, period: hour}, error_after: {count: 2, period: day}}", "", 37, "warn"),
        ("{warn_after: {count: 36, period: hour}, error_after: {count: 2, period: day}}", "", 49, "error"),
        ("{warn_after: {count: 36, period: hour}}", "{warn_after: {count: 90, period: minute}}", 2, "warn"),
        ("{warn_after: {count: 36, period: hour}}", "null", 99, None),
        ("{warn_after: {count: '{{ 1 }}', period: hour}, error_after: {count: 2, period: day}}", "", 99, None),
        ("", "", 99, None),
    ],
)
def test_freshness_is_dbts_a_tables_own_before_the_sources_and_not_guessed(write, of_source, of_table, hours, said):
    source, table = yaml.safe_load(of_source or "{}"), yaml.safe_load(of_table or "{}")
    text = f"sources: [{{name: shop, config: {{freshness: {json.dumps(source)}}}, tables: [{{name: t"
    file = write(text + (f", config: {{freshness: {json.dumps(table)}}}" if of_table else "") + "}]}]")
    assert catalog.read(file).tables[0].freshness_at(datetime.timedelta(hours=hours)) == said


def test_status_says_which_tables_are_old_in_korean_too():
    (line,) = report.freshness({"a": "pass", "b": "warn", "c": "error", "d": "error", "e": None})
    assert line == (
        "  as fresh as the catalog asks: 1 of 5 tables; older than it warns at: b; TOO OLD: c, d; "
        "`make extract` reads anew"
    )
    assert texts.in_korean(line) == (
        "  카탈로그의 최신성 기준을 지키는 테이블 1개, 전체 5개; 경고 기준보다 오래된 테이블: b; "
        "허용 기준보다 오래된 테이블: c, d; `make extract`로 다시 읽으세요"
    )
    assert report.freshness({"a": None}) == []


@pytest.fixture
def write(tmp_path):
    def make(text):
        file = tmp_path / "sources.yml"
        file.write_text(text, encoding="utf-8")
        return file

    return make


def test_a_catalog_is_read_with_exact_names_keys_and_the_default_schema(write):
    read = catalog.read(write(GOOD))
    assert (read.source, read.schema) == ("shop", "raw")
    assert read.tables == (
        catalog.Table("order", ("order_id",), "updated_at", frozenset({"shipping_date"}), dbt_name="orders"),
        catalog.Table("tag"),
    )


def places(document, path=()):
    """Where in a document something stands: the whole, and every key and position in it."""
    yield path
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


@pytest.mark.parametrize("path", list(places(yaml.safe_load(GOOD))), ids=str)
def test_whatever_stands_anywhere_is_read_or_refused_by_the_files_name(write, path):
    for value in (None, 1, True, "x", [], {}, [1], [None], {"a": 1}, ["x"], "{{ x }}"):
        changed = {"": copy.deepcopy(yaml.safe_load(GOOD))}
        spot = changed
        for key in ("", *path)[:-1]:
            spot = spot[key]
        spot[("", *path)[-1]] = value
        with suppress(Failure):
            catalog.read(write(yaml.safe_dump(changed[""])))


@pytest.mark.parametrize("names", [[], ["orders"], ["tag", "tog"]])
def test_no_name_and_an_unknown_one_are_refused(write, names):
    with pytest.raises(Failure):
        catalog.read(write(GOOD)).only(names)


def test_a_part_of_the_catalog_can_be_chosen_by_name(write):
    assert [table.name for table in catalog.read(write(GOOD)).only(["tag"]).tables] == ["tag"]


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        ("sources: [", "is not valid YAML", "correct it"),
        ("models: []", "must have one source", "file of its own"),
        ("sources: [{name: a, tables: []}]", "source a lists no tables", "discover"),
        ("sources: [{name: a, schema: '{{ target.schema }}', tables: [{name: t}]}]", "Jinja under `schema`", "plain"),
        ("sources: [{name: a, tables: [{name: 3}]}]", "needs a text under `name`, not 3", 'name: "…"'),
        (
            "sources: [{name: a, tables: [{name: t, config: {meta: {primary_keys: [x]}}}]}]",
            "table t has `primary_keys`",
            "did you mean `primary_key`?",
        ),
        ("sources: [{name: a, tables: [{name: t, config: {meta: {primary_key: {a: 1}}}}]}]", "primary_key of", "list"),
        ("sources: [{name: a, tables: [{name: T}, {name: t}]}]", "T and t would be one table", "catalog of its own"),
        ("sources: [{name: a, tables: [{name: _loads}]}]", "_loads bears the name", "leave it out"),
        ("sources: [{name: a, tables: [{name: _Lock}]}]", "_Lock bears the name", "leave it out"),
        (
            "sources: [{name: a, tables: [{name: t, columns: [{name: c, config: {meta: {on_invalid: zero}}}]}]}]",
            "on_invalid of t.c is 'zero'",
            "null or error",
        ),
        (
            "sources: [{name: a, tables: [{name: t, columns: [{name: c, config: {meta: {as: [text]}}}]}]}]",
            "as of t.c is ['text']",
            "write text",
        ),
        (
            "sources: [{name: a, tables: [{name: t, config: {meta: {primary_key: k, proof: {share: 24}}}}]}]",
            "table t has a share under `proof`, and no cursor",
            "write proof: whole",
        ),
        (
            "sources: [{name: a, tables: [{name: t, config: {meta: {cursor: c, proof: {share: 24}}}}]}]",
            "and no primary_key",
            "write proof: whole",
        ),
    ],
)
def test_a_fault_is_named_with_what_to_do(write, text, problem, fix):
    with pytest.raises(Failure) as caught:
        catalog.read(write(text))
    assert problem in caught.value.problem
    assert fix in caught.value.fix


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Failure, match=r"nowhere\.yml cannot be read"):
        catalog.read(tmp_path / "nowhere.yml")


def test_an_unknown_table_offers_the_nearest_name(write):
    with pytest.raises(Failure) as caught:
        catalog.read(write(GOOD)).only(["ordre"])
    assert "no table ordre" in caught.value.problem
    assert caught.value.fix == "did you mean order?"


@pytest.mark.parametrize(
    "proof",
    ["null", "all", "[whole]", "24", "{}", "{share: 1}", "{share: 1001}", "{share: '24'}", "{share: true}",
     "{share: 24, of: 3}", "{parts: 24}"],
)  # fmt: skip
def test_a_proof_is_whole_or_a_share(write, proof):
    meta = f"{{cursor: c, primary_key: k, proof: {proof}}}"
    with pytest.raises(Failure) as caught:
        catalog.read(write(f"sources: [{{name: a, tables: [{{name: t, config: {{meta: {meta}}}}}]}}]"))
    assert "proof of table t is" in caught.value.problem and "a number from 2 to 1,000" in caught.value.fix


@pytest.mark.parametrize(("proof", "share"), [("whole", 1), ("{share: 2}", 2), ("{share: 1000}", 1000)])
def test_how_much_of_a_table_is_proved_per_run_is_read(write, proof, share):
    meta = f"{{cursor: c, primary_key: k, proof: {proof}}}"
    (table,) = catalog.read(write(f"sources: [{{name: a, tables: [{{name: t, config: {{meta: {meta}}}}}]}}]")).tables
    assert table.share == share
