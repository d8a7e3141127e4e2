"""What DuckDB alone is told: how it reads files, and the lake's form of its values."""

from collections.abc import Iterable
from operator import attrgetter, eq
from pathlib import Path

from loaders.common.quoting import sql_name, sql_text
from loaders.types.column_type import ColumnType
from loaders.warehouse.live_rows import Dialect
from loaders.words.row_key import in_duckdb


def _bucket(column: str, kind: ColumnType, size: int) -> str:
    """A whole division of DECIMAL, which unsigned BIGINTs are, would go by way of DOUBLE. One of HUGEINT takes 12 times
    as long as others.
    """
    wide = column if kind.duckdb in ("SMALLINT", "INTEGER", "BIGINT") else f"cast({column} as hugeint)"
    return f"{wide} // {size}"


# All that could add a column, change one or guess a type. Left to itself, DuckDB takes a folder named `country=KR`
# anywhere in a path for the value of that column in every row.
PARQUET_OPTIONS = (
    "binary_as_string = false, file_row_number = false, filename = false, hive_partitioning = false, "
    "hive_types_autocast = false, union_by_name = false"
)

DIALECT = Dialect(
    kind=attrgetter("duckdb"),
    is_kind=eq,
    one_of=in_duckdb,
    bucket=_bucket,
    compared=lambda column, _kind: column,
    sent=lambda column, _kind: column,
    digest=lambda text: f"cast('0x' || left(sha256({text}), 8) as bigint)",
    text=sql_text,
)


def select(columns: Iterable[ColumnType], files: list[Path]) -> str:
    """These columns of the files, as raw keeps them."""
    return f"select {_as_in_raw(columns)} from {read_parquet(files)}"


def read_parquet(files: Iterable[Path]) -> str:
    """These files as a table: their own columns and values, wherever they lie and whatever DuckDB is set to."""
    return f"read_parquet([{', '.join(sql_text(no_glob(str(file))) for file in files)}], {PARQUET_OPTIONS})"


def _as_in_raw(columns: Iterable[ColumnType]) -> str:
    """A select list. The lake's timestamps are instants, raw's are their digits in UTC.

    By way of microseconds, because `at time zone` asks a calendar: it took a third of the load of orders.
    """
    return _selected(columns, "make_timestamp(epoch_us({}))")


def live_rows(target: str, columns: Iterable[ColumnType]) -> str:
    """The rows of a raw table that are not deleted, in the form in which the lake holds them."""
    in_the_lake = _selected(columns, "{} at time zone 'UTC'")
    return f"select {in_the_lake} from {target} where _deleted_at is null"


def _selected(columns: Iterable[ColumnType], timestamp: str) -> str:
    names = [(sql_name(column.name), timestamp if column.duckdb == "TIMESTAMP" else "{}") for column in columns]
    return ", ".join(f"{form.format(name)} as {name}" for name, form in names)


def no_glob(path: str) -> str:
    """DuckDB reads * ? [ in a path as a pattern; a class of one character stands for itself.

    A pattern's folders end at a \\ too, which nothing can escape: lake and TMPDIR are refused with both (paths.py).
    """
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
