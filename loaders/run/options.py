"""Where a run puts things, and what a user may choose of it."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from loaders.lake.store import Lake
from loaders.run.by_value import Shares
from loaders.warehouse.interface import Warehouse
from loaders.words.delete_limit import DeleteLimit


@dataclass(frozen=True)
class Places:
    """Where a run puts things. spool: a folder for files on their way.

    warehouse: what the source is compared with; None leaves what was read unverified until the next run. shares: what
    commit_both will compare by value; None: nothing.
    """

    lake: Lake
    spool: Path
    warehouse: Warehouse | None
    shares: Shares | None = None


@dataclass(frozen=True)
class Options:
    """What a user may choose. full: read every table whole, whatever raw holds. compare: take no server's word.

    invalid_to_null: turn values without an exact home into NULL, counted. lookback: how long before the cursor's
    bound reading begins.
    """

    full: bool = False
    compare: bool = False
    invalid_to_null: bool = False
    deletes: DeleteLimit = field(default_factory=DeleteLimit)
    lookback: datetime.timedelta = datetime.timedelta(hours=1)
