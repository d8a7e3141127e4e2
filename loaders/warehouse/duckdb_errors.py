"""What DuckDB says of its file, as failures: who holds it, or what to do with one that is damaged."""

import re
from pathlib import Path

import duckdb

from loaders.common import telling
from loaders.common.errors import Exit, Failure

# In any of DuckDB's words; a disk that is full has others.
DAMAGED = re.compile(r"not a valid DuckDB|Corrupt|checksum|read enough bytes|deserialize|has been invalidated")
RESTORE = (
    "restore it from a backup; without one, move it away: `make load` builds raw anew of the lake, and `make build` "
    "the marts, but histories, which are in that file alone, begin anew"
)


def remedy(error: Exception, otherwise: str) -> str:
    """What to do: about a damaged file, or `otherwise`."""
    return RESTORE if DAMAGED.search(str(error)) else otherwise


def first_line(error: duckdb.Error) -> str:
    return telling.said(str(error).splitlines()[0])


def not_opened(error: duckdb.Error | OSError, path: Path) -> Failure:
    text = " ".join(str(error).split())
    # Not by "lock" alone, which is also in "block": a damaged file was said to be in use.
    if "set lock on file" in text:
        holder = text.partition("Conflicting lock is held in ")[2].partition(". See also")[0] or "another program"
        return Failure(
            f"the warehouse {path} is in use by {holder}", "close it there, then run this again", ends=Exit.TRY_AGAIN
        )
    # Its log has what the file does not hold yet; raw's part of that is in the lake.
    fix = remedy(error, "check `path` in dbt's profile (profiles.yml)")
    if "replaying WAL file" in text:
        fix = (
            f"{path}.wal is damaged, or of another state of the file, as when one was copied without the other: "
            "move it away; `make load` loads what raw lacks, `make verify` compares, `make build` builds the marts; "
            "histories lack what only it had"
        )
    return Failure(f"the warehouse {path} cannot be opened: {text.partition(' This error signals')[0]}", fix)
