"""One day passes in the shop: what a loader must cope with, the awkward parts included.

The day after the newest change is played, in transactions, so that a day is there whole or not at all but for its last
two tricks: a transaction that commits late with an earlier updated_at, and an update that forgets updated_at.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pymysql.connections import Connection

from loaders.common.errors import Failure
from seeds_generator import generate, schema, shop
from seeds_generator.generate import DAYS_OF_TRADE, Market

NEXT_STATUS = {"placed": "paid", "paid": "shipped", "shipped": "delivered"}


@dataclass(frozen=True)
class Change:
    """What happened, and to how many rows."""

    what: str
    rows: int


def pass_one(connect: Callable[[], Connection], seed: int) -> tuple[datetime.date, list[Change]]:
    """Let one day pass. connect: opens a connection to the shop; two are needed for the late commit."""
    with connect() as connection:
        day = _next_day(connection)
        clock = Clock(day)
        random = generate.generator(seed, f"day {day}")
        changes = [
            Change("orders went on (paid, shipped, delivered)", _advance(connection, clock)),
            Change("orders came back", _some_return(connection, clock, random)),
            Change("new orders", _new_orders(connection, day, random)),
            Change("prices changed", _prices(connection, clock, random)),
            Change("customers moved", _moves(connection, clock, random)),
            Change("customers rose a loyalty level", _loyalty(connection, clock, random)),
            Change("old cancelled orders deleted", _delete_cancelled(connection)),
            *_erase_customer(connection, random),
        ]
        connection.commit()
        changes.append(Change("committed late, with an earlier updated_at", _late_commit(connect, clock)))
        changes.append(Change("changed without a new updated_at", _forgetful(connection)))
        connection.commit()
    return day, changes


@dataclass
class Clock:
    """Moments of the day, each later than the one before."""

    day: datetime.date
    seconds: int = 9 * 3600

    def tick(self) -> datetime.datetime:
        self.seconds += 61
        start = datetime.datetime.combine(self.day, datetime.time())
        return start + datetime.timedelta(seconds=self.seconds, microseconds=self.seconds * 7 % 1_000_000)


def _next_day(connection: Connection) -> datetime.date:
    schema.refuse_foreign_tables(connection)
    try:
        newest = _value(connection, "select max(greatest(order_date, updated_at)) from `order`")
    except Exception as error:
        raise Failure(f"the shop's tables cannot be read: {error}", "fill the shop first: `make seed`") from None
    if newest is None:
        raise Failure("the shop has no orders yet", "fill it first: `make seed`")
    if isinstance(newest, str):
        newest = datetime.datetime.fromisoformat(newest)
    return newest.date() + datetime.timedelta(1)


def _advance(connection: Connection, clock: Clock) -> int:
    """Orders of before today go one step on; what is delivered got there today."""
    count = 0
    for status in reversed(NEXT_STATUS):
        now = clock.tick()
        arrived = ", shipping_date = greatest(%(day)s, order_date + interval 1 day)" if status == "shipped" else ""
        count += _run(
            connection,
            f"update `order` set status = %(next)s, updated_at = %(now)s{arrived} "
            "where status = %(status)s and (order_id %% 4 <> 0 or order_date < %(old)s)",
            {
                "next": NEXT_STATUS[status],
                "now": now,
                "day": now.replace(microsecond=0),
                "status": status,
                "old": clock.day - datetime.timedelta(6),
            },
        )
    return count


def _some_return(connection: Connection, clock: Clock, random: np.random.Generator) -> int:
    ids = _ids(connection, "order", "status = 'delivered'", 200, newest=True)
    return _update(connection, "order", "status = 'returned'", _pick(random, ids, 2), clock)


def _new_orders(connection: Connection, day: datetime.date, random: np.random.Generator) -> int:
    """About as many orders as on an average day, at today's prices."""
    market = _market(connection)
    last, total = _row(connection, "select max(order_id), count(*) from `order`")
    number = max(5, round(total / DAYS_OF_TRADE * float(random.uniform(0.8, 1.4))))
    start = np.datetime64(day, "us").astype(np.int64)
    placed = np.sort(start + random.integers(0, generate.DAY_US, number))
    rows = generate.order_rows(random, placed, last + 1, market, day + datetime.timedelta(1))
    return shop.add(connection, "order", rows)


