"""Whether a build now would be the last good one again: of the same raw, by the same project, dbt and settings.

The lease is held: nobody else builds or loads meanwhile. What was changed by hand is built over within a day, since
`extract` makes a new run by then whatever it finds (loaders/run/idle.py); `erase` and `replay` forget the note that
this rests on. A warehouse that never sleeps (DuckDB) has no such note: there a build is never skipped.
"""

import hashlib
import importlib.metadata
import json

from loaders.cli import connections
from loaders.common.settings import Settings
from loaders.lake import sequences
from loaders.lake.store import Lake
from loaders.run import idle
from loaders.words import catalog

NOTE = "_built.json"
MADE_BY = ("dbt-core", "dbt-redshift")
SETTINGS = ("DBT_TARGET", "DBT_SCHEMA", "DEMO_SHOP", "BUILD_ARGS")
# What dbt itself writes into its project.
NOT_SOURCE = {"target", "logs", "dbt_packages", ".user.yml"}


def _lake(chosen: Settings) -> tuple[Lake, str]:
    schema = catalog.read(chosen.catalog).schema
    return sequences.of(connections.lake(chosen), schema), schema


def state(chosen: Settings) -> bytes | None:
    """All that a build depends on; None if the lake cannot say what raw holds."""
    lake, schema = _lake(chosen)
    newest = idle.newest_in_raw(lake, schema, connections.sleeper(chosen))
    if newest is None:
        return None
    said = {
        "run": newest.run, "attempt": newest.attempt, "warehouse": connections.sleeper(chosen),
        "project": project(chosen), "made_by": {name: importlib.metadata.version(name) for name in MADE_BY},
        **{name: chosen.environment.get(name) for name in SETTINGS},
    }  # fmt: skip
    return json.dumps(said).encode()


def project(chosen: Settings) -> str:
    """A sum of every file of the dbt project, and its name."""
    whole = hashlib.sha256()
    for file in sorted(chosen.project.rglob("*")):
        name = file.relative_to(chosen.project)
        if file.is_file() and not NOT_SOURCE & set(name.parts):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            whole.update(f"{name}\0{content}\n".encode())
    return whole.hexdigest()


def is_of(chosen: Settings, now: bytes) -> bool:
    lake, _schema = _lake(chosen)
    return NOTE in lake.keys(NOTE) and lake.read(NOTE) == now


def note(chosen: Settings, now: bytes) -> None:
    """That a build of this has ended well."""
    _lake(chosen)[0].replace(NOTE, now)


def forget(chosen: Settings) -> None:
    """Before a build, which may end badly."""
    _lake(chosen)[0].delete([NOTE])
