"""Whatever happens in the shop between runs, raw has every column of every row as a plain client reads it.

`make test` takes a few hundred steps, the same ones each time; `make test-long` takes 20,000, by a seed that it prints.
"""

import contextlib
import datetime
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import pymysql
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from loaders.common.errors import Failure
from loaders.run import incremental
from tests.mixes import totals
from tests.own_database import OwnDatabase, fresh_database
from tests.shop_model import KINDS, MANY, Kind, filled, first_rows, rows_of, write

# A run takes a tenth of a second and more, and a database is made anew for each example: neither is a fault.
SHORT = settings(
    max_examples=5,  # on each server
    stateful_step_count=18,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
START = datetime.datetime(2024, 3, 1)
ADDED = ("int null", "varchar(10) not null default '5'", "decimal(9,2) null default 1.50", "bigint not null default 3")
WIDER = ("v varchar(200) null", "v varchar(40) null", "n bigint null", "n int null", "d decimal(20,5) null", "v text")

kinds = st.sampled_from([*KINDS.values()])
keyed = st.sampled_from([kind for kind in KINDS.values() if kind.key])
places = st.integers(0, 7)
# Twenty minutes apart, so that several are within the lookback, several are not, and many are the same.
moments = st.one_of(
    st.integers(0, 24).map(lambda twenty: START + datetime.timedelta(minutes=20 * twenty)),
    st.sampled_from([None, datetime.datetime(2099, 1, 1), datetime.datetime(2024, 3, 1, 4, 0, 0, 1)]),
)
VALUES = {
    "v": [None, "", " ", "a", "A", "a ", "김", "🙂", "it's", "\\", "\x00", "%s"],
    "d": [None, "0", "-1.5", "999999.999", "0.001"],
    "f": [None, 0.0, 0.1, -1e300, 5e-324],
    "b": [None, b"", b"\xff", b"\x00", b"\xfe\xff", b"it's"],
    "n": [None, 0, -1, 2**31 - 1],
}
rows = st.tuples(*map(st.sampled_from, VALUES.values()))
# Often one column alone.
some_values = st.dictionaries(st.sampled_from([*VALUES]), st.integers(0, 11), min_size=1, max_size=2).map(
    lambda chosen: {name: VALUES[name][place % len(VALUES[name])] for name, place in chosen.items()}
)


def several(*parts):
    return st.lists(st.tuples(*parts), min_size=1, max_size=6)


class Shop(RuleBasedStateMachine):
    """One database, one lake, one warehouse; changes, and runs between them."""

    def __init__(self, server, folder: Path, taken: Counter):
        super().__init__()
        self.taken = taken
        self.closing = contextlib.ExitStack()
        name = self.closing.enter_context(fresh_database(server))
        home = Path(tempfile.mkdtemp(dir=folder))
        self.closing.callback(shutil.rmtree, home)
        self.own = OwnDatabase(server.url("shop", name), server.url("loader", name), home)
        self.shop, self.late = self._connection(autocommit=True), self._connection(autocommit=False)
        # What the open transaction wrote: nobody else touches it meanwhile, for that would wait.
        self.held: set[tuple] = set()
        self.added: set[str] = set()
        # Since the last run that was loaded: most steps should be changes, not runs after nothing.
        self.changed = False
        for kind in KINDS.values():
            write(self.shop, kind.create)
            with self.shop.cursor() as cursor:
                cursor.executemany(kind.insert, first_rows(kind, VALUES, START))

    def _connection(self, autocommit: bool) -> pymysql.Connection:
        """Without gap locks: only rows themselves are held. Whoever waits all the same fails."""
        connection = self.own.connect(self.own.shop_url, autocommit=autocommit)
        self.closing.callback(connection.close)
        write(connection, "set session transaction isolation level read committed")
        write(connection, "set session innodb_lock_wait_timeout = 2, session lock_wait_timeout = 2")
        return connection

    # ---- changes

    @initialize(large=st.none() | keyed)
    def begin(self, large):
        """One table may be large; raw holds them all. Two have a column besides, which the source drops from one."""
        for table in ("words", "pairs"):
            self.added.add(table)
            write(self.shop, f"alter table {table} add column added int not null default 3")
        if large:
            with self.shop.cursor() as cursor:
                cursor.executemany(large.insert, filled(large, START))
        self.known = self.own.discover()
        self.own.run(self.known)
        self._write("alter table pairs drop column added")
        self.added.remove("pairs")

    @rule(puts=several(kinds, places, rows, moments))
    def put(self, puts):
        """Insert; or, if the server holds the key for the same, change every column, also the key's spelling."""
        for kind, place, row, moment in puts:
            self._put(kind, place, row, moment)

    @rule(changes=several(kinds, places, some_values))
    def change(self, changes):
        """The cursor stays as it was."""
        for kind, place, some in changes:
            self._change(kind, place, some)

    @rule(changes=several(kinds, places, some_values, moments))
    def change_and_touch(self, changes):
        for kind, place, some, moment in changes:
            self._change(kind, place, some | {kind.moment: moment})

    @rule(deletes=several(kinds, places))
    def delete(self, deletes):
        for kind, place in deletes:
            self._delete(kind, place)

    @rule(deletes=several(keyed, places, rows, moments))
    def delete_and_insert_again(self, deletes):
        for kind, place, row, moment in deletes:
            self._delete(kind, place)
            self._put(kind, place, row, moment)

    @rule(kind=keyed, place=places, other=places)
    def change_key(self, kind, place, other):
        """No cursor tells; a key that is taken stays as it is."""
        key, new = self._free(kind, place), self._free(kind, other)
        if key is not None and new is not None:
            sets = ", ".join(f"{name} = %s" for name in kind.key)
            with contextlib.suppress(pymysql.err.IntegrityError):
                self._write(f"update {kind.table} set {sets} where {kind.where}", *new, *key)

    @precondition(lambda self: not self.held)
    @rule(kind=keyed, row=rows, every=st.integers(29, 700), deleted=st.booleans())
    def change_many(self, kind, row, every, deleted):
        """Scattered over a large table; fewer go than a run refuses to delete."""
        where = f"where n between 0 and {MANY} and n % {every} = 1"
        if deleted:
            self._write(f"delete from {kind.table} {where}")
        else:
            self._write(f"update {kind.table} set v = %s, d = %s {where.replace('%', '%%')}", row[0], row[1])

    @rule(kind=keyed, place=places, row=rows, moment=moments)
    def begin_late(self, kind, place, row, moment):
        """Written now, by somebody who commits after later runs."""
        key = self._free(kind, place)
        if key is not None:
            write(self.late, kind.insert, *key, *row, moment)
            self.held.add((kind.table, *kind.same(key)))
            self.changed = True

    @precondition(lambda self: self.held)
    @rule(kept=st.sampled_from([True, True, False]))
    def end_late(self, kept):
        self.late.commit() if kept else self.late.rollback()
        self.taken["late commits"] += kept
        self.held.clear()
        self.changed = True

    @precondition(lambda self: not self.held)
    @rule(kind=kinds, definition=st.sampled_from(ADDED), first=st.booleans())
    def add_or_drop_column(self, kind, definition, first):
        if kind.table in self.added:
            self._write(f"alter table {kind.table} drop column added")
        else:
            self._write(f"alter table {kind.table} add column added {definition} {'first' if first else ''}")
        self.added ^= {kind.table}

    @precondition(lambda self: not self.held and self.added)
    @rule(place=places, data=st.data())
    def change_added_column(self, place, data):
        kind = KINDS[data.draw(st.sampled_from(sorted(self.added)))]
        key = kind.keys[place % len(kind.keys)]
        self._write(f"update {kind.table} set added = 7 where {kind.where}", *key)

    @precondition(lambda self: not self.held)
    @rule(kind=kinds, definition=st.sampled_from(WIDER))
    def widen_column(self, kind, definition):
        self._write(f"alter table {kind.table} modify column {definition}")

    @precondition(lambda self: not self.held)
    @rule(kind=kinds, width=st.integers(20, 39))
    def narrow_column(self, kind, width):
        self._write(f"alter table {kind.table} modify column v varchar({width}) null")

    # ---- runs

    @precondition(lambda self: self.changed)
    @rule(full=st.booleans(), few=st.sampled_from([0, incremental.FEW]))
    def run(self, full, few):
        """With few rows, and as if they were many: those are read by the cursor."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(incremental, "FEW", few)
            batches = self._run_and_compare(full=full).batches
        assert not full or {batch.mode for batch in batches} == {"full"}

    @precondition(lambda self: self.changed)
    @rule()
    def run_twice(self):
        """The second finds nothing to repair, and reads nothing."""
        self._run_and_compare()
        for batch in self._run_and_compare().batches:
            assert batch.mode == "incremental" and batch.deleted == ()
            assert "repaired" not in batch.verdict and "gone" not in batch.verdict
            assert (batch.files, batch.rows) == ((), 0)

    @precondition(lambda self: self.changed)
    @rule(full=st.booleans(), loaded=st.booleans())
    def extract_without_loading(self, full, loaded):
        """What it published is loaded at once, or by the next run."""
        self._unless_refused(self.own.extract, full=full)
        if loaded:
            self.own.load()

    @invariant()
    def count(self):
        self.taken["steps"] += 1

    def teardown(self):
        """What is still open is committed after one more run."""
        with self.closing:
            self._run_and_compare()
            if self.held:
                self.end_late(kept=True)
                self._run_and_compare()

    def _put(self, kind: Kind, place: int, row: tuple, moment: datetime.datetime | None) -> None:
        key = self._free(kind, place)
        if key is not None:
            self._write(kind.insert, *key, *row, moment)

    def _change(self, kind: Kind, place: int, some: dict) -> None:
        key = self._free(kind, place)
        if key is not None:
            sets = ", ".join(f"{name} = %s" for name in some)
            self._write(f"update {kind.table} set {sets} where {kind.where}", *some.values(), *key)

    def _delete(self, kind: Kind, place: int) -> None:
        key = self._free(kind, place)
        if key is not None:
            self._write(f"delete from {kind.table} where {kind.where}", *key)

    def _free(self, kind: Kind, place: int) -> tuple | None:
        """A key that no open transaction has written."""
        key = kind.keys[place % len(kind.keys)]
        return None if (kind.table, *kind.same(key)) in self.held else key

    def _write(self, sql: str, *values) -> None:
        self.changed = True
        self.taken[sql.split()[0]] += write(self.shop, sql, *values) or sql.startswith("alter")

    def _run_and_compare(self, **options):
        self.own.load()
        with self._raw() as raw:
            before = {kind.table: _keys(raw, kind) for kind in KINDS.values()}
            added = {kind.table: _added(raw, kind) for kind in KINDS.values()}
        run = self._unless_refused(self.own.run, **options)
        self.changed = False
        self.taken["runs"] += 1
        with self._raw() as raw, self.own.snapshot() as snapshot:
            for batch in run.batches:
                kind = KINDS[batch.table]
                self.taken[batch.mode] += 1
                self._compare_rows(raw, batch)
                assert (batch.live_rows, batch.hash_sum) == totals(snapshot, batch.table)
                gone = expected_gone(before[kind.table], after := _keys(raw, kind), run.snapshot_at)
                assert {key: at for key, at in after.items() if at} == ({} if batch.mode == "full" else gone)
                self._compare_kept(batch, added[kind.table], _added(raw, kind))
        return run

    def _unless_refused(self, run, full=False):
        """What a run gives; after a change of a type that raw cannot follow, what the command that it names gives."""
        try:
            return run(self.known, full=full)
        except Failure as failure:
            assert not full and "extract --full --tables" in failure.fix, failure
            self.taken["refused"] += 1
            return run(self.known, full=True)

    def _compare_kept(self, batch, before: dict, after: dict) -> None:
        """A column that the source dropped has its old values in rows that stayed, and none in others."""
        if batch.kept:
            self.taken["kept"] += 1
            assert after == {key: before.get(key) for key in after}

    @contextlib.contextmanager
    def _raw(self):
        """Raw's schema, to be read only."""
        with duckdb.connect(self.own.warehouse_path, read_only=True) as connection:
            connection.execute("use raw_own")
            yield connection

    def _compare_rows(self, raw, batch) -> None:
        """Every column of every live row, and the sum of their hashes."""
        names, expected = rows_of(self.shop, batch.table)
        left = ", ".join(["_run", "_extracted_at", *(column.name for column in batch.kept)])
        found = raw.execute(f"select * exclude ({left}) from {batch.table} where _deleted_at is null")
        assert [column[0] for column in found.description] == [*names, "_source_hash", "_deleted_at"]
        live = found.fetchall()
        assert sorted(repr(row[:-2]) for row in live) == sorted(map(repr, expected)), batch
        assert (batch.live_rows, batch.hash_sum) == (len(live), sum(row[-2] for row in live))
        self.taken["rows"] += len(live)


def _keys(raw, kind: Kind) -> dict[tuple, datetime.datetime | None]:
    """Each key of a raw table, and since when it is gone; nothing of a table without a key."""
    if not kind.key:
        return {}
    rows = raw.execute(f"select {', '.join(kind.key)}, _deleted_at from {kind.table}").fetchall()
    found = {tuple(key): gone_at for *key, gone_at in rows}
    assert len(found) == len(rows), f"a key is twice in raw's {kind.table}"
    return found


def _added(raw, kind: Kind) -> dict[tuple, object]:
    """What each live key has in the column that comes and goes, if raw has it; nothing of a table without a key."""
    names = [column[0] for column in raw.execute(f"describe {kind.table}").fetchall()]
    if not kind.key or "added" not in names:
        return {}
    rows = raw.execute(f"select {', '.join(kind.key)}, added from {kind.table} where _deleted_at is null").fetchall()
    return {tuple(key): value for *key, value in rows}


def expected_gone(before: dict, after: dict, snapshot_at: datetime.datetime) -> dict[tuple, datetime.datetime]:
    """Keys that went say when they were first seen gone, as long as they are."""
    return {key: at or snapshot_at for key, at in before.items() if key not in after or after[key]}


def rarely_met(shop: Shop) -> None:
    """The steps that a short random walk may do without: a commit after a later run, a type that raw cannot follow."""
    kind, row = KINDS["words"], tuple(values[0] for values in VALUES.values())
    try:
        shop.begin(None)
        shop.begin_late(kind, 0, row, START)
        shop.run(False, incremental.FEW)
        shop.end_late(True)
        for definition in ("n bigint null", "n int null"):
            shop.widen_column(kind, definition)
            shop.run(False, 0)
    finally:
        shop.teardown()


def test_raw_equals_the_source_after_every_run(mysql_server, tmp_path):
    chosen = settings.get_profile("long") if settings.get_current_profile_name() == "long" else SHORT
    taken = Counter()
    rarely_met(Shop(mysql_server, tmp_path, taken))
    try:
        run_state_machine_as_test(lambda: Shop(mysql_server, tmp_path, taken), settings=chosen)
    finally:
        print(dict(taken))
    happened = ("insert", "update", "delete", "alter", "late commits", "incremental", "full", "refused", "kept")
    assert all(taken[what] for what in happened), "too little happened: take more steps"
