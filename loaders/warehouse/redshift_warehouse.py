"""The raw schema in Amazon Redshift: COPY from the lake in S3, all tables of a run in one explicit transaction.

Written from Redshift's documentation and run against the stand-in of packages/redshift-stand-in; never yet against AWS.
"""

import datetime
import secrets
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
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
from loaders.warehouse import before_commit, copy_errors, live_rows, redshift_sql
from loaders.warehouse.interface import Proved, Step
from loaders.warehouse.live_rows import LiveRows
from loaders.warehouse.profile import Target
from loaders.warehouse.redshift_connection import connect
from loaders.warehouse.redshift_errors import is_conflict, is_undefined, is_waking, said
from loaders.warehouse.redshift_reshape import Place, Reshaping, staging
from loaders.warehouse.redshift_session import Change, RedshiftSession
from loaders.words.delete_limit import Lost
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, Run

TRIES = 3
# Rows that a stream fetches together; a single-node cluster refuses to fetch more.
ROWS, WIDE_ROWS = 1_000, 10


@contextmanager
def open_warehouse(target: Target, schema: str, role: str) -> Iterator["RedshiftWarehouse"]:
    """Connect as dbt's profile says. role: the IAM role's ARN by which the warehouse reads the lake, or `default`."""
    session = RedshiftSession(lambda: connect(target), target.values["host"])
    try:
        yield RedshiftWarehouse(session, schema, role)
    finally:
        session.close()


class LocatedError(RedshiftError):
    """What COPY said, and where in the lake its cause lies."""

    def __init__(self, error: RedshiftError, where: str):
        super().__init__(*error.args)
        self.where = where


