"""What a path cannot be, because a tool that is handed it would mean another file; and what makes one last."""

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from loaders.common.errors import Failure

# Names that DuckDB keeps for itself: it would call the file's database temp_db, and dbt still temp.
OWN_NAMES = ("temp", "system", "main")


def for_duckdb(folder: Path, setting: str) -> Path:
    """The folder itself, if DuckDB can be told to read just the files in it."""
    text = _utf8(folder, setting)
    if "\\" in text and any(character in text for character in "*?["):
        raise Failure(
            f"{setting} is {text}: DuckDB reads a \\ beside * ? or [ in a path as a pattern for other files",
            f"set {setting} to a folder without a \\ in its path",
        )
    return folder


def database_file(written: str, project: Path, setting: str = "DUCKDB_PATH") -> Path:
    """The file that dbt's key `path` names, if DuckDB and dbt both take it for that file.

    DuckDB cuts a whole path at a ?; dbt's adapter takes what is written for a URL.
    """
    path = project / written
    if named := re.match(r":memory:$|\w{2,}:", written):
        # Only its beginning is shown: a token may follow.
        raise Failure(
            f"{setting} begins with {named[0]}, which names no file to DuckDB and dbt",
            "write the path of a file, such as ../.data/warehouse.duckdb, there or as `path` in profiles.yml",
        )
    if "?" in _utf8(path.resolve(), setting):
        # What follows is not shown: it may be a token (md:…?motherduck_token=…).
        before = path.as_posix().partition("?")[0]
        raise _refused(f"{before}?…", setting, "DuckDB takes what follows a ? for options")
    if "#" in written:
        raise _refused(path, setting, "dbt ends a path at a #")
    if any(character in path.name for character in '";'):
        raise _refused(path, setting, 'dbt cannot name a database by a file with a " or ; in its name')
    return path


def no_schemas_name(path: Path, *schemas: str) -> None:
    """Fail if DuckDB could not tell the database, which is called by its file, from one of these schemas in it."""
    database = path.name.lstrip(".").split(".")[0].lower()
    if database in (*OWN_NAMES, *(schema.lower() for schema in schemas)):
        raise _refused(path, "DUCKDB_PATH", f"DuckDB would call it {database}, and has another {database} in it")


def _refused(path: Path | str, setting: str, why: str) -> Failure:
    return Failure(
        f"DuckDB's database cannot be the file {path}: {why}",
        f"set {setting} to another path in your shell (export {setting}=…), or move the folder",
    )


def _utf8(path: Path, setting: str) -> str:
    """The path as a text that everybody writes with the same bytes: DuckDB and dbt write UTF-8."""
    text = path.as_posix()
    with suppress(UnicodeEncodeError):
        if text.encode() == os.fsencode(text):
            return text
    spoken = sys.getfilesystemencoding()
    fix = "choose another folder" if spoken == "utf-8" else f"this shell speaks {spoken}: export LC_ALL=C.UTF-8"
    raise Failure(f"the path in {setting} is not UTF-8: {text!a}", fix)


def make_durable(path: Path) -> None:
    """Make a file or a folder's entries durable before anything refers to them."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
