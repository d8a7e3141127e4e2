"""How many values of the big table does a way change?

Each column's values, as the server prints them, are hashed and added up by the server; DuckDB does the same with what a
way has left. Where sums differ, the column is compared with the server's row by row.
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from pymysql.cursors import SSCursor

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
class Column:
    """there, here: the SQL of its value as a text, by the server and by DuckDB. total: the server's sum of hashes."""

    there: str
    here: str
    total: int


@dataclass(frozen=True)
class Expected:
    """What the server has. rows: how many there are."""

    source: Source
    rows: int
    columns: dict[str, Column]


def expected(source: Source) -> Expected:
    """What the server adds up."""
    with closing(source.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns "
            f"where table_schema = database() and table_name = '{TABLE}' order by ordinal_position"
        )
        spelled = {name: _spelled(name, *described) for name, *described in cursor.fetchall()}
        sums = ", ".join(SERVER_SUM.format(value=there) for there, _here in spelled.values())
        cursor.execute(f"select count(*), {sums} from {mysql_name(TABLE)}")
        rows, *totals = cursor.fetchone()
    columns = {name: Column(*spelled[name], int(total)) for name, total in zip(spelled, totals, strict=True)}
    return Expected(source, rows, columns)


def verdict(way: Way, out: Path, wanted: Expected) -> str:
    """`all right`, or how many values are not, and in which columns; `not compared` where nothing can be read back."""
    if way.output not in OUTPUTS:
        return "not compared"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        if way.output == "raw":
            connection.execute(f"attach {sql_text(str(out / 'warehouse.duckdb'))} as warehouse (read_only)")
        table = OUTPUTS[way.output](out)
        (rows,) = connection.execute(f"select count(*) from {table}").fetchone()
        if rows != wanted.rows:
            return f"{rows:,} of {wanted.rows:,} rows"
        wrong = [name for name, column in wanted.columns.items() if _sum(connection, table, column) != column.total]
        return ", ".join(_counted(connection, table, wanted, wrong)) if wrong else "all right"


def _sum(connection: duckdb.DuckDBPyConnection, table: str, column: Column) -> int | None:
    """A column's sum; None if its values cannot even be read as what they are."""
    try:
        return int(connection.execute(f"select {DUCKDB_SUM.format(value=column.here)} from {table}").fetchone()[0])
    except duckdb.Error:
        return None


def _counted(connection: duckdb.DuckDBPyConnection, table: str, wanted: Expected, wrong: list[str]) -> Iterable[str]:
    """How many values of each of these columns are not the server's."""
    key = next(iter(wanted.columns))
    asked = [wanted.columns[name].there for name in (key, *wrong)]
    with closing(wanted.source.connect()) as server, closing(SSCursor(server)) as cursor:
        cursor.execute(f"select {', '.join(asked)} from {mysql_name(TABLE)}")
        rows = list(cursor)
    texts = {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(["server_key", *wrong])}
    connection.register("server", pa.table(texts))
    for name in wrong:
        changed = f"server.{sql_name(name)} is distinct from found.value"
        found = f"(select {wanted.columns[key].here} as key, try({wanted.columns[name].here}) as value from {table})"
        (count,) = connection.execute(
            f"select count(*) filter ({changed}) from server left join {found} as found on key = server_key"
        ).fetchone()
        yield f"{count:,} of {name} changed"


def _spelled(name: str, kind: str, precision: int | None, scale: int | None) -> tuple[str, str]:
    """A column's value as the same text, by the server and by DuckDB."""
    there, here = mysql_name(name), sql_name(name)
    if kind == "datetime":
        return MOMENT[0].format(name=there), MOMENT[1].format(name=here)
    if kind == "decimal":
        return f"cast({there} as char)", f"{here}::decimal({precision},{scale})::varchar"
    return f"cast({there} as char)", f"{here}::varchar" if "char" in kind else f"{here}::bigint::varchar"
