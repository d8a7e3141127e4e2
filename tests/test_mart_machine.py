"""Whatever happens in the shop between builds, the order mart is the join that MySQL itself computes: on DuckDB.

Most builds are incremental, and equal to the mart made whole. `make test` takes fifteen steps, `make test-long` 500.
"""

from collections import Counter

import duckdb
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from loaders import catalog
from tests import commands, forked_dbt, small_shop
from tests.mart_machine import MartMachine

SHORT = settings(
    max_examples=3,
    stateful_step_count=5,
    deadline=None,
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

    def dbt(self, *arguments: str, **environment: str) -> None:
        forked_dbt.dbt(self.own, *arguments, **environment)

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
        run_state_machine_as_test(lambda: MartMachine(own, stack, taken), settings=chosen)
    finally:
        print(dict(taken))
    assert taken["builds"] >= 15 and taken["increments"] >= 5, "too little happened: take more steps"
