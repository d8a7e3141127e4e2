"""A mart that keeps a table's rows one to one, against the table: rows, keys, sums, each computed by its own engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from loaders.errors import Failure
from loaders.lake.runs import ColumnType
from loaders.progress import Progress
from loaders.proof.compare import Difference, compare
from loaders.proof.holdings import tables_of
from loaders.quoting import mysql_name, sql_name
from loaders.source.mysql import Snapshot, SourceTable
from loaders.source.source_side import SourceSide
from loaders.type_contract import INT64, Column
from loaders.warehouse.interface import Warehouse
from loaders.warehouse.raw_tables import SOURCE_HASH

# Stands for NULL in a row's number, which NULL and 0 would else share.
NULL = -999_983


@dataclass(frozen=True)
class MartCheck:
    """table and keys: at the source; mart: (schema, name) in the warehouse. sums: columns that both have, of whole or
    fixed-point numbers."""

    table: SourceTable
    keys: Sequence[Column]
    mart: tuple[str, str]
    sums: Sequence[Column]

    def __post_init__(self):
        for column in self.sums:
            if not column.duckdb.startswith(("DECIMAL", "BIGINT", "INTEGER", "SMALLINT")):
                raise Failure(
                    f"the catalog adds up {self.table.name}.{column.name}, which is a {column.mysql_type}",
                    "name whole or fixed-point numbers under mart.sums",
                )

    @property
    def name(self) -> str:
        return ".".join(map(sql_name, self.mart))

    def is_built(self, warehouse: Warehouse) -> bool:
        schema, name = self.mart
        return (schema.lower(), name) in tables_of(warehouse, schema)

    def at_source(self, snapshot: Snapshot) -> tuple[int, list[Decimal]]:
        """Rows, and the sum of each column."""
        sums = [f"coalesce(sum({mysql_name(column.name)}), 0)" for column in self.sums]
        sql = f"select {', '.join(['count(*)', *sums])} from {mysql_name(self.table.name)}"
        ((rows, *totals),) = [row for batch in snapshot.printed(self.table, sql) for row in batch]
        return int(rows), [Decimal(total.decode()) for total in totals]

    def in_mart(self, warehouse: Warehouse) -> tuple[int, list[Decimal]]:
        sums = [f"cast(coalesce(sum({sql_name(column.name)}), 0) as varchar(64))" for column in self.sums]
        sql = f"select {', '.join(['count(*)', *sums])} from {self.name}"
        ((rows, *totals),) = warehouse.ask(sql)
        return int(rows), [Decimal(total) for total in totals]

    def compare(self, snapshot: Snapshot, warehouse: Warehouse, progress: Progress) -> Difference | None:
        """The keys whose rows differ in one of the sums' columns; a number of those stands for the row's hash."""
        number = Column(SOURCE_HASH, "bigint", False, INT64, self._number(mysql_name, "signed"))
        source = SourceSide(snapshot, self.table, self.keys, number, progress)
        types = [ColumnType(c.name, c.mysql_type, c.duckdb, c.redshift) for c in self.keys]
        columns = ", ".join(sql_name(column.name) for column in self.keys)
        rows = (
            f"(select {columns}, {self._number(sql_name, 'bigint')} as {SOURCE_HASH}, "
            f"cast(null as timestamp) as _deleted_at from {self.name})"
        )
        with warehouse.side(rows, types) as mart:
            return compare(source, mart, source.buckets(self.table.estimated_rows))

    def _number(self, quoted, whole: str) -> str:
        """One whole number over the columns, the same in either SQL."""
        parts = ["1"]
        for place, column in enumerate(self.sums):
            scale = int(column.duckdb.rstrip(")").partition(",")[2] or 0)
            parts.append(
                f"{31**place} * coalesce(cast({quoted(column.name)} * {10**scale} as {whole}), {NULL - place})"
            )
        return f"({' + '.join(parts)})"
