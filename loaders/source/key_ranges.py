"""A table in parts by ranges of its primary key, for several connections to read at once."""

import itertools

from loaders.common.quoting import mysql_name
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot

# Fewer rows than this are read before a second connection would have got going.
SPLIT_FROM_ROWS = 100_000
# Of a source that must not feel it, a part is so many rows: a rest follows each.
ROWS_BETWEEN_RESTS = 50_000
# More parts than connections: where keys have gaps, parts are of unequal size.
PARTS_PER_CONNECTION = 4


def conditions(snapshot: Snapshot, table: SourceTable) -> list[str | None]:
    """SQL conditions of which each row meets exactly one; [None] where one query should read the whole table.

    Ranges of the key's first column, if that is a whole number; the first and the last have one end only.
    """
    key = table.integer_key
    # Parts of a table that is not held still would be read at several moments. One connection gains nothing by parts:
    # a sum over each of 16 takes the server 8 % longer than one over all.
    parts = _parts(snapshot, table)
    if parts < 2 or key is None or not table.held_still:
        return [None]
    extremes = snapshot.extremes(table, key)
    return [None] if extremes is None else ranges(mysql_name(key), *extremes, parts)


def ranges(name: str, low: int, high: int, parts: int) -> list[str | None]:
    """`parts` ranges between low and high, or fewer: none is empty of possible values."""
    width = max(1, -(-(high - low + 1) // parts))
    borders = list(range(low + width, high + 1, width))
    if not borders:
        return [None]
    between = [f"{name} >= {begin} and {name} < {end}" for begin, end in itertools.pairwise(borders)]
    return [f"{name} < {borders[0]}", *between, f"{name} >= {borders[-1]}"]


def _parts(snapshot: Snapshot, table: SourceTable) -> int:
    if snapshot.burden.is_limited:
        return table.estimated_rows // ROWS_BETWEEN_RESTS + 1
    several = len(snapshot.connections) > 1 and table.estimated_rows >= SPLIT_FROM_ROWS
    return PARTS_PER_CONNECTION * len(snapshot.connections) if several else 1
