"""When a table was last changed, as the server says it: what may be believed of that, and what has to be asked for it.

Believed is MySQL's InnoDB alone, which notes the second of a commit just before the commit is seen. MariaDB notes the
second in which the transaction began, so that one that goes on for an hour is an hour old when it is seen first. A note
lives in the server's memory: none is left by a restart. What puts other rows under a table's name and leaves its note
as it was (IMPORT TABLESPACE), or brings its own (RENAME, EXCHANGE PARTITION), is counted by the server. How each of
these was tried: docs/decisions, 0137.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from loaders.source import standing
from loaders.source.mysql import Snapshot
from loaders.source.statements import asked, rows

# Which server it is, and since when none of its tables got another one's rows: pending statements are counted already.
NAMED = ("server_uuid", "hostname", "port")
COUNTED = ("Com_alter_table", "Com_rename_table")
# With one of these another server writes what this one shows, and notes it elsewhere. Aurora was never tried.
ELSEWHERE = ("aurora_version",)


@dataclass(frozen=True)
class Noted:
    """What the server says of a table: its second of CREATE_TIME and of the last commit (UTC).

    before: which server and database it is, and how many tables the server has altered, as it was before the table was
    held; after: as it was when the rest was read. Equal ones of two runs, the earlier's before and the later's after:
    no table was altered between.
    """

    before: str
    after: str
    created: datetime.datetime
    updated: datetime.datetime


class Word:
    """What one server says of its tables. Begun in the snapshot before a table is held; asked when all are.

    A change that the snapshot sees was noted before, so it has to be asked after the snapshot was begun.
    """

    def __init__(self, snapshot: Snapshot):
        self._connection, self._database = snapshot.connection, snapshot.database
        self._believed = "mariadb" not in snapshot.server_version.lower()
        self._before = self._server()

    def of(self, table: str) -> Noted | None:
        """None: nothing that could be believed."""
        return self._tables.get(table)

    @cached_property
    def _tables(self) -> Mapping[str, Noted]:
        after = self._server() if self._before else None
        if self._before is None or after is None or self._follows():
            return {}
        with asked("when tables were changed"):
            found = rows(
                self._connection,
                "select table_name, create_time, update_time from information_schema.tables "
                "where table_schema = database() and engine = 'InnoDB' and create_options not like '%partitioned%' "
                "and update_time is not null and create_time is not null",
            )
            return {name.decode(): Noted(self._before, after, *map(_moment, times)) for name, *times in found}

    def _server(self) -> str | None:
        if not self._believed:
            return None
        with asked("the server's name"):
            named = self._shown("global variables", (*NAMED, *ELSEWHERE))
            counted = self._shown("global status", COUNTED)
        if set(named) != set(NAMED) or set(counted) != set(COUNTED):
            return None
        # A dump makes the tables of two databases in the same seconds.
        counts = (f"{name}={counted[name]}" for name in COUNTED)
        return " ".join([*(named[name] for name in NAMED), *counts, self._database])

    def _shown(self, what: str, names: tuple[str, ...]) -> dict[str, str]:
        listed = ", ".join(f"'{name}'" for name in names)
        found = rows(self._connection, f"show {what} where variable_name in ({listed})")
        return {name.decode(): value.decode() for name, value in found}

    def _follows(self) -> bool:
        """A replica notes what it applies by its own clock; but where rows come from elsewhere, they are compared."""
        return standing.notice(self._connection) is not None


def _moment(text: bytes) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.decode())
