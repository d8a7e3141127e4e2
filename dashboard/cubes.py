"""The order mart as the page holds it: its orders, or three cubes of sums; each is one query's result.

Every number on the page is a sum, or a distinct count, over rows of these tables, whatever is filtered: customers hold
their country and level, products their category, and every row says its period and its status. Numbers are whole;
money is in hundredths where it has any.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard import metrics
from dashboard.packing import EXACT
from loaders.common.errors import Failure

QUERIES = Path(__file__).parent / "cubes"
# Each query's columns, as the page calls them.
CUBES = {
    "customers": "period customer_id country level category status orders revenue net fee",
    "products": "period product_id name category country level status orders units revenue",
    "deliveries": "period country category level status days span orders",
}
ORDERS = {
    "orders": "id period customer_id country level product_id name category status units revenue net fee days span"
}
# SQL in, rows out.
Ask = Callable[[str], list[tuple]]
PERIOD = {"day": "ordered_on", "month": "cast(date_trunc('month', ordered_on) as date)"}
# Spans of 24 hours, the end included, by the moments themselves; 8: beyond 168.
SPAN = (
    "case "
    + " ".join(f"when delivered_at <= ordered_at + interval '{24 * days} hours' then {days}" for days in range(1, 8))
    + " when delivered_at > ordered_at + interval '168 hours' then 8 end"
)
# A shop with more orders is on the page as sums, and none of them is listed.
MOST_ORDERS = 200_000
# Rows in all three cubes together beyond which days are added up to months: they make about 4 MB of page.
MOST_ROWS = 600_000


@dataclass(frozen=True)
class Cubes:
    """Columns of each query's rows, how long a period is (day or month), the oldest and the newest order's day.

    unlisted: how many orders there are, where they are too many, or their numbers too large, to be on the page.
    """

    grain: str
    oldest: datetime.date | None
    newest: datetime.date | None
    unlisted: int
    tables: Mapping[str, Mapping[str, Sequence[Any]]]


def read(ask: Ask, mart: str) -> Cubes:
    """Ask the warehouse: for the orders, or for sums by days where that fits a page, else by months."""
    ((orders, largest, oldest, newest),) = ask(
        f"select count(*), max(order_id), min(ordered_on), max(ordered_on) from {mart}"
    )
    listed = orders <= MOST_ORDERS and (largest or 0) < EXACT
    grain = "day" if listed or _size(ask, mart) <= MOST_ROWS else "month"
    tables = {
        name: _columns(ask(_query(name, mart, grain)), columns.split())
        for name, columns in (ORDERS if listed else CUBES).items()
    }
    _check(tables, mart)
    return Cubes(grain, oldest, newest, 0 if listed else orders, tables)


def _columns(rows: Sequence[tuple], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _query(name: str, mart: str, grain: str) -> str:
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return text.format(mart=mart, period=PERIOD[grain], span=SPAN, **metrics.sql())


def _size(ask: Ask, mart: str) -> int:
    """Rows that the three cubes would have, day by day."""
    counts = (f"(select count(*) from ({_query(name, mart, 'day')}) as {name})" for name in CUBES)
    ((rows,),) = ask(f"select {' + '.join(counts)}")
    return rows


def _check(tables: Mapping[str, Mapping[str, Sequence[Any]]], mart: str) -> None:
    columns = {"period": "ordered_on", "customer_id": "customer_id", "product_id": "product_id", "revenue": "amount"}
    for name, column in columns.items():
        if any(value is None for table in tables.values() for value in table.get(name, ())):
            raise Failure(f"{mart} holds an order without {column}", "run `make build`: its tests name the order")
