"""The marts as CSV files, for tools that cannot reach the warehouse.

UTF-8, commas, one header line, rows in the order of their columns from left to right: the same mart gives the same
bytes. NULL is an empty cell, an empty text is "".
"""

import codecs
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders.errors import Failure
from loaders.quoting import sql_name, sql_text

FORMAT = (
    "format csv, header, delimiter ',', quote '\"', escape '\"', nullstr '', timestampformat '%Y-%m-%d %H:%M:%S.%f'"
)

MEMORY = "512MB"


@dataclass(frozen=True)
class Exported:
    """A finished CSV file."""

    path: Path
    rows: int


def marts(models: Path) -> list[str]:
    """The marts' names, as dbt's own folder lists them."""
    return sorted(file.stem for file in models.glob("marts/**/*.sql"))


def export(
    connection: duckdb.DuckDBPyConnection, schema: str, names: Iterable[str], folder: Path, bom: bool
) -> Iterator[Exported]:
    """Write folder/<mart>.csv for each mart; each appears whole. bom: begin with the mark spreadsheets look for.

    Memory is bounded: what does not fit in MEMORY while the rows are put in order waits in files beside the result.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as work:
            connection.execute(f"set memory_limit = {sql_text(MEMORY)}")
            connection.execute(f"set temp_directory = {sql_text(work)}")
            for name in names:
                yield _one(connection, schema, name, Path(work), folder, bom)
    except OSError as error:
        raise Failure(f"{folder} cannot be written ({error.strerror})", "choose another folder by --out") from None


def _one(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, work: Path, folder: Path, bom: bool
) -> Exported:
    finished, target = work / "finished", folder / f"{name}.csv"
    query = f"select * from {sql_name(schema)}.{sql_name(name)} order by all"
    try:
        (rows,) = connection.execute(f"copy ({query}) to {sql_text(str(finished))} ({FORMAT})").fetchone()
    except duckdb.CatalogException:
        raise Failure(
            f"the warehouse has no {schema}.{name}",
            'run `make build` first, or name the marts to write: make export ARGS="my_mart"',
        ) from None
    except duckdb.Error as error:
        raise Failure(
            f"{target} cannot be written: {str(error).splitlines()[0]}", "make room there, or choose a folder by --out"
        ) from None
    if bom:
        finished = _with_mark(finished)
    finished.replace(target)
    return Exported(target, rows)


def _with_mark(plain: Path) -> Path:
    marked = plain.with_name("marked")
    with marked.open("wb") as stream, plain.open("rb") as rest:
        stream.write(codecs.BOM_UTF8)
        shutil.copyfileobj(rest, stream)
    return marked
