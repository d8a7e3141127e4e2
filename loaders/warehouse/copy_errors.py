"""Where a COPY failed: file, row, column and value, from Redshift's own tables and from the lake's files themselves."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from redshift_connector.error import Error as RedshiftError

from loaders.common import telling
from loaders.common.errors import Failure
from loaders.lake.run_files import RunFiles
from loaders.types.type_contract import width
from loaders.words.differences import key_text
from loaders.words.run_record import Batch

ROWS_AT_ONCE = 50_000
SHOWN = 40


def where(rows: Callable[[str], list[Any]], batch: Batch, files: RunFiles) -> str:
    """What is known, as text to append; empty if nothing is. `rows` asks the session whose COPY has failed.

    Redshift names file, line and column at best; for Parquet it never names the value, so it is looked for here.
    """
    found = [part for part in (_reported(rows), _too_long(batch, files)) if part]
    return f" [{'; '.join(found)}]" if found else ""


def _reported(rows: Callable[[str], list[Any]]) -> str:
    """SYS_LOAD_ERROR_DETAIL is everywhere; STL_LOAD_ERRORS, which has the value, on provisioned clusters only."""
    with suppress(RedshiftError):
        ((session,),) = rows("select pg_backend_pid()")
        for sql in (
            "select file_name, line_number, column_name, '' from sys_load_error_detail "
            f"where session_id = {session} order by start_time desc limit 1",
            "select filename, line_number, colname, raw_field_value from stl_load_errors "
            f"where session = {session} order by starttime desc limit 1",
        ):
            for file, line, column, value in rows(sql):
                # Any of them may be NULL: what is not known of a columnar file is not told.
                file, column, value = (str(each or "").strip() for each in (file, column, value))
                shown = f", value {telling.value(value)}" if value else ""
                return f"file {file or '?'}, line {'?' if line is None else line}, column {column or '?'}{shown}"
    return ""


def _too_long(batch: Batch, files: RunFiles) -> str:
    """The first value in the lake that is longer than its column, if there is one."""
    with suppress(Failure, OSError, pa.ArrowException):
        for before, part in _parts(batch, files):
            limits = [(column.name, width(column.redshift)) for column in batch.columns]
            for column, longest in ((name, limit) for name, limit in limits if limit is not None):
                for place in _places(part.column(column), longest):
                    value = part.column(column)[place].as_py()
                    names = list(batch.primary_key)
                    key = key_text(names, [part.column(name)[place].as_py() for name in names])
                    begin = telling.value(repr(value[:SHOWN]))
                    return (
                        f"row {before + place + 1} ({key or 'a row without key'}), column {column}: "
                        f"{_size(value):,} bytes for {longest:,}, the value begins with {begin}"
                    )
    return ""


def _parts(batch: Batch, files: RunFiles) -> Iterator[tuple[int, pa.RecordBatch]]:
    """(rows of its file before it, rows) for every part of every file."""
    for file in batch.files:
        before = 0
        for part in pq.ParquetFile(files.local(file, batch.columns)).iter_batches(ROWS_AT_ONCE):
            yield before, part
            before += part.num_rows


def _places(values: pa.Array, longest: int) -> list[int]:
    places: list[int] = pc.indices_nonzero(pc.greater(pc.binary_length(values), longest)).to_pylist()
    return places[:1]


def _size(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)
