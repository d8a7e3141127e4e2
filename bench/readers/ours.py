"""Our reader and Parquet writer as a library: no hash column, no lake; each file with its sha256.

`python -m bench.readers.ours URL TABLE FOLDER`
"""

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from loaders import mysql, mysql_url, parquet
from loaders.type_contract import contract, lake_schema


def main(url: str, name: str, folder: str) -> None:
    source = mysql_url.connect(mysql_url.parse(url, "the URL"), "the URL", **mysql.CONNECT_OPTIONS)
    with closing(source), mysql.snapshot(source) as snapshot:
        table = snapshot.tables()[name]
        columns = [contract(column, name) for column in table.columns]
        batches = snapshot.read(table, columns, table.primary_key, {}, Counter())
        for file in parquet.write(batches, lake_schema(columns), Path(folder)):
            print(file.path.name, file.rows, file.sha256)


if __name__ == "__main__":
    main(*sys.argv[1:])
