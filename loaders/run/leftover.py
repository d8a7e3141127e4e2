"""A table of which a run that broke has read a part: what the source has still is taken over, the rest is read.

Of the rows that it left (leftovers.py) those are taken over of whose ranges of the key the source itself, in this run's
snapshot, says the same counts and sums of hashes. They are written anew, as this run's own: nothing will refer to files
of a run that broke.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa

from loaders.common.errors import Exit, Failure
from loaders.common.quoting import mysql_name, sql_name
from loaders.lake import attempts, leftovers
from loaders.lake.damaged import Damaged
from loaders.run import by_hash
from loaders.run.table_read import TableRead
from loaders.source.bucket_sums import PartSums, added_up
from loaders.source.source_side import between, some_between
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.type_contract import lake_schema
from loaders.warehouse import duckdb_errors
from loaders.warehouse.duckdb_connection import close_off, connected
from loaders.warehouse.duckdb_sql import DIALECT, read_parquet
from loaders.words.buckets import Buckets, Sums, by_key, differing, in_sql, in_statements, totals
from loaders.words.run_record import Batch, File

ROWS_AT_ONCE = 50_000
Range = tuple[int, int]


@dataclass(frozen=True)
class Leftover:
    """What an attempt has left of a table. batch: its note. files: those that are what it says, as far as is known."""

    read: TableRead
    attempt: str
    batch: Batch
    files: list[File]

    @property
    def key(self) -> str:
        """The column by whose ranges rows are compared."""
        return self.batch.primary_key[0]

    def rows(self, parts: Sequence[str | None]) -> Generator[pa.RecordBatch]:
        """All rows of the table, those first that are taken over. parts: as for reading it whole."""
        buckets = self._buckets()
        with closing(self._session()) as session:
            here = self._sums(session, buckets)
            if not here:
                yield from self.read.rows(parts)
                return
            covered = buckets.ranges(here)
            if len([*in_statements(covered)]) > 1:
                covered = [(covered[0][0], covered[-1][1])]
            within = _each(parts, [between(self.key, covered)])
            there = replace(by_hash.side(self.read), conditions=within).sums(buckets)
            anew = differing(there, here)
            yield from self._taken_over(session, buckets, anew, totals(_without(there, anew)))
        outside = _each(parts, map(" or ".join, in_statements(_outside(mysql_name(self.key), covered))))
        yield from self.read.rows([*outside, *some_between(self.key, buckets.ranges(anew))])

    def _buckets(self) -> Buckets:
        """As for a comparison with raw; also where keys have gaps, since they need not fit more than these rows."""
        return by_key(self.key, *(self.read.run.snapshot.extremes(self.read.source, self.key) or (0, 0)))

    def _session(self) -> duckdb.DuckDBPyConnection:
        session = connected(Path(":memory:"))
        session.execute("set threads = 1")
        close_off(session, [self.read.run.places.lake.on_this_machine, self.read.run.places.spool])
        return session

    def _taken_over(
        self, session: duckdb.DuckDBPyConnection, buckets: Buckets, anew: Sequence[int], equal: tuple[int, int]
    ) -> Iterator[pa.RecordBatch]:
        """The rows of all other buckets, if they are what the source was asked about."""
        schema, rows = lake_schema(self.read.columns), 0
        names = ", ".join(map(sql_name, schema.names))
        where = f"{self._bucket(buckets)} not in {in_sql(anew)}" if anew else "true"
        with suppress(Damaged):
            for file in self.files:
                with self._at_hand(file) as table:
                    sql = f"select {names} from {table} where {where}"
                    for batch in session.execute(sql).to_arrow_reader(ROWS_AT_ONCE):
                        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
                        rows += batch.num_rows
        if (rows, self.read.hash_sum) != equal:
            raise Failure(
                f"{self.read.table.name}: what {self.attempt} had read when it broke was changed while it was compared",
                "run it again",
                ends=Exit.TRY_AGAIN,
            )
        self.read.taken_over = rows

    def _sums(self, session: duckdb.DuckDBPyConnection, buckets: Buckets) -> Sums:
        """Of the files that are what the note says. Another one is told, and is not one of them any more."""
        found = list[PartSums]()
        sql = f"select {self._bucket(buckets)}, count(*), sum({SOURCE_HASH})"
        for file in list(self.files):
            try:
                with self._at_hand(file) as table:
                    rows = session.execute(f"{sql} from {table} group by 1").fetchall()
                    found.append(PartSums({int(bucket): (int(count), int(total)) for bucket, count, total in rows}))
            except Damaged as damaged:
                self.files.remove(file)
                _not_used(self.read, self.attempt, damaged.problem)
        return added_up(found)

    def _bucket(self, buckets: Buckets) -> str:
        return DIALECT.bucket(sql_name(self.key), self.batch.key_columns[0], buckets.size)

    @contextmanager
    def _at_hand(self, file: File) -> Iterator[str]:
        """In DuckDB's SQL the rows of a file that is what the note says, by its bytes and columns."""
        path = self.read.run.places.files.local(file, self.batch.columns)
        try:
            yield f"(from {read_parquet([path])} where {sql_name(self.key)} is not null and {SOURCE_HASH} is not null)"
        except duckdb.Error as error:
            raise Damaged(f"{file.key} cannot be read: {duckdb_errors.first_line(error)}", "run it again") from None
        finally:
            if path.parent == self.read.run.places.spool:
                path.unlink(missing_ok=True)


def find(read: TableRead) -> Leftover | None:
    """Most of what broken runs have left of a table, if it can be used; what cannot be is told."""
    found = []
    for attempt in leftovers.of(read.run.places.lake, read.table.name, attempts.number(read.run.attempt) or 0):
        try:
            batch = leftovers.read(read.run.places.lake, read.table.name, attempt)
        except Failure as failure:
            _not_used(read, attempt, failure.problem)
            continue
        if read.can_go_on and batch.form == read.form:
            found.append(Leftover(read, attempt, batch, list(batch.files)))
        else:
            _not_used(read, attempt, "its columns, its key or the rules for its values were others")
    return max(found, key=lambda left: left.batch.rows, default=None)


def _not_used(read: TableRead, attempt: str, why: str) -> None:
    read.notices.append(f"{read.table.name}: what {attempt} had read when it broke is read again: {why}")


def _each(parts: Iterable[str | None], conditions: Iterable[str]) -> list[str]:
    """Each of the conditions within each of the parts."""
    return [f"({part}) and ({each})" if part else each for each in conditions for part in parts]


def _outside(name: str, ranges: Sequence[Range]) -> list[str]:
    """What is in none of the ranges, which are in order."""
    between = [f"({name} > {before} and {name} < {after})" for (_, before), (after, _) in pairwise(ranges)]
    return [f"{name} < {ranges[0][0]}", *between, f"{name} > {ranges[-1][1]}"]


def _without(sums: Sums, chosen: Sequence[int]) -> Sums:
    left_out = {*chosen}
    return {bucket: each for bucket, each in sums.items() if bucket not in left_out}
