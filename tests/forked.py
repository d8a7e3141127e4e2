"""Python's commands by a process that has imported what they need: each is a fork of it, so it begins in no time.

What they leave in memory ends with them. How a command really starts is proved where one is started: tests/test_cli.py.
dbt takes over what it made of this project's files for an earlier test (its own partial parsing).
"""

import datetime
import hashlib
import multiprocessing
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from loaders.common.settings import ROOT

DBT = str(Path(sys.executable).parent / "dbt")
PROJECT = ROOT / "dbt_project"
# What tells of the files themselves, or is about reading them.
ANEW = {"parse", "debug", "--warn-error", "--no-partial-parse"}
REAL = datetime.datetime
# The folder, of all workers together, for what dbt has parsed (conftest.py).
PARSED: list[Path] = []
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "loaders.cli", "loaders.lake.s3", "loaders.help.lineage", "dashboard.cli", "seeds_generator.cli",
        "dbt.adapters.duckdb", "dbt.adapters.redshift", "dbt.task.build", "tests.warm_dbt",
    ]
)  # fmt: skip


def run(*words: str, environment: Mapping[str, str], folder: Path = ROOT) -> subprocess.CompletedProcess:
    """`python words`: `-m` and a module, or a file, and what follows.

    CLOCK_DAYS: by how many days the machine's clock is wrong, as far as Python is asked for the time.
    """
    # Read as a process begins, or never. A socket in the folder for temporary files has 104 bytes for its whole path.
    if "LD_PRELOAD" in environment or len(os.fsencode(tempfile.gettempdir())) > 70:
        return subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    with tempfile.TemporaryDirectory() as name:
        printed = [Path(name, stream) for stream in ("out", "err")]
        process = PROCESSES.Process(target=_be, args=(words, dict(environment), folder, printed))
        process.start()
        process.join()
        said = (file.read_text() if file.exists() else "" for file in printed)
        return subprocess.CompletedProcess(words, process.exitcode, *said)


def dbt(*words: str, environment: Mapping[str, str], folder: Path = PROJECT) -> subprocess.CompletedProcess:
    """`dbt words` in a dbt project."""
    if folder != PROJECT or not ANEW.isdisjoint(words):
        return run(DBT, *words, environment=environment, folder=folder)
    target = Path(environment["DBT_TARGET_PATH"])
    # dbt sees by itself whether it fits; of these there is one each.
    changed = words[words.index("--vars") :][:2] if "--vars" in words else ()
    alike = *changed, *map(environment.get, ("DBT_TARGET", "DBT_SCHEMA", "DEMO_SHOP"))
    noted, parsed = PARSED[0] / hashlib.sha256(repr(alike).encode()).hexdigest(), target / "partial_parse.msgpack"
    if not target.exists() and noted.exists():
        target.mkdir()
        shutil.copy(noted, parsed)
    done = run(DBT, *words, environment=environment, folder=folder)
    if not noted.exists() and parsed.exists():
        # Another worker must not find half of it.
        Path(shutil.copy(parsed, noted.with_suffix(f".{os.getpid()}"))).replace(noted)
    return done


def clock(days: int) -> type[datetime.datetime]:
    """A datetime whose now is wrong by so many days."""

    class Any(type):
        def __instancecheck__(cls, value) -> bool:
            return isinstance(value, REAL)

    class Wrong(REAL, metaclass=Any):
        def __new__(cls, *parts, **named):
            """A real one: what is kept of it, others must be able to write and read."""
            return REAL(*parts, **named)

        @classmethod
        def now(cls, tz=None):
            return REAL.now(tz) + datetime.timedelta(days)

    return Wrong


def _be(words: tuple[str, ...], environment: dict[str, str], folder: Path, printed: list[Path]) -> None:
    for number, file in enumerate(printed, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    if "CLOCK_DAYS" in environment:
        datetime.datetime = clock(int(environment["CLOCK_DAYS"]))
    if words[0] == "-m":
        sys.argv = ["-m", *words[2:]]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        if words[0] == DBT and ANEW.isdisjoint(words):
            _believe_what_was_parsed_for_another_warehouse()
        sys.argv = list(words)
        runpy.run_path(words[0], run_name="__main__")


def _believe_what_was_parsed_for_another_warehouse() -> None:
    """What dbt makes of the project's files does not depend on the warehouse's file or port, and dbt thinks it may."""
    from dbt.parser.manifest import ManifestLoader

    asked = ManifestLoader.build_manifest_state_check

    def check(loader):
        credentials = loader.root_project.credentials
        place = "path" if credentials.type == "duckdb" else "port"
        true = getattr(credentials, place)
        setattr(credentials, place, "")
        try:
            return asked(loader)
        finally:
            setattr(credentials, place, true)

    ManifestLoader.build_manifest_state_check = check
