"""DuckDB's mysql extension, from its wheel. `python -m bench.readers.duckdb_way URL TABLE FOLDER`"""

import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import duckdb
import duckdb_extension_mysql_scanner as carrier

from loaders.common.quoting import sql_name, sql_text


def main(url: str, table: str, folder: str) -> None:
    parts = urlsplit(url)
    extension = next(Path(carrier.__file__).parent.rglob("mysql_scanner.duckdb_extension"))
    address = f"host={parts.hostname} port={parts.port} user={parts.username} passwd={unquote(parts.password)}"
    with duckdb.connect() as connection:
        connection.execute(f"load {sql_text(str(extension))}")
        connection.execute(f"attach '{address} database={parts.path[1:]}' as shop (type mysql, read_only)")
        part = sql_text(f"{folder}/part.parquet")
        connection.execute(f"copy (select * from shop.{sql_name(table)}) to {part} (format parquet, compression zstd)")


if __name__ == "__main__":
    main(*sys.argv[1:])
