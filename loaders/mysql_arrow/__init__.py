"""MySQL's rows as Arrow record batches, at the speed of the wire: exact, in bounded memory, or a failure.

    connection = mysql_arrow.Connection(…, charset="utf8mb4")
    schema = pa.schema([("id", pa.int64()), ("price", pa.decimal128(10, 2)), ("name", pa.string())])
    for batch in mysql_arrow.read(connection, "select id, price, name from product", schema):
        ...

PyMySQL connects, logs in (TLS too), sends the query and reads the columns' names. From there on the socket is read in
blocks of megabytes, and the rows in a block are taken apart column by column with numpy and Arrow; no value passes
through a Python object.

    pymysql_seam.py   all that is known of PyMySQL's insides
    packets.py        bytes off the wire -> blocks of whole rows
    lanes.py          where the packets of a block begin, a thousand at a time
    block.py          a block -> its columns, as positions of values
    printed.py        printed values -> Arrow's types
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pyarrow as pa

from loaders.mysql_arrow import packets, printed, pymysql_seam
from loaders.mysql_arrow.block import Block
from loaders.mysql_arrow.packets import BLOCK_BYTES
from loaders.mysql_arrow.pymysql_seam import Connection

__all__ = ["Block", "Connection", "abandon", "blocks", "exactly", "interrupt", "read", "spoken"]

abandon, interrupt, spoken = pymysql_seam.abandon, pymysql_seam.interrupt, pymysql_seam.spoken


def blocks(connection: Connection, query: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The query's rows as they come, in blocks of about block_bytes; a row larger than that is one alone.

    Ends after the last row and at no other point: a server's error, a broken connection and bytes that are not the
    protocol's raise pymysql.MySQLError. Closed early, it closes the connection: the server would send the rest.
    """
    stream = pymysql_seam.start(connection, query)
    try:
        # map, not a loop: the loop's variable would hold a block while the next one is received.
        yield from map(partial(_block, len(stream.names)), packets.blocks(stream, block_bytes))
    except BaseException:
        pymysql_seam.abandon(connection)
        raise


def _block(width: int, rows: packets.Rows) -> Block:
    return Block(*rows, width)


def exactly(block: Block, index: int, kind: pa.DataType) -> pa.Array:
    """Column `index` of a block as Arrow type `kind`; a value that does not fit raises pa.ArrowInvalid.

    Everything that Arrow itself casts from text is a kind; timestamps with a zone are read as UTC.
    """
    return printed.cast(block.column(index).binary(), kind)


def read(
    connection: Connection,
    query: str,
    schema: pa.Schema,
    convert: Callable[[Block, int, pa.DataType], pa.Array] = exactly,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[pa.RecordBatch]:
    """The query's rows as record batches of `schema`, whose fields stand for the query's columns in order.

    The server prints values as text: select what it prints exactly (`f * 1e0` for a FLOAT, `b + 0` for a BIT).
    convert(block, index, type) -> array: what to do instead of raising, when a value does not fit.
    """

    def batch(block: Block) -> pa.RecordBatch:
        if block.width != len(schema):
            raise pa.ArrowInvalid(f"the query has {block.width} columns, the schema {len(schema)}")
        arrays = [convert(block, index, kind) for index, kind in enumerate(schema.types)]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    with closing(blocks(connection, query, block_bytes)) as found:
        yield from map(batch, found)
