"""The raw schema in a DuckDB file: the embedded warehouse, for one machine."""

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from loaders.errors import Failure
from loaders.lake.run_files import RunFiles
from loaders.lake.runs import Batch, ColumnType, Run
from loaders.proof import canonical
from loaders.quoting import sql_name, sql_text
from loaders.retention.erase_key import Key, in_duckdb
from loaders.warehouse import checks, kept
from loaders.warehouse.interface import Step
from loaders.warehouse.live_rows import Dialect, LiveRows, same_key
from loaders.warehouse.raw_tables import LINEAGE_COLUMNS, LOADS_COLUMNS, LOADS_TABLE, SOURCE_HASH

DIALECT = Dialect(
    # A whole division of DECIMAL would go by way of DOUBLE.
    bucket=lambda column, _kind, size: f"cast({column} as hugeint) // {size}",
    compared=lambda column, _kind: column,
    sent=lambda column, _kind: column,
)
# What a comparison may hold of the database file in memory: it reads every block once, so keeping more gains nothing.
COMPARE_MEMORY = "64MB"
# What putting a stream in order may take; the rest goes to files beside the database.
STREAM_MEMORY = "256MB"
# Rows that a stream hands on together.
ROWS, WIDE_ROWS = 1_000, 10
ROWS_AT_ONCE = 50_000
HASH_TYPE = ColumnType(SOURCE_HASH, "bigint", "BIGINT", "BIGINT")


