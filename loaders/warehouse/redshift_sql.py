"""Every statement that a load sends to Redshift, as text. Pure: nothing here has a connection.

All names are quoted (`raw` and `order` are reserved words there); every key column is compared byte by byte, because
Redshift ignores blanks at the end of a VARCHAR when it compares.
"""

import datetime
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from loaders.common.quoting import sql_name
from loaders.types.column_type import ColumnType
from loaders.types.fingerprint import SOURCE_HASH
from loaders.warehouse import dropped_columns
from loaders.warehouse.live_rows import Dialect, same_key
from loaders.words.raw_tables import LINEAGE_COLUMNS, LOADS_COLUMNS, LOADS_TABLE, LOCK_TABLE
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, Run

# How information_schema.columns calls the contract's types.
CATALOG_NAMES = {
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "REAL": "real",
    "DOUBLE PRECISION": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
}


def text(value: str) -> str:
    r"""A text literal. A backslash escapes in Redshift's plain literals, so it is doubled like a quote."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def moment(value: datetime.datetime) -> str:
    return f"timestamp {text(value.isoformat(sep=' ', timespec='microseconds'))}"


def name(schema: str, table: str) -> str:
    return f"{sql_name(schema)}.{sql_name(table)}"


def create_schema(schema: str) -> str:
    return f"create schema if not exists {sql_name(schema)}"


def create_loads(schema: str) -> str:
    columns = ", ".join(f"{sql_name(column)} {kind}" for column, kind in LOADS_COLUMNS.items())
    return f"create table if not exists {name(schema, LOADS_TABLE)} ({columns})"


def clear_loads(schema: str) -> str:
    return f"delete from {name(schema, LOADS_TABLE)}"


def drop_table(schema: str, table: str) -> str:
    return f"drop table if exists {name(schema, table)}"


def create_lock(schema: str) -> str:
    return f"create table if not exists {name(schema, LOCK_TABLE)} (nothing SMALLINT)"


def lock(schema: str) -> str:
    return f"lock {name(schema, LOCK_TABLE)}"


def newest_run(schema: str) -> str:
    return f"select run, attempt from {name(schema, LOADS_TABLE)} order by run desc limit 1"


def lines_of(schema: str, run: Run) -> str:
    return f"select count(*) from {name(schema, LOADS_TABLE)} where run = {run.run} and attempt = {text(run.attempt)}"


def lines_at(schema: str, loaded_at: datetime.datetime) -> str:
    return f"select count(*) from {name(schema, LOADS_TABLE)} where loaded_at = {moment(loaded_at)}"


def create_table(schema: str, batch: Batch) -> str:
    columns = [f"{sql_name(column.name)} {column.redshift}" for column in batch.raw_columns]
    columns += [f"{sql_name(column)} {kind}" for column, kind in LINEAGE_COLUMNS.items()]
    keys = f" distkey ({sql_name(batch.dist)})" if batch.dist else ""
    keys += f" sortkey ({', '.join(map(sql_name, batch.sort))})" if batch.sort else ""
    return f"create table if not exists {name(schema, batch.table)} ({', '.join(columns)}){keys}"


def columns_of(schema: str, table: str) -> str:
    return (
        "select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale "
        f"from information_schema.columns where table_schema = {text(schema.lower())} "
        f"and table_name = {text(table.lower())} order by ordinal_position"
    )


def is_declared_so(batch: Batch, found: Sequence[Sequence[Any]]) -> bool:
    """Whether a raw table, as `columns_of` describes it, has the batch's columns and the loaders' own."""
    wanted = {column.name.lower(): column.redshift for column in batch.raw_columns} | LINEAGE_COLUMNS
    return len(wanted) == len(found) and all(row[0] in wanted and _same_type(wanted[row[0]], row) for row in found)


def are_declared_so(columns: Iterable[ColumnType], widened: Collection[str], found: Sequence[Sequence[Any]]) -> bool:
    """Whether a raw table, as `columns_of` describes it, has these columns, of types as wide or less."""
    types = {row[0]: row for row in found}
    wanted = {column.name.lower(): column for column in columns}
    return all(
        name in types and (column.name in widened or _same_type(column.redshift, types[name]))
        for name, column in wanted.items()
    )


def is_narrower_varchar(row: Sequence[Any], column: ColumnType) -> bool:
    """Whether a column of a raw table, as `columns_of` describes it, is a VARCHAR with less room than wanted."""
    base, _, size = column.redshift.partition("(")
    return base == "VARCHAR" and row[1] == "character varying" and row[2] < int(size.rstrip(")"))


def widen_varchar(schema: str, batch: Batch, column: ColumnType) -> str:
    """Outside a transaction only."""
    return f"alter table {name(schema, batch.table)} alter column {sql_name(column.name)} type {column.redshift}"


def copy_rows(schema: str, batch: Batch, into: Batch) -> str:
    """All rows of a batch's raw table to another table, whose types hold them."""
    listed = ", ".join(sql_name(column) for column in [*(c.name for c in batch.raw_columns), *LINEAGE_COLUMNS])
    return f"insert into {name(schema, into.table)} ({listed}) select {listed} from {name(schema, batch.table)}"


