"""Rows into the shop's tables, in bulk and exactly."""

import tempfile
from collections.abc import Iterable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pymysql
from pymysql.connections import Connection

from loaders.common.quoting import mysql_name, mysql_value
from seeds_generator import schema

# What LOAD DATA reads as something else inside a value.
ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0"))
# LOCAL INFILE is off: at the server (MySQL 8's default, 3948 and 1148), or by the account's right (4166, 2068).
NO_LOCAL_INFILE = (1148, 3948, 4166, 2068)
INSERT_ROWS = 1_000


def add(connection: Connection, table: str, rows: pd.DataFrame) -> int:
    """Add rows; the frame's columns are the table's. Not committed. Returns how many rows arrived.

    By LOAD DATA LOCAL INFILE where the server allows it (3.4 times as fast, see docs/decisions, 0018), else by INSERT.
    """
    try:
        return _load_data(connection, table, rows)
    except pymysql.MySQLError as error:
        if error.args[0] not in NO_LOCAL_INFILE:
            raise
    return insert(connection, table, rows)


def _load_data(connection: Connection, table: str, rows: pd.DataFrame) -> int:
    names = schema.columns(table)
    with tempfile.NamedTemporaryFile(suffix=".tsv") as file:
        file.write(tab_separated(pa.Table.from_pandas(rows[names], preserve_index=False)))
        file.flush()
        with connection.cursor() as cursor:
            return cursor.execute(
                f"load data local infile {mysql_value(file.name)} into table {mysql_name(table)} "
                f"character set utf8mb4 ({', '.join(map(mysql_name, names))})"
            )


def tab_separated(table: pa.Table) -> memoryview:
    r"""The bytes of the file that LOAD DATA reads: tabs, newlines, \N for NULL, and \ before what would be misread."""
    columns = []
    for column in table.columns:
        text = column.combine_chunks().cast(pa.string())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            for plain, escaped in ESCAPES:
                text = pc.replace_substring(text, plain, escaped)
        columns.append(text)
    end = pa.array(["\n"] * len(table), pa.string())
    options = {"null_handling": "replace", "null_replacement": "\\N"}
    fields = pc.binary_join_element_wise(*columns, "\t", **options)
    lines = pc.binary_join_element_wise(fields, end, "", **options)
    # The values of a text array lie one after the other in one buffer: that is the file.
    return memoryview(lines.buffers()[2] or b"")


def insert(connection: Connection, table: str, rows: pd.DataFrame) -> int:
    """Add rows by INSERT: slower, and in strict mode the server refuses what does not fit. Not committed."""
    names = schema.columns(table)
    marks = ", ".join(["%s"] * len(names))
    sql = f"insert into {mysql_name(table)} ({', '.join(map(mysql_name, names))}) values ({marks})"
    count = 0
    with connection.cursor() as cursor:
        for part in _parts(rows[names], INSERT_ROWS):
            count += cursor.executemany(sql, part)
    return count


def _parts(rows: pd.DataFrame, size: int) -> Iterable[list[tuple]]:
    table = pa.Table.from_pandas(rows, preserve_index=False)
    for start in range(0, table.num_rows, size):
        yield list(zip(*(column.to_pylist() for column in table.slice(start, size).columns), strict=True))