def _market(connection: Connection) -> Market:
    people = pd.DataFrame(_rows(connection, "select customer_id, country from customer"))
    goods = pd.DataFrame(_rows(connection, "select product_id, price from product"))
    people.columns, goods.columns = ["customer_id", "country"], ["product_id", "price"]
    return Market.of(0, people, goods)


def _prices(connection: Connection, clock: Clock, random: np.random.Generator) -> int:
    chosen = _pick(random, _ids(connection, "product", "true", 10**6), 5)
    percent = int(random.choice([-15, -10, -5, 5, 10]))
    return _update(connection, "product", f"price = round(price * {100 + percent} / 100, 2)", chosen, clock)


def _moves(connection: Connection, clock: Clock, random: np.random.Generator) -> int:
    """Most move within their country, one to another."""
    chosen = _pick(random, _ids(connection, "customer", "true", 10**6), 4)
    street = int(random.integers(1, 999))
    moved = _update(connection, "customer", f"address = '{street} New Street'", chosen[1:], clock)
    abroad = f"address = '{street} Harbour Road', country = 'Singapore'"
    return moved + _update(connection, "customer", abroad, chosen[:1], clock)


def _loyalty(connection: Connection, clock: Clock, random: np.random.Generator) -> int:
    chosen = _pick(random, _ids(connection, "customer", "loyalty_level = 'Bronze'", 10**6), 3)
    return _update(connection, "customer", "loyalty_level = 'Silver'", chosen, clock)


def _delete_cancelled(connection: Connection) -> int:
    oldest = _ids(connection, "order", "status = 'cancelled'", 3)
    return _run(connection, "delete from `order` where order_id in %(ids)s", {"ids": oldest}) if oldest else 0


def _erase_customer(connection: Connection, random: np.random.Generator) -> list[Change]:
    """A customer asks to be forgotten, and takes the orders along. The best customers stay."""
    few = "customer_id in (select customer_id from `order` group by customer_id having count(*) < 40)"
    chosen = _pick(random, _ids(connection, "customer", few, 10**6), 1)
    if not chosen:
        return [Change("customers erased", 0)]
    orders = _run(connection, "delete from `order` where customer_id in %(ids)s", {"ids": chosen})
    people = _run(connection, "delete from customer where customer_id in %(ids)s", {"ids": chosen})
    return [Change("customers erased", people), Change("orders erased with them", orders)]


def _late_commit(connect: Callable[[], Connection], clock: Clock) -> int:
    """One transaction stamps its row, another stamps later and commits, and only then the first commits."""
    first, second = clock.tick(), clock.tick()
    with connect() as slow, connect() as quick:
        orders = _ids(slow, "order", "status = 'delivered'", 2, newest=True)
        if len(orders) < 2:
            return 0  # a shop of a few orders has no two of them
        one, other = orders
        touch = "update `order` set updated_at = %(now)s, delivery_fee = delivery_fee + 1 where order_id = %(id)s"
        rows = _run(slow, touch, {"now": first, "id": one})
        _run(quick, touch, {"now": second, "id": other})
        quick.commit()
        slow.commit()
    return rows


def _forgetful(connection: Connection) -> int:
    ids = _ids(connection, "order", "request is null", 1)
    return _run(
        connection, "update `order` set request = '전화 주세요 ☎️' where order_id in %(ids)s", {"ids": ids}
    ) if ids else 0  # fmt: skip


def _update(connection: Connection, table: str, change: str, ids: list[int], clock: Clock) -> int:
    if not ids:
        return 0
    sql = f"update `{table}` set {change}, updated_at = %(now)s where {table}_id in %(ids)s"
    return _run(connection, sql, {"now": clock.tick(), "ids": ids})


def _ids(connection: Connection, table: str, where: str, limit: int, newest: bool = False) -> list[int]:
    order = f"{table}_id{' desc' if newest else ''}"
    sql = f"select {table}_id from `{table}` where {where} order by {order} limit {limit}"
    return [row[0] for row in _rows(connection, sql)]


def _pick(random: np.random.Generator, ids: list[int], number: int) -> list[int]:
    return [int(value) for value in random.choice(ids, min(number, len(ids)), replace=False)] if ids else []


def _run(connection: Connection, sql: str, values: dict) -> int:
    with connection.cursor() as cursor:
        return cursor.execute(sql, values)


def _rows(connection: Connection, sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def _row(connection: Connection, sql: str) -> tuple:
    return _rows(connection, sql)[0]


def _value(connection: Connection, sql: str):
    return _row(connection, sql)[0]
