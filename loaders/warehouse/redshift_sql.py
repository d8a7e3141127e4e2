"""The statements that only Redshift is sent, as text (raw_sql.py has the others). Pure: nothing here has a connection.

Every key column is compared byte by byte, because Redshift ignores blanks at the end of a VARCHAR when it compares.
"""

import datetime
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

from loaders.common.quoting import sql_name
from loaders.types.column_type import ColumnType
from loaders.types.type_contract import width
from loaders.warehouse.live_rows import Dialect
from loaders.warehouse.raw_sql import columns, moment
from loaders.words.raw_tables import LINEAGE_COLUMNS, LOADS_TABLE, LOCK_TABLE
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch

# How information_schema.columns calls the contract's types.
LISTED = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "REAL",
    "double precision": "DOUBLE PRECISION",
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
}


def text(value: str) -> str:
    r"""A text literal. A backslash escapes in Redshift's plain literals, so it is doubled like a quote."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def clear_loads(schema: str) -> str:
    return f"delete from {sql_name(schema, LOADS_TABLE)}"


def create_lock(schema: str) -> str:
    return f"create table if not exists {sql_name(schema, LOCK_TABLE)} (nothing SMALLINT)"


def lock(schema: str) -> str:
    return f"lock {sql_name(schema, LOCK_TABLE)}"


def lines_at(schema: str, loaded_at: datetime.datetime) -> str:
    return f"select count(*) from {sql_name(schema, LOADS_TABLE)} where loaded_at = {moment(loaded_at)}"


def create_table(schema: str, batch: Batch) -> str:
    keys = f" distkey ({sql_name(batch.dist)})" if batch.dist else ""
    keys += f" sortkey ({', '.join(map(sql_name, batch.sort))})" if batch.sort else ""
    return f"create table if not exists {sql_name(schema, batch.table)} ({columns(batch, DIALECT)}){keys}"


def columns_of(schema: str, table: str) -> str:
    return (
        "select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale "
        f"from information_schema.columns where table_schema = {text(schema.lower())} "
        f"and table_name = {text(table.lower())} order by ordinal_position"
    )


def declared(listed: Sequence[Any]) -> str:
    """The type of a column as the contract writes it, of a row of `columns_of`."""
    _name, kind, width, digits, places = listed
    if kind == "character varying":
        return f"VARCHAR({width})"
    return f"DECIMAL({digits},{places})" if kind == "numeric" else LISTED.get(kind, kind)


def is_narrower_varchar(declared: str, column: ColumnType) -> bool:
    """Whether a column of a raw table is a VARCHAR with less room than wanted."""
    both = (declared, column.redshift)
    return all(kind.startswith("VARCHAR") for kind in both) and (width(declared) or 0) < (width(column.redshift) or 0)


def widen_varchar(schema: str, batch: Batch, column: ColumnType) -> str:
    """Outside a transaction only."""
    return f"alter table {sql_name(schema, batch.table)} alter column {sql_name(column.name)} type {column.redshift}"


def copy_rows(schema: str, batch: Batch, into: Batch) -> str:
    """All rows of a batch's raw table to another table, whose types hold them."""
    listed = ", ".join(sql_name(column) for column in [*(c.name for c in batch.raw_columns), *LINEAGE_COLUMNS])
    return f"insert into {sql_name(schema, into.table)} ({listed}) select {listed} from {sql_name(schema, batch.table)}"


def rename(schema: str, into: Batch, batch: Batch) -> str:
    return f"alter table {sql_name(schema, into.table)} rename to {sql_name(batch.table)}"


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
        f"grant {privilege.lower()} on {sql_name(schema, into.table)} to {who[kind].format(sql_name(whom))}"
        for privilege, kind, whom in found
        if privilege.lower() in PRIVILEGES
    ]


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
    return f"delete from {sql_name(schema, batch.table)}"


def _one_of(keys: Keys) -> str:
    return " or ".join(f"({' and '.join(map(_equals, keys.columns, key))})" for key in keys.values)


def _equals(column: ColumnType, value: str) -> str:
    """A key's column is this value, byte by byte."""
    found = sql_name(column.name)
    if column.redshift.startswith("VARBYTE"):
        return f"to_hex({found}) = {text(value)}"
    if column.redshift.startswith("VARCHAR"):
        return f"{found} || '.' = {text(value + '.')}"
    return f"{found} = cast({text(value)} as {column.redshift})"


def _compared(column: str, kind: ColumnType) -> str:
    return f"{column} || '.'" if kind.redshift.startswith("VARCHAR") else column


DIALECT = Dialect(
    kind=attrgetter("redshift"),
    # How VARBYTE is listed there is not documented; its width is the source's and changes with the column's name only.
    is_kind=lambda listed, kind: kind.startswith("VARBYTE") or listed == kind,
    one_of=_one_of,
    # A BIGINT UNSIGNED is a DECIMAL here, whose division has places; the fraction never rounds up to a whole.
    bucket=lambda column, kind, size: (
        f"cast(trunc({column} / {size}) as bigint)" if kind.redshift.startswith("DECIMAL") else f"{column} / {size}"
    ),
    compared=_compared,
    sent=lambda column, kind: f"to_hex({column})" if kind.redshift.startswith("VARBYTE") else column,
    digest=lambda text: f"strtol(left(sha2({text}, 256), 8), 16)",
    text=text,
)
