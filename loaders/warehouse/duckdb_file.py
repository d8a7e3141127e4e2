"""DuckDB's file, written anew: what was deleted or replaced stays readable in the free blocks of the old one."""

import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from loaders.common import paths
from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.common.telling import said

SUFFIX = ".anew"


def checkpoint(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Bring everything into the file itself: a log that stays beside it would be taken for one of the new file."""
    try:
        connection.execute("force checkpoint")
    except duckdb.Error as error:
        raise _failure(path, error) from None


def write_anew(path: Path) -> None:
    """Copy all that the database holds to a new file, which then takes the name of the old one.

    Killed anywhere, the name means the old file or the whole new one; what is left beside it the next call removes.
    Nobody writes meanwhile: the old file is held open, for reading, until the new one has its name.
    """
    path = path.resolve()  # through a link, the file that it names
    fresh = path.with_name(f".{path.name}{SUFFIX}")
    database = sql_name(path.name.lstrip(".").split(".")[0])
    try:
        _remove(fresh)
        with closing(duckdb.connect()) as session:
            # Under the name that it always has: views name their tables by it.
            session.execute(f"attach {sql_text(str(path))} as {database} (read_only)")
            session.execute(f"attach {sql_text(str(fresh))} as {sql_name(SUFFIX)}")
            session.execute(f"copy from database {database} to {sql_name(SUFFIX)}")
            session.execute(f"detach {sql_name(SUFFIX)}")
            if _log(path).exists():
                raise Failure(f"something wrote into {path} meanwhile", "end it, then run this again")
            shutil.copymode(path, fresh)
            paths.make_durable(fresh)
            fresh.replace(path)
            paths.make_durable(path.parent)
    except (duckdb.Error, OSError) as error:
        raise _failure(path, error) from None
    finally:
        _remove(fresh)


def _failure(path: Path, error: Exception) -> Failure:
    return Failure(
        f"{path} could not be written anew: {said(str(error).splitlines()[0])}",
        "deleted rows are still in its free blocks: make room for a second copy beside it, then run this again",
    )


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _remove(file: Path) -> None:
    for each in (file, _log(file)):
        each.unlink(missing_ok=True)
