"""Run the loaders and be killed (SIGKILL) at the n-th step: `python -m tests.kill_at n extract …`.

A step is each use of the lake, each statement to the warehouse (DuckDB or Redshift), and the moments before and after
the two commits. With n = 0 nothing is killed, and the steps are printed.
"""

import os
import signal
import sys
from pathlib import Path

import duckdb

from loaders import cli
from loaders.common.errors import run_command
from loaders.lake import parquet
from loaders.lake.folder import Folder
from loaders.lake.s3 import S3
from loaders.source.mysql import Snapshot
from loaders.warehouse import duckdb_warehouse
from loaders.warehouse.redshift_session import RedshiftSession

at = int(sys.argv.pop(1))
steps: list[str] = []


def step(name: str) -> None:
    steps.append(name)
    if len(steps) == at:
        os.kill(os.getpid(), signal.SIGKILL)


def watched(owner, name: str, label: str):
    """Count a function's beginning as a step, and its end too where that is a moment of its own."""
    original = getattr(owner, name)

    def replacement(*arguments, **options):
        step(f"before {label}")
        result = original(*arguments, **options)
        if name in ("link", "replace"):
            step(f"after {label}")
        return result

    setattr(owner, name, replacement)


class WatchedConnection:
    """A DuckDB connection whose every statement is a step; the commit is one before and one after."""

    def __init__(self, connection):
        self.connection = connection

    def execute(self, sql, *arguments):
        step(f"before sql {sql[:40]}")
        result = self.connection.execute(sql, *arguments)
        if sql == "commit":
            step("after sql commit")
        return result

    def interrupt(self):
        self.connection.interrupt()

    def close(self):
        self.connection.close()


connect = duckdb.connect
duckdb_warehouse.duckdb.connect = lambda *arguments, **options: WatchedConnection(connect(*arguments, **options))
for store in (Folder, S3):
    for name in ("put_file", "create", "replace", "delete", "fetch"):
        watched(store, name, f"lake {name}")
send = RedshiftSession.run


def sent(session, sql):
    step(f"before sql {sql[:40]}")
    send(session, sql)
    if sql == "commit":
        step("after sql commit")


RedshiftSession.run = sent
watched(Snapshot, "read", "read")
watched(Snapshot, "count", "count")
watched(os, "link", "the lake's commit")
watched(Path, "replace", "a file is in place")
watched(parquet, "write", "parquet")

code = run_command(cli.main)
if not at:
    print("\n".join(steps))
sys.exit(code)
