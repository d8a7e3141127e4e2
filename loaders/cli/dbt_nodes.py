"""What dbt makes of the catalog's tables, as it says itself: where else the rows of one may be."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.retention import erase
from loaders.retention.erase import Relation
from loaders.words.catalog import Catalog

# A model or snapshot, as `dbt ls` prints it.
Node = dict[str, Any]


def listed(catalog: Catalog, chosen: Settings) -> list[Node]:
    """Every model and snapshot, as dbt lists them itself; none where dbt does not read the catalog."""
    project = chosen.project
    if not catalog.file.resolve().is_relative_to(project.resolve()):
        return []
    asked = ["--resource-type", "model", "snapshot", "--output", "json"]
    asked += ["--output-keys", "unique_id", "depends_on", "schema", "alias", "config.materialized", "config.meta"]
    dbt = Path(sys.executable).parent / "dbt"
    answer = subprocess.run(
        [sys.executable, dbt, "--quiet", "ls", *asked],
        cwd=project,
        env=os.environ | dict(chosen.environment) | {"DBT_PROFILES_DIR": str(chosen.dbt_profiles_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        said = " ".join((answer.stdout + answer.stderr).split())[-300:]
        raise Failure(
            f"dbt cannot list what it makes of schema {catalog.schema}: {said}",
            "`make build` shows the same fault; nothing was erased",
        )
    return [json.loads(line) for line in answer.stdout.splitlines() if line.startswith("{")]


def made_of(catalog: Catalog, table: str, nodes: list[Node]) -> list[Relation]:
    """The tables that dbt makes of a source table."""
    names = {each.name: each.dbt_name for each in catalog.tables}
    found = descendants(f".{catalog.source}.{names.get(table) or table}", nodes)
    return [erase.relation(entry, table) for entry in found if entry["config.materialized"] != "view"]


def descendants(source: str, every: list[Node]) -> list[Node]:
    """The models that read a source, or a model that does. Not by dbt's --select, in which names can mean more."""
    made: dict[str, Node] = {}
    while True:
        more = {
            entry["unique_id"]: entry
            for entry in every
            if any(
                node in made or (node.startswith("source.") and node.endswith(source))
                for node in entry["depends_on"]["nodes"]
            )
        }
        if len(more) == len(made):
            return list(made.values())
        made = more