def rename(schema: str, into: Batch, batch: Batch) -> str:
    return f"alter table {name(schema, into.table)} rename to {sql_name(batch.table)}"


def granted(schema: str, table: str) -> str:
    """Who may do what with a table, as far as this user may know: all of it, if a superuser or with ACCESS SYSTEM TABLE
    (docs.aws.amazon.com/redshift/latest/dg/r_SVV_RELATION_PRIVILEGES.html).
    """
    return (
        "select privilege_type, identity_type, identity_name from svv_relation_privileges "
        f"where namespace_name = {text(schema.lower())} and relation_name = {text(table.lower())} "
        "and (identity_type <> 'user' or identity_name <> current_user) order by 1, 2, 3"
    )


# What GRANT takes (docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html). RULE and TRIGGER, which GRANT ALL leaves too,
# mean nothing there, and would be refused.
PRIVILEGES = {"select", "insert", "update", "delete", "drop", "references", "alter", "truncate"}


def grants(schema: str, into: Batch, found: Iterable[Sequence[str]]) -> list[str]:
    """The same rights on another table."""
    who = {"user": "{}", "group": "group {}", "role": "role {}", "public": "public"}
    return [
        f"grant {privilege.lower()} on {name(schema, into.table)} to {who[kind].format(sql_name(whom))}"
        for privilege, kind, whom in found
        if privilege.lower() in PRIVILEGES
    ]


def _same_type(kind: str, row: Sequence[Any]) -> bool:
    base, _, size = kind.partition("(")
    if base == "VARCHAR":
        return (row[1], row[2]) == ("character varying", int(size.rstrip(")")))
    if base == "DECIMAL":
        return (row[1], f"{row[3]},{row[4]})") == ("numeric", size)
    # How VARBYTE is listed there is not documented; its width is the source's and changes with the column's name only.
    return base == "VARBYTE" or row[1] == CATALOG_NAMES[kind]


def create_staging(staging: str, columns: Iterable[ColumnType]) -> str:
    declared = ", ".join(f"{sql_name(column.name)} {column.redshift}" for column in columns)
    return f"create temporary table {sql_name(staging)} ({declared})"


def copy(staging: str, manifest: str, role: str) -> str:
    """COPY exactly the files of a manifest, by an IAM role; no option that would change or drop a value."""
    by = "default" if role == "default" else text(role)
    return f"copy {sql_name(staging)} from {text(manifest)} iam_role {by} format as parquet manifest"


def drop_staging(staging: str) -> str:
    """A temporary table lives as long as its session, which may apply more runs."""
    return f"drop table {sql_name(staging)}"


def count(staging: str) -> str:
    return f"select count(*) from {sql_name(staging)}"


def repeated_keys(staging: str, batch: Batch) -> str:
    """How many keys occur more than once; primary keys are not enforced in Redshift."""
    listed = ", ".join(_compared(sql_name(column.name), column) for column in batch.key_columns)
    return f"select count(*) from (select 1 from {sql_name(staging)} group by {listed} having count(*) > 1) as repeated"


def clear(schema: str, batch: Batch) -> str:
    """Empty the table. Never TRUNCATE: it commits."""
    return f"delete from {name(schema, batch.table)}"


