"""Each run compares a share of every table by value, before it is published: what is wrong everywhere is seen."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.common.quoting import sql_name
from loaders.lake import runs
from loaders.lake.folder import Folder
from loaders.proof import share
from loaders.proof.deep import DeepTable
from loaders.proof.share import Share
from loaders.run.by_value import next_part
from loaders.run.match_catalog import match
from loaders.types.canonical import canonical
from loaders.types.homes import homes
from loaders.types.type_contract import SourceColumn
from loaders.warehouse import duckdb_sql
from loaders.words.differences import Differences
from loaders.words.run_record import Turns
from tests.test_verify import damaged, finding

NOW = "2026-01-01 00:00:00"
# Column definitions, the key, and rows from numbers 1 to 4,000.
KEYS = {
    "whole number": ("id int primary key", "seq * 3 - 5000"),
    "sparse": ("id bigint unsigned primary key", "seq * 4398046511104"),
    "steps": ("id bigint primary key", "seq * 1024 * 24"),
    "text": ("id varchar(20) collate utf8mb4_bin primary key", "concat('K ', seq, '김')"),
    "zerofill": ("id int zerofill, other char(3), primary key (id, other)", "seq, 'x '"),
    "moment": ("id datetime(3) primary key", "timestamp'2024-01-01 00:00:00' + interval seq * 1500000 microsecond"),
    "decimal": ("id decimal(12,3) primary key", "seq / 8 - 100"),
    "bytes": ("id varbinary(9) primary key", "unhex(hex(seq))"),
    "float": ("id double primary key", "seq / 7"),
    "none": ("id varchar(20)", "seq"),
}


def made(own, kind: str, name: str = "t") -> None:
    """A table of 4,000 rows."""
    declared, values = KEYS[kind]
    own.write(
        f"create table `{name}` ({declared}, v varchar(20) character set utf8mb4)",
        f"insert into `{name}` select {values}, concat('v', seq) from (select @n := @n + 1 as seq from "
        "information_schema.columns a, information_schema.columns b, (select @n := 0) c "
        "limit 4000) as numbers",
    )


def a_run(own, parts: int = 4, lake=None, **options):
    known = own.discover()
    with own.opened(known.schema, lake) as warehouse:
        return own.run_with(warehouse, known, lake, parts, **options)


@pytest.mark.parametrize(
    ("kind", "rows", "parts"),
    [
        ("int", 50_000, 1),
        ("int", 50_001, 24),
        # 6,400 rows of 40,000 bytes and the two numbers beside them are more than is compared in each run.
        ("varchar(10000)", 6_000, 1),
        ("varchar(10000)", 6_400, 24),
        # A long value is compared by length and digest.
        ("longtext", 50_000, 1),
    ],
)
def test_few_rows_are_compared_whole_unless_they_are_wide(kind, rows, parts):
    octets = {"int": None, "varchar(10000)": 40_000, "longtext": 4_294_967_295}[kind]
    name = kind.partition("(")[0]
    columns = [
        canonical(SourceColumn("id", "int", "int", False)),
        canonical(SourceColumn("v", name, kind, False, octets=octets)),
    ]
    assert share.parts_of(SimpleNamespace(columns=columns), rows, 24) == parts


@pytest.fixture
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(share, "SMALL_ROWS", 0)


@contextmanager
def shares(own, name: str, parts: int):
    """All shares of a table, with the two ends."""
    known = own.discover()
    with own.opened("raw_own") as warehouse, own.snapshot() as snapshot:
        ((table, source),) = [(table, source) for table, source in match(known, snapshot) if table.name == name]
        printed = DeepTable(source, homes(table.name, source.columns, False), table.primary_key, frozenset())
        yield [Share(printed, parts, part) for part in range(parts)], snapshot, warehouse


def parts_compared(own, name: str, parts: int) -> list[Differences]:
    with shares(own, name, parts) as (every, snapshot, warehouse):
        raw = f"raw_own.{sql_name(name)}"
        return [one.table.compare(one.at_source(snapshot, 4_000), one.stored(warehouse, raw)) for one in every]


def shares_of(own, name: str, parts: int) -> list[tuple[list, list]]:
    """Of each part the rows that the source and that raw finds in it."""

    def listed(batches):
        return [row for batch in batches for row in batch.column(0).to_pylist()]

    with shares(own, name, parts) as (every, snapshot, warehouse):
        raw = f"raw_own.{sql_name(name)}"
        return [(listed(one.at_source(snapshot, 4_000)), listed(one.stored(warehouse, raw))) for one in every]


@pytest.mark.parametrize("kind", KEYS)
def test_every_row_is_in_one_part_the_same_at_both_ends(of_every_kind, kind):
    found = shares_of(of_every_kind, kind, 3)
    assert sum(len(there) for there, _ in found) == 4_000
    for there, here in found:
        assert len(there) == len(here) > 500, "each part has its share of the rows"
        if kind not in ("zerofill", "float"):
            assert there == here, "and both ends give them in the same order"


def test_a_row_stays_in_its_part_as_the_table_grows(own, nothing_is_small):
    made(own, "whole number")
    own.run()
    before = shares_of(own, "t", 3)
    own.write("insert into t values (-2000000, 'far'), (3000000000 div 2, 'away')")
    own.run()
    after = shares_of(own, "t", 3)
    assert all(set(one[0]) <= set(other[0]) for one, other in zip(before, after, strict=True))


def test_the_verdict_says_which_part_and_all_have_had_their_turn_after_as_many_runs(own, nothing_is_small):
    made(own, "whole number")
    said = [a_run(own, 3).batches[0] for _ in range(4)]
    assert [batch.verdict for batch in said] == [
        "equal: 4,000 rows, part 1 of 3 by value",
        "equal: 4,000 rows by hash, part 2 of 3 by value",
        "equal: 4,000 rows by hash, part 3 of 3 by value",
        "equal: 4,000 rows by hash, part 1 of 3 by value",
    ]
    assert [batch.by_value.whole_since is None for batch in said] == [True, True, False, False]
    assert sum(batch.by_value.rows for batch in said[:3]) == 4_000
    oldest = said[1].by_value.compared[1]
    assert said[3].by_value.whole_since == oldest, "part 2 is the one that was compared longest ago"
    assert runs.read(own.lake, 4).batches[0].by_value == said[3].by_value, "the record holds it"
    own.extract(own.discover())
    assert runs.read(own.lake, 5).batches[0].by_value == said[3].by_value, "`--no-load` compares nothing"
    assert a_run(own, 0).batches[0].verdict == "equal: 4,000 rows by hash", "neither does VALUE_PARTS=0"
    assert a_run(own, 3).batches[0].verdict == "equal: 4,000 rows by hash, part 2 of 3 by value"
    own.write("alter table t add column late int")
    anew = a_run(own, 3).batches[0]
    assert anew.verdict == "equal: 4,000 rows, part 3 of 3 by value"
    known = [moment is not None for moment in anew.by_value.compared]
    assert known == [False, False, True], "raw's rows are others"


def test_another_division_begins_anew_and_forgets_nothing():
    known = Turns("id div 1024", 1, 7, (None, NOW, None))
    assert next_part(known, "id div 1024", 3) == (2, [None, NOW, None])
    assert next_part(known, "id div 1024", 4) == (0, [None] * 4)
    whole = Turns("_source_hash", 0, 7, (NOW,))
    assert next_part(whole, "_source_hash", 2) == (0, [NOW, NOW])
    assert next_part(None, "_source_hash", 1) == (0, [None])


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_reader_that_changes_a_column_stops_the_run_before_it_is_published(own, monkeypatch, mode):
    """What DuckDB did by itself with a lake below a folder `country=KR`."""
    monkeypatch.setattr(
        duckdb_sql, "read_parquet",
        lambda files: f"read_parquet([{', '.join(repr(str(file)) for file in files)}], hive_partitioning = true)",
    )  # fmt: skip
    own.write("create table t (id int primary key, country varchar(9))", "insert into t values (1, 'JP')")
    if mode == "incremental":
        a_run(own, lake=Folder(own.folder / "lake"))
    own.write("insert into t values (2, 'DE'), (3, 'KR')")
    lake = Folder(own.folder / "country=KR")
    if mode == "incremental":
        (own.folder / "lake").rename(own.folder / "country=KR")
    before = runs.numbers(lake)
    with pytest.raises(Failure) as caught:
        a_run(own, lake=lake)
    told = str(caught.value)
    assert (
        "id=2: country is 'DE' at the source, 'KR' here" in told and "t in raw is not what it is at the source" in told
    )
    assert "came with this run" in told and "VALUE_PARTS=0" in told
    assert runs.numbers(lake) == before
    with own.opened("raw_own") as warehouse:
        assert warehouse.last_applied()[0] == len(before), "raw is as it was"


@pytest.fixture(scope="module")
def of_every_kind(module_own):
    for kind in KEYS:
        made(module_own, kind, kind)
    module_own.run()
    return module_own


@settings(max_examples=12)
@given(kind=st.sampled_from(sorted(KEYS)), row=st.integers(1, 4_000), parts=st.integers(1, 8))
def test_any_value_changed_under_its_hash_is_found_in_exactly_one_part(of_every_kind, kind, row, parts):
    damaged(of_every_kind, f"""update raw_own."{kind}" set v = 'x' where v = 'v{row}'""")
    found = [one for one in parts_compared(of_every_kind, kind, parts) if one]
    damaged(of_every_kind, f"""update raw_own."{kind}" set v = 'v{row}' where v = 'x'""")
    (one,) = found
    assert one.hidden == 1 and f"v is 'v{row}' at the source, 'x' here" in list(one.lines())[1]


@given(st.integers(1, 9), st.integers(0, 20))
def test_within_as_many_runs_as_there_are_parts_each_has_its_turn(parts, runs_before):
    known = None
    turns = []
    for _ in range(runs_before + parts):
        part, compared = next_part(known, "id div 1024", parts)
        compared[part] = NOW
        known = Turns("id div 1024", part, 0, tuple(compared))
        turns.append(part)
    assert sorted(turns[-parts:]) == list(range(parts)) and known.whole_since == NOW


def test_the_remedies_mend_it(own, nothing_is_small):
    """What `verify --deep` finds is found by a run too, at the latest after as many as there are parts."""
    made(own, "whole number")
    a_run(own)
    a_run(own)
    damaged(own, "update raw_own.t set v = 'x' where id = 1000", "update raw_own.t set id = -7 where id = -8")
    assert finding(own).equal, "the hashes are as they were"
    told = finding(own, deep=True)
    assert "2 rows differ though raw's _source_hash is the source's" in told.said
    assert told.fix == 'make extract ARGS="--full --tables t"'
    with pytest.raises(Failure) as caught:
        for _ in range(4):
            a_run(own)
    assert "raw has held these rows since run 1" in caught.value.fix and "--full --tables t" in caught.value.fix
    with pytest.raises(Failure):
        a_run(own)
    a_run(own, full=True)
    assert finding(own, deep=True).equal
    assert [a_run(own).batches[0].mode for _ in range(4)] == ["incremental"] * 4
