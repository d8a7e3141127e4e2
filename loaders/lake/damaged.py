"""What a lake may hold that is not to be used, and the ways out of it."""

from loaders.common.errors import Failure

# Where run records are.
PREFIX = "_runs/"
# Where the records lie of runs that were given up.
WITHDRAWN = "_withdrawn/"
# What `prune` makes of the oldest runs: the newest of them again, with every table whole.
BASELINES = "_baselines/"
# The way out of a lake that cannot be used.
NEW_LAKE = (
    "begin another lake: set LAKE_URL to another folder, then `python -m loaders extract --no-load` and "
    "`python -m loaders replay --replace`"
)
LOST = (
    "restore that file from a backup of the lake; raw is unchanged. Without a backup: `python -m loaders extract "
    "--full`, then `python -m loaders prune --keep-days 0`, and the lake begins with what is there now"
)


class Damaged(Failure):
    """What the lake holds under a key is not what was published there."""


def way_out(key: str) -> str:
    """What to do about a record that is not to be used. A baseline has nothing before it that could be left."""
    if key.startswith(BASELINES):
        return f"restore it from a backup, or remove it if {PREFIX}1.json and all after it are there, or {NEW_LAKE}"
    number = key.removeprefix(PREFIX).removesuffix(".json")
    return f"restore it from a backup of the lake, or give it up: `python -m loaders withdraw {number}`"
