"""The cursor: a "last changed" column that makes reading cheap. Nothing depends on it being right."""

import datetime
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from loaders.common.errors import Failure
from loaders.types.type_contract import Column

# The largest value a run has seen, as Python has it.
Bound = datetime.datetime | datetime.date | int | None


def check(column: Column, table: str) -> None:
    if not (pa.types.is_timestamp(column.arrow) or pa.types.is_date(column.arrow) or _is_whole(column.arrow)):
        raise Failure(
            f"the cursor {table}.{column.name} is a {column.mysql_type}",
            "name a column with a date, a time stamp or a whole number, or none: runs are exact without one",
        )


def _is_whole(kind: pa.DataType) -> bool:
    """A BIGINT UNSIGNED is a DECIMAL without places."""
    return pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and not kind.scale)


def newest(column: pa.Array) -> Bound:
    """The largest value of a batch's cursor column; None if there is none."""
    value = pc.max(column).as_py()
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    return int(value) if isinstance(value, Decimal) else value


def largest(bounds: Iterable[Bound], taken_at: datetime.datetime) -> Bound:
    """The largest of these, but no moment after the snapshot: one row dated 2099 must not hide all others."""
    values = [bound for bound in bounds if bound is not None]
    if not values:
        return None
    value = max(values)
    if isinstance(value, datetime.datetime):
        return min(value, taken_at)
    return min(value, taken_at.date()) if isinstance(value, datetime.date) else value


def to_text(bound: Bound) -> str | None:
    return None if bound is None else str(bound)


def from_text(text: str | None, column: Column) -> Bound:
    """What `to_text` made of a bound of this column; None if there is none, or it was another type's."""
    if text is None:
        return None
    with suppress(ValueError):
        return _of_type(text, column)
    return None


def _of_type(text: str, column: Column) -> Bound:
    if pa.types.is_timestamp(column.arrow):
        return datetime.datetime.fromisoformat(text)
    return datetime.date.fromisoformat(text) if pa.types.is_date(column.arrow) else int(text)


def lower(bound: Bound, lookback: datetime.timedelta) -> Bound:
    """Where reading begins: `lookback` before the bound, for rows that were committed after later ones."""
    if isinstance(bound, datetime.datetime):
        return _before(bound, lookback)
    if isinstance(bound, datetime.date):
        return _before(datetime.datetime.combine(bound, datetime.time()), lookback).date()
    return bound


def _before(moment: datetime.datetime, lookback: datetime.timedelta) -> datetime.datetime:
    return max(moment, datetime.datetime.min + lookback) - lookback


def from_on(expression: str, begin: Bound) -> str:
    """True for the rows to read: from `begin` on, and those without a value; never NULL.

    In the SQL of the source and of each warehouse.
    """
    literal = str(begin) if isinstance(begin, int) else f"'{begin}'"
    return f"{expression} >= {literal} or {expression} is null"
