"""Imported by the process whose forks are dbt (forked.py): what dbt makes of its own classes when it first needs them,
a quarter of a small build's time, is made once.

A process that has threads must not be forked: what one of them holds at that moment is held for good in the fork. dbt's
static parser, which is in Rust, keeps a pool of them, so another process parses, and this one takes over what it made.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dbt.cli.main import dbtRunner

from loaders.common.settings import ROOT


def threads() -> int:
    """Python's and others'; 0 where the system does not tell."""
    return len([*Path("/proc/self/task").glob("*")])


before, alone = dict(os.environ), threads()
with tempfile.TemporaryDirectory() as name:
    shutil.copy(ROOT / "profiles.example.yml", Path(name, "profiles.yml"))
    os.environ.update(DBT_TARGET="duckdb", DUCKDB_PATH=f"{name}/warehouse.duckdb", DBT_PROFILES_DIR=name)
    os.environ.update(DBT_TARGET_PATH=f"{name}/target", DBT_LOG_PATH=f"{name}/logs")
    words = ["parse", "--quiet", "--project-dir", str(ROOT / "dbt_project")]
    subprocess.run([Path(sys.executable).with_name("dbt"), *words], check=True)
    dbtRunner().invoke(words)
os.environ.clear()
os.environ.update(before)
if threads() > alone:
    raise RuntimeError("dbt has begun threads that its forks would wait for")
