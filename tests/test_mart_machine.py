"""Whatever happens in the shop between builds, the order mart is the join that MySQL itself computes: on DuckDB.

Most builds are incremental, and equal to the mart made whole; and the histories give back what the source was at every
run that was built. `make test` takes eighteen steps, `make test-long` 500.
"""

from collections import Counter

import duckdb
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from loaders.retention import replay
from loaders.words import catalog
from tests import commands, forked_dbt, small_shop
from tests.history_machine import HistoryMachine

SHORT = settings(
    max_examples=3,
    stateful_step_count=6,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(SHORT, max_examples=20, stateful_step_count=25, derandomize=False)


class OnDuckDB:
    """Loaders in this process, dbt in another."""

    def __init__(self, own):
        self.own, self.known = own, catalog.read(commands.SHOP_CATALOG)

    def extract(self, full: bool) -> None:
        self.own.run(self.known, full=full)

    def replay(self, to_run: int) -> None:
        with self.own.opened("raw") as warehouse:
            replay.replay(self.own.lake, warehouse, to_run, lambda steps, _count: steps)

    def load(self) -> None:
        self.own.load("raw")

    def newest_run(self) -> int:
        return self.ask("select max(run) from raw._loads")[0][0]

    def erase(self, table: str, key: int) -> None:
        commands.succeeded(commands.python(self.own, "loaders", "erase", "--table", table, "--key", str(key)))

    def dbt(self, *arguments: str, **environment: str) -> str:
        return forked_dbt.dbt(self.own, *arguments, **environment)

    def refused(self, *arguments: str) -> str:
        return forked_dbt.dbt(self.own, *arguments, fails=True)

    def forget(self) -> None:
        with duckdb.connect(self.own.warehouse_path) as connection:
            connection.execute("drop schema if exists analytics cascade")

    def ask(self, sql: str) -> list[tuple]:
        with duckdb.connect(self.own.warehouse_path, read_only=True) as connection:
            return connection.execute(sql).fetchall()


def test_the_mart_is_mysqls_own_join_after_every_build(own):
    chosen = LONG if settings.get_current_profile_name() == "long" else SHORT
    small_shop.create(own)
    stack, taken = OnDuckDB(own), Counter()
    try:
        run_state_machine_as_test(lambda: HistoryMachine(own, stack, taken), settings=chosen)
    finally:
        print(dict(taken))
    assert taken["builds"] >= 15 and taken["increments"] >= 5, "too little happened: take more steps"
    assert taken["back"] and taken["parts"] and taken["empty"], "too little happened: take more steps"


def test_a_customer_who_is_erased_and_restored_begins_a_history_anew(own):
    small_shop.create(own)
    machine = HistoryMachine(own, OnDuckDB(own), Counter())
    machine.begin()
    machine.erase_and_restore(1, [("customer", 2, {"country": "Japan"}, False)])
    states = machine.stack.ask("select customer_id, from_run, until_run from analytics.customer_history order by 1, 2")
    assert states == [(1, 3, None), (2, 1, 3), (2, 3, None), (3, 1, None)]
    machine.teardown()
