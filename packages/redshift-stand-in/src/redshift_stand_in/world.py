"""What all sessions of a stand-in share."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redshift_stand_in.copy_files import Cloud


@dataclass(frozen=True)
class World:
    """What all sessions share."""

    postgres: Path
    users: dict[str, str]
    tls: ssl.SSLContext
    cloud: Cloud
    record: Callable[[str, tuple[object, ...]], None]
