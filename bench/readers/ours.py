"""Our reader and Parquet writer as a library: no hash column, no lake; each file with its sha256.

`python -m bench.readers.ours URL TABLE FOLDER [CONNECTIONS]`
"""

import sys
from contextlib import ExitStack, closing
from pathlib import Path

from loaders.common.memory import keep_little
from loaders.lake import parquet
from loaders.source import key_ranges, log_in, mysql, mysql_url
from loaders.source.conversion import Conversion
from loaders.source.shared_snapshot import shared_snapshot
from loaders.types.type_contract import contract, lake_schema


def main(url: str, name: str, folder: str, connections: str = "1") -> None:
    keep_little()
    with ExitStack() as opened:
        first, *more = (_open(opened, url) for _ in range(int(connections)))
        if more:
            snapshot = opened.enter_context(shared_snapshot([first, *more], _open(opened, url), [name], sys.exit))
        else:
            snapshot = opened.enter_context(mysql.snapshot(first))
        table = snapshot.tables()[name]
        columns = [contract(column, name) for column in table.columns]
        parts = key_ranges.conditions(snapshot, table)
        batches = snapshot.read(table, Conversion(name, columns, table.primary_key), parts)
        for file in parquet.write(batches, lake_schema(columns), Path(folder) / "part", "zstd", table.estimated_rows):
            print(file.path.name, file.rows, file.sha256)


def _open(opened: ExitStack, url: str) -> mysql.pymysql.Connection:
    connection = log_in.connect(mysql_url.parse(url, "the URL"), "the URL", **mysql.CONNECT_OPTIONS)
    return opened.enter_context(closing(connection))


if __name__ == "__main__":
    main(*sys.argv[1:])
