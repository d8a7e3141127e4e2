"""Primary keys of rows of one table, as a user names one and as each database is asked for them, byte by byte."""

import csv
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import duckdb

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name, mysql_value, sql_name, sql_text
from loaders.common.telling import value
from loaders.types.column_type import ColumnType, by_key
from loaders.types.type_contract import Column
from loaders.words.buckets import NAMED_AT_ONCE
from loaders.words.run_record import Batch

TEXT, BYTES = "VARCHAR", "BLOB"
MOMENTS = ("DATE", "TIMESTAMP")
FLOATS = ("FLOAT", "DOUBLE")
MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?)?")
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
HEX = re.compile(r"([0-9a-fA-F]{2})*")
QUOTE = "'"


@dataclass(frozen=True)
class Keys:
    """Keys of rows of a table. values: of each row the key's columns as DuckDB prints them; bytes in lower-case hex."""

    table: str
    columns: tuple[ColumnType, ...]
    values: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{self.table} {value(', '.join(self.values[0]))}"
        return f"{len(self.values):,} rows of {self.table}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def renamed(self, names: Mapping[str, str]) -> "Keys":
        """The same under other columns' names."""
        columns = (replace(column, name=names.get(column.name, column.name)) for column in self.columns)
        return replace(self, columns=tuple(columns))

    def parts(self, size: int = NAMED_AT_ONCE) -> Iterator["Keys"]:
        for start in range(0, len(self.values), size):
            yield replace(self, values=self.values[start : start + size])

    def typed(self) -> list[tuple[Any, ...]]:
        """The values as Python's own."""
        return duckdb.execute(f"select {', '.join(_casts(self))} from {listed(self)}").fetchall()


def parse(text: str, batch: Batch) -> Keys:
    """`--key`: the value, or the values of a composite key with commas between (one that has a comma in quotes)."""
    if not batch.primary_key:
        raise Failure(f"{batch.table} has no primary key", "a row of it cannot be named; read it whole after a delete")
    parts = [text] if len(batch.primary_key) == 1 else _parts(text)
    if len(parts) != len(batch.primary_key):
        problem = f"the key of {batch.table} is {list(batch.primary_key)}, not {value(repr(text))}"
        raise Failure(problem, 'write it as --key "1,a"')
    return of(batch, [parts])


def of(batch: Batch, values: Iterable[Iterable[object]]) -> Keys:
    """Keys of a batch's table, of values as people or databases write them; each must be exactly one of its type's."""
    return exactly(batch.table, batch.key_columns, values)


def exactly(table: str, columns: tuple[ColumnType, ...], values: Iterable[Iterable[object]]) -> Keys:
    exact = (
        tuple(_exact(table, column, _text(value)) for column, value in zip(columns, key, strict=True)) for key in values
    )
    return Keys(table, columns, tuple(exact))


def in_duckdb(keys: Keys) -> str:
    """The condition that chooses their rows in DuckDB. Never NULL."""
    wanted = zip(keys.columns, _casts(keys), strict=True)
    same = " and ".join(f"{_in_duckdb(column)} = {cast}" for column, cast in wanted)
    return f"exists (select 1 from {listed(keys)} where {same})"


def any_in_duckdb(keys: Keys) -> str:
    """The same for any number of them, in one pass over a table."""
    return f"({' or '.join(map(in_duckdb, keys.parts())) or 'false'})"


def printed(column: ColumnType) -> str:
    """A key's column, as the values are written here, in DuckDB's SQL."""
    if column.duckdb in (TEXT, BYTES):
        return _in_duckdb(column)
    return f"cast(cast({sql_name(column.name)} as {column.duckdb}) as VARCHAR)"


def in_mysql(columns: Iterable[Column], keys: Keys) -> str:
    """The condition that chooses their rows at the source, whose columns these are."""
    described = tuple(columns)
    return " or ".join(
        f"({' and '.join(_in_mysql(*pair) for pair in zip(described, key, strict=True))})" for key in keys.typed()
    )


def written(key: Sequence[str]) -> str:
    """`--key` and a key, as a shell takes it: what `parse` reads."""
    text = key[0] if len(key) == 1 else ",".join(map(_quoted, key))
    shown = value(shlex.quote(text))
    return f"--key{'=' if shown.lstrip(QUOTE).startswith('-') else ' '}{shown}"


def _quoted(text: str) -> str:
    """One of a composite key's values."""
    return '"' + text.replace('"', '""') + '"' if {*text} & {*',"\r\n'} else text


def _in_duckdb(column: ColumnType) -> str:
    if by_key(column):
        # Files from before it was pseudonymised have it as the source's type.
        name = sql_name(column.name)
        return f"case when typeof({name}) = 'BLOB' then lower(hex({name})) else cast({name} as VARCHAR) end"
    return f"lower(hex({sql_name(column.name)}))" if column.duckdb == BYTES else sql_name(column.name)


def _in_mysql(column: Column, value: Any) -> str:
    """Texts by the index first, then byte by byte: a collation may hold other keys for the same."""
    name = mysql_name(column.name)
    if column.duckdb == BYTES:
        return f"{name} = x'{value}'"
    if column.duckdb == TEXT:
        return (
            f"{name} = {mysql_value(value)} and hex(convert({name} using utf8mb4)) = '{value.encode().hex().upper()}'"
        )
    return f"{column.select} = {mysql_value(value)}"


def listed(keys: Keys) -> str:
    """The keys as a table `wanted` of texts k0, k1, …"""
    rows = ", ".join(f"({', '.join(map(sql_text, key))})" for key in keys.values)
    return f"(values {rows}) as wanted({', '.join(f'k{place}' for place in range(len(keys.columns)))})"


def _casts(keys: Keys) -> Iterator[str]:
    for place, column in enumerate(keys.columns):
        plain = column.duckdb in (TEXT, BYTES)
        yield f"wanted.k{place}" if plain else f"cast(wanted.k{place} as {column.duckdb})"


def _parts(text: str) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise Failure(f"--key {value(repr(text))} cannot be read: {error}", """write it as --key '7,"a,b"'""") from None


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _exact(table: str, column: ColumnType, text: str) -> str:
    """The value as the column's type prints it; what is not exactly one of its values is refused, never rounded."""
    try:
        if column.duckdb == TEXT:
            return text.encode().decode()
        if column.duckdb == BYTES:
            return bytes.fromhex(_like(HEX, text)[0]).hex()
        ((found,),) = duckdb.execute(f"select cast(cast({sql_text(text)} as {column.duckdb}) as VARCHAR)").fetchall()
        if _meant(column.duckdb, text) != _meant(column.duckdb, found):
            raise ValueError
        return str(found)
    except (duckdb.Error, ArithmeticError, ValueError):
        kind = "bytes in hex digits" if column.duckdb == BYTES else column.mysql
        raise Failure(
            f"{table}.{column.name} is {kind}, and {value(repr(text))} is not exactly one", "correct --key"
        ) from None


def _meant(kind: str, text: str) -> object:
    """What a text says: DuckDB's casts round and drop, so two texts are compared by this."""
    if kind in MOMENTS:
        day, time, fraction = _like(MOMENT, text).groups()
        return day, time or "00:00:00", (fraction or "").ljust(6, "0")
    return Decimal(_like(FLOAT if kind in FLOATS else PLAIN, text)[0])


def _like(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if not found:
        raise ValueError
    return found
