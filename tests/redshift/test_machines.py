"""The state machines of the DuckDB tests, shorter, on the Redshift stand-in: raw, and the order mart."""

import datetime
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from local_stack.redshift import environment
from tests import commands, forked_dbt, small_shop
from tests.mart_machine import UNTESTED, MartMachine
from tests.redshift.conftest import connection_to
from tests.redshift.test_load import both  # noqa: F401 (a fixture)
from tests.shop_model import KINDS, rows_of, write
from tests.test_mart_machine import SHORT

# The stand-in's late-binding views are real ones beneath: two that are replaced at once, and a third that reads both,
# wait for each other, one of them for a lock of dbt's own that no server can see.
ONE_AT_A_TIME = ("--threads", "1")
WHOLE = ("loaders", "extract", "--full", "--allow-deletes")


class OnRedshift:
    """Loaders and dbt as commands, on the one warehouse of the stand-in."""

    def __init__(self, own, redshift):
        self.own, self.redshift, self.cloud = own, redshift, environment(redshift)

    def extract(self, full: bool) -> None:
        # The first run finds another module's larger shop there.
        commands.succeeded(commands.python(self.own, *(WHOLE if full else WHOLE[:2]), **self.cloud))

    def dbt(self, *arguments: str, **environment: str) -> str:
        return forked_dbt.dbt(self.own, *arguments, *ONE_AT_A_TIME, **self.cloud | environment)

    def ask(self, sql: str) -> list[tuple]:
        with closing(connection_to(self.redshift)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def forget(self) -> None:
        """Histories go on from one shop to the next: a view whose table was dropped is hidden from dbt here."""


@pytest.fixture
def stack(own, redshift):
    small_shop.create(own)
    return OnRedshift(own, redshift)


def test_the_mart_is_mysqls_own_join_after_every_build_there(own, stack):
    taken = Counter()
    run_state_machine_as_test(
        lambda: MartMachine(own, stack, taken), settings=settings(SHORT, max_examples=2, stateful_step_count=4)
    )
    print(dict(taken))
    assert taken["builds"] >= 3 and taken["increments"] >= 1, taken


def test_a_run_that_is_loaded_while_dbt_builds_fails_the_build(own, stack):
    """A reader's lock holds the mart's table up, a run is really loaded meanwhile, and the lock is given back.

    (DuckDB lets nobody write while dbt has the file.)"""
    own.write(small_shop.customer(1, "Korea", "2024-01-01"), small_shop.product(1, "Cup", "8.00", "2024-01-01"),
              small_shop.order(1, 1, 1, "2024-02-28 10:00:00"))  # fmt: skip
    stack.extract(full=True)
    stack.dbt("build", *UNTESTED, "--select", "+order_mart")
    (before,) = stack.ask("select max(run) from raw._loads")[0]
    with closing(connection_to(stack.redshift)) as reader, reader.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        reader.autocommit = False
        cursor.execute("lock analytics.order_mart")
        building = pool.submit(
            commands.dbt, own, "build", *UNTESTED[:-1], "--select", "+order_mart", *ONE_AT_A_TIME, **stack.cloud
        )
        while not stack.ask("select 1 from analytics._builds where ended_at is null") and not building.done():
            time.sleep(0.2)
        own.write(small_shop.order(2, 1, 1, "2024-02-28 10:00:00"))
        stack.extract(full=False)
        assert not building.done()
        reader.rollback()
        done = building.result()
        # As an older version left its notes.
        reader.autocommit = True
        cursor.execute("alter table analytics._builds drop column time_zone")
    assert done.returncode == 1
    told, ends = " ".join(done.stdout.split()), f"it began with run {before} and ended with run {before + 1}"
    assert f"the schema raw moved under this build: {ends}" in told and "run `make build` again" in told
    stack.dbt("build", *UNTESTED, "--select", "+order_mart")
    assert stack.ask("select count(*) from analytics.order_mart") == [(2,)]
    # And a raw that is older than what was built leaves the histories as they are.
    own.write("update customer set country = 'Japan'")
    stack.extract(full=False)
    stack.dbt("build", *UNTESTED, "--select", "customer_history")
    states = stack.ask("select * from analytics.customer_history order by dbt_scd_id")
    commands.succeeded(commands.python(own, "loaders", "replay", "--to-run", str(before), **stack.cloud))
    said = " ".join(stack.dbt("build", *UNTESTED[:-1], "--select", "customer_history").split())
    assert f"raw holds run {before}, and analytics.customer_history has seen run {before + 2}" in said
    commands.succeeded(commands.python(own, "loaders", "load", **stack.cloud))
    assert "has seen run" not in stack.dbt("build", *UNTESTED[:-1], "--select", "customer_history")
    assert states == stack.ask("select * from analytics.customer_history order by dbt_scd_id")


numbers = st.sampled_from([-1, 0, 1, 5, 1024])
texts = st.sampled_from([None, "", " ", "a", "A", "a ", "김", "it's", "\\"])
START = datetime.datetime(2024, 3, 1)


class RawMachine(RuleBasedStateMachine):
    """The kinds of tables of the large machine; after each run every live row has the source's hash and key."""

    def __init__(self, both, taken: Counter):  # noqa: F811
        super().__init__()
        self.both, self.own, self.taken, self.now = both, both.own, taken, START
        self.shop = self.own.connect(self.own.shop_url, autocommit=True)
        self.late = self.own.connect(self.own.shop_url, autocommit=False)

    @initialize()
    def begin(self):
        for kind in KINDS.values():
            write(self.shop, f"drop table if exists {kind.table}")
            write(self.shop, kind.create)
            for key in kind.keys[::2]:
                write(self.shop, kind.insert, *key, "first", "1.5", 0.1, b"\xff", 1, START)

    @rule(changes=st.lists(st.tuples(st.sampled_from([*KINDS.values()]), st.integers(0, 7), texts, st.booleans())))
    def change(self, changes):
        """Some move the cursor, some are deletes, some only spell the key otherwise."""
        self.now += datetime.timedelta(hours=2)
        for kind, place, text, moved in changes:
            key = kind.keys[place % len(kind.keys)]
            if text is None:
                write(self.shop, f"delete from {kind.table} where {kind.where}", *key)
            else:
                moment = self.now if moved else START
                write(self.shop, kind.insert, *key, text, "-0.001", 5e-324, b"it's", 2, moment)

    @rule(number=numbers)
    def commit_late(self, number):
        """Written before a run, and committed after it."""
        write(self.late, KINDS["numbers"].insert, 100 + number, "late", None, None, None, None, START)
        self.both.run(known=self.both.catalog())
        self.late.commit()

    @invariant()
    def raw_is_the_source(self):
        run = self.both.run(known=self.both.catalog())
        for batch in run.batches:
            self.taken[batch.mode] += 1
            names, expected = rows_of(self.shop, batch.table)
            listed = ", ".join(name for name in names if name != "b")
            found = self.both.ask(f"select {listed} from {self.both.schema}.{batch.table} where _deleted_at is null")
            without = names.index("b")
            source = [row[:without] + row[without + 1 :] for row in expected]
            assert sorted(map(repr, found)) == sorted(map(repr, source)), batch
            assert batch.live_rows == len(expected)

    def teardown(self):
        self.late.close()
        self.shop.close()


def test_raw_equals_the_source_after_every_run_there(both):  # noqa: F811
    taken = Counter()
    run_state_machine_as_test(
        lambda: RawMachine(both, taken), settings=settings(SHORT, max_examples=3, stateful_step_count=5)
    )
    print(dict(taken))
    assert taken["incremental"] >= 20, taken
