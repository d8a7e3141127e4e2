"""The original's way: MySQL -> pandas -> CSV -> S3 -> COPY. It works on a good day. Do not use it; read its comments.

Each FLAW names what goes wrong silently, and the guard that cures it in this project.
"""

import sys
from pathlib import Path

import boto3
import pandas as pd
import pymysql

TABLES = ("customer", "product", "order")


def read(connection: pymysql.Connection, table: str) -> pd.DataFrame:
    # FLAW: each table is read at another moment; an order may come without its customer.
    #   CURE: one consistent snapshot for all tables (loaders/mysql.py: snapshot).
    # FLAW: SELECT * leaves invisible columns out.                      CURE: columns from INFORMATION_SCHEMA.
    # FLAW: the whole table lies in memory: 2.4 GB for 2 million orders. CURE: batches of 8 MB (loaders/mysql.py: read).
    # FLAW: decimals and NULLs become floats or objects as pandas guesses; an INT with a NULL becomes 7.0.
    #   CURE: types come from the source's own schema (loaders/type_contract.py).
    with connection.cursor() as cursor:
        cursor.execute(f"select * from `{table}`")
        names = [column[0] for column in cursor.description]
        return pd.DataFrame(list(cursor.fetchall()), columns=names)


def write(frame: pd.DataFrame, file: Path) -> None:
    # FLAW: CSV cannot tell NULL from '' and has no types: '' comes back as NULL, '007' as 7.
    #   CURE: Parquet with the contract's types (loaders/parquet.py).
    # FLAW: killed half way, it leaves a file that looks whole.
    #   CURE: whole files only, published together by one record (loaders/pipeline.py, loaders/runs.py).
    frame.to_csv(file, index=False)


def upload(file: Path, bucket: str, client) -> str:
    # FLAW: the next day's file replaces this one under the same key; nothing can be replayed or compared.
    #   CURE: immutable files under an attempt of their own (loaders/attempts.py).
    # FLAW: nobody checks what arrived.                 CURE: sha256 and row count in the run record (loaders/lake.py).
    key = f"naive/{file.name}"
    client.upload_file(str(file), bucket, key)
    return f"s3://{bucket}/{key}"


def copy_sql(table: str, url: str, role: str) -> str:
    # FLAW: `order` is a reserved word; unquoted the statement fails.   CURE: one quoting function (loaders/quoting.py).
    # FLAW: EMPTYASNULL, TRUNCATECOLUMNS and MAXERROR change or drop rows, and COPY still says it succeeded.
    #   CURE: rows staged = rows loaded, or nothing changes (loaders/duckdb_warehouse.py: _replace).
    # FLAW: a TRUNCATE before and a COPY after commit on their own; in between, and after a failure, the table is empty.
    #   CURE: one transaction for all tables and their line in raw._loads.
    # FLAW: a second COPY of the same file doubles the rows.            CURE: each run is applied once, in order.
    return (
        f"copy raw.\"{table}\" from '{url}' iam_role '{role}' csv ignoreheader 1 emptyasnull truncatecolumns maxerror 9"
    )


def extract(connection: pymysql.Connection, folder: Path) -> dict[str, Path]:
    """Every table as a CSV file in `folder`."""
    files = {}
    for table in TABLES:
        files[table] = folder / f"{table}.csv"
        write(read(connection, table), files[table])
    return files


def main(url_parts: dict, folder: Path, bucket: str, client, role: str) -> list[str]:
    """The whole way; returns the COPY statements that would be sent to Redshift."""
    # FLAW: the original kept host, user and password in the notebook.  CURE: SOURCE_URL in .env, which git ignores.
    with pymysql.connect(**url_parts) as connection:
        files = extract(connection, folder)
    return [copy_sql(table, upload(file, bucket, client), role) for table, file in files.items()]


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: python examples/naive.py HOST USER PASSWORD DATABASE BUCKET   (to read, not to use)")
    where = dict(zip(("host", "user", "password", "database"), sys.argv[1:5], strict=True))
    print("\n".join(main(where, Path(), sys.argv[5], boto3.client("s3"), "arn:aws:iam::123456789012:role/copy")))
