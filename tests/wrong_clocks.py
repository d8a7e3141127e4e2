"""A source, loaders and a machine for dbt whose clocks are wrong, each by as much as a test says."""

import datetime
import importlib.util
import types
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from loaders.source import mysql, session
from loaders.source.burden import Burden
from loaders.warehouse import raw_sql
from tests import forked
from tests.own_database import OwnDatabase

NONE = datetime.timedelta()
# The package carries the C library, which answers in the system's place whoever asks for the time.
LIBFAKETIME = importlib.util.find_spec("libfaketime")


def of_a_process(days: int) -> dict[str, str]:
    """The environment of a process whose clock is wrong by so many days, in all that it calls and starts.

    How long something takes is measured as ever: without the last setting every wait of a thread would end at once.
    """
    (library,) = Path(LIBFAKETIME.origin).parent.rglob("libfaketime.so.1")
    wrong = {"LD_PRELOAD": str(library), "FAKETIME": f"{days:+}d"}
    return wrong | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}


@dataclass
class WrongClocks:
    """Runs and builds on `own`. source: how far the server's clock is ahead in the session that reads, or behind.

    Nobody but the system can set a server's clock; what it shows to one session, anybody.
    """

    own: OwnDatabase
    source: datetime.timedelta = NONE

    def now(self) -> datetime.datetime:
        """What the source's clock shows, in UTC and whole seconds."""
        utc = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
        return utc + self.source

    def run(self, known, loaders: int = 0) -> None:
        """A run whose loaders' clock is wrong by so many days."""
        with pytest.MonkeyPatch.context() as patch:
            shown = types.SimpleNamespace(**vars(datetime) | {"datetime": forked.clock(loaders)})
            patch.setattr(raw_sql, "datetime", shown)
            _Reading(self.own.shop_url, self.own.source_url, self.own.folder, self.now()).run(known)


@dataclass(frozen=True)
class _Reading(OwnDatabase):
    """A source whose clock shows one moment to who reads."""

    moment: datetime.datetime = datetime.datetime(2024, 1, 1)

    @contextmanager
    def snapshot(self) -> Iterator[mysql.Snapshot]:
        with closing(self.connect(self.source_url, **mysql.CONNECT_OPTIONS)) as connection:
            session.state(connection)
            with connection.cursor() as cursor:
                seconds = self.moment.replace(tzinfo=datetime.timezone.utc).timestamp()
                cursor.execute(f"set timestamp = {seconds}")
            with mysql.begin([connection], Burden()) as snapshot:
                yield snapshot
