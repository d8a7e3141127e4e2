"""`_source_hash`: one number over all columns of a row, computed by the server and nowhere else.

Raw keeps it, so source and warehouse are compared by adding numbers up, without hashing in the warehouse and without
trust in a "last changed" column. Equal rows have equal hashes under one server (docs/decisions, 0084).
"""

from binascii import unhexlify
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.common.quoting import mysql_name
from loaders.types.type_contract import BINARIES, GEOMETRIES, INT64, TEXTS, Column, SourceColumn, may_be_lost

# Added by the loaders to every row they read, after the source's own columns: the server's hash over all of those.
SOURCE_HASH = "_source_hash"

# Changes with the expression below. A table whose raw rows bear another version is read in full.
VERSION = 2

# Neither byte occurs in UTF-8: no text can be mistaken for a border between columns, or for NULL.
BORDER, NULL = "_binary x'ff'", "_binary x'fe'"
# A variable of the session, set where a column of the table has pseudonyms: NULL, and so no hash, where it is not.
SALT = "@pseudonym_salt"
# Of the digest's, in hex.
DIGITS = 16
# Columns that may be longer enter by their digest: a row longer than max_allowed_packet would have no hash at all.
LARGEST_WHOLE = 65_535
ADDRESSES = ("uuid", "inet4", "inet6")
SAME_BYTES_AS_UTF8 = ("utf8mb4", "utf8mb3", "utf8", "ascii")


def hash_column(columns: Sequence[Column], described: Sequence[SourceColumn]) -> Column:
    """The hash as one more column, 0 to 2**63 - 1. `columns` and `described` are the same columns in the same order.

    The first 63 bits of the SHA-2/256 of the row's bytes: the row and nothing but the row has them, whoever chose its
    values. concat, not concat_ws, which would leave a part without a value out: a row of which the server cannot say
    something has no hash, and a row without a hash stops whatever reads it.
    """
    parts = [f"{_part(column, source)}, {BORDER}" for column, source in zip(columns, described, strict=True)]
    if any(source.pseudonym for source in described):
        # Else who has the row could find what a pseudonym hides by trying values, until the hash is the row's.
        parts.append(SALT)
    digest = f"sha2(concat({', '.join(parts)}), 256)"
    digits = f"left({digest}, {DIGITS})"
    hashed = f"(cast(conv({digits}, 16, 10) as unsigned) >> 1)"
    return Column(SOURCE_HASH, "bigint", False, INT64, hashed, sent=digits)


def number(digits: pa.Array) -> pa.Array:
    """The hash of which these are the digits, as `sent` has them (an array of binary).

    In a sum the server makes the number; of rows it need not, which is a sixth of what a row costs it.
    """
    fixed = pc.fill_null(digits, b"0" * DIGITS).cast(pa.binary(DIGITS))
    try:
        numbers = np.frombuffer(unhexlify(fixed.buffers()[1]), ">u8") >> 1
    except ValueError as error:
        raise pa.ArrowInvalid(f"a hash of other digits than hexadecimal ones: {error}") from None
    return pc.if_else(digits.is_valid(), pa.array(numbers.astype(np.int64)), pa.scalar(None, pa.int64()))


def _part(column: Column, source: SourceColumn) -> str:
    """The column's bytes, as they are unambiguous beside others.

    A value that is not NULL never becomes the mark for NULL, whatever the functions around it give for it.
    """
    value, name = _value(column, source), mysql_name(column.name)
    if not column.nullable:
        return value
    return f"ifnull({name}, {NULL})" if value == name else f"if(isnull({name}), {NULL}, {value})"


def _value(column: Column, source: SourceColumn) -> str:
    kind, value = source.data_type, column.select
    if kind in TEXTS and source.character_set not in SAME_BYTES_AS_UTF8 and not may_be_lost(source):
        value = f"convert({value} using utf8mb4)"
    if kind in GEOMETRIES or (kind in TEXTS + BINARIES and _may_be_long(source)):
        return f"sha2({value}, 256)"
    if kind in BINARIES:
        # Bytes may hold the border; in digits they cannot.
        return f"hex({value})"
    if kind in ADDRESSES:
        # Else MariaDB would make one of the mark for NULL, which is none.
        value = f"cast({value} as char)"
    return f"cast({value} as binary)" if kind in TEXTS + ADDRESSES else value


def _may_be_long(source: SourceColumn) -> bool:
    """A type without a declared width (JSON) may be of any length; CHAR(0) has one, of nothing."""
    return source.octets is None or source.octets > LARGEST_WHOLE
