"""The order mart as the page holds it: three cubes of sums, each one query's result, in whole numbers.

Every number on the page is a sum, or a distinct count, over rows of these cubes, whatever is filtered: customers hold
their country and level, products their category, and every row says its period. Money is in hundredths.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.packing import packed
from loaders.errors import Failure

QUERIES = Path(__file__).parent / "cubes"
# SQL in, rows out.
Ask = Callable[[str], list[tuple]]
PERIOD = {"day": "cast(ordered_at as date)", "month": "cast(date_trunc('month', ordered_at) as date)"}
# Rows in all three cubes together beyond which days are added up to months: about 4 MB of page.
MOST_ROWS = 600_000


@dataclass(frozen=True)
class Cubes:
    """The rows of each query by name, and how long a period is: day or month."""

    grain: str
    rows: Mapping[str, Sequence[tuple]]


def read(ask: Ask, mart: str) -> Cubes:
    """Ask the warehouse; by days where that fits a page, else by months."""
    grain = "day" if _size(ask, mart) <= MOST_ROWS else "month"
    rows = {name: ask(query(name, mart, grain)) for name in ("customers", "products", "deliveries")}
    _check(rows, mart)
    return Cubes(grain, rows)


def query(name: str, mart: str, grain: str) -> str:
    return (QUERIES / f"{name}.sql").read_text(encoding="utf-8").format(mart=mart, period=PERIOD[grain])


def pack(cubes: Cubes, header: Mapping[str, Any]) -> str:
    """The text that the page's data.js reads: `header`, the members of every dimension, and the cubes by number."""
    customers, products, deliveries = (cubes.rows[name] for name in ("customers", "products", "deliveries"))
    people = Members((row[1:4] for row in customers), "customer_id", "countries or loyalty levels")
    goods = Members((row[1:4] for row in products), "product_id", "names or categories")
    countries = Members(row[1] for row in people.values)
    levels = Members(row[2] for row in people.values)
    categories = Members(row[2] for row in goods.values)
    days = Members(row[4] for row in deliveries)
    first = min((row[0] for row in customers), default=None)
    last = max((row[0] for row in customers), default=None)

    def periods(rows: Sequence[tuple]) -> list[int]:
        return [_periods_between(first, row[0], cubes.grain) for row in rows]

    tables = {
        "people": {
            "id": [row[0] for row in people.values],
            "country": [countries.number[row[1]] for row in people.values],
            "level": [levels.number[row[2]] for row in people.values],
        },
        "goods": {
            "id": [row[0] for row in goods.values],
            "category": [categories.number[row[2]] for row in goods.values],
        },
        "customers": {
            "period": periods(customers),
            "customer": [people.number[row[1:4]] for row in customers],
            "category": [categories.number[row[4]] for row in customers],
            "orders": [row[5] for row in customers],
            "revenue": [int(row[6]) for row in customers],
            "fee": [int(row[7]) for row in customers],
        },
        "products": {
            "period": periods(products),
            "product": [goods.number[row[1:4]] for row in products],
            "country": [countries.number[row[4]] for row in products],
            "level": [levels.number[row[5]] for row in products],
            "orders": [row[6] for row in products],
            "units": [int(row[7]) for row in products],
            "revenue": [int(row[8]) for row in products],
        },
        "deliveries": {
            "period": periods(deliveries),
            "country": [countries.number[row[1]] for row in deliveries],
            "category": [categories.number[row[2]] for row in deliveries],
            "level": [levels.number[row[3]] for row in deliveries],
            "days": [days.number[row[4]] for row in deliveries],
            "span": [row[5] or 0 for row in deliveries],
            "orders": [row[6] for row in deliveries],
        },
    }
    return packed(
        {
            **header,
            "grain": cubes.grain,
            "first": first and first.isoformat(),
            "periods": _periods_between(first, last, cubes.grain) + 1 if first else 0,
            "countries": countries.values,
            "levels": levels.values,
            "categories": categories.values,
            "days": days.values,
            "names": [row[1] for row in goods.values],
        },
        tables,
    )


class Members:
    """The distinct values of a dimension, in SQL's order (NULL last), and the number of each.

    key: what the first part of every value identifies; `others` cannot differ within it.
    """

    def __init__(self, values: Iterable[Any], key: str | None = None, others: str = ""):
        self.values = sorted(set(values), key=_null_last)
        self.number = {value: number for number, value in enumerate(self.values)}
        if key and len({value[0] for value in self.values}) < len(self.values):
            raise Failure(f"the order mart holds a {key} with different {others}", "run `make build`: a test names it")


def _null_last(value: Any) -> tuple:
    return tuple((part is None, part) for part in (value if isinstance(value, tuple) else (value,)))


def _size(ask: Ask, mart: str) -> int:
    """Rows that the three cubes would have, day by day."""
    counts = (f"(select count(*) from ({query(name, mart, 'day')}) as {name})" for name in _NAMES)
    ((rows,),) = ask(f"select {' + '.join(counts)}")
    return rows


_NAMES = ("customers", "products", "deliveries")


def _check(rows: Mapping[str, Sequence[tuple]], mart: str) -> None:
    for column, found in (
        ("ordered_at", any(row[0] is None for row in rows["customers"])),
        ("customer_id", any(row[1] is None for row in rows["customers"])),
        ("product_id", any(row[1] is None for row in rows["products"])),
        ("amount", any(row[6] is None for row in rows["customers"])),
    ):
        if found:
            raise Failure(f"{mart} holds an order without {column}", "run `make build`: its tests name the order")


def _periods_between(first: datetime.date, last: datetime.date, grain: str) -> int:
    if grain == "day":
        return (last - first).days
    return 12 * (last.year - first.year) + last.month - first.month
