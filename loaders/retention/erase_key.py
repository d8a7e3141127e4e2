"""The primary key of one row, as a user names it and as each database is asked for it, byte by byte."""

import csv
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from loaders.errors import Failure
from loaders.lake.runs import Batch, ColumnType
from loaders.quoting import mysql_name, mysql_value, sql_name, sql_text

TEXT, BYTES = "VARCHAR", "BLOB"
QUOTED = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class Key:
    """A row of a table. values: the key's columns as DuckDB prints them; bytes in lower-case hex."""

    table: str
    columns: tuple[ColumnType, ...]
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.table} {', '.join(self.values)}"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def where(self, equals: Callable[[ColumnType, str], str]) -> str:
        """The condition that chooses the row. equals: (column, value) -> its condition in a dialect."""
        return " and ".join(map(equals, self.columns, self.values))


def parse(text: str, batch: Batch) -> Key:
    """`--key`: the value, or the values of a composite key with commas between (one that has a comma in quotes)."""
    if not batch.primary_key:
        raise Failure(f"{batch.table} has no primary key", "a row of it cannot be named; read it whole after a delete")
    parts = [text] if len(batch.primary_key) == 1 else next(csv.reader([text]), [])
    columns = batch.key_columns
    if len(parts) != len(columns):
        raise Failure(f"the key of {batch.table} is {list(batch.primary_key)}, not {text!r}", 'write it as --key "1,a"')
    return Key(batch.table, columns, tuple(_checked(batch.table, *pair) for pair in zip(columns, parts, strict=True)))


def in_duckdb(column: ColumnType, value: str) -> str:
    if column.duckdb == BYTES:
        return f"lower(hex({sql_name(column.name)})) = {sql_text(value)}"
    given = sql_text(value) if column.duckdb == TEXT else f"cast({sql_text(value)} as {column.duckdb})"
    return f"{sql_name(column.name)} = {given}"


def in_mysql(column: ColumnType, value: str) -> str:
    """By the index first, then byte by byte: a collation may hold other keys for the same."""
    name = mysql_name(column.name)
    if column.duckdb == BYTES:
        return f"{name} = x'{value}'"
    if column.duckdb == TEXT:
        return (
            f"{name} = {mysql_value(value)} and hex(convert({name} using utf8mb4)) = '{value.encode().hex().upper()}'"
        )
    return f"{name} = {mysql_value(value) if column.duckdb in QUOTED else value}"


def _checked(table: str, column: ColumnType, value: str) -> str:
    """The value as the column's type prints it; one that the type does not have is a failure."""
    if column.duckdb == TEXT:
        return value
    try:
        if column.duckdb == BYTES:
            return bytes.fromhex(value).hex()
        ((printed,),) = duckdb.execute(f"select cast(cast({sql_text(value)} as {column.duckdb}) as VARCHAR)").fetchall()
        return printed
    except (duckdb.Error, ValueError):
        kind = "bytes in hex digits" if column.duckdb == BYTES else column.mysql
        raise Failure(f"{table}.{column.name} is {kind}, and {value!r} is not", "correct --key") from None
