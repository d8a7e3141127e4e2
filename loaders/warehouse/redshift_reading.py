"""What is asked of a raw schema in Amazon Redshift, and what its refusals mean; nothing here changes raw."""

import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
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
from loaders.warehouse import raw_sql, redshift_sql
from loaders.warehouse.interface import Warehouse
from loaders.warehouse.live_rows import LiveRows
from loaders.warehouse.redshift_copying import Copying, LocatedError
from loaders.warehouse.redshift_errors import is_conflict, is_undefined, is_waking, said
from loaders.warehouse.redshift_session import RedshiftSession
from loaders.words.run_record import Batch

# Rows that a stream fetches together; a single-node cluster refuses to fetch more.
ROWS, WIDE_ROWS = 1_000, 10


class RedshiftReading(Warehouse):
    """Answers about raw, and its rows. role: the IAM role's ARN by which COPY reads the lake, or `default`."""

    texts = canonical.REDSHIFT
    dialect = redshift_sql.DIALECT
    wide = staticmethod(canonical.wide_in_redshift)

    def __init__(self, session: RedshiftSession, schema: str, role: str):
        super().__init__(schema)
        self._session = session
        self.role = role
        self._copying = Copying(session, schema, role)
        # Whether a transaction that changes raw is open: what is asked then sees it, and does not end it.
        self._writing = False

    def __str__(self) -> str:
        return self._session.host

    @contextmanager
    def live(self, batch: Batch, attempt: str, files: RunFiles) -> Iterator[LiveRows]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files, which COPY brings."""
        target, changed = sql_name(self.schema, batch.table), "changed" if batch.files else None

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
            self._session.run(raw_sql.create_schema(self.schema))
            self._session.run(f"create table {sql_name(self.schema, '_doctor')} (id BIGINT)")

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

    def _run(self, sql: str) -> None:
        self._session.run(sql)

    def _rows(self, sql: str) -> list[Any]:
        return self._session.rows(sql)

    def _rows_of_loads(self, sql: str) -> list[Any]:
        try:
            return self._rows(sql)
        except RedshiftError as error:
            if is_undefined(error):
                return []
            raise self._explained(error) from None

    def _columns(self, schema: str, table: str) -> Mapping[str, str]:
        listed = self._rows(redshift_sql.columns_of(schema, table))
        return {row[0]: redshift_sql.declared(row) for row in listed}

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
