"""Rows that the source deleted, once a run noticed that more than some days ago: whose values may go."""

import datetime
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

import duckdb

from loaders.common.quoting import sql_name, sql_text
from loaders.retention import erase_versions
from loaders.retention.erase import Relation
from loaders.retention.erase_lake import LakeSearch
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.row_key import Keys
from loaders.words.run_record import Batch

# What an erasure of such rows is noted as while it lasts: which rows they are, the next try finds by itself.
NOTE = "deleted"


@dataclass(frozen=True)
class Deleted:
    """Rows of a table whose deletion was noticed by a run of that moment (by the source's clock) or before.

    search: of the table, without keys. kept: raw's table, and the histories made of it.
    """

    search: LakeSearch
    warehouse: Warehouse
    kept: Sequence[Relation]
    moment: datetime.datetime

    def keys(self, begun: bool) -> Keys:
        """Those that anything still holds. begun: an erasure of such rows was killed, whose rests are looked for too.

        Neither live after the newest run that is old enough, nor seen by any since: a row that came back lives, and
        one that went again went lately. A run is old enough if all before it are, too.
        """
        search, keys = self.search, self.search.keys
        with closing(search.session("deleted.duckdb")) as session:
            for table in ("seen", "live", "later"):
                columns = ", ".join(f"k{place} varchar" for place in range(len(keys.columns)))
                session.execute(f"create or replace table {table} ({columns})")
            young, dated = False, False
            for run, batch in search.batches():
                young = young or run.snapshot_at > self.moment
                dated = dated or not young
                self._follow(session, batch, young)
            for held in self._held(dated):
                for part in held.parts():
                    session.execute(f"insert into seen from {row_key.listed(part)}")
            if begun:
                for path in erase_versions.every(search):
                    search.put_keys(session, "seen", path)
            found = session.execute("from seen except from live except from later order by all").fetchall()
        return Keys(keys.table, keys.columns, tuple(found))

    def _follow(self, session: duckdb.DuckDBPyConnection, batch: Batch, young: bool) -> None:
        """What a batch did to the table: to the state that is old enough, or since."""
        if young:
            self.search.put_files(session, "later", batch.files, batch)
            return
        session.execute("create or replace table gone as from seen limit 0")
        self.search.put_files(session, "gone", batch.deleted, batch)
        session.execute("insert into seen from gone")
        same = " and ".join(f"live.k{place} = gone.k{place}" for place in range(len(batch.primary_key)))
        session.execute("truncate live" if batch.mode == "full" else f"delete from live using gone where {same}")
        session.execute("create or replace table arrived as from seen limit 0")
        self.search.put_files(session, "arrived", batch.files, batch)
        session.execute("insert into seen from arrived; insert into live from arrived")

    def _held(self, dated: bool) -> Iterable[Keys]:
        """Keys of what raw and the histories have, and raw has not live.

        dated: the lake tells since when. If it does not (younger runs only, since it was pruned), raw's marks do.
        """
        raw, *histories = self.kept
        if raw.rows(self.warehouse, self.search.keys) is None:
            return
        yield self._not_live(raw, "" if dated else f" and h.{_noticed(self.moment)}")
        for history in histories if dated else ():
            if history.rows(self.warehouse, self.search.keys) is not None:
                yield self._not_live(history)

    def _not_live(self, relation: Relation, more: str = "") -> Keys:
        keys, dialect = self.search.keys, self.warehouse.dialect
        here = [(f"h.{sql_name(column.name)}", column) for column in relation.keys(keys).columns]
        there = [(f"r.{sql_name(column.name)}", column) for column in keys.columns]
        same = " and ".join(
            f"{dialect.compared(*h)} = {dialect.compared(*r)}" for h, r in zip(here, there, strict=True)
        )
        found = self.warehouse.ask(
            f"select distinct {', '.join(dialect.sent(*each) for each in here)} "
            f"from {sql_name(relation.schema, relation.name)} as h "
            f"left join {sql_name(self.warehouse.schema, keys.table)} as r "
            f"on {same} and r._deleted_at is null where {there[0][0]} is null{more}"
        )
        return row_key.exactly(keys.table, keys.columns, found)


def waiting(warehouse: Warehouse, tables: Iterable[str], moment: datetime.datetime) -> int:
    """How many rows of raw are marked as deleted that long."""
    found = (
        warehouse.ask(f"select count(*) from {sql_name(warehouse.schema, table)} where {_noticed(moment)}")
        for table in tables
    )
    return sum(count for ((count,),) in found)


def _noticed(moment: datetime.datetime) -> str:
    return f"_deleted_at <= cast({sql_text(moment.isoformat(sep=' '))} as timestamp)"
