"""The order mart as the page holds it: three cubes of sums, each one query's result, asked of the warehouse.

Every number on the page is a sum, or a distinct count, over rows of these cubes, whatever is filtered: customers hold
their country and level, products their category, and every row says its period. Numbers are whole; money is in
hundredths where it has any.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard import metrics
from loaders.common.errors import Failure

QUERIES = Path(__file__).parent / "cubes"
NAMES = ("customers", "products", "deliveries")
# SQL in, rows out.
Ask = Callable[[str], list[tuple]]
PERIOD = {"day": "cast(ordered_at as date)", "month": "cast(date_trunc('month', ordered_at) as date)"}
# Rows in all three cubes together beyond which days are added up to months: they make about 4 MB of page.
MOST_ROWS = 600_000


@dataclass(frozen=True)
class Cubes:
    """The rows of each query by name, how long a period is (day or month), the oldest and the newest order's moment."""

    grain: str
    oldest: datetime.datetime | None
    newest: datetime.datetime | None
    rows: Mapping[str, Sequence[tuple]]


def read(ask: Ask, mart: str) -> Cubes:
    """Ask the warehouse; by days where that fits a page, else by months."""
    grain = "day" if _size(ask, mart) <= MOST_ROWS else "month"
    rows = {name: ask(_query(name, mart, grain)) for name in NAMES}
    _check(rows, mart)
    ((oldest, newest),) = ask(f"select min(ordered_at), max(ordered_at) from {mart}")
    return Cubes(grain, oldest, newest, rows)


def _query(name: str, mart: str, grain: str) -> str:
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return text.format(mart=mart, period=PERIOD[grain], **metrics.sql())


def _size(ask: Ask, mart: str) -> int:
    """Rows that the three cubes would have, day by day."""
    counts = (f"(select count(*) from ({_query(name, mart, 'day')}) as {name})" for name in NAMES)
    ((rows,),) = ask(f"select {' + '.join(counts)}")
    return rows


def _check(rows: Mapping[str, Sequence[tuple]], mart: str) -> None:
    for column, lacking in (
        ("ordered_at", any(row[0] is None for row in rows["customers"])),
        ("customer_id", any(row[1] is None for row in rows["customers"])),
        ("product_id", any(row[1] is None for row in rows["products"])),
        ("amount", any(row[6] is None for row in rows["customers"])),
    ):
        if lacking:
            raise Failure(f"{mart} holds an order without {column}", "run `make build`: its tests name the order")
