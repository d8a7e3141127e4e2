"""The marts as files, for tools that cannot reach the warehouse: CSV, Parquet, a dictionary of all columns,
and, if asked for, a DuckDB file.

CSV: UTF-8, commas, one header line. NULL is an empty cell, an empty text is "". Text that a spreadsheet would run is
guarded (formulas.py). Parquet holds every value as it is. Rows stand in the order of their columns from left to right:
the same mart gives the same bytes.
"""

import codecs
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from dashboard import formulas
from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.common.telling import said
from loaders.warehouse.duckdb_connection import close_off, connected

CSV = "format csv, header, delimiter ',', quote '\"', escape '\"', nullstr '', timestampformat '%Y-%m-%d %H:%M:%S.%f'"
# Whoever reads Parquet reads Snappy; what Power BI does with zstd is written nowhere.
PARQUET = "format parquet, compression snappy"
MEMORY = "512MB"
DICTIONARY = "data_dictionary"
DATABASE = "marts.duckdb"
ROWS = 50_000
TEMPLATE = "template_mart"


@dataclass(frozen=True)
class Style:
    """How CSV is written. bom: begin with the mark that spreadsheets look for; guard: text cannot run as a formula.

    database: marts.duckdb is written as well.
    described: marts that the dictionary has besides those that are written.
    """

    bom: bool = False
    guard: bool = True
    database: bool = False
    described: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """A finished file. guarded: in how many cells a formula was made harmless."""

    path: Path
    rows: int
    guarded: int = 0

    def __str__(self) -> str:
        guarded = f" ({self.guarded:,} cells with a formula in them have an apostrophe before it)"
        return f"{self.path}: {self.rows:,} rows{guarded if self.guarded else ''}"


def marts(models: Path, folders: Iterable[str]) -> list[str]:
    """The marts' names, as dbt's own folders list them; one to be copied is none."""
    files = (file for folder in folders for file in models.glob(f"{folder}/**/*.sql"))
    return sorted(file.stem for file in files if file.stem != TEMPLATE)


def built(connection: duckdb.DuckDBPyConnection, schema: str, names: Iterable[str]) -> list[str]:
    """Those of them that are in the warehouse."""
    found = connection.execute("select distinct table_name from duckdb_columns() where schema_name = ?", [schema])
    there = {name for (name,) in found.fetchall()}
    return [name for name in names if name in there]


