"""chDB (ClickHouse in the process) by its table function. `python -m bench.readers.chdb_way URL TABLE FOLDER`"""

import sys
from urllib.parse import unquote, urlsplit

import chdb

from loaders.common.quoting import sql_text


def main(url: str, table: str, folder: str) -> None:
    parts = urlsplit(url)
    where = (f"{parts.hostname}:{parts.port}", parts.path[1:], table, parts.username, unquote(parts.password))
    source = ", ".join(map(sql_text, where))
    chdb.query(
        f"select * from mysql({source}) into outfile {sql_text(f'{folder}/part.parquet')} format Parquet "
        "settings session_timezone = 'UTC', output_format_parquet_compression_method = 'zstd'"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
