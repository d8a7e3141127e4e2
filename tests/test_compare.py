"""Comparing two sides finds exactly what differs, for any two sets of rows."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.proof.buckets import Buckets, fitting
from loaders.proof.compare import compare

SCHEMA = pa.schema([("k", pa.int64()), ("_source_hash", pa.int64())])


class InMemory:
    """A side of (key, hash) pairs; `asked` counts the pairs it gave away."""

    def __init__(self, rows: dict[int, int]):
        self.rows, self.asked = rows, 0

    def bucket(self, buckets: Buckets, key: int) -> int:
        if buckets.key is None:
            return self.rows[key] % buckets.size
        return int(abs(key) // buckets.size) * (1 if key >= 0 else -1)

    def sums(self, buckets, within=None, chosen=()):
        found: dict[int, tuple[int, int]] = {}
        for key, value in self.rows.items():
            if within is None or self.bucket(within, key) in chosen:
                rows, total = found.get(self.bucket(buckets, key), (0, 0))
                found[self.bucket(buckets, key)] = (rows + 1, total + value)
        return found

    def pairs(self, buckets, chosen):
        rows = [(key, value) for key, value in self.rows.items() if self.bucket(buckets, key) in chosen]
        self.asked += len(rows)
        return pa.table([[key for key, _ in rows], [value for _, value in rows]], schema=SCHEMA)


keys = st.integers(-(2**63), 2**63 - 1) | st.integers(-3000, 3000)
sides = st.dictionaries(keys, st.integers(0, 2**63 - 1), max_size=60)


@settings(deadline=None)  # the first join of a process takes a while
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


@given(st.sets(st.integers(-50, 50)), st.integers(1, 40), st.integers(-3000, 3000))
def test_the_ranges_of_chosen_buckets_hold_exactly_their_keys(chosen, size, key):
    buckets = Buckets("k", size)
    bucket = int(abs(key) // size) * (1 if key >= 0 else -1)
    inside = any(first <= key <= last for first, last in buckets.ranges(chosen))
    assert inside == (bucket in chosen)


def test_a_few_differences_in_many_rows_ask_for_few_pairs():
    rows = {key: key * 7919 for key in range(50_000)}
    source, raw = InMemory(rows | {5: 1, 40_000: 1}), InMemory(rows)
    assert sorted(compare(source, raw, Buckets("k", 1024)).wanted["k"].to_pylist()) == [5, 40_000]
    assert source.asked <= 64


@pytest.mark.parametrize(
    ("extremes", "rows", "expected"),
    [
        ((1, 10_000), 10_000, Buckets("k", 1024)),
        ((1, 70_000), 10_000, Buckets("k", 1024)),
        ((1, 640_000), 10_000, Buckets("k", 8192)),
        ((-(2**63), 2**63 - 1), 10_000, Buckets(None, 9)),
        (None, 0, Buckets(None, 1)),
    ],
)
def test_buckets_fit_the_keys(extremes, rows, expected):
    assert fitting("k", extremes, rows) == expected
