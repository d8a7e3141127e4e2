"""Small tables of values that readers are known to change: does a way give them, refuse them, or how many others?

Compared value by value with what the server prints. A decimal may come with other trailing zeros, never as a float.
"""

import datetime
import decimal
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from bench import rounds
from bench.server import Source
from bench.ways import Way

# Per table: the column's type, and its values in SQL.
TABLES = {
    "texts": ("varchar(200)", ["null", "''", "'NULL'", "'NA'", "'007'", "'a\\tb\\nc\\\\d\\'e\"f'", "'김 🚚'", "' a '"]),
    "bytes": ("varbinary(20)", ["null", "''", "x'00ff5c0a'"]),
    "whole numbers": ("bigint unsigned", ["null", "0", "9007199254740993", "18446744073709551615"]),
    "small numbers": ("tinyint(1)", ["null", "-128", "0", "1", "2"]),
    "money": ("decimal(10,2)", ["null", "0.10", "-0.01", "99999999.99"]),
    "long decimals": ("decimal(30,10)", ["null", "12345678901234567890.0123456789"]),
    "moments": (
        "datetime(6)",
        ["null", "'1000-01-01'", "'2026-01-02 03:04:05.06'", "'9999-12-31 23:59:59.999999'"],
    ),
    "time spans": ("time", ["null", "'12:00:00'", "'-838:59:59'"]),
    "no date": ("date", ["null", "'2026-01-02'", "'0000-00-00'"]),
}


def changes(source: Source, ways: list[Way], out: Path) -> dict[str, dict[str, int | None]]:
    """Per way and table: how many values it changed, or None: it stopped with an error."""
    found: dict[str, dict[str, int | None]] = {way.name: {} for way in ways}
    for name, (kind, values) in TABLES.items():
        table = f"hard_{name.replace(' ', '_')}"
        source.write(
            "set sql_mode = ''",
            f"drop table if exists {table}",
            f"create table {table} (id int primary key, v {kind})",
            f"insert into {table} values {', '.join(f'({number}, {value})' for number, value in enumerate(values))}",
        )
        wanted = _wanted(source, table)
        for way in ways:
            # What is end to end has a catalog, and reads its tables only.
            if way.output in ("parquet", "csv") and not way.lacking:
                refused = rounds.run(way.on(table), out).failed
                found[way.name][name] = None if refused else _changed(way, out, wanted)
        source.write(f"drop table {table}")
    return found


def _wanted(source: Source, table: str) -> dict[int, object]:
    """What the server has, as exact Python values; a day without a date is its text."""
    with closing(source.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"select id, v from {table}")
        return dict(cursor.fetchall())


def _changed(way: Way, out: Path, wanted: dict[int, object]) -> int:
    """A row that is not there, or cannot be read, is a value that is not right."""
    try:
        found = _found(way, out)
    except (OSError, ValueError):
        return len(wanted)
    typed = way.output != "csv"
    right = sum(key in wanted and _same(wanted[key], value, typed) for key, value in found.items())
    return max(len(wanted), len(found)) - right


def _found(way: Way, out: Path) -> dict[int, object]:
    if way.output == "csv":
        frame = pd.read_csv(out / "part.csv")  # as examples/naive.py reads it again
        return {int(key): None if pd.isna(value) else value for key, value in zip(frame["id"], frame["v"], strict=True)}
    (file,) = out.glob("*.parquet")
    table = pq.ParquetFile(file).read(columns=["id", "v"])
    return dict(zip(table["id"].to_pylist(), table["v"].to_pylist(), strict=True))


def _same(wanted: object, found: object, typed: bool) -> bool:
    """typed: the way's files have types, so the value's must be right too; else texts are compared."""
    if isinstance(wanted, datetime.timedelta) and not isinstance(found, datetime.timedelta):
        wanted, found = _clock(wanted), str(found)
    if not typed and isinstance(wanted, datetime.datetime) and found:
        return wanted == datetime.datetime.fromisoformat(str(found))
    if not typed:
        return (wanted is None) == (found is None) and str(wanted) == str(found)
    if isinstance(found, datetime.datetime):
        found = found.replace(tzinfo=None)
    if isinstance(wanted, int) and isinstance(found, decimal.Decimal):
        found = int(found)
    return type(wanted) is type(found) and wanted == found


def _clock(span: datetime.timedelta) -> str:
    """As the server prints it: -838:59:59."""
    seconds = abs(span) // datetime.timedelta(seconds=1)
    return f"{'-' * (span.days < 0)}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
