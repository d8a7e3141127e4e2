"""Comparing two sides finds exactly what differs, for any two sets of rows."""

import hashlib
from collections.abc import Iterable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.proof.compare import Difference, compare
from loaders.words.buckets import Buckets, fitting

SCHEMA = pa.schema([("k", pa.int64()), ("_source_hash", pa.int64())])


class InMemory:
    """A side of (key, hash) pairs, of which some may be there again; `asked` counts the pairs it gave away."""

    def __init__(self, rows: dict[int, int], again: Iterable[tuple[int, int]] = ()):
        self.rows, self.every, self.asked = rows, [*rows.items(), *again], 0

    def bucket(self, buckets: Buckets, key: int, value: int) -> int:
        if buckets.key is None:
            return value % buckets.size
        return int(abs(key) // buckets.size) * (1 if key >= 0 else -1)

    def sums(self, buckets):
        found: dict[int, tuple[int, int]] = {}
        for pair in self.every:
            rows, total = found.get(self.bucket(buckets, *pair), (0, 0))
            found[self.bucket(buckets, *pair)] = (rows + 1, total + pair[1])
        return found

    def pairs(self, buckets, chosen):
        rows = [pair for pair in self.every if self.bucket(buckets, *pair) in chosen]
        self.asked += len(rows)
        return pa.table([[key for key, _ in rows], [value for _, value in rows]], schema=SCHEMA)


keys = st.integers(-(2**63), 2**63 - 1) | st.integers(-3000, 3000)
sides = st.dictionaries(keys, st.integers(0, 2**63 - 1), max_size=60)


@given(sides, sides, st.booleans())
def test_the_difference_is_exact(common, changed, by_key):
    source, raw = InMemory(common | changed), InMemory(common)
    extremes = (min(source.rows), max(source.rows)) if source.rows else None
    found = compare(source, raw, fitting("k" if by_key else None, extremes, len(source.rows)))
    assert found.wanted.num_columns == 0 or sorted(found.wanted["k"].to_pylist()) == sorted(
        key for key, value in source.rows.items() if raw.rows.get(key) != value
    )
    back = compare(raw, source, Buckets("k" if by_key else None, 1024))
    gone = back.gone["k"].to_pylist() if back.gone.num_columns else []
    assert sorted(gone) == sorted(source.rows.keys() - raw.rows.keys())
    assert (found.rows, found.hash_sum) == (len(source.rows), sum(source.rows.values()))


def applied(raw: InMemory, source: InMemory, found: Difference) -> list[tuple[int, int]]:
    """Raw's pairs after a load: rows with wanted keys are read at the source and replace raw's; others go."""
    wanted, gone = ([] if not keys.num_columns else keys["k"].to_pylist() for keys in (found.wanted, found.gone))
    kept = [pair for pair in raw.every if pair[0] not in {*wanted, *gone}]
    return sorted(kept + [pair for pair in source.every if pair[0] in wanted])


def hashed(key: int, value: int) -> int:
    """The hash of a row, which is nobody else's."""
    return int.from_bytes(hashlib.sha256(f"{key} {value}".encode()).digest()[:8]) >> 1


pairs = st.tuples(st.integers(0, 9), st.integers(0, 2)).map(lambda row: (row[0], hashed(*row)))
few = st.lists(pairs, max_size=9).map(dict)
repeated = st.lists(pairs, max_size=2)


@given(few, few, repeated, repeated, st.booleans())
def test_what_is_found_makes_raw_equal_or_the_table_is_read_whole(common, changed, there, here, by_key):
    """Also where a key is there more than once, in raw or at the source: never "equal" of what is not.

    By hash, a key's other row may be in a bucket that is alike, and is then not seen: the load's sums refuse that.
    """
    source, raw = InMemory(common | changed, there), InMemory(common, here)
    found = compare(source, raw, Buckets("k" if by_key else None, 4))
    if found is None:
        assert there or here, "what is there once is explained"
        return
    then = applied(raw, source, found)
    if then != sorted(source.every):
        assert not by_key and (there or here)
        assert (len(then), sum(value for _key, value in then)) != (found.rows, found.hash_sum)


def test_a_row_that_stands_twice_in_raw_is_explained_by_no_key():
    rows = {key: key * 7919 for key in range(5000)}
    assert compare(InMemory(rows), InMemory(rows, [(7, 7 * 7919)]), Buckets("k", 1024)) is None
    assert compare(InMemory(rows, [(7, 7 * 7919)]), InMemory(rows), Buckets("k", 1024)) is None


def test_pairs_that_arrive_in_part_are_noticed():
    class Cut(InMemory):
        def pairs(self, buckets, chosen):
            return super().pairs(buckets, chosen).slice(1)

    rows = {key: key * 7919 for key in range(50)}
    for source, raw in ((Cut(rows | {49: 1}), InMemory(rows)), (InMemory(rows | {49: 1}), Cut(rows))):
        assert compare(source, raw, Buckets("k", 1024)) is None


@given(st.sets(st.integers(-50, 50)), st.integers(1, 40), st.integers(-3000, 3000))
def test_the_ranges_of_chosen_buckets_hold_exactly_their_keys(chosen, size, key):
    buckets = Buckets("k", size)
    bucket = int(abs(key) // size) * (1 if key >= 0 else -1)
    inside = any(first <= key <= last for first, last in buckets.ranges(chosen))
    assert inside == (bucket in chosen)


def test_a_few_differences_in_many_rows_ask_for_few_pairs():
    rows = {key: key * 7919 for key in range(50_000)}
    source, raw = InMemory(rows | {5: 1, 40_000: 1}), InMemory(rows)
    assert sorted(compare(source, raw, fitting("k", (0, 49_999), 50_000)).wanted["k"].to_pylist()) == [5, 40_000]
    assert source.asked <= 2 * 64


@pytest.mark.parametrize("key", ["k", None])
def test_where_more_than_an_eighth_differs_the_table_is_read_whole_and_is_not_compared_to_its_end(key, monkeypatch):
    """Of a key's buckets as soon as that is seen; by hash all are held at once, and only if they are half of it."""
    monkeypatch.setattr("loaders.proof.compare.WORTH_READING", 100)
    monkeypatch.setattr("loaders.proof.compare.AT_ONCE", 100)
    rows = {number: hashed(number, 0) for number in range(1, 64 * 600)}
    few = rows | {number: hashed(number, 1) for number in range(1, len(rows) // 8)}
    many = rows | {number: hashed(number, 1) for number in range(1, len(rows) // 8 + 64)}
    buckets = fitting(key, (1, len(rows)), len(rows))
    source = InMemory(few)
    assert key is None or compare(source, InMemory(rows), buckets).wanted.num_rows == len(rows) // 8 - 1
    source = InMemory(many)
    assert compare(source, InMemory(rows), buckets) is None
    assert source.asked <= (500 * 64 if key else 0)


@pytest.mark.parametrize(
    ("extremes", "rows", "expected"),
    [
        ((1, 10_000), 10_000, Buckets("k", 64)),
        ((1, 640_000), 10_000, Buckets("k", 64)),
        ((1, 10_000_000), 10_000_000, Buckets("k", 100)),
        ((-(2**63), 2**63 - 1), 10_000, Buckets(None, 156)),
        ((-(2**63), 2**63 - 1), 10_000_000, Buckets(None, 100_000)),
        (None, 0, Buckets(None, 1)),
    ],
)
def test_buckets_fit_the_keys(extremes, rows, expected):
    assert fitting("k", extremes, rows) == expected
