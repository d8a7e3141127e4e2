"""`proof: {share: N}`: a run compares by hash what the cursor shows, one part in N, and the count; all N in N runs."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.cli import report
from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name, sql_name
from loaders.lake import runs
from loaders.proof import raw_state, share
from loaders.proof.share import BLOCK, Share
from loaders.retention import replay
from loaders.run import plan, untouched
from loaders.run.incremental import Raw
from loaders.run.match_catalog import match
from loaders.run.options import Options, Places, RunContext
from loaders.run.table_read import about
from loaders.source.touched import Word
from loaders.types.canonical import canonical
from loaders.types.type_contract import SourceColumn
from tests.own_database import sequence, watch
from tests.test_by_value import KEYS
from tests.test_erase import erased
from tests.test_prune import age, pruned
from tests.test_untouched import AGO, next_second
from tests.test_verify import damaged, finding

PARTS = 3
SILENT = "update t set v = 'silent' where id = {}"
OLD = "'2026-01-01'"
BY_KEY = ["whole number", "steps", "text", "zerofill"]


@pytest.fixture(autouse=True)
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(share, "SMALL_ROWS", 0)


def made(own, kind: str, name: str = "t") -> None:
    """A table of 4,000 rows that changed long ago, all but the last one long before the cursor's bound."""
    declared, values = KEYS[kind]
    own.write(
        f"create table `{name}` ({declared}, v varchar(20) character set utf8mb4, updated_at datetime)",
        f"insert into `{name}` select {values}, concat('v', seq), {OLD} + interval seq = 4000 day "
        f"from {sequence(1, 4_000)}",
    )


def shared(own, parts: int = PARTS, only: str | None = None):
    """The catalog, its tables in so many parts."""
    known = own.discover()
    known = known.only([only]) if only else known
    return replace(known, tables=tuple(replace(table, share=parts) for table in known.tables))


def said(own, count: int = 1, parts: int = PARTS, only: str | None = None, **options) -> list[str]:
    return [own.run(shared(own, parts, only), **options).batches[0].verdict for _ in range(count)]


def part(number: int, more: str = "", rows: int = 4_000, of: int = PARTS) -> str:
    return f"equal: {rows:,} rows by count, part {number} of {of} by hash, part {number} of {of} by value{more}"


def whole(number: int, more: str = "", rows: int = 4_000) -> str:
    return f"equal: {rows:,} rows by hash, part {number} of {PARTS} by value{more}"


def holding(own):
    with own.opened("raw_own") as warehouse:
        return raw_state.of(own.discover(), own.lake, warehouse)[-1]


@pytest.fixture
def filled(own):
    made(own, "whole number")
    assert said(own) == ["equal: 4,000 rows, part 1 of 3 by value"]
    return own


def test_a_silent_change_is_found_in_the_turn_of_its_part_and_a_shown_one_at_once(filled):
    first = holding(filled).by_hash
    # Keys -2,000, 400 and 1,510: blocks -1, 0 and 1.
    filled.write(*(SILENT.format(key) for key in (-2000, 400, 1510)))
    told = finding(filled)
    assert (not told.equal and "3 rows" in told.said) or told.details, "`verify` compares all"
    filled.write("update t set v = 'shown', updated_at = now() where id between 4000 and 4300")
    verdicts = said(filled, PARTS)
    assert sum(": 4,000 rows by count" in verdict for verdict in verdicts) == PARTS
    assert sorted(verdict.partition(" by hash")[0][-6:] for verdict in verdicts) == ["1 of 3", "2 of 3", "3 of 3"]
    assert sum(int(verdict.partition("; ")[2].partition(" ")[0] or 0) for verdict in verdicts) == 3, "repaired"
    assert finding(filled, deep=True).equal
    batches = [runs.read(filled.lake, number).batches[0] for number in range(1, 5)]
    assert sum(batch.by_hash.rows for batch in batches[1:]) == 4_000, "and no row was hashed twice but by the cursor"
    since = [batch.by_hash.whole_since for batch in batches]
    assert since[0] == since[1] == since[2] == first < since[3] == batches[1].by_hash.compared[batches[1].by_hash.part]
    assert holding(filled).by_hash == since[3], "status shows the oldest"


