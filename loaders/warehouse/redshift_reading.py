"""What is asked of a raw schema in Amazon Redshift, and what its refusals mean; nothing here changes raw."""

import datetime
import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import pyarrow as pa
from redshift_connector.error import Error as RedshiftError
from redshift_connector.error import InterfaceError

from loaders.common import telling
from loaders.common.errors import Exit, Failure
from loaders.common.quoting import sql_name
from loaders.lake import attempts
from loaders.lake.run_files import RunFiles
from loaders.types import canonical
from loaders.types.column_type import ColumnType
from loaders.warehouse import redshift_sql
from loaders.warehouse.live_rows import LiveRows
from loaders.warehouse.redshift_copying import Copying, LocatedError
from loaders.warehouse.redshift_errors import is_conflict, is_undefined, is_waking, said
from loaders.warehouse.redshift_session import RedshiftSession
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch

# Rows that a stream fetches together; a single-node cluster refuses to fetch more.
ROWS, WIDE_ROWS = 1_000, 10


class RedshiftReading:
    """Answers about raw, and its rows. role: the IAM role's ARN by which COPY reads the lake, or `default`."""

    texts = canonical.REDSHIFT
    dialect = redshift_sql.DIALECT
    wide = staticmethod(canonical.wide_in_redshift)
    one_of = staticmethod(redshift_sql.one_of)

    def __init__(self, session: RedshiftSession, schema: str, role: str):
        self._session = session
        self.schema = schema
        self.role = role
        self._copying = Copying(session, schema, role)
        # Whether a transaction that changes raw is open: what is asked then sees it, and does not end it.
        self._writing = False

    def __str__(self) -> str:
        return self._session.host

    def last_applied(self) -> tuple[int, str] | None:
        """Number and attempt of the newest run in raw."""
        rows = self._rows_if_there(redshift_sql.newest_run(self.schema))
        return (rows[0][0], rows[0][1]) if rows else None

    def newest(self) -> list[tuple[str, int, int, datetime.datetime, str]]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table, by name."""
        return [tuple(row) for row in self._rows_if_there(redshift_sql.newest_of_each_table(self.schema))]

    def holds(self, batch: Batch) -> bool:
        """Whether there is a raw table with exactly the columns of the batch and the loaders' own."""
        with self._asking():
            found = self._session.rows(redshift_sql.columns_of(self.schema, batch.table))
        return redshift_sql.is_declared_so(batch, found)

    def occurrences(self, keys: Keys, schema: str, table: str) -> int | None:
        """How many rows of a table bear one of the keys; None if there is no such table with such columns."""
        with self._asking():
            found = {row[0] for row in self._session.rows(redshift_sql.columns_of(schema, table))}
            if not {name.lower() for name in keys.names} <= found:
                return None
            counts = (redshift_sql.occurrences(schema, table, part) for part in keys.parts())
            return sum(int(self._session.rows(count)[0][0]) for count in counts)

    @contextmanager
    def live(self, batch: Batch, attempt: str, files: RunFiles) -> Iterator[LiveRows]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files, which COPY brings."""
        target, changed = redshift_sql.name(self.schema, batch.table), "changed" if batch.files else None

        def copied() -> None:
            manifest = files.listed(attempts.key(batch.table, attempt, "changed-manifest"), batch.files)
            self._copying.stage("changed", batch.columns, manifest)
            ((rows,),) = self._session.rows(redshift_sql.count("changed"))
            if rows != batch.rows:
                raise Failure(f"{batch.table}: {batch.rows:,} rows were written, {rows:,} copied", "run it again")

        # Not in a transaction: an open one costs RPUs, and blocks VACUUM and whoever changes a table, while the source
        # computes. What others do to raw meanwhile, the run's own transaction notices.
        with self._asking(), self._session.beside("changed", copied) if changed else nullcontext():
            yield self._side(target, changed, batch.key_columns)

    @contextmanager
    def side(self, rows: str, keys: Sequence[ColumnType]) -> Iterator[LiveRows]:
        """Rows that are there as one side of a comparison: a table's name in SQL, or a query in parentheses."""
        before = self.last_applied()
        with self._asking():
            yield self._side(rows, None, keys)
        if self.last_applied() != before:
            raise Failure(
                f"a run was applied to {self.schema} while it was being compared", "run it again", ends=Exit.TRY_AGAIN
            )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self._asking():
            return [tuple(row) for row in self._session.rows(sql)]

    def stream(self, sql: str, wide: bool) -> Generator[pa.RecordBatch]:
        """The rows of a query, some at a time, by a cursor of the server's: the driver would hold them all.

        wide: a row may have megabytes. Floats are printed with all their digits.
        """
        with self._reading():
            self._session.run("set extra_float_digits to 2")
            # A name of its own: the driver remembers statements by their text, with the columns they had.
            cursor = sql_name(f"c{secrets.token_hex(8)}")
            self._session.run(f"declare {cursor} cursor for {sql}")
            try:
                while rows := self._session.rows(f"fetch forward {WIDE_ROWS if wide else ROWS} from {cursor}"):
                    columns = [pa.array(column) for column in zip(*rows, strict=True)]
                    yield pa.RecordBatch.from_arrays(columns, names=list(map(str, range(len(columns)))))
            finally:
                # A session has one at a time (page `declare`), and this transaction may be one that writes on. Where
                # the line or the transaction broke, there is none left.
                with suppress(RedshiftError):
                    self._session.run(f"close {cursor}")

    def try_table(self) -> None:
        """Make a table in the schema, and roll back: for `doctor`."""
        with self._reading(f"make a table in schema {self.schema}"):
            self._session.run(redshift_sql.create_schema(self.schema))
            self._session.run(f"create table {redshift_sql.name(self.schema, '_doctor')} (id BIGINT)")

    def try_copy(self, manifest: str) -> None:
        """COPY one row (`id` BIGINT) from a manifest into a temporary table, and roll back: for `doctor`."""
        with self._reading("COPY one row"):
            self._session.run('create temporary table "doctor" ("id" BIGINT)')
            self._session.run(redshift_sql.copy("doctor", manifest, self.role))

    def _side(self, rows: str, changed: str | None, keys: Sequence[ColumnType]) -> LiveRows:
        in_hex = [n for n, column in enumerate(keys) if column.redshift.startswith("VARBYTE")]
        ask_arrow = partial(self._session.table, in_hex=in_hex)
        return LiveRows(
            rows, changed, keys, redshift_sql.DIALECT, self._session.rows, ask_arrow, self._session.interrupt
        )

    @contextmanager
    def _reading(self, doing: str = "") -> Iterator[None]:
        """A transaction that changes nothing, in the end; or the one that is being written, as it is by then."""
        try:
            with self._asking(doing):
                if not self._writing:
                    self._session.run("begin")
                yield
        finally:
            if not self._writing:
                self._session.roll_back()

    @contextmanager
    def _asking(self, doing: str = "") -> Iterator[None]:
        try:
            yield
        except RedshiftError as error:
            raise self._explained(error, doing) from None

    def _rows_if_there(self, sql: str) -> list[Any]:
        try:
            return self._session.rows(sql)
        except RedshiftError as error:
            if is_undefined(error):
                return []
            raise self._explained(error) from None

    def _explained(self, error: Exception, doing: str = "", then: str = "") -> Failure:
        """A failure for what Redshift said. then: how things are now, and what to do when the cause is gone."""
        told, where = said(error), error.where if isinstance(error, LocatedError) else ""
        fix = "; ".join(part for part in (_remedy(told, self.schema, self.role), then) if part)
        doing = doing or f"read schema {self.schema}"
        # What the driver itself raises is a connection that broke.
        passes = isinstance(error, InterfaceError) or is_conflict(error) or is_waking(error)
        ends = Exit.TRY_AGAIN if passes else Exit.FAILED
        problem = f"Redshift at {self} could not {doing}: {telling.said(told)}{where}"
        return Failure(problem, fix or "run it again", ends=ends)


def _remedy(told: str, schema: str, role: str) -> str:
    if "Access Denied" in told or "AccessDenied" in told:
        return (
            f"let the role {role} read the lake's prefix (s3:GetObject, s3:ListBucket), and use its key "
            "where it has one (kms:Decrypt)"
        )
    if "assume IAM Role" in told:
        return f"attach the role {role} to the warehouse, or correct REDSHIFT_IAM_ROLE"
    if "permission denied" in told:
        return f"grant create on the database to this user, which must own schema {schema} and its tables"
    if "longer than the length defined" in told:
        return (
            "shorten the value at the source (or set on_invalid: null for its column), and extract with DBT_TARGET "
            "naming this target"
        )
    return ""
