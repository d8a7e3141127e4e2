"""Values as the server prints them, brought into the contract's types.

A value either arrives as it was, or it has no exact home (0000-00-00, a decimal over 38 digits, bytes that are not
UTF-8); such values are reported by position, and the caller's rule decides.
"""

import datetime
import decimal
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loaders.types import fingerprint
from loaders.types.type_contract import Column
from mysql_arrow.printed import cast

# Days from 1970-01-01 to 0001-01-01.
YEAR_ONE_DAYS = -719_162
DAY_MICROSECONDS = 86_400_000_000


def decode(column: Column, values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Turn values as the server prints them (an array of binary) into the column's Arrow type.

    Returns the array and the positions of values that have no exact home; those are NULL in the array.
    """
    if column.sent:
        return fingerprint.number(values), np.empty(0, np.int64)
    if column.pseudonym and column.plain:
        _plain, bad = decode(column.plain, values)
        return column.pseudonym.of(_without(values, bad)).cast(pa.string()), bad
    bad = _beyond_redshift(column, values)
    try:
        array = cast(values, column.arrow)
        bad = np.union1d(bad, _before_year_one(array))
    except pa.ArrowInvalid:
        # Only now is it worth looking at the values one by one.
        fits = _fits(column.arrow)
        unfit = [i for i, value in enumerate(values.to_pylist()) if value is not None and not fits(value)]
        if not unfit:
            raise
        bad = np.union1d(bad, np.array(unfit))
    return (cast(_without(values, bad), column.arrow) if len(bad) else array), bad


def _without(values: pa.Array, bad: np.ndarray) -> pa.Array:
    """The values, NULL at these positions."""
    keep = np.ones(len(values), bool)
    keep[bad] = False
    return pc.if_else(pa.array(keep), values, pa.scalar(None, values.type))


def _beyond_redshift(column: Column, values: pa.Array) -> np.ndarray:
    """Positions of values that are too long for Redshift, and of texts with a NUL in them, which it cannot hold."""
    if column.longest is None:
        return np.empty(0, np.int64)
    lengths, text = pc.binary_length(values), pa.types.is_string(column.arrow)
    nul = pc.match_substring(values, "\0") if text else None
    if (pc.max(lengths).as_py() or 0) <= column.longest and not (text and pc.any(nul).as_py()):
        return np.empty(0, np.int64)
    beyond = pc.greater(lengths, column.longest)
    beyond = pc.or_(beyond, nul) if text else beyond
    return np.flatnonzero(pc.fill_null(beyond, False).to_numpy(zero_copy_only=False))


def _before_year_one(array: pa.Array) -> np.ndarray:
    """Positions of dates in the year 0, which Arrow reads but no calendar of the warehouses has."""
    if not pa.types.is_temporal(array.type):
        return np.empty(0, np.int64)
    first = YEAR_ONE_DAYS if pa.types.is_date(array.type) else YEAR_ONE_DAYS * DAY_MICROSECONDS
    # Looked at one by one only where there is one: Arrow's scalars and masks would import pandas, 0.3 s.
    earliest = pc.min_max(array)["min"].value
    if earliest is None or earliest >= first:
        return np.empty(0, np.int64)
    numbers = array.cast(pa.int32() if pa.types.is_date(array.type) else pa.int64())
    early = pc.fill_null(pc.less(numbers, first), False)
    return np.flatnonzero(early.to_numpy(zero_copy_only=False))


def _fits(home: pa.DataType) -> Callable[[bytes], bool]:
    """A check of one printed value against its home, as strict as Arrow's."""
    if pa.types.is_decimal(home):
        return lambda value: _decimal_fits(value, home.precision, home.scale)
    if pa.types.is_temporal(home):
        return _date_fits
    return _text_fits


def _decimal_fits(value: bytes, precision: int, scale: int) -> bool:
    _sign, digits, exponent = decimal.Decimal(value.decode()).as_tuple()
    if not isinstance(exponent, int):
        return False  # no number, or infinite
    significant = "".join(map(str, digits)).lstrip("0")
    dropped = max(0, -exponent - scale)
    exact = not significant[len(significant) - dropped :].strip("0") if dropped else True
    return exact and len(significant) + exponent <= precision - scale


def _date_fits(value: bytes) -> bool:
    text = value.decode("ascii", "replace")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?", text):
        return False
    try:
        datetime.datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def _text_fits(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
