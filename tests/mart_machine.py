"""A shop in which anything happens between builds; after each one the order mart is compared with MySQL's own join."""

import contextlib
import datetime
import re
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from loaders.words import catalog
from tests import commands, small_shop
from tests.own_database import OwnDatabase

START = datetime.datetime(2024, 2, 28, 22, 0, 0)
UNTESTED = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test", "--quiet")
HISTORIES = ("customer_history", "product_history")
# What an order has whoever has ordered what, as MySQL computes it: the query that `verify` compares the mart with.
CATALOG = catalog.read(commands.SHOP_CATALOG)
(BY_MYSQL,) = [table.mart.query for table in CATALOG.tables if table.mart]

spans = st.sampled_from([None, -7200, 0, 17, 18, 86_400 * 2 + 61, 86_400 * 6])
touched = st.booleans()
customers = st.tuples(
    st.just("customer"),
    st.integers(1, 4),
    st.fixed_dictionaries({}, optional={
        "country": st.sampled_from(["Korea", "Japan", "Frånce"]),
        "loyalty_level": st.sampled_from(["Gold", "Silver"]),
        "email": st.sampled_from(["a@example.com", "b@example.com"]),
    }),
    touched,
)  # fmt: skip
products = st.tuples(
    st.just("product"),
    st.integers(1, 3),
    st.fixed_dictionaries({}, optional={
        "price": st.sampled_from(["0.01", "8.00", "99999999.99"]),
        "product_name": st.sampled_from(["Cup", "컵", "Cup "]),
        "category": st.sampled_from(["Home", "Books"]),
    }),
    touched,
)  # fmt: skip
orders = st.tuples(
    st.just("order"),
    st.integers(1, 9),
    st.fixed_dictionaries(
        {},
        optional={
            # Of customers and products that are not there, too.
            "customer_id": st.integers(1, 5),
            "product_id": st.integers(1, 4),
            "status": st.sampled_from(["placed", "delivered", "cancelled", "returned"]),
            "amount": st.sampled_from([0, 1, 2**31 - 1]),
            "request": st.sampled_from([None, "", "  ", "ring twice"]),
            "span": spans,
        },
    ),
    touched,
)
deletions = st.tuples(
    st.sampled_from(["customer", "product", "order", "order", "order"]), st.integers(1, 9), st.none(), touched
)
new_keys = st.tuples(st.just("order"), st.integers(1, 9), st.integers(1, 9), touched)
changes = st.lists(st.one_of(customers, products, orders, deletions, new_keys), max_size=5)


