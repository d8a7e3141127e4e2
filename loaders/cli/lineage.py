"""`lineage`: which columns of the sources a column of a model is computed from, through every model between them.

examples:
  python -m loaders lineage order_mart.delivery_days   a column, and each step back to the sources
  python -m loaders lineage order_mart                 every column of a model, in a line each
It reads what `python -m loaders dbt compile` left, as `make build` and `make docs` do too. What sqlglot cannot tell is
NOT KNOWN, and the exit code 1 then: docs/lineage.md
"""

import argparse
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from loaders.cli.commands import Commands, add
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import notice, tell
from loaders.words.catalog import known_or_fail

if TYPE_CHECKING:
    from loaders.help.lineage import Column, Lineage


def add_to(commands: Commands) -> None:
    """Add the command to the command line."""
    asking = add(commands, __doc__, run)
    asking.add_argument("asked", metavar="MODEL[.COLUMN]", help="a column of a model, or all of them")
    asking.add_argument("--json", action="store_true", help="on stdout an object in a line for each column")


def run(arguments: argparse.Namespace, chosen: Settings) -> int:
    try:
        from loaders.help.lineage import Lineage
    except ImportError:
        raise Failure("sqlglot, which reads the SQL, is not installed", "pip install 'order-he[duckdb]'") from None
    known = Lineage(_manifest(chosen))
    model, _, name = arguments.asked.partition(".")
    known_or_fail(model, known.ids, "model", "the dbt project")
    columns = known.columns(known.ids[model])
    if name:
        known_or_fail(name.lower(), columns, "column", model)
    whole = [_told(known, (known.ids[model], each), bool(name)) for each in ([name.lower()] if name else columns)]
    return int(not all(whole))


def _manifest(chosen: Settings) -> Any:
    """What dbt has compiled; with a notice where a file is newer."""
    file = chosen.project / chosen.environment.get("DBT_TARGET_PATH", "target") / "manifest.json"
    try:
        manifest, made = json.loads(file.read_text("utf-8")), file.stat().st_mtime
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no JSON, or half of it"
        fix = "run `python -m loaders dbt compile`, which makes it"
        raise Failure(f"dbt has left no manifest in {file.parent} ({why})", fix) from None
    names = {node["original_file_path"] for kind in ("nodes", "macros") for node in manifest[kind].values()}
    files = [path for name in sorted(names) if (path := chosen.project / name).is_file()]
    if newer := [path.name for path in files if path.stat().st_mtime > made]:
        notice(f"{newer[0]} is newer than what dbt compiled: `python -m loaders dbt compile`, then ask again")
    return manifest


def _told(known: "Lineage", column: "Column", stepwise: bool) -> bool:
    """Tell of a column; whether all of it is known."""
    origin = known.origin(column)
    lines = [f"{known.name(column)}: {known.text(origin)}"]
    tell(
        "lineage",
        [*(_steps(known, column) if stepwise else ()), *lines],
        column=known.name(column),
        sources=sorted(map(known.name, origin.columns)),
        constants=sorted(origin.constants),
        unknown=sorted(origin.unknown),
    )
    return not origin.unknown


def _steps(known: "Lineage", column: "Column") -> Iterator[str]:
    """The way back as a tree; what stands in it already is not followed a second time."""
    waiting, seen = [(0, column)], set()
    while waiting:
        depth, each = waiting.pop()
        steps = sorted(known.step(each).columns, reverse=True)
        again = each in seen and bool(steps)
        yield f"{'  ' * depth}{known.name(each)}{' (see above)' if again else ''}"
        if not again:
            waiting += [(depth + 1, step) for step in steps]
        seen.add(each)