def remove_staged(schema: str, staging: str, batch: Batch) -> str:
    """Remove the rows, live or not, whose keys are staged."""
    return (
        f"delete from {name(schema, batch.table)} using {sql_name(staging)} as c "
        f"where {same_key(name(schema, batch.table), 'c', batch.key_columns, DIALECT)}"
    )


def insert_staged(schema: str, staging: str, run: Run, batch: Batch, aside: str | None = None) -> str:
    """The staged rows; of dropped columns, the values that the table `aside` holds for their keys."""
    own, lineage = dropped_columns.names(batch, aside), ", ".join(sql_name(column) for column in LINEAGE_COLUMNS)
    columns, rows_from = dropped_columns.beside(sql_name(staging), aside, batch, DIALECT)
    return (
        f"insert into {name(schema, batch.table)} ({own}, {lineage}) "
        f"select {columns}, {run.run}, {moment(run.snapshot_at)}, cast(null as timestamp) from {rows_from}"
    )


def occurrences(schema: str, table: str, keys: Keys) -> str:
    return f"select count(*) from {name(schema, table)} where {one_of(keys)}"


def erase(schema: str, table: str, keys: Keys) -> str:
    return f"delete from {name(schema, table)} where {one_of(keys)}"


def one_of(keys: Keys) -> str:
    return " or ".join(f"({' and '.join(map(_equals, keys.columns, key))})" for key in keys.values)


def _equals(column: ColumnType, value: str) -> str:
    """A key's column is this value, byte by byte."""
    found = sql_name(column.name)
    if column.redshift.startswith("VARBYTE"):
        return f"to_hex({found}) = {text(value)}"
    if column.redshift.startswith("VARCHAR"):
        return f"{found} || '.' = {text(value + '.')}"
    return f"{found} = cast({text(value)} as {column.redshift})"


def mark_deleted(schema: str, gone: str, run: Run, batch: Batch) -> str:
    """Mark the live rows whose keys are in the table `gone`."""
    target = name(schema, batch.table)
    return (
        f"update {target} set _deleted_at = {moment(run.snapshot_at)}, _run = {run.run} from {sql_name(gone)} as c "
        f"where {target}._deleted_at is null and {same_key(target, 'c', batch.key_columns, DIALECT)}"
    )


def live_totals(schema: str, batch: Batch) -> str:
    return (
        f"select count(*), coalesce(sum({SOURCE_HASH}), 0) from {name(schema, batch.table)} where _deleted_at is null"
    )


def _compared(column: str, kind: ColumnType) -> str:
    return f"{column} || '.'" if kind.redshift.startswith("VARCHAR") else column


DIALECT = Dialect(
    # A BIGINT UNSIGNED is a DECIMAL here, whose division has places; the fraction never rounds up to a whole.
    bucket=lambda column, kind, size: (
        f"cast(trunc({column} / {size}) as bigint)" if kind.redshift.startswith("DECIMAL") else f"{column} / {size}"
    ),
    compared=_compared,
    sent=lambda column, kind: f"to_hex({column})" if kind.redshift.startswith("VARBYTE") else column,
    digest=lambda text: f"strtol(left(sha2({text}, 256), 8), 16)",
    text=text,
)


def record(schema: str, run: Run, loaded_at: datetime.datetime) -> str:
    """The run's lines in `_loads`: in the same transaction as its rows."""
    lines = ", ".join(
        f"({run.run}, {text(run.attempt)}, {text(batch.table)}, {text(batch.mode)}, {batch.rows}, "
        f"{sum(batch.invalid.values())}, {moment(run.snapshot_at)}, {moment(loaded_at)}, "
        f"{text(run.source_version)}, {text(batch.verdict)})"
        for batch in run.batches
    )
    return f"insert into {name(schema, LOADS_TABLE)} values {lines}"


def newest_of_each_table(schema: str) -> str:
    numbered = (
        "select table_name, run, row_count, snapshot_at, verdict, "
        f"row_number() over (partition by table_name order by run desc) as place from {name(schema, LOADS_TABLE)}"
    )
    columns = "table_name, run, row_count, snapshot_at, verdict"
    return f"select {columns} from ({numbered}) as numbered where place = 1 order by table_name"
