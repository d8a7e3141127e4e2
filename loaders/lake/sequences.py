"""Which part of a lake a raw schema's runs are in: each schema has a sequence of its own, so that none stops another.

The first schema has the lake itself. Every further one has a lake below it, `_schemas/<schema>/`, of the same form.
"""

from collections.abc import Iterator

from loaders.lake import runs
from loaders.lake.damaged import Damaged
from loaders.lake.store import Lake, segment

FOLDER = "_schemas"


def of(lake: Lake, schema: str) -> Lake:
    """The lake that holds the schema's runs, or is to hold them.

    Lakes in which several schemas share one sequence, as all did before, go on so: a run stays where it was published.
    """
    own = lake.below(f"{FOLDER}/{segment(schema)}")
    if _has_runs(own):
        return own
    return lake if not _has_runs(lake) or _holds(lake, schema) else own


def all_of(lake: Lake) -> Iterator[Lake]:
    """Every part of it in which runs may be, of whatever schema."""
    yield lake
    for name in sorted({key.split("/")[1] for key in lake.keys(f"{FOLDER}/")}):
        yield lake.below(f"{FOLDER}/{name}")


def shared(lake: Lake, schema: str, source: str) -> list[str]:
    """What to say where the newest run in the same raw schema is of another source: `_loads` is one."""
    for number in runs.numbers(lake)[-1:]:
        newest = runs.read(lake, number)
        if newest.schema == schema and newest.source != source:
            return [
                f"run {number} of schema {schema} is of the source {newest.source}: those of {source} share its "
                "numbers, and of two at once one has to be started again; a schema of its own keeps them apart"
            ]
    return []


def _has_runs(lake: Lake) -> bool:
    return bool(runs.listed(lake) or runs.baseline_numbers(lake))


def _holds(lake: Lake, schema: str) -> bool:
    """From the newest run backwards: most often it is the first one that is looked at.

    A record that cannot be read may be the schema's: then it is for the command to say so, and to give it up.
    """
    unreadable = False
    for number in reversed(runs.listed(lake)):
        try:
            if runs.read(lake, number).schema == schema:
                return True
        except Damaged:
            unreadable = True
    return unreadable or runs.baseline(lake, schema) is not None
