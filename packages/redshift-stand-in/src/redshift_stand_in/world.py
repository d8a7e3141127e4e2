"""What all sessions of a stand-in share."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redshift_stand_in.copy_files import Cloud


@dataclass(frozen=True)
class World:
    """What all sessions share.

    users: passwords that IAM or the stack made. ask: SQL outside every client's transaction, for its rows.
    """

    postgres: Path
    users: dict[str, str]
    tls: ssl.SSLContext
    cloud: Cloud
    ask: Callable[[str, tuple[object, ...]], list[tuple[object, ...]]]

    def record(self, sql: str, values: tuple[object, ...]) -> None:
        self.ask(sql, values)
