"""Every failure, with a canary for each password: it is in no output, log, file, or argument list."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from loaders.common.settings import ROOT
from local_stack.redshift import environment
from tests import commands

CANARY = "canary-5f2b81"
URL = f"mysql://loader:{CANARY}@"
DBT = str(Path(sys.executable).parent / "dbt")
# name -> (command, what differs from settings that work)
FAILURES = {
    "MySQL refuses the password": ("extract", lambda s: {"SOURCE_URL": s.wrong_password}),
    "MySQL is not there": ("extract", lambda s: {"SOURCE_URL": f"{URL}127.0.0.1:9/shop"}),
    "MySQL has no such host": ("doctor", lambda s: {"SOURCE_URL": f"{URL}nowhere.invalid/shop"}),
    "not a URL": ("discover", lambda s: {"SOURCE_URL": f"postgres://loader:{CANARY}@h/d"}),
    "an unknown option": ("plan", lambda s: {"SOURCE_URL": f"{URL}h/d?password={CANARY}"}),
    "the authority's file is missing": ("extract", lambda s: {"SOURCE_URL": f"{URL}h/d?ssl_ca=/nowhere"}),
    "Secrets Manager refuses": (
        "extract",
        lambda s: {"SOURCE_URL": "mysql://loader@h/d?secret=none", "AWS_SECRET_ACCESS_KEY": CANARY},
    ),
    "the lake's key is too short": ("doctor", lambda s: {"LAKE_KEY": CANARY}),
    "S3 refuses the key": ("load", lambda s: {"AWS_SECRET_ACCESS_KEY": CANARY}),
    "Redshift refuses the password": ("load", lambda s: {"REDSHIFT_LOCAL_PASSWORD": CANARY}),
    "Redshift is not there": (
        "status",
        lambda s: {"REDSHIFT_LOCAL_PASSWORD": CANARY, "REDSHIFT_LOCAL_PORT": "9"},
    ),
    "doctor finds both closed": (
        "doctor",
        lambda s: {"REDSHIFT_LOCAL_PASSWORD": CANARY, "SOURCE_URL": f"{URL}127.0.0.1:9/shop"},
    ),
    "dbt is refused": ("dbt debug", lambda s: {"REDSHIFT_LOCAL_PASSWORD": CANARY}),
}


class Watch:
    """Looks for the canary in the argument lists of all processes, as long as it is entered (Linux only)."""

    def __init__(self):
        self.seen: list[str] = []
        self.end = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.end.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.end.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = file.read_text(errors="replace")
                except OSError:
                    continue  # it has ended meanwhile
                if CANARY in line:
                    self.seen.append(line)


@pytest.fixture(scope="module")
def shop(module_own, redshift):
    """Settings that work, and the source's URL with a password that does not."""
    module_own.write("create table t (id int primary key)")
    module_own.discover()
    works = commands.settings(module_own) | environment(redshift) | {"CATALOG": str(module_own.catalog_file)}
    before, _, after = module_own.source_url.partition("@")
    object.__setattr__(module_own, "wrong_password", f"{before.rpartition(':')[0]}:{CANARY}@{after}")
    return module_own, works


@pytest.mark.parametrize("what", FAILURES)
def test_a_password_is_shown_nowhere(shop, what):
    own, works = shop
    command, changes = FAILURES[what]
    words = [DBT, "debug"] if command == "dbt debug" else [sys.executable, "-m", "loaders", command]
    folder = ROOT / "dbt_project" if command == "dbt debug" else ROOT
    with Watch() as watch:
        done = subprocess.run(words, cwd=folder, env=works | changes(own), capture_output=True, text=True)
    assert done.returncode == (75 if what.endswith("not there") else 1), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stdout + done.stderr
    assert watch.seen == []
    holding = [file for file in own.folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()]
    assert holding == []
