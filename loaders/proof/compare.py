"""Where two sides of a table differ: sums of buckets first, keys only where those differ.

A side is the source in a run's snapshot, or raw's live rows overlaid with what the run has read of them already.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from loaders.source.source_side import SourceSide
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse.live_rows import LiveRows
from loaders.words.buckets import NOTHING, Buckets, Sums, differing, in_statements, totals

Answer = TypeVar("Answer")
# Rows whose keys and hashes are held at once. Of a table with more, half of it are worth it.
AT_ONCE = 500_000
# With more rows than this that differ, and more than an eighth of the table, reading it whole is cheaper.
WORTH_READING = 50_000
# Between two attempts to interrupt a query, which may not have begun at the first.
INTERRUPT_SECONDS = 0.1


@dataclass(frozen=True)
class Difference:
    """Keys of rows that raw lacks or has otherwise (`wanted`; those it lacks are also in `absent`), keys that are gone,
    and the source's own totals.

    Of some buckets, with hashes: rows and hash_sum are what raw has more of once it is given them, as a load does: it
    takes every row with a wanted key, or with one that is gone, out of raw, and puts the wanted ones in.
    """

    wanted: pa.Table
    absent: pa.Table
    gone: pa.Table
    rows: int
    hash_sum: int


def compare(
    source: SourceSide, raw: LiveRows, buckets: Buckets, keyed: bool = True, sums: tuple[Sums, Sums] | None = None
) -> Difference | None:
    """What raw needs to be equal to the source; None if the table should be read whole.

    sums: of the source and of raw in these buckets, where they are known already. None is said when finding out would
    cost more, when the rows have no key (keyed: False) and are not the same, or when what is found does not make raw
    equal: where a key occurs twice, or an answer was cut.
    """
    source_sums, raw_sums = sums or both(source, raw, buckets)
    chosen = differing(source_sums, raw_sums)
    rows, hash_sum = totals(source_sums)
    if chosen and not keyed:
        return None
    if buckets.key is None and sum(source_sums.get(each, NOTHING)[0] for each in chosen) > max(AT_ONCE, rows // 2):
        return None
    found = list[Difference]()
    for part in _parts(buckets, chosen):
        found.append(_unlike(*_pairs(source, raw, buckets, part)))
        if sum(unlike.wanted.num_rows for unlike in found) > max(WORTH_READING, rows // 8):
            return None
    raw_rows, raw_hash_sum = totals(raw_sums)
    more = sum(unlike.rows for unlike in found), sum(unlike.hash_sum for unlike in found)
    if (raw_rows + more[0], raw_hash_sum + more[1]) != (rows, hash_sum):
        return None
    if not found:
        return Difference(pa.table({}), pa.table({}), pa.table({}), rows, hash_sum)
    wanted, absent, gone = (
        pa.concat_tables(getattr(unlike, which) for unlike in found).drop_columns(SOURCE_HASH)
        for which in ("wanted", "absent", "gone")
    )
    return Difference(wanted, absent, gone, rows, hash_sum)


def both(source: SourceSide, raw: LiveRows, buckets: Buckets) -> tuple[Sums, Sums]:
    """Both sides' sums."""
    return _at_once(source, raw, lambda side: side.sums(buckets))


def _pairs(source: SourceSide, raw: LiveRows, buckets: Buckets, chosen: Sequence[int]) -> tuple[pa.Table, pa.Table]:
    return _at_once(source, raw, lambda side: side.pairs(buckets, chosen))


def _at_once(
    source: SourceSide, raw: LiveRows, ask: Callable[[SourceSide | LiveRows], Answer]
) -> tuple[Answer, Answer]:
    """The warehouse works while the source does, and not on when that has failed, or at Ctrl-C."""
    with ThreadPoolExecutor(1) as pool:
        of_raw = pool.submit(ask, raw)
        try:
            return ask(source), of_raw.result()
        except BaseException:
            while wait([of_raw], INTERRUPT_SECONDS).not_done:
                raw.interrupt()
            raise


def _parts(buckets: Buckets, chosen: Sequence[int]) -> Iterable[Sequence[int]]:
    """By hash, a changed row is in two buckets, so all of them are compared together."""
    return in_statements(chosen) if buckets.key or not chosen else [chosen]


def _unlike(source: pa.Table, raw: pa.Table) -> Difference:
    keys = [name for name in source.column_names if name != SOURCE_HASH]
    # A warehouse may fold names, and not know every type of the lake's.
    raw = raw.rename_columns(source.column_names).cast(source.schema)
    wanted = _join(source, raw, [*keys, SOURCE_HASH], "left anti")
    gone = _join(raw, source, keys, "left anti")
    replaced = _join(raw, wanted, keys, "left semi")
    rows = wanted.num_rows - gone.num_rows - replaced.num_rows
    hash_sum = _hash_sum(wanted) - _hash_sum(gone) - _hash_sum(replaced)
    return Difference(wanted, _join(wanted, raw, keys, "left anti"), gone, rows, hash_sum)


def _hash_sum(pairs: pa.Table) -> int:
    return int(pc.sum(pairs.column(SOURCE_HASH).cast(pa.decimal128(38, 0))).as_py() or 0)


def _join(left: pa.Table, right: pa.Table, on: list[str], kind: str) -> pa.Table:
    return left.join(right.select(on), keys=on, join_type=kind, use_threads=False)
