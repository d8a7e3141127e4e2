"""The raw schema in Amazon Redshift: COPY from the lake in S3, all tables of a run in one explicit transaction.

Written from Redshift's documentation and run against the stand-in of packages/redshift-stand-in; never yet against AWS.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from redshift_connector.error import Error as RedshiftError

from loaders.common import telling
from loaders.common.quoting import sql_name
from loaders.lake import attempts
from loaders.lake.run_files import RunFiles
from loaders.warehouse import dropped_columns, raw_sql, redshift_sql
from loaders.warehouse.interface import Proved, Step
from loaders.warehouse.profile import Target
from loaders.warehouse.redshift_connection import connect
from loaders.warehouse.redshift_errors import is_conflict, is_undefined, said
from loaders.warehouse.redshift_reading import RedshiftReading
from loaders.warehouse.redshift_reshape import Place, Reshaping, staging
from loaders.warehouse.redshift_session import Change, RedshiftSession
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch, Run

TRIES = 3


@contextmanager
def open_warehouse(target: Target, schema: str, role: str) -> Iterator["RedshiftWarehouse"]:
    """Connect as dbt's profile says. role: the IAM role's ARN by which the warehouse reads the lake, or `default`."""
    session = RedshiftSession(lambda: connect(target), target.values["host"])
    try:
        yield RedshiftWarehouse(session, schema, role)
    finally:
        session.close()


class RedshiftWarehouse(RedshiftReading):
    """Applies runs to raw."""

    def __init__(self, session: RedshiftSession, schema: str, role: str):
        super().__init__(session, schema, role)
        self._reshaping = Reshaping(schema, session, self._columns)

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
            self._run(redshift_sql.clear_loads(self.schema))
            for number, (run, batch, files) in enumerate(steps):
                self._copying.rows(run, batch, staging(number), files)
                place = self._replace(run, batch, number, files)
                self._reshaping.take_place(batch, place)
            for table in sorted(gone):  # late, since who reads them waits from here on
                self._run(raw_sql.drop_table(self.schema, table))
            self._commit(change, redshift_sql.lines_at(self.schema, self._record(runs)))

    def erase(self, keys: Keys, relations: Sequence[tuple[str, str]]) -> None:
        """Delete the rows with the keys from these tables, all in one transaction."""
        if not relations:
            return
        again = "run it again"
        change = Change(f"erase {keys}", f"the lake is done, the warehouse not: {again}", again)
        with self._changing(change):
            self._begin()
            self._erase(keys, relations)
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
            return self._newest_run()
        except RedshiftError as error:
            if not is_undefined(error):
                raise
            self._run(raw_sql.create_schema(self.schema))
            self._run(raw_sql.create_loads(self.schema))
            return 0

    def _begin(self) -> None:
        """One writer at a time. What is locked is made before: in the transaction it would fix what that sees."""
        self._run(redshift_sql.create_lock(self.schema))
        self._run("begin")
        self._run(redshift_sql.lock(self.schema))

    def _transaction(self, run: Run, files: RunFiles, proved: Proved, change: Change) -> None:
        self._begin()
        if self._is_new(run):
            places, lost = [], []
            for number, batch in enumerate(run.batches):
                self._copying.rows(run, batch, staging(number), files)
                lost += self._lost(batch, sql_name(staging(number)))
                places.append(self._replace(run, batch, number, files))
            elsewhere = {batch.table: place.into.table for batch, place in zip(run.batches, places, strict=True)}
            with self._in_transaction():
                publish = proved(lost, elsewhere)
            self._record([run])
            # From here on who reads these tables waits, so nothing comes after that could come before.
            for batch, place in zip(run.batches, places, strict=True):
                self._reshaping.take_place(batch, place)
            publish()
        self._commit(change, raw_sql.lines_of(self.schema, run))

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
        self._session.commit(change, lock, lambda: self._rows(lines)[0][0] > 0)

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
        if batch.mode == "full" or place.into.table != batch.table:
            self._describe(batch, sql_name(self.schema, place.into.table))
        if batch.files:
            self._put_staged(run, batch, place)
        if batch.deleted:
            self._mark_deleted(run, batch, place, files)
        self._prove(run, batch, place.into.table)
        return place

    def _put_staged(self, run: Run, batch: Batch, place: Place) -> None:
        """Put the staged rows in the place of those with their keys."""
        self._reshaping.put_aside(batch, place)
        target, staged = sql_name(self.schema, place.into.table), sql_name(place.staging)
        if batch.mode != "full":
            self._run(raw_sql.remove(target, staged, batch, self.dialect))
        self._run(raw_sql.insert(target, run, dropped_columns.beside(staged, place.aside, batch, self.dialect)))
        for table in filter(None, (place.staging, place.aside)):
            self._run(redshift_sql.drop_staging(table))

    def _mark_deleted(self, run: Run, batch: Batch, place: Place, files: RunFiles) -> None:
        manifest = files.listed(attempts.key(batch.table, run.attempt, "deleted-manifest"), batch.deleted)
        self._copying.stage(place.gone, batch.key_columns, manifest)
        target = sql_name(self.schema, place.into.table)
        self._run(raw_sql.mark_deleted(target, sql_name(place.gone), run, batch, self.dialect))
        self._run(redshift_sql.drop_staging(place.gone))
