"""ConnectorX, in batches (its `arrow` would hold the whole table).

`python -m bench.readers.connectorx_way URL TABLE FOLDER`
"""

import sys
from pathlib import Path

import connectorx
import pyarrow.parquet as pq


def main(url: str, table: str, folder: str) -> None:
    # Without prefer_socket it moves a URL of 127.0.0.1 to the Unix socket.
    reader = connectorx.read_sql(
        f"{url}?prefer_socket=false", f"select * from `{table}`", return_type="arrow_stream", batch_size=50_000
    )
    with pq.ParquetWriter(Path(folder) / "part.parquet", reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


if __name__ == "__main__":
    main(*sys.argv[1:])