class RedshiftWarehouse:
    """Applies runs to raw."""

    texts = canonical.REDSHIFT
    dialect = redshift_sql.DIALECT
    wide = staticmethod(canonical.wide_in_redshift)
    one_of = staticmethod(redshift_sql.one_of)

    def __init__(self, session: RedshiftSession, schema: str, role: str):
        self._session = session
        self.schema = schema
        self.role = role
        self._writing = False
        self._reshaping = Reshaping(schema, session.run, session.rows)

    def __str__(self) -> str:
        return self._session.host

    def last_applied(self) -> tuple[int, str] | None:
        """Number and attempt of the newest run in raw."""
        rows = self._rows_if_there(redshift_sql.newest_run(self.schema))
        return (rows[0][0], rows[0][1]) if rows else None

    def newest(self) -> list[tuple[str, int, int, datetime.datetime, str]]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table, by name."""
        return [tuple(row) for row in self._rows_if_there(redshift_sql.newest_of_each_table(self.schema))]

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

    def apply(self, run: Run, files: RunFiles, proved: Proved) -> None:
        """Apply a run in one transaction: either all of it is there afterwards, or nothing has changed.

        A serialization conflict with another writer is tried again as a whole.
        """
        change = Change(
            f"apply run {run.run} to schema {self.schema}", "raw is unchanged", "run `make load`, which looks"
        )
        for left in reversed(range(TRIES)):
            try:
                with self._session.rolled_back_if_it_fails():
                    if 0 < self._prepare() < run.run:
                        self._reshaping.widen_in_place(run)
                    self._transaction(run, files, proved, change)
                return
            except RedshiftError as error:
                if not (is_conflict(error) and left):
                    raise self._explained(error, change.doing, change.undone) from None
                cause = telling.said(said(error))
                telling.notice(f"run {run.run} is tried again, since another transaction came in between: {cause}")

    def rebuild(self, steps: Iterable[Step], runs: Sequence[Run], gone: Collection[str]) -> None:
        """Make raw anew of these steps, in one transaction: readers see the old one until it is committed."""
        again = "run it again"
        change = Change(f"rebuild schema {self.schema}", f"raw is unchanged; when the cause is gone, {again}", again)
        with self._changing(change):
            self._prepare()
            self._begin()
            self._session.run(redshift_sql.clear_loads(self.schema))
            for number, (run, batch, files) in enumerate(steps):
                self._stage_rows(run, batch, staging(number), files)
                place = self._replace(run, batch, number, files)
                self._reshaping.take_place(batch, place)
            for table in sorted(gone):  # late, since who reads them waits from here on
                self._session.run(redshift_sql.drop_table(self.schema, table))
            now = _now()
            for run in runs:
                self._session.run(redshift_sql.record(self.schema, run, now))
            self._commit(change, redshift_sql.lines_at(self.schema, now))

    def occurrences(self, keys: Keys, schema: str, table: str) -> int | None:
        """How many rows of a table bear one of the keys; None if there is no such table with such columns."""
        with self._asking():
            found = {row[0] for row in self._session.rows(redshift_sql.columns_of(schema, table))}
            if not {name.lower() for name in keys.names} <= found:
                return None
            counts = (redshift_sql.occurrences(schema, table, part) for part in keys.parts())
            return sum(int(self._session.rows(count)[0][0]) for count in counts)

    def erase(self, keys: Keys, relations: Sequence[tuple[str, str]]) -> None:
        """Delete the rows with the keys from these tables, all in one transaction."""
        if not relations:
            return
        again = "run it again"
        change = Change(f"erase {keys}", f"the lake is done, the warehouse not: {again}", again)
        with self._changing(change):
            self._begin()
            for schema, table in relations:
                for part in keys.parts():
                    self._session.run(redshift_sql.erase(schema, table, part))
            self._session.commit(
                change,
                redshift_sql.lock(self.schema),
                lambda: not any(self.occurrences(keys, schema, table) for schema, table in relations),
            )

    def write_anew(self) -> bool:
        """Redshift itself frees the blocks of deleted rows, and writes them anew (VACUUM)."""
        return False

    def _prepare(self) -> int:
        """The newest run in raw, or 0 once `_loads` is made.

        That is not in the transaction: CREATE TABLE would fix what that sees before it has the lock.
        """
        try:
            newest = self._session.rows(redshift_sql.newest_run(self.schema))
        except RedshiftError as error:
            if not is_undefined(error):
                raise
            self._session.run(redshift_sql.create_schema(self.schema))
            self._session.run(redshift_sql.create_loads(self.schema))
            return 0
        return newest[0][0] if newest else 0

    def _begin(self) -> None:
        """One writer at a time. What is locked is made before: in the transaction it would fix what that sees."""
        self._session.run(redshift_sql.create_lock(self.schema))
        self._session.run("begin")
        self._session.run(redshift_sql.lock(self.schema))

    def _transaction(self, run: Run, files: RunFiles, proved: Proved, change: Change) -> None:
        self._begin()
        lines = redshift_sql.lines_of(self.schema, run)
        newest = self._session.rows(redshift_sql.newest_run(self.schema))
        if before_commit.is_new(run, newest[0][0] if newest else 0, lambda: self._session.rows(lines)[0][0] > 0):
            places, lost = [], []
            for number, batch in enumerate(run.batches):
                self._stage_rows(run, batch, staging(number), files)
                lost += self._lost(batch, staging(number))
                places.append(self._replace(run, batch, number, files))
            elsewhere = {batch.table: place.into.table for batch, place in zip(run.batches, places, strict=True)}
            with self._in_transaction():
                publish = proved(lost, elsewhere)
            self._session.run(redshift_sql.record(self.schema, run, _now()))
            # From here on who reads these tables waits, so nothing comes after that could come before.
            for batch, place in zip(run.batches, places, strict=True):
                self._reshaping.take_place(batch, place)
            publish()
        self._commit(change, lines)

    @contextmanager
    def _in_transaction(self) -> Iterator[None]:
        """What the warehouse is asked sees what the transaction has done, and does not end it."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False

    def _commit(self, change: Change, lines: str) -> None:
        """lines: the query that counts what the transaction has put into `_loads`."""
        lock = redshift_sql.lock(self.schema)
        self._session.commit(change, lock, lambda: self._session.rows(lines)[0][0] > 0)

    def holds(self, batch: Batch) -> bool:
        """Whether there is a raw table with exactly the columns of the batch and the loaders' own."""
        with self._asking():
            found = self._session.rows(redshift_sql.columns_of(self.schema, batch.table))
        return redshift_sql.is_declared_so(batch, found)

    @contextmanager
    def live(self, batch: Batch, attempt: str, files: RunFiles) -> Iterator[LiveRows]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files, which COPY brings."""
        target, changed = redshift_sql.name(self.schema, batch.table), "changed" if batch.files else None

        def copied() -> None:
            manifest = files.listed(attempts.key(batch.table, attempt, "changed-manifest"), batch.files)
            self._stage("changed", batch.columns, manifest)
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

    def _side(self, rows: str, changed: str | None, keys: Sequence[ColumnType]) -> LiveRows:
        in_hex = [n for n, column in enumerate(keys) if column.redshift.startswith("VARBYTE")]
        ask_arrow = partial(self._session.table, in_hex=in_hex)
        return LiveRows(
            rows, changed, keys, redshift_sql.DIALECT, self._session.rows, ask_arrow, self._session.interrupt
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

    @contextmanager
    def _changing(self, change: Change) -> Iterator[None]:
        try:
            with self._session.rolled_back_if_it_fails():
                yield
        except RedshiftError as error:
            raise self._explained(error, change.doing, change.undone) from None

    def _replace(self, run: Run, batch: Batch, number: int, files: RunFiles) -> Place:
        """Bring a table to what the run found: put what is staged in the place of all, or of some."""
        place = self._reshaping.place(batch, number)
        if batch.files:
            self._put_staged(run, batch, place)
        if batch.deleted:
            self._mark_deleted(run, batch, place, files)
        if batch.live_rows is not None:
            ((rows, total),) = self._session.rows(redshift_sql.live_totals(self.schema, place.into))
            before_commit.equal(self.schema, run, batch, rows, int(total))
        return place

    def _lost(self, batch: Batch, staged: str) -> list[Lost]:
        """How many of raw's rows are not in a batch that takes the place of all of them."""
        found = self._session.rows(redshift_sql.columns_of(self.schema, batch.table))
        if batch.mode != "full" or "_deleted_at" not in {row[0] for row in found}:
            return []
        table = redshift_sql.name(self.schema, batch.table)
        ((before,),) = self._session.rows(live_rows.count(table))
        comparable = batch.primary_key and redshift_sql.are_declared_so(batch.key_columns, batch.widened, found)
        if not batch.files or not comparable:
            return [Lost(batch.table, before - batch.rows, before, by_key=not batch.files)]
        ((gone,),) = self._session.rows(
            live_rows.gone(table, sql_name(staged), batch.key_columns, redshift_sql.DIALECT)
        )
        return [Lost(batch.table, gone, before)]

    def _stage_rows(self, run: Run, batch: Batch, staged: str, files: RunFiles) -> None:
        """COPY the batch's rows beside the table, and check them."""
        if not batch.files:
            return
        manifest = files.listed(attempts.key(batch.table, run.attempt, "manifest"), batch.files)
        try:
            self._stage(staged, batch.columns, manifest)
        except RedshiftError as error:
            if is_conflict(error):
                raise
            self._session.roll_back()
            raise LocatedError(error, copy_errors.where(self._session.rows, batch, files)) from None
        self._check(run, batch, staged)

    def _put_staged(self, run: Run, batch: Batch, place: Place) -> None:
        """Put the staged rows in the place of those with their keys."""
        self._reshaping.put_aside(batch, place)
        if batch.mode != "full":
            self._session.run(redshift_sql.remove_staged(self.schema, place.staging, place.into))
        self._session.run(redshift_sql.insert_staged(self.schema, place.staging, run, place.into, place.aside))
        for table in filter(None, (place.staging, place.aside)):
            self._session.run(redshift_sql.drop_staging(table))

    def _mark_deleted(self, run: Run, batch: Batch, place: Place, files: RunFiles) -> None:
        manifest = files.listed(attempts.key(batch.table, run.attempt, "deleted-manifest"), batch.deleted)
        self._stage(place.gone, batch.key_columns, manifest)
        self._session.run(redshift_sql.mark_deleted(self.schema, place.gone, run, place.into))
        self._session.run(redshift_sql.drop_staging(place.gone))

    def _stage(self, staging: str, columns: Iterable[ColumnType], manifest: str) -> None:
        """COPY the files of a manifest into a temporary table."""
        self._session.run(redshift_sql.create_staging(staging, columns))
        self._session.run(redshift_sql.copy(staging, manifest, self.role))

    def _check(self, run: Run, batch: Batch, staging: str) -> None:
        """As many rows as were published, and every key once."""
        ((rows,),) = self._session.rows(redshift_sql.count(staging))
        before_commit.arrived(self.schema, run, batch, rows)
        if batch.primary_key:
            ((repeated,),) = self._session.rows(redshift_sql.repeated_keys(staging, batch))
            if repeated:
                raise Failure(
                    f"{self.schema}.{batch.table}: {repeated:,} keys of run {run.run} occur more than once",
                    f"is {list(batch.primary_key)} really its key? raw is unchanged",
                )

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
        fix = "; ".join(part for part in (self._remedy(told), then) if part)
        doing = doing or f"read schema {self.schema}"
        # What the driver itself raises is a connection that broke.
        passes = isinstance(error, InterfaceError) or is_conflict(error) or is_waking(error)
        ends = Exit.TRY_AGAIN if passes else Exit.FAILED
        problem = f"Redshift at {self} could not {doing}: {telling.said(told)}{where}"
        return Failure(problem, fix or "run it again", ends=ends)

    def _remedy(self, told: str) -> str:
        if "Access Denied" in told or "AccessDenied" in told:
            return (
                f"let the role {self.role} read the lake's prefix (s3:GetObject, s3:ListBucket), and use its key "
                "where it has one (kms:Decrypt)"
            )
        if "assume IAM Role" in told:
            return f"attach the role {self.role} to the warehouse, or correct REDSHIFT_IAM_ROLE"
        if "permission denied" in told:
            return f"grant create on the database to this user, which must own schema {self.schema} and its tables"
        if "longer than the length defined" in told:
            return (
                "shorten the value at the source (or set on_invalid: null for its column), and extract with DBT_TARGET "
                "naming this target"
            )
        return ""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
