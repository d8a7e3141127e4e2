"""The source's sums per bucket over all rows of a table, asked in ranges of its key on all connections at once.

A range ends in the middle of a bucket as a rule: counts and sums of both halves are added up.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass

import pyarrow as pa

import mysql_arrow
from loaders.common.threads import Shared, merged
from loaders.source.described import SourceTable
from loaders.source.mysql import AHEAD_BYTES, Snapshot, sums_sql
from loaders.source.statements import explained
from loaders.words.buckets import Sums, read_sums

SCHEMA = pa.schema([("bucket", pa.int64()), ("rows", pa.int64()), ("total", pa.decimal128(38, 0))])


@dataclass(frozen=True)
class PartSums:
    """Sums over some of a table's rows. Its length is how many rows those are: what a progress bar adds up."""

    sums: Sums

    def __len__(self) -> int:
        return sum(rows for rows, _total in self.sums.values())


def in_parts(
    snapshot: Snapshot, table: SourceTable, bucket: str, hashed: str, conditions: Iterable[str | None]
) -> Generator[PartSums]:
    """Sums over the rows of each SQL condition (None: all), in no order; a query for each.

    bucket, hashed: expressions, as for Snapshot.sums. The first error on any connection is raised, and ends what the
    others ask; so does closing this early.
    """
    left = Shared(sums_sql(table, bucket, hashed, where) for where in conditions)

    def answers(connection: mysql_arrow.Connection) -> Generator[pa.RecordBatch]:
        for sql in left:
            with snapshot.burden.query():
                yield from mysql_arrow.batches(connection, sql, SCHEMA)

    with explained(f"table {table.name}"):
        for batch in merged(list(map(answers, snapshot.connections)), AHEAD_BYTES, snapshot.interrupt):
            yield PartSums(read_sums(table.name, zip(*(column.to_pylist() for column in batch.columns), strict=True)))


def added_up(parts: Iterable[PartSums]) -> Sums:
    """The sums over the rows of all parts together."""
    whole: dict[int, tuple[int, int]] = {}
    for part in parts:
        for bucket, (rows, total) in part.sums.items():
            rows_before, total_before = whole.get(bucket, (0, 0))
            whole[bucket] = (rows_before + rows, total_before + total)
    return whole
