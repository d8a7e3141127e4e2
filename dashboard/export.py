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
    """Write folder/<mart>.csv for each mart; each appears whole. bom: begin with the mark spreadsheets look for."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as work:
            for name in names:
                yield _one(connection, schema, name, Path(work), folder, bom)
    except OSError as error:
        raise Failure(f"{folder} cannot be written ({error.strerror})", "choose another folder by --out") from None


def _one(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, work: Path, folder: Path, bom: bool
) -> Exported:
    plain, whole, target = work / "plain", work / "whole", folder / f"{name}.csv"
    query = f"select * from {sql_name(schema)}.{sql_name(name)} order by all"
    try:
        (rows,) = connection.execute(f"copy ({query}) to {sql_text(str(plain))} ({FORMAT})").fetchone()
    except duckdb.CatalogException:
        raise Failure(f"the warehouse has no {schema}.{name}", "run `make build` first") from None
    except duckdb.Error as error:
        raise Failure(f"{target} cannot be written: {str(error).splitlines()[0]}", "free some space") from None
    with whole.open("wb") as stream, plain.open("rb") as rest:
        stream.write(codecs.BOM_UTF8 if bom else b"")
        shutil.copyfileobj(rest, stream)
    whole.replace(target)
    return Exported(target, rows)
