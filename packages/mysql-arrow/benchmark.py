"""mysql_arrow beside PyMySQL's own cursor: seconds, CPU seconds and peak memory of one query, and their ratios.

    MYSQL_PWD=… python packages/mysql-arrow/benchmark.py --host 127.0.0.1 --user reader --database shop "select …"

Each way runs in a process of its own, one after the other, `--times` times; what is printed is the median.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import pyarrow as pa
import pymysql
from pymysql.cursors import SSCursor

import mysql_arrow

ROWS_AT_ONCE = 50_000


def by_mysql_arrow(settings: dict, query: str) -> int:
    reader = mysql_arrow.read(mysql_arrow.Connection(**settings), query)
    return sum(batch.num_rows for batch in reader)


def by_pymysql(settings: dict, query: str) -> int:
    """The plain way: rows of Python objects, and Arrow's own guess of their types."""
    connection, count = pymysql.connect(**settings), 0
    with connection.cursor(SSCursor) as cursor:
        cursor.execute(query)
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            columns = [pa.array(values) for values in zip(*rows, strict=True)]
            count += pa.RecordBatch.from_arrays(columns, names=names).num_rows
    return count


WAYS = {way.__name__: way for way in (by_mysql_arrow, by_pymysql)}


def measured(way: str, settings: dict, query: str) -> dict:
    started = time.perf_counter()
    rows = WAYS[way](settings, query)
    seconds, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return {"rows": rows, "seconds": seconds, "CPU seconds": cpu, "MB": megabytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("host", "user", "database", "unix-socket"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--port", type=int, default=3306)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--way", choices=WAYS, help="run this one alone, in this process")
    parser.add_argument("query")
    given = vars(parser.parse_args())
    query, times, way = given.pop("query"), given.pop("times"), given.pop("way")
    settings = {name: value for name, value in given.items() if value is not None}
    settings |= {"password": os.environ.get("MYSQL_PWD", ""), "charset": "utf8mb4"}
    if way:
        try:
            sys.stdout.write(json.dumps(measured(way, settings, query)))
        except pymysql.MySQLError as error:
            sys.exit(f"error: {error}")
        return
    found = {}
    for name in WAYS:
        command = [sys.executable, *sys.argv, "--way", name]
        runs = [subprocess.run(command, stdout=subprocess.PIPE) for _ in range(times)]
        if any(run.returncode for run in runs):
            sys.exit(1)  # each has said why
        results = [json.loads(run.stdout) for run in runs]
        found[name] = {what: statistics.median(result[what] for result in results) for what in results[0]}
    for name, result in found.items():
        ratios = (
            f"{what} {value:,.2f} ({value / found['by_mysql_arrow'][what]:.2f} x)" for what, value in result.items()
        )
        sys.stdout.write(f"{name}: {', '.join(ratios)}\n")


if __name__ == "__main__":
    main()