class MartMachine(RuleBasedStateMachine):
    """A shop on a stack, which has extract(full), dbt(*arguments, **environment), ask(sql) and forget()."""

    def __init__(self, own: OwnDatabase, stack, taken: Counter):
        super().__init__()
        self.own, self.stack, self.taken = own, stack, taken
        self.closing = contextlib.ExitStack()
        self.now = START
        self.shop, self.late = self._connection(), self._connection()

    def _connection(self):
        """Without foreign keys: orders outlive their customers, and the mart must show it."""
        connection = self.own.connect(self.own.shop_url)
        self.closing.callback(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("set session foreign_key_checks = 0, session innodb_lock_wait_timeout = 2")
        return connection

    @initialize()
    def begin(self):
        """A shop with a few of everything, read and built for the first time: all views, and a plain mart."""
        self._fill()
        self.stack.extract(full=True)
        self.stack.forget()
        self._dbt("+order_mart", incremental=False)
        self._compare()

    def _fill(self):
        for table in ("order", "customer", "product"):
            self._write(f"delete from `{table}`")
        for table, number in (*(("customer", n) for n in (1, 2, 3)), ("product", 1), ("product", 2),
                              *(("order", n) for n in range(1, 7))):  # fmt: skip
            self._insert(table, number)
        self.shop.commit()

    # ---- steps

    @rule(happened=changes, full=st.sampled_from([False, False, False, True]))
    def build(self, happened, full):
        """The incremental mart, with its histories."""
        self._read_after(happened, full)
        self._dbt(*HISTORIES, "order_mart", incremental=True)
        self._compare()

    @rule(happened=changes, incremental=st.booleans(), alone=st.booleans())
    def build_otherwise(self, happened, incremental, alone):
        """A plain mart between incremental ones; or one without its histories, which knows no later than they do."""
        self._read_after(happened, full=False)
        self._dbt(*(() if alone else HISTORIES), "order_mart", incremental=incremental)
        self._compare()

    @rule(happened=changes, committed=changes)
    def build_twice(self, happened, committed):
        """Two runs between two builds; an order written before the first is committed after it."""
        with self.late.cursor() as cursor:
            cursor.execute(small_shop.order(11, 1, 1, str(self.now)) + " on duplicate key update amount = amount + 1")
        self._read_after(happened, full=False)
        self.late.commit()
        self._read_after(committed, full=False)
        self._dbt(*HISTORIES, "order_mart", incremental=True)
        self._compare()
        self._dbt(*HISTORIES, "order_mart", incremental=True)
        self._compare()

    def teardown(self):
        self.closing.close()

    # ---- what steps are made of

    def _read_after(self, happened, full: bool) -> None:
        self.now += datetime.timedelta(hours=3)
        for table, number, what, moved in happened:
            self._change(table, number, what, moved)
        self.shop.commit()
        self.stack.extract(full=full)
        self.taken["runs"] += 1

    def _change(self, table: str, number: int, what, moved: bool) -> None:
        key = f"{table}_id"
        if what is None:
            self._write(f"delete from `{table}` where {key} = %s", number)
        elif isinstance(what, int):
            self._write("update ignore `order` set order_id = %s where order_id = %s", what, number)
        else:
            self._insert(table, number)
            span = what.get("span")
            sets = {name: value for name, value in what.items() if name != "span"}
            if "span" in what:
                sets["shipping_date"] = None if span is None else self.now + datetime.timedelta(seconds=span)
            if moved:
                sets["updated_at"] = self.now
            listed = ", ".join(f"{name} = %s" for name in sets) or f"{key} = {key}"
            self._write(f"update `{table}` set {listed} where {key} = %s", *sets.values(), number)

    def _insert(self, table: str, number: int) -> None:
        """If it is not there yet."""
        made = {
            "customer": lambda: small_shop.customer(number, "Korea", str(self.now)),
            "product": lambda: small_shop.product(number, "Cup", "8.00", str(self.now)),
            "order": lambda: small_shop.order(number, 1 + number % 3, 1 + number % 2, str(self.now)),
        }
        self._write(made[table]().replace("insert", "insert ignore", 1))

    def _write(self, sql: str, *values) -> None:
        with self.shop.cursor() as cursor:
            self.taken[f"{sql.split()[0]} {re.search('customer|product|order', sql)[0]}"] += cursor.execute(
                sql, values or None
            )

    def _dbt(self, *selected: str, incremental: bool) -> str:
        """A folder for each value of the variable: with another one dbt would read every file again."""
        target = self.own.folder / ("incremental" if incremental else "plain")
        variables = ("--vars", f"{{incremental_order_mart: {str(incremental).lower()}}}")
        said = self.stack.dbt("build", *UNTESTED[:-1], *variables, "--select", *selected, DBT_TARGET_PATH=str(target))
        self.taken["builds"] += 1
        made = (target / "compiled/order_he/models/marts/order_mart.sql").read_text()
        found = re.search(r"where runs.run > (-?\d+)", made)
        self.taken["increments"] += bool(found) and found[1] != "-1"
        if not found:
            self.whole = made
        return said

    def _compare(self) -> None:
        """Today's columns with MySQL's own join, all with the mart's own definition over everything."""
        with self.shop.cursor() as cursor:
            cursor.execute(f"select * from ({BY_MYSQL}) as computed order by 1")
            expected = [_plain(row) for row in cursor.fetchall()]
            today = ", ".join(column[0] for column in cursor.description)
        self.shop.commit()
        assert [
            _plain(row) for row in self.stack.ask(f"select {today} from analytics.order_mart order by 1")
        ] == expected
        self._compare_with_whole()
        self.taken["rows"] += len(expected)

    def _compare_with_whole(self) -> None:
        mart = self.stack.ask("select * from analytics.order_mart order by 1")
        assert mart == self.stack.ask(f"select * from ({self.whole}) as whole order by 1")


def _plain(row) -> tuple:
    """MySQL has no booleans."""
    return tuple(int(value) if isinstance(value, bool) else value for value in row)
