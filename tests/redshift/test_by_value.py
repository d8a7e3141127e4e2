"""A share of every table by value, or by hash, in each run, on the Redshift stand-in."""

from dataclasses import replace

import pytest

from loaders.common.errors import Failure
from loaders.lake import runs
from loaders.proof import share
from loaders.proof.deep import DeepTable
from loaders.proof.share import Share
from loaders.run.match_catalog import match
from loaders.types.homes import homes
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.test_by_hash import made as made_with_a_cursor
from tests.test_by_value import KEYS, made


@pytest.mark.parametrize("kind", KEYS)
def test_every_row_is_in_one_part_the_same_at_both_ends(both, kind):  # noqa: F811
    made(both.own, kind)
    both.run(for_redshift=True)
    known, counted = both.catalog(for_redshift=True), []
    with both.warehouse() as warehouse, both.own.snapshot() as snapshot:
        ((table, source),) = match(known, snapshot)
        printed = DeepTable(source, homes(table.name, source.columns, True), table.primary_key, frozenset())
        for part in range(3):
            one = Share(printed, 3, part)
            found = printed.compare(one.at_source(snapshot, 4_000), one.stored(warehouse, f"{both.schema}.t"))
            assert not found and found.rows > 500
            counted.append(found.rows)
    assert sum(counted) == 4_000


@pytest.mark.parametrize("kind", ["whole number", "steps", "zerofill"])
def test_a_silent_change_is_found_in_its_parts_turn_and_a_delete_at_once(both, monkeypatch, kind):  # noqa: F811
    monkeypatch.setattr(share, "SMALL_ROWS", 0)
    made_with_a_cursor(both.own, kind)
    known = both.catalog(for_redshift=True)
    known = replace(known, tables=tuple(replace(table, share=2) for table in known.tables))

    def verdict() -> str:
        return both.run(known=known).batches[0].verdict

    assert verdict() == "equal: 4,000 rows, part 1 of 2 by value"
    both.own.write("update t set v = concat(v, ' x') where v in ('v1', 'v2000', 'v3999')")
    in_part = [verdict().partition("; ") for _ in range(2)]
    assert [head for head, _mark, _more in in_part] == [
        f"equal: 4,000 rows by count, part {number} of 2 by hash, part {number} of 2 by value" for number in (2, 1)
    ]
    assert sum(int(more.partition(" ")[0] or 0) for _head, _mark, more in in_part) == 3
    both.own.write("delete from t where v = 'v7'")
    assert verdict().endswith("; 1 gone")
    assert both.ask(f"select count(*), count(distinct v) from {both.schema}.t where _deleted_at is null") == [
        (3999, 3999)
    ]
    both.ask(f"update {both.schema}.t set _source_hash = 1 where v = 'v8'")
    assert verdict().startswith("equal: 3,999 rows by hash") and " by count" in verdict()


def test_a_value_that_changed_under_its_hash_stops_a_run_before_it_is_published(both, monkeypatch):  # noqa: F811
    monkeypatch.setattr(share, "SMALL_ROWS", 0)
    made(both.own, "text")
    first = both.run(for_redshift=True, parts=2).batches[0]
    assert first.verdict == "equal: 4,000 rows, part 1 of 2 by value" and 1_800 < first.by_value.rows < 2_200
    both.ask(f"update {both.schema}.t set v = 'x' where v = 'v77'")
    found = []
    for _ in range(2):
        try:
            both.run(for_redshift=True, parts=2)
        except Failure as failure:
            found.append(failure)
            break
    (failure,) = found
    assert "id=K 77김: v is 'v77' at the source, 'x' here" in failure.details[1]
    assert runs.numbers(both.lake) in ([1], [1, 2]) and "--full --tables t" in failure.fix
    both.run(for_redshift=True, parts=2, full=True)
    assert [both.run(for_redshift=True, parts=2).batches[0].mode for _ in range(2)] == ["incremental"] * 2