def export(
    connection: duckdb.DuckDBPyConnection, schema: str, names: Iterable[str], folder: Path, style: Style
) -> Iterator[Exported]:
    """Write folder/<mart>.csv and .parquet for each mart, and folder/data_dictionary.csv; each appears whole.

    The connection is of no other use afterwards: it may reach no file but those it has written.

    Memory is bounded: what does not fit in MEMORY while the rows are put in order waits in files beside the result.
    """
    names = list(names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as work:
            connection.execute(f"set memory_limit = {sql_text(MEMORY)}")
            connection.execute(f"set temp_directory = {sql_text(work)}")
            close_off(connection, [Path(work)])
            writer = _Writer(connection, schema, Path(work), folder, style)
            for name in names:
                yield writer.csv(name)
                yield writer.parquet(name)
            yield writer.dictionary({*names, *style.described})
            if style.database:
                yield writer.database(names)
    except OSError as error:
        raise Failure(f"{folder} cannot be written ({error.strerror})", "choose another folder by --out") from None


@dataclass(frozen=True)
class _Writer:
    """Writes files into `folder` by way of `work`, which is on the same disk."""

    connection: duckdb.DuckDBPyConnection
    schema: str
    work: Path
    folder: Path
    style: Style

    def csv(self, name: str) -> Exported:
        columns = self._columns(name)
        texts = [column for column, kind in columns if kind == "VARCHAR"] if self.style.guard else []
        chosen = ", ".join(self._cells(column, column in texts) for column, _kind in columns)
        counts = " + ".join(f"count(*) filter (where {formulas.is_formula(column)})" for column in texts) or "0"
        (found,) = self.connection.execute(f"select {counts} from {self._relation(name)}").fetchone()
        rows = self._copy(f"select {chosen} from {self._relation(name)} order by all", CSV, f"{name}.csv")
        return Exported(self.folder / f"{name}.csv", rows, found)

    def parquet(self, name: str) -> Exported:
        rows = self._copy(f"select * from {self._relation(name)} order by all", PARQUET, f"{name}.parquet")
        return Exported(self.folder / f"{name}.parquet", rows)

    def dictionary(self, names: Iterable[str]) -> Exported:
        """What each mart and each of its columns is: the comments that dbt has written into the warehouse."""
        listed = f"schema_name = {sql_text(self.schema)} and table_name in ({', '.join(map(sql_text, names))})"
        query = (
            "select table_name as mart, column_name as column, lower(data_type) as type, "
            "rtrim(comment, e' \\n') as description from ("
            "select table_name, 0 as position, null as column_name, null as data_type, comment from duckdb_tables() "
            f"where {listed} union all "
            "select table_name, column_index, column_name, data_type, comment from duckdb_columns() "
            f"where {listed}) order by table_name, position"
        )
        cells = ", ".join(self._cells(column, True) for column in ("mart", "column", "type", "description"))
        rows = self._copy(f"select {cells} from ({query})", CSV, f"{DICTIONARY}.csv")
        return Exported(self.folder / f"{DICTIONARY}.csv", rows)

    def database(self, names: Iterable[str]) -> Exported:
        """All marts in a DuckDB file of their own: a tool that asks it stops no run, and finds no raw table in it."""
        finished, rows = self.work / "finished.duckdb", 0
        with closing(connected(finished)) as copy:
            copy.execute(f"set memory_limit = {sql_text(MEMORY)}")
            for name in names:
                copy.register("given", self.connection.execute(f"from {self._relation(name)}").to_arrow_reader(ROWS))
                (more,) = copy.execute(f"create table {sql_name(name)} as from given").fetchone()
                rows += more
            for kind, name, text in self.connection.execute(
                "select 'table', [table_name], comment from duckdb_tables() where schema_name = $1 union all "
                "select 'column', [table_name, column_name], comment from duckdb_columns() where schema_name = $1",
                [self.schema],
            ).fetchall():
                if text and name[0] in names:
                    copy.execute(f"comment on {kind} {'.'.join(map(sql_name, name))} is {sql_text(text)}")
        return Exported(finished.replace(self.folder / DATABASE), rows)

    def _cells(self, column: str, text: bool) -> str:
        if not self.style.guard:
            return sql_name(column)
        return f"{formulas.guarded(column) if text else sql_name(column)} as {sql_name(formulas.heading(column))}"

    def _relation(self, name: str) -> str:
        return sql_name(self.schema, name)

    def _columns(self, name: str) -> list[tuple[str, str]]:
        found = self.connection.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "order by column_index",
            [self.schema, name],
        ).fetchall()
        if not found:
            raise Failure(
                f"the warehouse has no {self.schema}.{name}",
                'run `make build` first, or name the marts to write: make export ARGS="my_mart"',
            )
        return found

    def _copy(self, query: str, how: str, file: str) -> int:
        finished, target = self.work / "finished", self.folder / file
        try:
            (rows,) = self.connection.execute(f"copy ({query}) to {sql_text(str(finished))} ({how})").fetchone()
        except duckdb.Error as error:
            raise Failure(
                f"{target} cannot be written: {said(str(error).splitlines()[0])}",
                "make room there, or choose a folder by --out",
            ) from None
        if self.style.bom and how == CSV:
            finished = _with_mark(finished)
        finished.replace(target)
        return rows


def _with_mark(plain: Path) -> Path:
    marked = plain.with_name("marked")
    with marked.open("wb") as stream, plain.open("rb") as rest:
        stream.write(codecs.BOM_UTF8)
        shutil.copyfileobj(rest, stream)
    return marked
