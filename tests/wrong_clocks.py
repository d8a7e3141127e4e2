"""A source, loaders and a machine for dbt whose clocks are wrong, each by as much as a test says."""

import datetime
import types
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from loaders.source import mysql, session
from loaders.warehouse import duckdb_warehouse
from tests import forked_dbt
from tests.own_database import OwnDatabase

NONE = datetime.timedelta()


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
            shown = types.SimpleNamespace(**vars(datetime) | {"datetime": forked_dbt.clock(loaders)})
            patch.setattr(duckdb_warehouse, "datetime", shown)
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
            with mysql.begin([connection]) as snapshot:
                yield snapshot
