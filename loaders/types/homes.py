"""A table's columns in raw: the source's by the type contract, and the hash over them."""

from collections.abc import Iterable, Sequence

from loaders.types import fingerprint
from loaders.types.column_type import ColumnType
from loaders.types.type_contract import Column, SourceColumn, contract


def homes(table: str, columns: Sequence[SourceColumn], for_redshift: bool) -> list[Column]:
    """The source's columns by the type contract, and the hash over them."""
    own = [contract(column, table, for_redshift) for column in columns]
    return [*own, fingerprint.hash_column(own, columns)]


def types(columns: Iterable[Column]) -> tuple[ColumnType, ...]:
    """Columns as the run record has them."""
    return tuple(ColumnType(c.name, c.mysql_type, c.duckdb, c.redshift) for c in columns)
