"""A key that the catalog declares where the source has none of its own: whether it tells rows apart."""

from collections.abc import Iterable

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.common.telling import value
from loaders.source.conversion import printed_value
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.canonical import canonical
from loaders.words.catalog import Table

# Of a row whose key is NULL, so many other columns are shown.
COLUMNS_SHOWN = 5
NOTHING = "nothing was published"


def no_null_in_key(table: Table, source: SourceTable, snapshot: Snapshot) -> None:
    """A primary key of the source's own has none."""
    if source.primary_key:
        return
    for column in source.described(table.primary_key):
        others = [each for each in source.columns if each != column and not each.pseudonym][:COLUMNS_SHOWN]
        texts = ", ".join(["1", *(canonical(each).at_source for each in others)])
        found = column.nullable and _first_row(
            snapshot, source, f"{texts} from {mysql_name(source.name)} where {mysql_name(column.name)} is null"
        )
        if found:
            raise Failure(
                f"{table.name}.{column.name} belongs to the key, and is NULL in the row "
                f"{_row([each.name for each in others], found[1:]) or 'that has no other columns'}",
                f"correct the row, or name columns without a NULL under primary_key in the catalog, or none; {NOTHING}",
            )


def _first_row(snapshot: Snapshot, source: SourceTable, query: str) -> tuple[bytes | None, ...] | None:
    rows = [row for some in snapshot.printed(source, f"select {query} limit 1") for row in some]
    return rows[0] if rows else None


def _row(names: Iterable[str], values: Iterable[bytes | None]) -> str:
    return ", ".join(f"{name}={value(printed_value(each))}" for name, each in zip(names, values, strict=True))


def key_is_unique(table: Table, source: SourceTable, snapshot: Snapshot) -> None:
    """Fail if rows share a key that the catalog declares, byte by byte. A primary key of the source's own, none can."""
    if source.primary_key or not table.primary_key:
        return
    keys = source.described(table.primary_key)
    same = ", ".join(canonical(column).source_order() for column in keys)
    texts = ", ".join(f"min({canonical(column).at_source})" for column in keys)
    found = _first_row(
        snapshot, source, f"{texts}, count(*) from {mysql_name(source.name)} group by {same} having count(*) > 1"
    )
    if found:
        raise Failure(
            f"{int(found[-1] or 0):,} rows of {table.name} have the key {_row(table.primary_key, found[:-1])}",
            f"name columns that tell its rows apart under primary_key, or none; {NOTHING}",
        )
