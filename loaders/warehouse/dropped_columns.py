"""Columns that the source dropped stay in raw: their values move to the rows that replace others, by key.

In SQL that DuckDB and Redshift share. A table without a key has none of these: nothing tells whose a value was.
"""

from collections.abc import Collection
from dataclasses import dataclass

from loaders.common.quoting import sql_name
from loaders.warehouse.live_rows import Dialect, same_key
from loaders.words.run_record import Batch


def any_values(batch: Batch, found: Collection[str]) -> bool:
    """Whether a raw table with the columns `found` (in small letters) has values that the batch's rows must keep."""
    needed = (*batch.kept, *batch.key_columns)
    return bool(batch.kept and batch.primary_key) and all(column.name.lower() in found for column in needed)


def put_aside(aside: str, target: str, batch: Batch, changed: str | None, dialect: Dialect) -> str:
    """A temporary table `aside` of the kept values of live rows: all, or those with the keys of the query `changed`."""
    names = [column.name for column in (*batch.key_columns, *batch.kept)]
    query = (
        f"select {', '.join(f'r.{sql_name(name)}' for name in names)} from {target} as r where r._deleted_at is null"
    )
    if changed:
        same = same_key("r", "c", batch.key_columns, dialect)
        query += f" and exists (select 1 from ({changed}) as c where {same})"
    return f"create temporary table {aside} as {query}"


@dataclass(frozen=True)
class Beside:
    """Rows to insert: the columns that they fill, the select list that gives those, and what follows FROM."""

    names: str
    selected: str
    rows: str


def beside(rows: str, aside: str | None, batch: Batch, dialect: Dialect) -> Beside:
    """The batch's columns of `rows` (a table, or a query in brackets), beside what was put aside."""
    names = ", ".join(sql_name(column.name) for column in (batch.raw_columns if aside else batch.columns))
    if aside is None:
        return Beside(names, names, rows)
    own = [f"s.{sql_name(column.name)}" for column in batch.columns]
    own += [f"k.{sql_name(column.name)}" for column in batch.kept]
    same = same_key("s", "k", batch.key_columns, dialect)
    return Beside(names, ", ".join(own), f"{rows} as s left join {aside} as k on {same}")
