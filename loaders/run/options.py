"""Where a run puts things, what a user may choose of it, and what all of its tables share on their way to the lake."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from loaders.common.progress import Progress
from loaders.lake.run_files import RunFiles
from loaders.lake.store import Lake
from loaders.proof.share import Share
from loaders.source.mysql import Snapshot
from loaders.source.touched import Word
from loaders.warehouse.interface import Warehouse
from loaders.words.delete_limit import DeleteLimit


@dataclass(frozen=True)
class Taken:
    """A share of a table as the source printed it, in a file on this machine."""

    share: Share
    file: Path


@dataclass(frozen=True)
class Places:
    """Where a run puts things. spool: a folder for files on their way.

    warehouse: what the source is compared with; None leaves what was read unverified until the next run. taken: what
    was put aside for commit_both to compare by value.
    """

    lake: Lake
    spool: Path
    warehouse: Warehouse | None
    taken: list[Taken] = field(default_factory=list)

    @property
    def files(self) -> RunFiles:
        return RunFiles(self.lake, self.spool)


@dataclass(frozen=True)
class Options:
    """What a user may choose. full: read every table whole, whatever raw holds. compare: take no server's word.

    invalid_to_null: turn values without an exact home into NULL, counted. lookback: how long before the cursor's
    bound reading begins. value_parts: of how many a large table has is one compared by value; 0: nothing is.
    """

    full: bool = False
    compare: bool = False
    invalid_to_null: bool = False
    deletes: DeleteLimit = field(default_factory=DeleteLimit)
    lookback: datetime.timedelta = datetime.timedelta(hours=1)
    value_parts: int = 0


@dataclass(frozen=True)
class RunContext:
    """What every table of one run shares.

    word: the server's on changes; begun before the catalog is matched, since that holds the tables.
    """

    snapshot: Snapshot
    word: Word
    attempt: str
    places: Places
    options: Options
    for_redshift: bool
    progress: Progress
