"""MySQL's rows as Arrow record batches, at the speed of the wire: exact, in bounded memory, or a failure.

    connection = mysql_arrow.Connection(host=…, user=…, password=…, database=…, charset="utf8mb4")
    with mysql_arrow.read(connection, "select id, price, name from product") as reader:
        for batch in reader:
            ...

PyMySQL connects, logs in (TLS too), sends the query and reads the columns' names. From there on the socket is read in
blocks of megabytes, and the rows in a block are taken apart column by column with numpy and Arrow; no value passes
through a Python object.

    pymysql_seam.py   all that is known of PyMySQL's insides
    packets.py        bytes off the wire -> blocks of whole rows
    lanes.py          where the packets of a block begin, a thousand at a time
    block.py          a block -> its columns, as positions of values
    schema.py         the columns of an answer, as the server describes them -> Arrow's types
    printed.py        printed values -> Arrow's types
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial

import pyarrow as pa
from pymysql import err
from pymysql.constants import FIELD_TYPE

from mysql_arrow import packets, printed, pymysql_seam, schema
from mysql_arrow.block import Block
from mysql_arrow.packets import BLOCK_BYTES
from mysql_arrow.pymysql_seam import Connection

__all__ = [
    "BLOCK_BYTES", "Block", "Connection",
    "abandon", "batches", "blocks", "exactly", "interrupt", "read", "schema_of", "spoken",
]  # fmt: skip

abandon, interrupt, spoken = pymysql_seam.abandon, pymysql_seam.interrupt, pymysql_seam.spoken


def schema_of(connection: Connection, query: str) -> pa.Schema:
    """The Arrow schema of the query's answer, without running it (the server prepares it).

    Integers have their own width and sign; a DECIMAL all its digits (over 38 as decimal256); a BIT is uint64; a
    DATETIME has no time zone, and a TIMESTAMP is in the session's; a TIME, which may be 838 hours, is text. Texts are
    strings, bytes and geometries are binary. pymysql.NotSupportedError: a FLOAT or DOUBLE(M,D), which the server prints
    with fewer digits than it has; the message says what to select instead.
    """
    return schema.of(pymysql_seam.described(connection, query))


def read(connection: Connection, query: str, block_bytes: int = BLOCK_BYTES) -> pa.RecordBatchReader:
    """The query's rows, as they come, in the types of `schema_of`.

    Iterate it, or hand it to whatever takes an Arrow stream (DuckDB, Polars, datasets, Parquet). A value without
    an exact home in its type (0000-00-00, text that is not UTF-8) raises pa.ArrowInvalid; a server's error, a broken
    connection, half an answer raise pymysql.MySQLError: the reader's end is always the result's. Closed early, it
    closes the connection.
    """
    stream = pymysql_seam.start(connection, query)
    try:
        kinds = schema.of(stream.fields)
    except err.NotSupportedError:
        pymysql_seam.abandon(connection)
        raise

    def convert(block: Block, index: int, kind: pa.DataType) -> pa.Array:
        if stream.fields[index].type_code == FIELD_TYPE.BIT:
            return printed.bits(block.column(index).binary())
        return exactly(block, index, kind)

    found = _converted(_blocks(stream, block_bytes), kinds, convert)
    return pa.RecordBatchReader.from_batches(kinds, found)


def blocks(connection: Connection, query: str, block_bytes: int = BLOCK_BYTES) -> Generator[Block]:
    """The query's rows as they come, in blocks of about block_bytes; a row larger than that is one alone.

    Ends after the last row and at no other point: a server's error, a broken connection and bytes that are not the
    protocol's raise pymysql.MySQLError. Closed early, it closes the connection: the server would send the rest.
    """
    yield from _blocks(pymysql_seam.start(connection, query), block_bytes)


def _blocks(stream: pymysql_seam.Stream, block_bytes: int) -> Generator[Block]:
    try:
        # map, not a loop: the loop's variable would hold a block while the next one is received.
        yield from map(partial(_block, len(stream.fields)), packets.blocks(stream, block_bytes))
    except BaseException:
        pymysql_seam.abandon(stream.connection)
        raise


def _block(width: int, rows: packets.Rows) -> Block:
    return Block(*rows, width)


def exactly(block: Block, index: int, kind: pa.DataType) -> pa.Array:
    """Column `index` of a block as Arrow type `kind`; a value that does not fit raises pa.ArrowInvalid.

    Everything that Arrow itself casts from text is a kind; timestamps with a zone are read as UTC.
    """
    return printed.cast(block.column(index).binary(), kind)


def batches(
    connection: Connection,
    query: str,
    kinds: pa.Schema,
    convert: Callable[[Block, int, pa.DataType], pa.Array] = exactly,
    block_bytes: int = BLOCK_BYTES,
) -> Generator[pa.RecordBatch]:
    """The query's rows as record batches of a schema of your own, whose fields stand for the query's columns in order.

    The server prints values as text: select what it prints exactly (`f * 1e0` for a FLOAT, `b + 0` for a BIT).
    convert(block, index, type) -> array: what to do instead of raising, when a value does not fit.
    """
    with closing(blocks(connection, query, block_bytes)) as found:
        yield from _converted(found, kinds, convert)


def _converted(
    found: Iterable[Block], kinds: pa.Schema, convert: Callable[[Block, int, pa.DataType], pa.Array]
) -> Iterator[pa.RecordBatch]:
    def batch(block: Block) -> pa.RecordBatch:
        if block.width != len(kinds):
            raise pa.ArrowInvalid(f"the query has {block.width} columns, the schema {len(kinds)}")
        arrays = [convert(block, index, kind) for index, kind in enumerate(kinds.types)]
        return pa.RecordBatch.from_arrays(arrays, schema=kinds)

    return map(batch, found)
