"""Arrow batches to Parquet files on this machine, in the form that Redshift's COPY and DuckDB both read exactly."""

import hashlib
import io
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from loaders.common.errors import FULL, Failure
from loaders.lake.damaged import Damaged
from loaders.lake.strict import shown

if TYPE_CHECKING:
    from typing_extensions import Buffer

# A row group is held in memory until it is encoded, and the last is encoded when all is read; small ones cost bytes.
ROW_GROUP_BYTES = 4 << 20
# Redshift's slices take a file each: many of tens of MB load faster than one of gigabytes. Counted before encoding.
FILE_BYTES = 256 << 20
# More than one file are a multiple of so many, for the slices of a small cluster to end together (decision 0142).
FILES_TOGETHER = 4
# What is looked at to judge which values repeat: not the whole of a group of a few giant rows.
SAMPLE_ROWS, SAMPLE_BYTES = 10_000, 4 << 20


@dataclass(frozen=True)
class LocalFile:
    """A finished Parquet file on this machine; sha256 in hex."""

    path: Path
    rows: int
    bytes: int
    sha256: str


def write(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path, codec: str, expected_rows: int = 0
) -> Iterator[LocalFile]:
    """Write batches to <path>-00000.parquet, <path>-00001.parquet, …, and yield each when it is whole.

    No rows, no file. Memory: one row group and its encoding. codec: of the lake that they are for. expected_rows: a
    guess of all rows, 0: unknown. If it is right, files are of equal size, to a row group: whoever reads them with
    several workers ends when the largest is read.
    """
    groups = _row_groups(batches, schema, ROW_GROUP_BYTES)
    group = next(groups, None)
    share, dictionaries = (_share(group, expected_rows), _repeating(group)) if group else (0, [])
    number, total = 0, 0.0
    while group is not None:
        file = path.with_name(f"{path.name}-{number:05d}.parquet")
        with explained(file):
            sink = _HashedFile(file)
            writer = _writer(sink, schema, codec, dictionaries)
        rows = 0
        # The group that lies across the border belongs to the file that has more of it.
        while group is not None and (not rows or total + group.nbytes / 2 < share * (number + 1)):
            with explained(file):
                writer.write_table(group, row_group_size=group.num_rows)
            total, rows = total + group.nbytes, rows + group.num_rows
            group = None  # not held while the next one is read
            group = next(groups, None)
        with explained(file):
            writer.close()
            sink.close()
        yield LocalFile(file, rows, file.stat().st_size, sink.sha256.hexdigest())
        number += 1


def types_in(path: Path, key: str) -> list[tuple[str, pa.DataType]]:
    """Names and types of the columns of a file that was not necessarily written here. key: its name in the lake."""
    try:
        with pq.ParquetFile(path) as file:
            return [(field.name, field.type) for field in file.schema_arrow]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(
            f"the lake's file {key} cannot be read as Parquet ({shown(str(error))})",
            "restore it and its run record from a backup of the lake; raw is unchanged",
        ) from None


def _share(first: pa.Table, expected_rows: int) -> float:
    """Bytes of each file: of as many equal ones as are needed for all rows, if they are like the first ones.

    At least a quarter of FILE_BYTES: a guess that is far too low must not make thousands of small files.
    """
    expected: float = first.nbytes / first.num_rows * expected_rows
    if expected <= FILE_BYTES:
        return FILE_BYTES
    return expected / (FILES_TOGETHER * math.ceil(expected / FILE_BYTES / FILES_TOGETHER))


class _HashedFile(io.BufferedWriter):
    """A file that adds up its sha256 while it is written."""

    def __init__(self, path: Path):
        super().__init__(io.FileIO(path, "w"), 1 << 20)
        self.sha256 = hashlib.sha256()

    def write(self, data: "Buffer") -> int:
        self.sha256.update(data)
        return super().write(data)


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema, group_bytes: int) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
        if sum(part.nbytes for part in held) >= group_bytes:
            yield pa.Table.from_batches(held, schema)
            held = []
    if held:
        yield pa.Table.from_batches(held, schema)


def _repeating(first: pa.Table) -> list[str]:
    """Columns worth a dictionary, judged by the first rows: where most values are new, it costs time and bytes."""
    of_bounded_size = 1 + first.num_rows * SAMPLE_BYTES // max(first.nbytes, 1)
    sample = first.slice(0, min(SAMPLE_ROWS, of_bounded_size))
    return [name for name in first.column_names if 2 * pc.count_distinct(sample[name]).as_py() <= sample.num_rows]


def _writer(sink: IO[bytes], schema: pa.Schema, codec: str, dictionaries: list[str]) -> pq.ParquetWriter:
    # Redshift documents version 1 of the format: data pages of version 1 and only types that version 1.0 knows.
    return pq.ParquetWriter(
        sink,
        schema,
        version="1.0",
        data_page_version="1.0",
        compression=codec,
        compression_level=1 if codec == "zstd" else None,
        use_dictionary=dictionaries or False,
        store_schema=False,
    )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the file system, while writing `path`, into a failure that says where space was wanted."""
    try:
        yield
    except OSError as error:
        full = error.errno in FULL
        raise Failure(
            f"the temporary folder {path.parent} cannot be written ({error.strerror or error})",
            "free some space there, or set TMPDIR to another disk" if full else "set TMPDIR to a folder of yours",
        ) from None
