"""`make dev` and `make build-sample`: builds beside the real one, which leave dbt's artifacts of that as they are."""

import argparse
import os
import pwd
import re
import subprocess
import sys
from collections.abc import Callable, Mapping

from dotenv import dotenv_values

from loaders.common import settings
from loaders.common.errors import Failure, run_command
from loaders.common.settings import DATA, ROOT, Settings

SAMPLE = ROOT / "sample" / "settings"
WAREHOUSE = DATA / "sample.duckdb"


def dev(chosen: Settings, words: list[str]) -> int:
    """A part into a schema of one's own; what it reads and is not chosen is read where production has built it."""
    if not any(word.startswith(("-s", "--select")) for word in words):
        raise Failure("nothing is chosen", "say what: `make dev SELECT=order_mart+`")
    me = re.sub("[^a-z0-9]", "_", pwd.getpwuid(os.getuid()).pw_name)
    schema = chosen.environment.get("DBT_SCHEMA", f"dev_{me}")
    targets = chosen.project / "target"
    production, state = targets / "production", DATA / "state"
    print(f"building into the schema {schema}", flush=True)
    parsed = _loaders({"DBT_SCHEMA": ""}, "dbt", "parse", "--quiet", "--target-path", str(production))
    if parsed:
        return parsed
    known = ["--state", str(state)] if (state / "manifest.json").is_file() else []
    deferred = ["--defer", "--defer-state", str(production), *known, "--target-path", str(targets / "dev")]
    return _loaders({"DBT_SCHEMA": schema}, "dbt", "build", *deferred, *words)


def sample(chosen: Settings, words: list[str]) -> int:
    """All of it on sample/ alone: neither .env nor a source is needed."""
    if not SAMPLE.is_file():
        raise Failure("there is no sample/settings", "`make sample` draws one")
    for file in DATA.glob(f"{WAREHOUSE.name}*"):
        file.unlink()
    places = {"LAKE_URL": "sample", "LAKE_KEY": "", "DBT_TARGET": "duckdb"}
    places["DUCKDB_PATH"] = os.path.relpath(WAREHOUSE, chosen.project)
    given = {name: value or "" for name, value in dotenv_values(SAMPLE, interpolate=False).items()} | places
    target = str(chosen.project / "target" / "sample")
    return _loaders(given, "load") or _loaders(given, "dbt", "build", "--target-path", target, *words)


def _loaders(changes: Mapping[str, str], *words: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "loaders", *words], env=os.environ | dict(changes), check=False
    ).returncode


BUILDS: Mapping[str, Callable[[Settings, list[str]], int]] = {"dev": dev, "sample": sample}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local_stack.own_builds", description=__doc__)
    parser.add_argument("build", choices=BUILDS)
    arguments, words = parser.parse_known_args()
    return BUILDS[arguments.build](settings.read(), words)


if __name__ == "__main__":
    sys.exit(run_command(main))
