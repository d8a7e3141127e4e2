"""Is every value of the big table right?

Each column's values, as the server prints them, are hashed and added up by the server; DuckDB does the same with what a
way has left.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.server import TABLE, Source
from bench.ways import Way
from loaders.common.quoting import mysql_name, sql_name, sql_text
from loaders.warehouse.duckdb_sql import read_parquet

# The first 60 bits of a SHA-2/256, as a number, on both sides. NULL is a text that no value is.
SERVER_SUM = "sum(cast(conv(left(sha2(ifnull({value}, '(NULL)'), 256), 15), 16, 10) as unsigned))"
DUCKDB_SUM = "sum(('0x' || left(sha256(ifnull({value}, '(NULL)')), 15))::bigint)"
MOMENT = ("date_format({name}, '%Y-%m-%d %H:%i:%s.%f')", "strftime({name}::timestamp, '%Y-%m-%d %H:%M:%S.%f')")
CSV_OPTIONS = (
    "all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"', nullstr = '', "
    "filename = false, hive_partitioning = false, union_by_name = false"
)
OUTPUTS = {
    "parquet": lambda out: read_parquet(out.glob("*.parquet")),
    "lake": lambda out: read_parquet(out.glob("lake/order/*/part-*.parquet")),
    # The most lenient way to read it: what is empty is NULL.
    "csv": lambda out: f"read_csv({sql_text(str(out / 'part.csv'))}, {CSV_OPTIONS})",
    "raw": lambda _out: '(select * from warehouse.raw."order" where _deleted_at is null)',
}


@dataclass(frozen=True)
class Expected:
    """Per column the SQL of its value in DuckDB, and the server's sum. rows: how many there are."""

    rows: int
    columns: dict[str, tuple[str, int]]


def expected(source: Source) -> Expected:
    """What the server adds up."""
    with closing(source.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns "
            f"where table_schema = database() and table_name = '{TABLE}' order by ordinal_position"
        )
        spelled = {name: _spelled(name, *described) for name, *described in cursor.fetchall()}
        sums = ", ".join(SERVER_SUM.format(value=there) for there, _here in spelled.values())
        cursor.execute(f"select count(*), {sums} from {mysql_name(TABLE)}".replace("%", "%%"), ())
        rows, *totals = cursor.fetchone()
    here = (here for _there, here in spelled.values())
    return Expected(rows, dict(zip(spelled, zip(here, map(int, totals), strict=True), strict=True)))


def verdict(way: Way, out: Path, wanted: Expected) -> str:
    """`all right`, or what is not; `not compared` where nothing can be read back."""
    if way.output not in OUTPUTS:
        return "not compared"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        if way.output == "raw":
            connection.execute(f"attach {sql_text(str(out / 'warehouse.duckdb'))} as warehouse (read_only)")
        table = OUTPUTS[way.output](out)
        (rows,) = connection.execute(f"select count(*) from {table}").fetchone()
        wrong = [name for name, (value, total) in wanted.columns.items() if _sum(connection, table, value) != total]
    return f"{rows:,} of {wanted.rows:,} rows" if rows != wanted.rows else _told(wrong)


def _told(wrong: list[str]) -> str:
    return f"wrong: {', '.join(wrong)}" if wrong else "all right"


def _sum(connection: duckdb.DuckDBPyConnection, table: str, value: str) -> int | None:
    """A column's sum; None if its values cannot even be read as what they are."""
    try:
        return int(connection.execute(f"select {DUCKDB_SUM.format(value=value)} from {table}").fetchone()[0])
    except duckdb.Error:
        return None


def _spelled(name: str, kind: str, precision: int | None, scale: int | None) -> tuple[str, str]:
    """A column's value as the same text, by the server and by DuckDB."""
    there, here = mysql_name(name), sql_name(name)
    if kind == "datetime":
        return MOMENT[0].format(name=there), MOMENT[1].format(name=here)
    if kind == "decimal":
        return f"cast({there} as char)", f"{here}::decimal({precision},{scale})::varchar"
    return f"cast({there} as char)", f"{here}::varchar" if "char" in kind else f"{here}::bigint::varchar"
