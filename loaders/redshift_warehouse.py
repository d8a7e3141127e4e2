"""The raw schema in Amazon Redshift: COPY from the lake in S3, all tables of a run in one explicit transaction.

Written from Redshift's documentation and run against the stand-in of local_stack/redshift; never yet against AWS.
"""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import redshift_connector
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.error import Error as RedshiftError

from loaders import attempts, redshift_sql
from loaders.errors import Failure
from loaders.profile import Target
from loaders.run_files import RunFiles
from loaders.runs import Batch, Run

CONNECT_SECONDS = 30
# Ends a statement that hangs. A killed loader's connection ends its transaction; nothing keeps the warehouse awake.
STATEMENT_MILLISECONDS = 3_600_000
TRIES = 3
UNDEFINED_TABLE = "42P01"


@contextmanager
def open_warehouse(target: Target, schema: str, role: str) -> Iterator["RedshiftWarehouse"]:
    """Connect as dbt's profile says. role: the IAM role's ARN by which the warehouse reads the lake, or `default`."""
    warehouse = RedshiftWarehouse(lambda: connect(target), schema, role, target.values["host"])
    try:
        yield warehouse
    finally:
        warehouse.close()


def connect(target: Target) -> Any:
    """A connection in autocommit mode (transactions are begun explicitly), with the certificate and name verified."""
    values = target.values
    options = {"database": values.get("dbname", "dev"), "port": int(values.get("port", 5439))}
    try:
        connection = redshift_connector.connect(
            host=values["host"],
            ssl=True,
            sslmode="verify-full",
            timeout=CONNECT_SECONDS,
            application_name="order-he loaders",
            **options,
            **_credentials(values),
        )
        connection.autocommit = True
        # The socket's time-out is for connecting only; statements have one of their own.
        connection._usock.settimeout(None)
        with connection.cursor() as cursor:
            cursor.execute(f"set statement_timeout to {STATEMENT_MILLISECONDS}")
            cursor.execute("set query_group to 'order_he_loaders'")
    except (RedshiftError, OSError, ClientError, BotoCoreError) as error:
        raise _connect_failure(error, values) from None
    return connection


def _credentials(values: Mapping[str, Any]) -> dict[str, Any]:
    """A password, or IAM on a provisioned cluster or on Serverless, by dbt-redshift's own keys."""
    if values.get("method", "database") != "iam":
        return {"user": values["user"], "password": values["password"]}
    known = {
        "cluster_id": "cluster_identifier",
        "is_serverless": "is_serverless",
        "serverless_work_group": "serverless_work_group",
        "region": "region",
        "iam_profile": "profile",
        "user": "db_user",
    }
    # Not from the driver's cache in memory, which does not notice that another identity asks.
    return {"iam": True, "iam_disable_cache": True} | {
        ours: values[theirs] for theirs, ours in known.items() if values.get(theirs)
    }