def test_history_does_not_say_of_a_part_that_nothing_had_changed(filled):
    # The row that each run would read again by the cursor.
    filled.write(f"delete from t where updated_at > {OLD}")
    _whole, in_part = said(filled, 2)
    assert report.past(runs.read(filled.lake, 3))[1] == f"  t: incremental, 0 rows  {in_part}"
    said(filled, parts=1)
    assert report.past(runs.read(filled.lake, 4))[1] == "  nothing had changed"


@pytest.mark.parametrize(
    ("change", "more"),
    [
        ("delete from t where id = 1510", "; 1 gone"),
        ("delete from t where id between 100 and 200", "; 34 gone"),
        ("insert into t values (-4999, 'late', '2025-01-01')", "; 1 repaired"),
    ],
)
def test_a_net_delete_or_a_late_row_is_found_in_the_next_run(filled, change, more):
    filled.write(change)
    (verdict,) = said(filled)
    assert verdict.endswith(more) and "4,000" not in verdict
    assert finding(filled).equal, "wherever it was"
    assert " by count" in said(filled)[0], "and the turns go on"


def test_raw_that_is_not_as_the_last_run_left_it_is_compared_whole(filled):
    damaged(filled, "update raw_own.t set _source_hash = 7 where id in (-2000, 400, 1510)")
    assert said(filled) == [whole(2, "; 3 repaired")]
    assert said(filled) == [part(3)], "every part is as old as that run"
    assert holding(filled).by_hash == runs.read(filled.lake, 2).batches[0].by_hash.compared[0]


def test_where_a_part_is_not_enough_all_is_compared(filled):
    filled.extract(shared(filled))
    filled.load()
    assert said(filled) == [whole(2)], "after a run without a comparison"
    assert said(filled, full=True) == ["equal: 4,000 rows, part 3 of 3 by value"]
    assert said(filled) == [part(1)]
    assert said(filled, parts=2) == [part(1, of=2)], "another division begins anew"
    assert said(filled, parts=1) == ["equal: 4,000 rows by hash, part 1 of 24 by value"]
    assert holding(filled).by_hash is None
    assert said(filled)[0].startswith("equal: 4,000 rows by hash,"), "whoever chooses a share begins with all"
    filled.write("alter table t add other int")
    assert said(filled)[0].startswith("equal: 4,000 rows,"), "read whole"
    filled.write("update t set updated_at = null")
    said(filled)
    known = shared(filled)
    known = replace(known, tables=tuple(replace(table, cursor="other_at") for table in known.tables))
    filled.write("alter table t add other_at datetime")
    filled.run(known)
    assert " by count" not in filled.run(known).batches[0].verdict, "no bound is known, so no cursor shows anything"


def test_the_servers_word_is_taken_for_a_comparison_of_all_alone(own, monkeypatch):
    """MySQL says that nothing changed since a run in part: that run has not looked at the other parts."""
    monkeypatch.setattr(untouched, "HANGS", AGO)
    made(own, "whole number")
    said(own)
    next_second(own)
    own.write(*(SILENT.format(key) for key in (-2000, 400, 1510)))
    verdicts = said(own, PARTS)
    assert sum(int(verdict.partition("; ")[2].partition(" ")[0] or 0) for verdict in verdicts) == 3
    assert finding(own, deep=True).equal


def test_a_small_table_is_compared_whole(filled, monkeypatch):
    monkeypatch.setattr(share, "SMALL_ROWS", 50_000)
    assert said(filled, 2) == ["equal: 4,000 rows by hash, all by value"] * 2
    monkeypatch.setattr(share, "SMALL_ROWS", 0)
    assert said(filled) == [part(1)], "as it grows"


