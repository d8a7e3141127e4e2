"""Which type can hold every value of which other, judged by what the warehouses have to hold (type_contract.py)."""

import re

from loaders.types.column_type import ColumnType
from loaders.types.type_contract import width

# Digits that the largest value of a whole type has.
WHOLE = {"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}
LONGER = {"FLOAT": "DOUBLE", "REAL": "DOUBLE PRECISION"}
# MySQL types whose values are printed, and so hashed, alike however wide they are.
PRINTED_ALIKE = ("char", "varchar", "tinytext", "text", "varbinary", "enum", "set")


def same_home(old: ColumnType, new: ColumnType) -> bool:
    return (old.duckdb, old.redshift) == (new.duckdb, new.redshift)


def can_hold(new: ColumnType, old: ColumnType) -> bool:
    """Whether every value of `old` is one of `new`, in either warehouse. A partial order."""
    return _can_hold(new.duckdb, old.duckdb) and _can_hold(new.redshift, old.redshift)


def printed_alike(old: ColumnType, new: ColumnType) -> bool:
    """Whether the source most likely prints old values as before, so that their hashes stay. A guess: they decide."""
    before, after = _decimal(old.duckdb), _decimal(new.duckdb)
    if before and after:
        return before[1] == after[1]
    return _word(old.mysql) == _word(new.mysql) and _word(new.mysql) in PRINTED_ALIKE


def _can_hold(new: str, old: str) -> bool:
    if new == old or LONGER.get(old) == new:
        return True
    if new in WHOLE:
        return old in WHOLE and WHOLE[old] <= WHOLE[new]
    before, after = _decimal(old), _decimal(new)
    if before and after:
        (digits, places), (old_digits, old_places) = after, before
        return places >= old_places and digits - places >= old_digits - old_places
    return _word(new) == _word(old) and (width(new) or 0) >= (width(old) or 1)


def _decimal(kind: str) -> tuple[int, int] | None:
    """Digits and places of a DECIMAL; a whole type counts as one without places."""
    if kind in WHOLE:
        return WHOLE[kind], 0
    found = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind)
    return (int(found[1]), int(found[2])) if found else None


def _word(kind: str) -> str:
    return re.split(r"[( ]", kind, maxsplit=1)[0]
