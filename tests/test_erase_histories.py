"""`erase` and histories that name the key otherwise, or do not say whose they are: none goes unsearched unsaid."""

import pytest

from loaders.cli import erase as command
from loaders.retention.erase import Relation, relation
from tests.test_verify import damaged, told

HISTORY = {"schema": "analytics", "alias": "h", "config.materialized": "snapshot"}


@pytest.fixture
def gone(own, monkeypatch):
    """A person whose row has left the source, and is in raw and in a snapshot under `person_id`."""
    own.write(
        "create table person (id int primary key, email varchar(99))", "insert into person values (1, 'a@b'), (2, 'c')"
    )
    own.run()
    own.write("delete from person where id = 1")
    damaged(
        own, "create schema analytics", "create table analytics.h as select id as person_id, email from raw_own.person"
    )

    def erased(node: dict, code: int) -> str:
        monkeypatch.setattr(command.dbt_nodes, "made_of", lambda *_all: [relation(node, "person")])
        at = ("--catalog", str(own.catalog_file))
        return told(own, "erase", "--table", "person", "--key", "1", *at, code=code)

    return own, erased


def test_a_history_names_the_keys_column_as_its_meta_says(gone):
    own, erased = gone
    said = erased(HISTORY | {"config.meta": {"history_of": "person", "key": {"person_id": "id"}}}, 0)
    assert "analytics.h: 1 row removed" in said
    assert "nothing is left of person 1 in the lake, raw and the histories (raw_own.person, analytics.h)" in said
    assert own.raw("h", "person_id", "analytics") == [(2,)]


def test_a_history_that_cannot_be_searched_is_named_and_is_not_clean(gone):
    own, erased = gone
    said = erased(HISTORY | {"config.meta": {"history_of": "person"}}, 1)
    assert "not searched: analytics.h, because it has no column id" in said
    assert "error: analytics.h, a history of person, was not searched" in said
    assert "key: {its column: id}" in said and "nothing is left" not in said
    assert own.raw("person", "id") == [(2,)], "what could be erased is"
    erased(HISTORY | {"config.meta": {"history_of": "person", "key": {"person_id": "id"}}}, 0)


@pytest.mark.parametrize("column", ["person_id", "id"])
def test_a_snapshot_that_does_not_say_whose_history_it_is_is_not_clean(gone, column):
    own, erased = gone
    if column == "id":
        damaged(own, "alter table analytics.h rename column person_id to id")
    said = erased(HISTORY | {"config.meta": {}}, 1)
    assert "error: analytics.h is a snapshot that does not say whose history it is, so it may keep person 1" in said
    assert "meta: {history_of: person}" in said and "nothing is left" not in said


def test_a_history_of_another_table_and_one_that_was_never_built_are_no_doubt(gone):
    _own, erased = gone
    assert "nothing is left" in erased(HISTORY | {"config.meta": {"history_of": "order"}}, 0)
    # By now there is nothing to erase, which is another answer.
    said = erased(HISTORY | {"alias": "never", "config.meta": {"history_of": "person"}}, 1)
    assert "error: person 1 was not in the lake, raw or the histories (raw_own.person): it never was there" in said


def test_what_dbt_makes_anew_is_no_history():
    assert relation(HISTORY | {"config.materialized": "table"}, "person") == Relation("analytics", "h")