def test_without_values_the_turns_go_on(filled):
    with filled.opened("raw_own") as warehouse:
        verdicts = [filled.run_with(warehouse, shared(filled), parts=0).batches[0].verdict for _ in range(2)]
    assert verdicts == [f"equal: 4,000 rows by count, part {number} of 3 by hash" for number in (2, 3)]


def test_a_lake_of_parts_is_replayed_to_what_raw_was(filled):
    for key in (-2000, 400, 1510, 6000):
        filled.write(SILENT.format(key), f"update t set v = 'shown', updated_at = now() where id = {key + 3}")
        said(filled)
    before = filled.live("t", "*")
    newest = runs.read(filled.lake, runs.numbers(filled.lake)[-1]).batches[0]
    with filled.opened("raw_own") as warehouse:
        assert (4_000, newest.hash_sum) == warehouse.totals("t")
        replay.replay(filled.lake, warehouse, None, lambda steps, _count: steps)
    assert filled.live("t", "*") == before
    assert " by count" in said(filled)[0]


def test_a_lake_of_parts_is_pruned_and_erased_from_and_the_turns_go_on(filled):
    """Silent changes lie in parts whose turn is still to come while both are done."""
    filled.write("delete from t where id = 400")
    assert said(filled)[0].endswith("; 1 gone")
    assert erased(filled, text="400") > 0
    assert said(filled) == [part(3, rows=3_999)]
    filled.write(*(SILENT.format(key) for key in (-2000, 401, 1510)))
    assert " by count, part 1 " in said(filled)[0]
    age(filled, {1: 40, 2: 39, 3: 38})
    (filled.folder / "profiles.yml").write_text(
        f"order_he: {{target: d, outputs: {{d: {{type: duckdb, schema: x, path: '{filled.warehouse_path}'}}}}}}"
    )
    held, before = holding(filled), filled.raw("t")
    assert "removed 2 runs (1 to 2)" in pruned(filled)
    assert holding(filled) == held and filled.raw("t") == before, "since when, too"
    later = said(filled, 2)
    assert [verdict.partition(" by hash")[0][-6:] for verdict in later] == ["2 of 3", "3 of 3"]
    assert finding(filled, deep=True).equal
    now = filled.live("t", "id, v, updated_at, _source_hash")
    with filled.opened("raw_own") as warehouse:
        replay.replay(filled.lake, warehouse, None, lambda steps, _count: steps)
    assert filled.live("t", "id, v, updated_at, _source_hash") == now and len(now) == 3_999


def test_where_turns_were_left_out_status_says_the_oldest(filled):
    """Runs of another table bring no part forward; of the parts then, the first one's moment is the oldest."""
    first = holding(filled).by_hash
    made(filled, "whole number", "before_t")
    assert said(filled, only="t") == [part(2)]
    for _run in range(PARTS):
        filled.run(shared(filled, only="before_t"))
    assert holding(filled).by_hash == first
    assert said(filled, only="t") == [part(3)]
    assert holding(filled).by_hash == first, "the first part has waited for its turn since then"
    assert said(filled, only="t") == [part(1)]
    assert holding(filled).by_hash == runs.read(filled.lake, 2).batches[0].by_hash.compared[1] > first


def test_plan_says_what_would_be_compared_and_what_each_choice_would_cost(filled, monkeypatch):
    monkeypatch.setattr(plan, "SMALL_ROWS", 0)
    monkeypatch.setattr(plan, "SAMPLE_ROWS", 1_000)
    filled.write("analyze table t")
    known = shared(filled)
    with filled.opened("raw_own") as warehouse, filled.snapshot() as snapshot:
        ((table, source),) = match(known, snapshot)
        bases = {"t": runs.read(filled.lake, 1).batches[0]}
        places, options = Places(filled.lake, filled.folder, warehouse), Options(value_parts=24)
        context = RunContext(snapshot, Word(snapshot), "", places, options, False, watch)
        raw = Raw(warehouse, bases)
        intended = plan.intent(about(context, table, source, raw.bases["t"]), raw, None)
    assert intended.why.endswith("then all counted and part 2 of 3 compared by hash")
    assert 500 < intended.cost.rows < 2_100 and intended.cost.parts == 3
    assert intended.cost.share > 0 and intended.cost.whole > 0
    _cursor, sums, counted, values = intended.selects
    assert "between" in sums and "between" in values and counted == "select count(*) from `t`"


