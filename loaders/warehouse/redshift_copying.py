"""COPY: a run's files from the lake into temporary tables of the session, checked before raw is touched."""

from collections.abc import Iterable
from dataclasses import dataclass

from redshift_connector.error import Error as RedshiftError

from loaders.common.errors import Failure
from loaders.lake import attempts
from loaders.lake.run_files import RunFiles
from loaders.types.column_type import ColumnType
from loaders.warehouse import before_commit, copy_errors, redshift_sql
from loaders.warehouse.redshift_errors import is_conflict
from loaders.warehouse.redshift_session import RedshiftSession
from loaders.words.run_record import Batch, Run


class LocatedError(RedshiftError):
    """What COPY said, and where in the lake its cause lies."""

    def __init__(self, error: RedshiftError, where: str):
        super().__init__(*error.args)
        self.where = where


@dataclass(frozen=True)
class Copying:
    """role: the IAM role's ARN by which the warehouse reads the lake, or `default`."""

    session: RedshiftSession
    schema: str
    role: str

    def rows(self, run: Run, batch: Batch, staged: str, files: RunFiles) -> None:
        """COPY the batch's rows beside the table, and check them."""
        if not batch.files:
            return
        manifest = files.listed(attempts.key(batch.table, run.attempt, "manifest"), batch.files)
        try:
            self.stage(staged, batch.columns, manifest)
        except RedshiftError as error:
            if is_conflict(error):
                raise
            self.session.roll_back()
            raise LocatedError(error, copy_errors.where(self.session.rows, batch, files)) from None
        self._check(run, batch, staged)

    def stage(self, staging: str, columns: Iterable[ColumnType], manifest: str) -> None:
        """COPY the files of a manifest into a temporary table."""
        self.session.run(redshift_sql.create_staging(staging, columns))
        self.session.run(redshift_sql.copy(staging, manifest, self.role))

    def _check(self, run: Run, batch: Batch, staging: str) -> None:
        """As many rows as were published, and every key once."""
        ((rows,),) = self.session.rows(redshift_sql.count(staging))
        before_commit.arrived(self.schema, run, batch, rows)
        if batch.primary_key:
            ((repeated,),) = self.session.rows(redshift_sql.repeated_keys(staging, batch))
            if repeated:
                raise Failure(
                    f"{self.schema}.{batch.table}: {repeated:,} keys of run {run.run} occur more than once",
                    f"is {list(batch.primary_key)} really its key? raw is unchanged",
                )