@contextmanager
def open_warehouse(path: Path, schema: str, read_only: bool = False) -> Iterator["DuckDBWarehouse"]:
    """Open the database file, made where absent unless read_only. Another program that holds it is named."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(path, read_only=read_only)
    except (duckdb.Error, OSError) as error:
        raise _open_failure(error, path) from None
    try:
        connection.execute("set TimeZone = 'UTC'")
        # To keep the files' order DuckDB writes many blocks twice: a second more for 2 million orders, and half as much
        # file again.
        connection.execute("set preserve_insertion_order = false")
        if read_only:
            connection.execute(f"set memory_limit = '{COMPARE_MEMORY}'")
        yield DuckDBWarehouse(connection, schema, path)
    finally:
        connection.close()


class DuckDBWarehouse:
    """Applies runs to raw. One transaction per run holds all its tables and its rows in `_loads`."""

    texts = canonical.DUCKDB
    wide = staticmethod(canonical.wide_in_duckdb)

    def __init__(self, connection: duckdb.DuckDBPyConnection, schema: str, path: Path):
        self.connection = connection
        self.schema = schema
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def last_applied(self) -> tuple[int, str] | None:
        """Number and attempt of the newest run in raw; runs are applied in order, so it tells which ones are."""
        if not self._has_loads():
            return None
        newest = f"select run, attempt from {self._name(LOADS_TABLE)} order by run desc limit 1"
        return self.connection.execute(newest).fetchone()

    def newest(self) -> list[tuple[str, int, int, datetime.datetime, str]]:
        """(table, run, rows, snapshot_at, verdict) of the newest run of each table, by name."""
        if not self._has_loads():
            return []
        return self.connection.execute(
            f"select table_name, run, row_count, snapshot_at, verdict from {self._name(LOADS_TABLE)} "
            "qualify row_number() over (partition by table_name order by run desc) = 1 order by table_name"
        ).fetchall()

    def apply(self, run: Run, files: RunFiles) -> None:
        """Apply a run in one transaction: either all of it is there afterwards, or nothing has changed."""
        waits = "raw is unchanged and the run waits in the lake; when the cause is gone, run `make load`"
        with self._transaction(f"apply run {run.run} to {self.path}", waits):
            self._make_loads("create table if not exists")
            if run.run <= (self.last_applied() or (0, ""))[0]:
                return
            for batch in run.batches:
                self._apply(run, batch, files)
                self._prove(run, batch)
                self._record(run, batch)

    def rebuild(self, steps: Iterable[Step], runs: Sequence[Run], gone: Collection[str]) -> None:
        """Make raw anew of these steps, in one transaction: readers see the old one until it is committed."""
        with self._transaction(f"rebuild raw in {self.path}", "raw is unchanged; when the cause is gone, run it again"):
            self._make_loads("create or replace table")
            for table in gone:
                self.connection.execute(f"drop table if exists {self._name(table)}")
            for run, batch, files in steps:
                self._apply(run, batch, files)
                self._prove(run, batch)
            for run in runs:
                for batch in run.batches:
                    self._record(run, batch)

    def occurrences(self, key: Key, schema: str, table: str) -> int | None:
        """How many rows of a table bear the key; None if there is no such table with such columns."""
        found = self.connection.execute(
            "select column_name from information_schema.columns "
            f"where table_schema = {sql_text(schema)} and table_name = {sql_text(table)}"
        ).fetchall()
        if not {*key.names} <= {name for (name,) in found}:
            return None
        count = f"select count(*) from {sql_name(schema)}.{sql_name(table)} where {key.where(in_duckdb)}"
        return self.connection.execute(count).fetchone()[0]

    def erase(self, key: Key, relations: Sequence[tuple[str, str]]) -> None:
        """Delete the rows with the key from these tables, all in one transaction."""
        with self._transaction(f"erase {key} in {self.path}", "the lake is done, the warehouse not: run it again"):
            for schema, table in relations:
                self.connection.execute(
                    f"delete from {sql_name(schema)}.{sql_name(table)} where {key.where(in_duckdb)}"
                )

    def holds(self, batch: Batch) -> bool:
        """Whether there is a raw table with exactly the columns of the batch and the loaders' own."""
        return self._columns(batch.table) == _raw_types(batch)

    @contextmanager
    def live(self, batch: Batch, attempt: str, files: RunFiles) -> Iterator[LiveRows]:
        """Raw's live rows of the batch's table, overlaid with the rows of the batch's files."""
        keys = [*batch.key_columns, HASH_TYPE]
        changed = None
        try:
            if batch.files:
                changed = "temp.changed"
                paths = [files.local(file) for file in batch.files]
                self.connection.execute(f"create temp view changed as {_select_sql(keys, paths)}")
            yield LiveRows(self._name(batch.table), changed, batch.key_columns, DIALECT, self._ask, self._ask_arrow)
        except duckdb.Error as error:
            raise Failure(
                f"DuckDB could not read {self.schema}.{batch.table} in {self.path}: {str(error).splitlines()[0]}",
                f"`python -m loaders extract --full --tables {batch.table}` reads it whole; nothing was published",
            ) from None
        except BaseException:
            self.connection.interrupt()
            raise
        finally:
            self.connection.execute("drop view if exists temp.changed")

    @contextmanager
    def side(self, rows: str, keys: Sequence[ColumnType]) -> Iterator[LiveRows]:
        """Rows that are there as one side of a comparison: a table's name in SQL, or a query in parentheses."""
        with self._reading():
            yield LiveRows(rows, None, keys, DIALECT, self._ask, self._ask_arrow)

    def ask(self, sql: str) -> list[tuple]:
        with self._reading():
            return self._ask(sql)

    def stream(self, sql: str, wide: bool) -> Iterator[list[tuple]]:
        """The rows of a query, some at a time. What DuckDB needs to put them in order, it puts on disk.

        wide: a row may have megabytes; as DuckDB works on 2,048 rows at once, it is then let have what it needs.
        """
        with self._reading():
            ((limit,),) = self._ask("select current_setting('memory_limit')")
            self.connection.execute("reset memory_limit" if wide else f"set memory_limit = '{STREAM_MEMORY}'")
            for batch in self.connection.execute(sql).to_arrow_reader(WIDE_ROWS if wide else ROWS):
                yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
            self.connection.execute(f"set memory_limit = '{limit}'")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise Failure(
                f"DuckDB could not read {self.path}: {str(error).splitlines()[0]}", "look at it with `make sql`"
            ) from None
        except BaseException:
            self.connection.interrupt()
            raise

    def _ask(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def _ask_arrow(self, sql: str) -> pa.Table:
        return self.connection.execute(sql).to_arrow_table()

    def _make_loads(self, create: str) -> None:
        self.connection.execute(f"create schema if not exists {sql_name(self.schema)}")
        columns = ", ".join(f"{name} {kind}" for name, kind in LOADS_COLUMNS.items())
        self.connection.execute(f"{create} {self._name(LOADS_TABLE)} ({columns})")

    def _apply(self, run: Run, batch: Batch, files: RunFiles) -> None:
        target = self._name(batch.table)
        paths = [files.local(file) for file in batch.files]
        found = self._columns(batch.table)
        aside = self._put_aside(batch, paths, found) if paths else None
        if batch.mode == "full":
            self.connection.execute(f"create or replace table {target} ({_columns_sql(batch)})")
        else:
            self._widen(batch, found)
        if batch.mode != "full" and paths:
            self.connection.execute(
                f"delete from {target} as r using ({_select_sql(batch.key_columns, paths)}) as c "
                f"where {same_key('r', 'c', batch.key_columns, DIALECT)}"
            )
        if paths:
            self._insert(run, batch, paths, aside)
        if batch.deleted:
            gone = _select_sql(batch.key_columns, [files.local(file) for file in batch.deleted])
            self.connection.execute(
                f"update {target} as r set _deleted_at = {_literal(run.snapshot_at)}, _run = {run.run} "
                f"from ({gone}) as c "
                f"where r._deleted_at is null and {same_key('r', 'c', batch.key_columns, DIALECT)}"
            )

    def _put_aside(self, batch: Batch, paths: list[Path], found: Mapping[str, str]) -> str | None:
        """Where the values of dropped columns wait for the rows that take the place of theirs; None: there are none."""
        if not kept.any_values(batch, found):
            return None
        changed = None if batch.mode == "full" else _select_sql(batch.key_columns, paths)
        self.connection.execute("drop table if exists temp.aside")
        self.connection.execute(kept.put_aside("temp.aside", self._name(batch.table), batch, changed, DIALECT))
        return "temp.aside"

    def _widen(self, batch: Batch, found: Mapping[str, str]) -> None:
        for column in batch.columns:
            if found.get(column.name.lower(), column.duckdb) != column.duckdb:
                self.connection.execute(
                    f"alter table {self._name(batch.table)} alter column {sql_name(column.name)} type {column.duckdb}"
                )

    def _columns(self, table: str) -> dict[str, str]:
        """Types of a raw table's columns by name, in small letters; empty if it is not there."""
        found = self.connection.execute(
            "select lower(column_name), data_type from information_schema.columns "
            f"where table_schema = {sql_text(self.schema)} and table_name = {sql_text(table)}"
        ).fetchall()
        return dict(found)

    def _insert(self, run: Run, batch: Batch, paths: list[Path], aside: str | None) -> None:
        """Add the files' rows; fewer or more than were published is a failure."""
        columns, rows_from = kept.beside(f"({_select_sql(batch.columns, paths)})", aside, batch, DIALECT)
        (rows,) = self.connection.execute(
            f"insert into {self._name(batch.table)} ({kept.names(batch, aside)}, _run, _extracted_at) "
            f"select {columns}, {run.run}, {_literal(run.snapshot_at)} from {rows_from}"
        ).fetchone()
        checks.arrived(self.schema, run, batch, rows)

    def _prove(self, run: Run, batch: Batch) -> None:
        """Raw as it is now against what the run found at the source."""
        if batch.live_rows is None:
            return
        checks.equal(self.schema, run, batch, *self.totals(batch.table))

    def totals(self, table: str) -> tuple[int, int]:
        """How many live rows a raw table has, and the sum of their hashes."""
        return self.connection.execute(
            f"select count(*), coalesce(sum({SOURCE_HASH}), 0) from {self._name(table)} where _deleted_at is null"
        ).fetchone()

    def live_rows_of(self, batch: Batch) -> pa.RecordBatchReader:
        """The live rows of the batch's table, in the form in which the lake holds them."""
        live = f"select {_as_in_the_lake(batch.raw_columns)} from {self._name(batch.table)} where _deleted_at is null"
        return self.connection.execute(live).to_arrow_reader(ROWS_AT_ONCE)

    def _record(self, run: Run, batch: Batch) -> None:
        loaded_at = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        row = [
            run.run,
            run.attempt,
            batch.table,
            batch.mode,
            batch.rows,
            sum(batch.invalid.values()),
            run.snapshot_at,
            loaded_at,
            run.source_version,
            batch.verdict,
        ]
        self.connection.execute(f"insert into {self._name(LOADS_TABLE)} values ({', '.join(map(_literal, row))})")

    @contextmanager
    def _transaction(self, doing: str, then: str) -> Iterator[None]:
        try:
            self.connection.execute("begin")
            yield
            self.connection.execute("commit")
        except duckdb.Error as error:
            self._roll_back()
            first = str(error).splitlines()[0]
            raise Failure(f"DuckDB could not {doing}: {first}", then) from None
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """End the transaction. After Ctrl-C other threads still work on its query, and ROLLBACK waits for them."""
        self.connection.interrupt()
        try:
            self.connection.execute("rollback")
        except duckdb.Error:
            # A failed commit has already rolled back; a damaged connection rolls back when it is closed.
            return

    def _has_loads(self) -> bool:
        return bool(
            self.connection.execute(
                "select 1 from information_schema.tables "
                f"where table_schema = {sql_text(self.schema)} and table_name = {sql_text(LOADS_TABLE)}"
            ).fetchone()
        )

    def _name(self, table: str) -> str:
        return f"{sql_name(self.schema)}.{sql_name(table)}"


def _literal(value: int | str | datetime.datetime) -> str:
    """A value in a statement. For bound parameters DuckDB would import pandas, and lose a Ctrl-C meanwhile."""
    if isinstance(value, datetime.datetime):
        return f"timestamp {sql_text(str(value))}"
    return sql_text(value) if isinstance(value, str) else str(value)


def _raw_types(batch: Batch) -> dict[str, str]:
    """A raw table's columns as `_columns` would find them."""
    return {column.name.lower(): column.duckdb for column in batch.raw_columns} | LINEAGE_COLUMNS


def _columns_sql(batch: Batch) -> str:
    own = [f"{sql_name(column.name)} {column.duckdb}" for column in batch.raw_columns]
    return ", ".join(own + [f"{name} {kind}" for name, kind in LINEAGE_COLUMNS.items()])


def _select_sql(columns: Iterable[ColumnType], files: list[Path]) -> str:
    """These columns of the files, as raw keeps them."""
    return f"select {_as_in_raw(columns)} from {read_parquet(files)}"


def read_parquet(files: Iterable[Path]) -> str:
    """These files as a table."""
    return f"read_parquet([{', '.join(sql_text(_no_glob(str(file))) for file in files)}])"


def _as_in_raw(columns: Iterable[ColumnType]) -> str:
    """A select list. The lake's timestamps are instants, raw's are their digits in UTC.

    By way of microseconds, because `at time zone` asks a calendar: it took a third of the load of orders.
    """
    return _selected(columns, "make_timestamp(epoch_us({}))")


def _as_in_the_lake(columns: Iterable[ColumnType]) -> str:
    """A select list, the other way."""
    return _selected(columns, "{} at time zone 'UTC'")


def _selected(columns: Iterable[ColumnType], timestamp: str) -> str:
    names = [(sql_name(column.name), timestamp if column.duckdb == "TIMESTAMP" else "{}") for column in columns]
    return ", ".join(f"{form.format(name)} as {name}" for name, form in names)


def _no_glob(path: str) -> str:
    """DuckDB reads * ? [ in a path as a pattern; a class of one character stands for itself."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)


def _open_failure(error: Exception, path: Path) -> Failure:
    text = " ".join(str(error).split())
    if "lock" in text.lower():
        holder = text.partition("Conflicting lock is held in ")[2].partition(". See also")[0] or "another program"
        return Failure(f"the warehouse {path} is in use by {holder}", "close it there, then run this again")
    return Failure(f"the warehouse {path} cannot be opened: {text}", "check `path` in dbt's profile (profiles.yml)")
