"""Other spellings of a key (case, accents, blanks at the end): one to most of MySQL's collations, here another key.

Rows that bear one are named, and never erased with it: under a binary collation they are somebody else's.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from loaders.common.quoting import sql_name
from loaders.retention.erase_lake import LakeSearch
from loaders.types.column_type import ColumnType
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.row_key import TEXT, Keys

Row = tuple[object, ...]
# Letters that collations take for others with an accent, and Unicode does not.
STROKED = str.maketrans("øłŀđðħı", "ollddhi")


@dataclass(frozen=True)
class Spelled:
    """Rows whose columns `by` are those of the keys in another spelling."""

    rows: Keys
    keys: Keys
    by: str


def folded(text: str) -> str:
    """What is left of a text when case, accents and blanks at its end are no matter."""
    if text.isascii():
        # Most keys are, and every row's is folded.
        return text.lower().rstrip(" ")
    plain = unicodedata.normalize("NFKD", text.casefold().translate(STROKED))
    found = "".join(each for each in plain if unicodedata.category(each) != "Mn").rstrip(" ")
    # What a letter is made of may be a capital, or have a stroke, itself.
    return found if found == text else folded(found)


def keys_of(search: LakeSearch, warehouse: Warehouse, columns: tuple[ColumnType, ...]) -> Keys:
    """The keys of the rows, in the lake and in raw, that have what is searched for in another spelling only.

    Not of one that has it exactly as well, in another of its states. columns: those of the rows' own keys.
    """
    wanted = search.keys
    nothing = Keys(wanted.table, columns, ())
    if not wanted.values or all(column.duckdb != TEXT for column in wanted.columns):
        return nothing
    in_lake = search.every(tuple(column.name for column in columns))
    lake = _told_apart(wanted.columns, wanted.values, in_lake)
    raw = _told_apart(wanted.columns, wanted.typed(), _in_raw(warehouse, wanted, columns))
    exact, spelled = (
        {tuple(map(str, key)) for key in there} | {*row_key.exactly(wanted.table, columns, here).values}
        for there, here in zip(lake, raw, strict=True)
    )
    return replace(nothing, values=tuple(sorted(spelled - exact)))


def _told_apart(columns: Sequence[ColumnType], wanted: Iterable[Row], rows: Iterable[Row]) -> tuple[set[Row], set[Row]]:
    """Of rows (the columns first, then their keys) the keys of those that have what is wanted exactly, or spelled."""
    same = set(wanted)
    alike = {_folded(columns, values) for values in same}
    width = len(columns)
    exact: set[Row] = set()
    spelled: set[Row] = set()
    for row in rows:
        values = tuple(each.hex() if isinstance(each, bytes) else each for each in row[:width])
        if values in same:
            exact.add(row[width:])
        elif None not in values and _folded(columns, values) in alike:
            spelled.add(row[width:])
    return exact, spelled


def _folded(columns: Sequence[ColumnType], values: Row) -> Row:
    pairs = zip(columns, values, strict=True)
    return tuple(folded(str(value)) if column.duckdb == TEXT else value for column, value in pairs)


def _in_raw(warehouse: Warehouse, wanted: Keys, columns: tuple[ColumnType, ...]) -> Iterator[Row]:
    """What all rows of raw's table have in the wanted columns and in those of their keys; nothing without the table."""
    read = (*wanted.columns, *columns)
    if warehouse.occurrences(Keys(wanted.table, read, ()), warehouse.schema, wanted.table) is None:
        return
    sent = (warehouse.dialect.sent(sql_name(column.name), column) for column in read)
    table = sql_name(warehouse.schema, wanted.table)
    for part in warehouse.stream(f"select {', '.join(sent)} from {table}", wide=False):
        yield from zip(*(column.to_pylist() for column in part.columns), strict=True)
