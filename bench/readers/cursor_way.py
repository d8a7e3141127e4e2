"""PyMySQL's own streaming cursor, its rows to Arrow by way of Python.

`python -m bench.readers.cursor_way URL TABLE FOLDER`
"""

import sys
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pymysql
from pymysql.cursors import SSCursor

from loaders.source import mysql_url

ROWS_AT_ONCE = 50_000


def connected(url: str) -> pymysql.Connection:
    """PyMySQL alone: the loaders' own connection counts what it holds, and refuses an answer of 537 MB."""
    to = mysql_url.parse(url, "the URL")
    return pymysql.connect(host=to.host, port=to.port, user=to.user, password=to.password, database=to.database)


def main(url: str, table: str, folder: str) -> None:
    source = connected(url)
    with closing(source), closing(SSCursor(source)) as cursor:
        cursor.execute(f"select * from `{table}`")
        names = [column[0] for column in cursor.description]
        writer = None
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            batch = pa.table(dict(zip(names, map(pa.array, zip(*rows, strict=True)), strict=True)))
            # Types are guessed from the first rows, as whoever writes this by hand would.
            writer = writer or pq.ParquetWriter(Path(folder) / "part.parquet", batch.schema, compression="zstd")
            writer.write_table(batch.cast(writer.schema))
        if writer:
            writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
