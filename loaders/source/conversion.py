"""A block's values to the contract's types; a value without an exact home is refused by table, column and key."""

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import pyarrow as pa

from loaders.common.errors import Exit, Failure
from loaders.common.telling import value
from loaders.types.decoding import decode
from loaders.types.type_contract import Column
from mysql_arrow import Block


@dataclass(frozen=True)
class Conversion:
    """How a table's printed values become the contract's types, and what happens to those that have no exact home.

    nulled: columns in which such values become NULL, counted in `invalid`; in others one is a Failure that names column
    and key. `convert` may be called by several threads.
    """

    table: str
    columns: Sequence[Column]
    primary_key: Sequence[str]
    nulled: Collection[str] = ()
    invalid: Counter[str] = field(default_factory=Counter)
    counting: threading.Lock = field(default_factory=threading.Lock)

    def convert(self, block: Block, index: int, _kind: pa.DataType) -> pa.Array:
        array, bad = decode(self.columns[index], block.column(index).binary())
        if len(bad):
            name = self.columns[index].name
            if name not in self.nulled:
                self._refuse(self.columns[index], block.row(bad[0]))
            with self.counting:
                self.invalid[name] += len(bad)
        return array

    def _refuse(self, column: Column, values: Sequence[bytes | None]) -> NoReturn:
        row = dict(zip([each.name for each in self.columns], values, strict=True))
        shown = "(not shown)" if column.pseudonym else value(printed_value(row[column.name]))
        where = (
            ", ".join(f"{name}={value(printed_value(row[name]))}" for name in self.primary_key) or "a row without key"
        )
        rule = (
            f"{_as_text(column)}or let such values become NULL, counted: `on_invalid: null` in the column's config.meta"
        )
        if column.pseudonym:
            rule = "or leave the column out, by `exclude: true` in its config.meta"
        if column.name in self.primary_key:
            rule = "it belongs to the key, which cannot become NULL; or leave the table out of the catalog"
        raise Failure(
            f"{self.table}.{column.name}: the value {shown} of the row {where} "
            f"has no exact home as {(column.plain or column).strictest} (type {column.mysql_type})",
            f"correct the row; {rule}; meanwhile `extract --tables` moves the other tables",
            ends=Exit.DECIDE,
        )


def _as_text(column: Column) -> str:
    if pa.types.is_decimal(column.arrow) or pa.types.is_temporal(column.arrow):
        return "or read the column as it is printed: `as: text` in its config.meta; "
    return ""


def printed_value(printed: bytes | None) -> str:
    if printed is None:
        return "NULL"
    try:
        text = printed[:60].decode().replace("\0", r"\0")
    except UnicodeDecodeError:
        text = "0x" + printed[:30].hex()
    return text + (f"… ({len(printed):,} bytes)" if len(printed) > 60 else "")