class RedshiftWarehouse:
    """Applies runs to raw. A lost connection ends a transaction; a lost answer to COMMIT is looked up, not guessed."""

    def __init__(self, connect: Callable[[], Any], schema: str, role: str, host: str):
        self._connect = connect
        self._connection = connect()
        self.schema = schema
        self.role = role
        self.host = host

    def __str__(self) -> str:
        return self.host

    def close(self) -> None:
        with suppress(RedshiftError, OSError):
            self._connection.close()

    def last_applied(self) -> tuple[int, str] | None:
        """Number and attempt of the newest run in raw."""
        rows = self._rows_if_there(redshift_sql.newest_run(self.schema))
        return (rows[0][0], rows[0][1]) if rows else None

    def newest(self) -> list[tuple[str, int, int, datetime.datetime, str]]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table, by name."""
        return [tuple(row) for row in self._rows_if_there(redshift_sql.newest_of_each_table(self.schema))]

    def try_copy(self, manifest: str) -> None:
        """COPY one row (`id` BIGINT) from a manifest into a temporary table, and roll back: for `doctor`."""
        try:
            self._run("begin")
            self._run('create temporary table "doctor" ("id" BIGINT)')
            self._run(redshift_sql.copy("doctor", manifest, self.role))
        except RedshiftError as error:
            raise self._explained(error, None) from None
        finally:
            self._roll_back()

    def apply(self, run: Run, files: RunFiles) -> None:
        """Apply a run in one transaction: either all of it is there afterwards, or nothing has changed.

        A serialization conflict with another writer is tried again as a whole.
        """
        for left in reversed(range(TRIES)):
            try:
                self._transaction(run, files)
                return
            except RedshiftError as error:
                self._roll_back()
                if not (_is_conflict(error) and left):
                    raise self._explained(error, run) from None
            except BaseException:
                self._roll_back()
                raise

    def _transaction(self, run: Run, files: RunFiles) -> None:
        self._run("begin")
        self._run(redshift_sql.create_schema(self.schema))
        self._run(redshift_sql.create_loads(self.schema))
        self._run(redshift_sql.lock_loads(self.schema))
        newest = self._rows(redshift_sql.newest_run(self.schema))
        if not newest or newest[0][0] < run.run:
            for number, batch in enumerate(run.batches):
                self._replace(run, batch, f"staged_{number}", files)
            now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
            self._run(redshift_sql.record(self.schema, run, now))
        self._commit(run)

    def _replace(self, run: Run, batch: Batch, staging: str, files: RunFiles) -> None:
        self._run(redshift_sql.create_staging(staging, batch.columns))
        if batch.files:
            manifest = files.url(attempts.key(batch.table, run.attempt, "manifest"))
            self._run(redshift_sql.copy(staging, manifest, self.role))
        self._check(run, batch, staging)
        found = self._rows(redshift_sql.columns_of(self.schema, batch.table))
        if found and not redshift_sql.is_declared_so(batch, found):
            self._run(f"drop table {redshift_sql.name(self.schema, batch.table)}")
        self._run(redshift_sql.create_table(self.schema, batch))
        for statement in redshift_sql.replace_rows(self.schema, staging, run, batch):
            self._run(statement)

    def _check(self, run: Run, batch: Batch, staging: str) -> None:
        """As many rows as were published, and every key once."""
        ((arrived,),) = self._rows(redshift_sql.count(staging))
        if arrived != batch.rows:
            raise Failure(
                f"{self.schema}.{batch.table}: run {run.run} published {batch.rows:,} rows, {arrived:,} arrived",
                "the lake's files do not match their record; restore them from a backup. raw is unchanged",
            )
        if batch.primary_key and batch.files:
            ((repeated,),) = self._rows(redshift_sql.repeated_keys(staging, batch))
            if repeated:
                raise Failure(
                    f"{self.schema}.{batch.table}: {repeated:,} keys of run {run.run} occur more than once",
                    f"is {list(batch.primary_key)} really its key? raw is unchanged",
                )

    def _commit(self, run: Run) -> None:
        """COMMIT; when its answer is lost, a new connection asks whether the run is there."""
        try:
            self._run("commit")
        except (RedshiftError, OSError) as error:
            if _is_conflict(error):
                raise
            self._connection = self._connect()
            if self.last_applied() != (run.run, run.attempt):
                raise Failure(
                    f"the connection to {self.host} broke before run {run.run} was committed: {_said(error)}",
                    "raw is unchanged and the run waits in the lake; run `make load`",
                ) from None

    def _roll_back(self) -> None:
        with suppress(RedshiftError, OSError):
            self._run("rollback")

    def _run(self, sql: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)

    def _rows(self, sql: str) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _rows_if_there(self, sql: str) -> list[Any]:
        try:
            return self._rows(sql)
        except RedshiftError as error:
            if _field(error, "C") == UNDEFINED_TABLE or "does not exist" in _said(error):
                return []
            raise self._explained(error, None) from None

    def _explained(self, error: Exception, run: Run | None) -> Failure:
        what = f"apply run {run.run} to schema {self.schema}" if run else f"read schema {self.schema}"
        remedy = "raw is unchanged and the run waits in the lake; when the cause is gone, run `make load`"
        if "Access Denied" in _said(error) or "AccessDenied" in _said(error):
            remedy = f"let the role {self.role} read the lake's prefix (s3:GetObject, s3:ListBucket). {remedy}"
        elif "assume IAM Role" in _said(error):
            remedy = f"attach the role {self.role} to the warehouse, or correct REDSHIFT_IAM_ROLE. {remedy}"
        return Failure(f"Redshift at {self.host} could not {what}: {_said(error)}{self._load_error()}", remedy)

    def _load_error(self) -> str:
        """Where a COPY failed, as far as Redshift's own table tells: file, line, column."""
        with suppress(RedshiftError, OSError):
            rows = self._rows(
                "select file_name, line_number, column_name from sys_load_error_detail "
                "where start_time > dateadd(second, -60, getdate()) order by start_time desc limit 1"
            )
            if rows:
                file, line, column = rows[0]
                return f" [file {str(file).strip()}, line {line}, column {str(column).strip() or '?'}]"
        return ""


def _is_conflict(error: Exception) -> bool:
    return "Serializable isolation violation" in _said(error) or _field(error, "C") == "40001"


def _field(error: Exception, name: str) -> str:
    """A field of the server's error: C its code, M its message, D its detail."""
    told = error.args[0] if error.args else ""
    return str(told.get(name, "")) if isinstance(told, dict) else ""


def _said(error: Exception) -> str:
    """The message and, because a columnar COPY says the reason only there, the detail's context."""
    detail = _field(error, "D")
    context = re.search(r"context:\s*(.*?)(?:\n\s*query:|$)", detail, re.DOTALL)
    more = f" ({' '.join(context[1].split())})" if context else ""
    return " ".join((_field(error, "M") or str(error)).split()) + more


def _connect_failure(error: Exception, values: Mapping[str, Any]) -> Failure:
    where = f"{values['host']}:{values.get('port', 5439)}"
    said = _said(error)
    if "authentication failed" in said:
        return Failure(
            f"Redshift at {where} refused user {values.get('user')}", "check user and password of dbt's profile"
        )
    if "not authorized" in said:
        return Failure(
            f"AWS gave no credentials for Redshift at {where}: {said}",
            "allow redshift-serverless:GetCredentials (or redshift:GetClusterCredentials) to this identity",
        )
    if "certificate" in said.lower():
        return Failure(f"the certificate of {where} is not to be trusted: {said}", "check `host` in dbt's profile")
    return Failure(
        f"Redshift at {where} cannot be reached: {said}",
        "is it publicly accessible, and does its security group let this machine in on that port? "
        "If it must not be, run the loaders inside its network, and give BI tools CSV files (`make export`)",
    )
