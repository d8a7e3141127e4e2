"""A connection to a DuckDB file, and what is within its reach."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from loaders.common.quoting import sql_text
from loaders.warehouse import duckdb_errors, duckdb_memory
from loaders.warehouse.duckdb_sql import no_glob

# Of its settings, what a load changes on its way.
CHANGED_LATER = ("memory_limit", "threads")


def close_off(connection: duckdb.DuckDBPyConnection, folders: Iterable[Path]) -> None:
    """Let whatever the connection is asked from now on reach its database and the files in these folders, no more.

    Links that lead out of them included, which DuckDB follows before it looks. Nothing takes it back.
    """
    allowed = [spelling for folder in folders for spelling in (str(folder), no_glob(str(folder)))]
    connection.execute(f"set allowed_directories = {_listed(allowed)}")
    connection.execute(f"set allowed_configs = {_listed(CHANGED_LATER)}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _listed(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(sql_text, texts))}]"


def connected(path: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to the database file, with nothing out of its reach."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(path, read_only=read_only)
    except (duckdb.Error, OSError) as error:
        raise duckdb_errors.not_opened(error, path) from None
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"set threads = {min(duckdb_memory.THREADS, setting(connection, 'threads'))}")
    # To keep the files' order DuckDB writes many blocks twice: a second more for 2 million orders, and half as much
    # file again.
    connection.execute("set preserve_insertion_order = false")
    return connection


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> Any:
    ((value,),) = connection.execute(f"select current_setting({sql_text(name)})").fetchall()
    return value


def size(connection: duckdb.DuckDBPyConnection, formatted: str) -> int:
    """Of a size as DuckDB says it, to its two or three digits."""
    ((count,),) = connection.execute(f"select parse_formatted_bytes({sql_text(formatted)})").fetchall()
    return int(count)
