"""A published run's files, as a warehouse needs them."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa

from loaders.lake import parquet
from loaders.lake.damaged import Damaged
from loaders.lake.store import Lake, checked
from loaders.lake.strict import shown
from loaders.types.column_type import ColumnType
from loaders.words.run_record import File

# A column's name, and its type in a file.
Typed = tuple[str, pa.DataType | None]


@dataclass(frozen=True)
class RunFiles:
    """For a warehouse that reads files on this machine (`local`), or by itself from where they lie (`listed`).

    folder: where files of a remote lake may be put meanwhile.
    """

    lake: Lake
    folder: Path

    def local(self, file: File, columns: Iterable[ColumnType]) -> Path:
        """A file on this machine, once its bytes are known to be the published ones, and its columns the record's."""
        path = checked(self.lake.fetch(file.key, self.folder), file.sha256, file.key)
        found = parquet.types_in(path, file.key)
        wanted = [(column.name, column.home and column.home.arrow) for column in columns]
        if found != wanted:
            raise Damaged(
                f"the lake's file {file.key} does not hold what its run record says: {_first_unlike(found, wanted)}",
                "restore both from a backup of the lake; raw is unchanged",
            )
        return path

    def listed(self, key: str, files: Sequence[File]) -> str:
        """The address of a manifest of these files for COPY, once they are known to be the published ones.

        Written anew for each load: what lies under the key was not checked, and names the place the lake had once.
        """
        for file in files:
            self.lake.verify(file.key, file.sha256)
        self.lake.replace(key, manifest(files, self.lake.url))
        return self.lake.url(key)


def manifest(files: Iterable[File], url: Callable[[str], str]) -> bytes:
    """What Redshift's COPY reads: exactly these files, each of exactly this size, or nothing is loaded.

    Redshift documents `mandatory` (a missing file is an error) and, for Parquet, `meta.content_length` (bytes).
    """
    entries = [{"url": url(file.key), "mandatory": True, "meta": {"content_length": file.bytes}} for file in files]
    return (json.dumps({"entries": entries}, indent=1) + "\n").encode()


def _first_unlike(found: Sequence[Typed], wanted: Sequence[Typed]) -> str:
    there, said = next(pair for pair in zip_longest(found, wanted) if pair[0] != pair[1])
    return f"{_column(there)} instead of {_column(said)}"


def _column(column: Typed | None) -> str:
    return f"{shown(column[0])}, {column[1]}" if column else "no column"
