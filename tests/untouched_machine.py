"""Writers that change tables in every way while runs look at them: a table that is taken for untouched must be.

It is what a run does, but for lake and warehouse: what the source was at a comparison is kept here, and every table of
every run is added up in its snapshot, also one that a run would not read.
"""

import datetime
import random
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pymysql

from loaders.common.errors import Failure
from loaders.run import untouched
from loaders.run.match_catalog import match
from loaders.run.options import Options, Places, RunContext
from loaders.run.table_read import about
from loaders.source.source_side import SourceSide
from loaders.source.touched import Word
from loaders.types.fingerprint import SOURCE_HASH
from loaders.words.buckets import Buckets, totals
from tests.own_database import watch

PLAIN = [f"t{number}" for number in range(14)]
CREATE = "create table {} (id int primary key, v int) engine = InnoDB"
PARTITIONS = "(partition p0 values less than (1000), partition p1 values less than (2000))"
WRITERS = 4


class Machine:
    """tables: PLAIN ones, of which some are hot at a time; `parent` and `child`, which follows by cascades; `parts`."""

    def __init__(self, own, seed: int):
        self.own, self.seed, self.ended, self.did = own, seed, threading.Event(), Counter()
        self.failures: list[BaseException] = []
        own.write(
            *(CREATE.format(table) for table in PLAIN),
            "create table parent (id int primary key, v int) engine = InnoDB",
            "create table child (id int primary key, v int, foreign key (v) references parent (id) "
            "on delete cascade on update cascade) engine = InnoDB",
            f"{CREATE.format('parts')} partition by range (id) {PARTITIONS}",
            *(f"insert into {table} values (1, 1), (2, 2), (3, 3)" for table in [*PLAIN, "parts"]),
            *(f"insert into parent values ({number}, 0)" for number in range(1, 9)),
            *(f"insert into child values ({number}, {number})" for number in range(1, 9)),
        )
        self.known = own.discover()

    def run(self, runs: int) -> Counter:
        """So many runs beside the writers: how often each thing was done, tables were compared, and were untouched."""
        threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        threads.append(threading.Thread(target=self._define))
        for thread in threads:
            thread.start()
        try:
            self._look(runs)
        finally:
            self.ended.set()
            for thread in threads:
                thread.join()
        if self.failures:
            raise self.failures[0]
        return self.did

    def _look(self, runs: int) -> None:
        bases, pause = {}, random.Random(self.seed)  # noqa: S311
        while self.did["runs"] < runs:
            with suppress(Failure), self.own.snapshot() as snapshot:
                # A table that was made anew after the snapshot began is a failure, as it is of a run.
                self._compare(snapshot, bases)
                self.did["runs"] += 1
            time.sleep(pause.random() / 20)

    def _compare(self, snapshot, bases: dict) -> None:
        places, attempt = Places(self.own.lake, Path(), None), f"{self.did['runs'] + 1}-machine"
        context = RunContext(snapshot, Word(snapshot), attempt, places, Options(), False, watch)
        for table, source in match(self.known, snapshot):
            read = about(context, table, source, bases.get(table.name))
            said = context.word.of(table.name)
            side = SourceSide(snapshot, source, read.keys, read.by_name[SOURCE_HASH], watch)
            found = totals(side.sums(Buckets(None, 1)))
            base = bases.get(table.name)
            same = untouched.since(read, base, said) if base else None
            if same:
                self.did["untouched"] += 1
                assert found == (base.live_rows, base.hash_sum), (
                    f"{table.name} was taken for untouched since run {same.run}, seed {self.seed}: {same}, {said}"
                )
            else:
                self.did["compared"] += 1
                whole = replace(read.batch("full", (), ""), live_rows=found[0], hash_sum=found[1])
                bases[table.name] = untouched.compared(whole, read, said)

    # ---- the shop

    def _write(self, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")  # noqa: S311
        with closing(self.own.connect(self.own.shop_url, autocommit=True)) as connection:
            cursor = connection.cursor()
            cursor.execute("set session innodb_lock_wait_timeout = 1, session lock_wait_timeout = 2")
            while not self.ended.is_set():
                what = chance.choice((self._one, self._one, self._slow, self._slow, self._prepared, self._cascade))
                table = PLAIN[(int(time.monotonic() / 4) * 3 + chance.randrange(4)) % len(PLAIN)]
                try:
                    what(cursor, chance, table)
                    self.did[what.__name__.strip("_")] += 1
                except pymysql.MySQLError:
                    # A lock was not got, a table is not there for the moment: as shops see it.
                    self._give_up(cursor)
                except BaseException as error:
                    self.failures.append(error)
                    return
                time.sleep(chance.random() / 5)

    def _give_up(self, cursor) -> None:
        for statement in ("xa end 'x'", "xa rollback 'x'", "rollback"):
            with suppress(pymysql.MySQLError):
                cursor.execute(statement.replace("'x'", f"'{threading.get_ident()}'"))

    def _one(self, cursor, chance, table: str) -> None:
        cursor.execute(self._change(chance, table))

    def _slow(self, cursor, chance, table: str) -> None:
        cursor.execute("begin")
        cursor.execute(f"select count(*) from {chance.choice(PLAIN)}")
        time.sleep(chance.random())
        cursor.execute(self._change(chance, table))
        time.sleep(chance.random() * chance.choice((0.1, 1, 4)))
        cursor.execute(chance.choice(("commit", "commit", "rollback")))

    def _prepared(self, cursor, chance, table: str) -> None:
        name = f"'{threading.get_ident()}'"
        cursor.execute(f"xa start {name}")
        cursor.execute(self._change(chance, table))
        cursor.execute(f"xa end {name}")
        cursor.execute(f"xa prepare {name}")
        time.sleep(chance.random() * 2)
        cursor.execute(f"xa {chance.choice(('commit', 'rollback'))} {name}")

    def _cascade(self, cursor, chance, _table: str) -> None:
        if chance.random() < 0.7:
            return
        old, new = chance.randrange(1, 9), chance.randrange(100, 200)
        cursor.execute(f"update parent set id = {new} where id = {old}")
        time.sleep(chance.random())
        cursor.execute(f"delete from parent where id = {new}")
        cursor.execute(f"insert ignore into parent values ({old}, 0)")
        cursor.execute(f"insert ignore into child values ({old}, {old})")

    @staticmethod
    def _change(chance, table: str) -> str:
        key = chance.randrange(1, 40)
        return chance.choice(
            (
                f"insert into {table} values ({key}, 1) on duplicate key update v = v + 1",
                f"update {table} set v = v + 1 where id in (1, {key})",
                f"delete from {table} where id = {key}",
                f"replace into {table} values ({key}, {chance.randrange(10**6)})",
            )
        )

    def _define(self) -> None:
        chance = random.Random(f"{self.seed} define")  # noqa: S311
        with closing(self.own.connect(self.own.shop_url, autocommit=True)) as connection:
            cursor = connection.cursor()
            cursor.execute("set session lock_wait_timeout = 2")
            while not self.ended.wait(chance.random() * 6):
                one, other = chance.sample(PLAIN, 2)
                statements = chance.choice(
                    (
                        [f"truncate table {one}"],
                        [f"rename table {one} to away, {other} to {one}, away to {other}"],
                        [f"alter table parts exchange partition p0 with table {one}"],
                        [f"alter table {one} add index (v)", f"alter table {one} drop index v"],
                        [f"drop table {one}", CREATE.format(one), f"insert into {one} values (1, 7)"],
                        [f"alter table {one} engine = InnoDB"],
                        ["create table more like t0", "drop table more"],
                    )
                )
                with suppress(pymysql.MySQLError):
                    for statement in statements:
                        cursor.execute(statement)
                        self.did[statement.split()[0]] += 1


HANGS = datetime.timedelta(milliseconds=200)
