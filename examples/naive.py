"""The original's way: MySQL -> pandas -> CSV -> S3 -> COPY. It works on a good day. Do not use it; read its comments.

Each FLAW names what goes wrong silently, and the guard that cures it in this project. Lesson zero of the course runs it
on the private server, with DuckDB in Redshift's place: python examples/naive.py
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb
import pandas as pd
import pymysql

TABLES = ("customer", "product", "order")


def read(connection: pymysql.Connection, table: str) -> pd.DataFrame:
    # FLAW: each table is read at another moment; an order may come without its customer.
    #   CURE: one consistent snapshot for all tables (loaders/source/mysql.py: snapshot).
    # FLAW: SELECT * leaves invisible columns out.                      CURE: columns from INFORMATION_SCHEMA.
    # FLAW: all rows lie in memory: 2.4 GB for 2 million orders. CURE: batches of 8 MB (loaders/source/mysql.py: read).
    # FLAW: decimals and NULLs become floats or objects as pandas guesses; an INT with a NULL becomes 7.0.
    #   CURE: types come from the source's own schema (loaders/types/type_contract.py).
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute(f"select * from `{table}`")
        names = [column[0] for column in cursor.description]
        return pd.DataFrame(list(cursor.fetchall()), columns=names)


def write(frame: pd.DataFrame, file: Path) -> None:
    # FLAW: CSV cannot tell NULL from '' and has no types. CURE: Parquet, types by contract (loaders/lake/parquet.py).
    # FLAW: killed half way, it leaves a file that looks whole.
    #   CURE: whole files only, published together by one record (loaders/run/pipeline.py, loaders/lake/runs.py).
    frame.to_csv(file, index=False)


def load(warehouse: duckdb.DuckDBPyConnection, table: str, file: Path) -> None:
    # FLAW: types are guessed once more, from the texts: '' and 'NA' come back as NULL, '007' as 7, a date as a text.
    #   CURE: no type is ever guessed from a value (loaders/types/type_contract.py: contract).
    # FLAW: each table is committed on its own; what fails between two leaves today's customers and yesterday's orders.
    #   CURE: one transaction for all tables and their line in raw._loads.
    frame = pd.read_csv(file)  # noqa: F841 (DuckDB finds it by its name)
    warehouse.execute(f'create or replace table "{table}" as select * from frame')


def upload(file: Path, bucket: str, client) -> str:
    # FLAW: the next day's file replaces this one under the same key; nothing can be replayed or compared.
    #   CURE: immutable files under an attempt of their own (loaders/lake/attempts.py).
    # FLAW: nobody checks what arrived. CURE: sha256 and row count in the run record (loaders/lake/store.py).
    client.upload_file(str(file), bucket, f"naive/{file.name}")
    return f"s3://{bucket}/naive/{file.name}"


def copy_sql(table: str, url: str, role: str) -> str:
    # FLAW: `order` is a reserved word; unquoted the statement fails.   CURE: one quoting function (common/quoting.py).
    # FLAW: EMPTYASNULL, TRUNCATECOLUMNS and MAXERROR change or drop rows, and COPY still says it succeeded.
    #   CURE: rows staged = rows loaded, or nothing changes (loaders/warehouse/duckdb_warehouse.py: _apply).
    # FLAW: a second COPY of the same file doubles the rows.            CURE: each run is applied once, in order.
    options = "csv ignoreheader 1 emptyasnull truncatecolumns maxerror 9"
    return f"copy raw.\"{table}\" from '{url}' iam_role '{role}' {options}"


def run(connection: pymysql.Connection, warehouse, folder: Path, tables=TABLES) -> Iterator[str]:
    """The whole way, a table at a time; yields what became of each."""
    for table in tables:
        write(read(connection, table), folder / f"{table}.csv")
        load(warehouse, table, folder / f"{table}.csv")
        yield f"{table}: {warehouse.table(table).count('*').fetchone()[0]:,} rows"


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent.parent / ".data"
    url = urlsplit((folder / "mysql/loader.url").read_text().strip())
    # FLAW: the original kept host, user and password in the notebook.  CURE: SOURCE_URL in .env, which git ignores.
    who = {"user": url.username, "password": unquote(url.password), "database": url.path[1:]}
    socket = parse_qs(url.query)["unix_socket"][0]
    with pymysql.connect(**who, unix_socket=socket) as source, duckdb.connect(folder / "naive.duckdb") as target:
        print("\n".join(run(source, target, folder)))
