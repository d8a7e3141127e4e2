"""`_source_hash`: one number over all columns of a row, computed by the server and nowhere else.

Raw keeps it, so source and warehouse are compared by adding numbers up, without hashing in the warehouse and without
trust in a "last changed" column. Equal rows have equal hashes under one server; DECISIONS.md tells what it costs.
"""

from collections.abc import Sequence

from loaders.type_contract import BINARIES, GEOMETRIES, INT64, TEXTS, Column, SourceColumn
from loaders.warehouse.raw_tables import SOURCE_HASH

# Changes with the expression below. A table whose raw rows bear another version is read in full.
VERSION = 1

# Neither byte occurs in UTF-8: no text can be mistaken for a border between columns, or for NULL.
BORDER, NULL = "_binary x'ff'", "_binary x'fe'"
# Columns that may be longer enter by their MD5: a row longer than max_allowed_packet would have no hash at all.
LARGEST_WHOLE = 65_535
SAME_BYTES_AS_UTF8 = ("utf8mb4", "utf8mb3", "utf8", "ascii")


def hash_column(columns: Sequence[Column], described: Sequence[SourceColumn]) -> Column:
    """The hash as one more column, 0 to 2**63 - 1. `columns` and `described` are the same columns in the same order.

    Two CRCs of the row's bytes, one of them read backwards, multiplied: one CRC would miss a change in 2**32, and
    because a CRC is linear, equal changes of two rows could cancel each other in a sum. A product is not linear.
    """
    parts = [_part(column, source) for column, source in zip(columns, described, strict=True)]
    row = f"concat_ws({BORDER}, {', '.join(parts)})"
    return Column(SOURCE_HASH, "bigint", False, INT64, f"(crc32({row}) * crc32(reverse({row})) >> 1)")


def _part(column: Column, source: SourceColumn) -> str:
    """The column's bytes, as they are unambiguous beside others."""
    value = _value(column, source)
    return f"ifnull({value}, {NULL})" if column.nullable else value


def _value(column: Column, source: SourceColumn) -> str:
    kind, value = source.data_type, column.select
    if kind in TEXTS and source.character_set not in SAME_BYTES_AS_UTF8:
        value = f"convert({value} using utf8mb4)"
    if kind in GEOMETRIES or (kind in TEXTS + BINARIES and (source.octets or LARGEST_WHOLE + 1) > LARGEST_WHOLE):
        return f"md5({value})"
    if kind in BINARIES:
        # Bytes may hold the border; in digits they cannot.
        return f"hex({value})"
    return f"cast({value} as binary)" if kind in TEXTS else value
