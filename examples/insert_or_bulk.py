"""Rows into MySQL and into the Redshift stand-in, by INSERT and in bulk, timed: python -m examples.insert_or_bulk

Nothing stays. The stand-in's times are not Redshift's; the ratio is the lesson.
"""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from loaders.common.errors import run_command
from loaders.common.quoting import mysql_value
from loaders.lake import parquet
from loaders.lake.run_files import manifest
from loaders.lake.s3 import S3
from loaders.source import log_in
from loaders.warehouse import profile, redshift_connection, redshift_sql
from loaders.words.run_record import File
from local_stack import faults, redshift, scratch
from local_stack.redshift import NAMES
from redshift_stand_in import Stack

FEW, MANY = 500, 100_000
TABLE = "(id bigint, note varchar(40), fee decimal(10, 2))"


def rows(number: int) -> list[tuple]:
    return [(row, f"parcel {row}", Decimal(row) / 100) for row in range(number)]


def timed(what: str, number: int, load: Callable[[int], object]) -> float:
    """Run `load(number)`, print how fast it was, and return rows per second."""
    started = time.monotonic()
    load(number)
    speed = number / max(time.monotonic() - started, 1e-6)
    print(f"  {what:<30}{number:>7,} rows {speed:>12,.0f} rows/s", flush=True)
    return speed


def into_mysql() -> None:
    with scratch.database() as url, closing(log_in.connect(url, scratch.SETTING, local_infile=True)) as connection:
        cursor = connection.cursor()
        cursor.execute(f"create table parcel {TABLE}")

        def one_by_one(number: int) -> None:
            for row in rows(number):
                cursor.execute("insert into parcel values (%s, %s, %s)", row)
                connection.commit()

        def many_at_once(number: int) -> None:
            cursor.executemany("insert into parcel values (%s, %s, %s)", rows(number))
            connection.commit()

        def load_data(number: int) -> None:
            with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
                file.writelines("\t".join(map(str, row)) + "\n" for row in rows(number))
                file.flush()
                cursor.execute(f"load data local infile {mysql_value(file.name)} into table parcel")
            connection.commit()

        print("MySQL")
        timed("INSERT, a row at a time", FEW, one_by_one)
        timed("INSERT, many rows at a time", MANY, many_at_once)
        timed("LOAD DATA", MANY, load_data)


def into_redshift() -> float:
    """How many times as fast as INSERT the COPY was."""
    running = redshift.up()
    with closing(_connect(running)) as connection, connection.cursor() as cursor:
        cursor.execute(f"create temporary table parcel {TABLE}")

        def one_by_one(number: int) -> None:
            for row in rows(number):
                cursor.execute("insert into parcel values (%s, %s, %s)", row)

        def copy(number: int) -> None:
            with _in_the_lake(running, number) as address:
                cursor.execute(redshift_sql.copy("parcel", address, running.copy_role))

        print("Redshift's stand-in")
        slow = timed("INSERT, a row at a time", FEW, one_by_one)
        return timed("COPY from S3, writing it too", MANY, copy) / slow


@contextmanager
def _in_the_lake(running: Stack, number: int) -> Iterator[str]:
    """The rows as a Parquet file in S3; yields its manifest's address."""
    lake = S3(faults.client(running, "s3"), NAMES.bucket, NAMES.prefix)
    folder = f"_lesson/{secrets.token_hex(8)}"
    schema = pa.schema([("id", pa.int64()), ("note", pa.string()), ("fee", pa.decimal128(10, 2))])
    columns = [pa.array(values, field.type) for values, field in zip(zip(*rows(number)), schema)]  # noqa: B905
    with tempfile.TemporaryDirectory() as work:
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        (local,) = parquet.write([batch], schema, Path(work) / "parcel", lake.codec)
        file = File(f"{folder}/parcel.parquet", local.rows, local.bytes, local.sha256)
        lake.put_file(file.key, local.path, local.sha256)
    lake.create(f"{folder}/manifest", manifest([file], lake.url))
    try:
        yield lake.url(f"{folder}/manifest")
    finally:
        lake.delete([file.key, f"{folder}/manifest"])


def _connect(running: Stack):
    os.environ["SSL_CERT_FILE"] = running.authority
    values = {"host": "localhost", "port": running.port, "dbname": running.database, "user": "admin"}
    password = {"password": running.passwords["admin"]}
    return redshift_connection.connect(profile.Target("redshift_local", "redshift", values | password))


def main() -> None:
    into_mysql()
    times = into_redshift()
    print(f"COPY was {times:,.0f} times as fast as INSERT")


if __name__ == "__main__":
    sys.exit(run_command(main))