def test_a_key_without_a_common_text_is_refused(own):
    made(own, "float")
    with pytest.raises(Failure, match="its key has the double id"):
        said(own)


@pytest.fixture(scope="module")
def of_every_kind(module_own):
    """Tables with a copy of all their rows, from which deleted ones come back."""
    for kind in BY_KEY:
        made(module_own, kind, kind)
        module_own.write(f"create table `{kind} all` as select * from `{kind}`")
        module_own.run(shared(module_own, only=kind))
    return module_own


CHANGES = st.lists(
    st.tuples(st.sampled_from(["update", "delete", "restore", "show"]), st.integers(1, 4_000)), min_size=1, max_size=6
)


@settings(max_examples=8)
@given(kind=st.sampled_from(BY_KEY), changes=CHANGES)
def test_whatever_changes_silently_is_found_within_as_many_runs_and_a_net_delete_at_once(of_every_kind, kind, changes):
    own, table = of_every_kind, mysql_name(kind)
    # By the row's number, whatever became of its value.
    of_row = "updated_at is not null and substring_index(v, ' ', 1) = 'v{}'"
    statements = {
        "update": f"update {table} set v = concat(v, ' x') where {of_row}",
        "delete": f"delete from {table} where {of_row}",
        "restore": f"insert ignore into {table} select * from {mysql_name(f'{kind} all')} where {of_row}",
        "show": f"update {table} set v = concat(v, ' y'), updated_at = now() where {of_row}",
    }
    own.write(*(statements[how].format(row) for how, row in changes))
    known = shared(own, only=kind)
    own.run(known)
    rows = of_source(own, table)
    assert len(own.live(kind, "v")) == len(rows), "as many rows at once"
    for _ in range(PARTS - 1):
        own.run(known)
    assert own.live(kind, "v") == rows
    newest = runs.read(own.lake, runs.numbers(own.lake)[-1]).batches[0]
    with own.opened("raw_own") as warehouse:
        assert warehouse.totals(kind) == (newest.live_rows, newest.hash_sum)
        live = warehouse.ask(f"select count(*) from raw_own.{sql_name(kind)} where _deleted_at is null")
    assert live == [(len(rows),)]


def of_source(own, table: str) -> list[tuple]:
    connection = own.connect(own.shop_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"select v from {table}")
        return sorted(cursor.fetchall())


NUMBERS = st.integers(-(2**40), 2**40) | st.integers(-5_000, 5_000)


@given(st.integers(2, 30), NUMBERS, st.integers(0, 200_000), st.integers(0, 100_000), st.data())
def test_every_key_is_in_one_part_and_stays_there_as_keys_grow(parts, low, span, growth, data):
    key = data.draw(st.integers(low, low + span))
    column = canonical(SourceColumn("id", "bigint", "bigint", nullable=False))
    table = SimpleNamespace(source=None, columns=[column], key=["id"])

    def holds(number: int, high: int) -> bool:
        snapshot = SimpleNamespace(extremes=lambda _table, _column: (low, high))
        (*conditions,) = Share(table, parts, number).conditions(snapshot, 2 * (high - low) + 2 * BLOCK)
        ranges = [each.split() for condition in conditions for each in condition.split(" or ")]
        inside = [int(first) <= key <= int(last) for _name, _between, first, _and, last in ranges]
        assert sum(inside) <= 1
        return any(inside)

    chosen = [number for number in range(parts) if holds(number, low + span)]
    assert len(chosen) == 1
    assert chosen == [number for number in range(parts) if holds(number, low + span + growth)]
