"""How the cubes' rows become numbered columns: every value of a dimension is a member, and rows hold its number."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboard.cubes import Cubes
from dashboard.packing import Table, packed
from loaders.common.errors import Failure


class Members:
    """The distinct values of a dimension, in SQL's order (NULL last), and the number of each."""

    def __init__(self, values: Iterable[Any]):
        self.values = sorted(set(values), key=_null_last)
        self._number = {value: number for number, value in enumerate(self.values)}

    def numbers(self, values: Iterable[Any]) -> list[int]:
        return [self._number[value] for value in values]


class Layout:
    """All dimensions of the cubes; `text` is what the page's data.js reads."""

    def __init__(self, cubes: Cubes):
        self._grain = cubes.grain
        self._moments = {"oldest": _utc(cubes.oldest), "newest": _utc(cubes.newest)}
        self._customers, self._products, self._deliveries = (
            cubes.rows[name] for name in ("customers", "products", "deliveries")
        )
        self._people = Members(row[1:4] for row in self._customers)
        self._goods = Members(row[1:4] for row in self._products)
        _identified(self._people, "customer_id", "countries or loyalty levels")
        _identified(self._goods, "product_id", "names or categories")
        self._countries = Members(row[1] for row in self._people.values)
        self._levels = Members(row[2] for row in self._people.values)
        self._categories = Members(row[2] for row in self._goods.values)
        self._days = Members(row[4] for row in self._deliveries)

    def text(self, header: Mapping[str, Any]) -> str:
        """The header with every dimension's members, and the numbered columns, packed."""
        tables = {
            "people": self._people_columns(),
            "goods": self._goods_columns(),
            "customers": self._customer_columns(),
            "products": self._product_columns(),
            "deliveries": self._delivery_columns(),
        }
        return packed({**header, **self._calendar(), **self._members()}, tables)

    def _calendar(self) -> dict[str, Any]:
        """Periods are numbered from the first order's on."""
        periods = [row[0] for row in self._customers]
        if not periods:
            return {"grain": self._grain, "first": None, "periods": 0, **self._moments}
        number = _periods_between(min(periods), max(periods), self._grain) + 1
        return {"grain": self._grain, "first": min(periods).isoformat(), "periods": number, **self._moments}

    def _members(self) -> dict[str, list]:
        return {
            "countries": self._countries.values,
            "levels": self._levels.values,
            "categories": self._categories.values,
            "days": self._days.values,
            "names": [row[1] for row in self._goods.values],
        }

    def _people_columns(self) -> Table:
        ids, countries, levels = _columns(self._people.values, 3)
        return {"id": ids, "country": self._countries.numbers(countries), "level": self._levels.numbers(levels)}

    def _goods_columns(self) -> Table:
        ids, _names, categories = _columns(self._goods.values, 3)
        return {"id": ids, "category": self._categories.numbers(categories)}

    def _customer_columns(self) -> Table:
        periods, *_who, categories, orders, revenue, net, fees = _columns(self._customers, 9)
        return {
            "period": self._periods(periods),
            "customer": self._people.numbers(row[1:4] for row in self._customers),
            "category": self._categories.numbers(categories),
            "orders": orders,
            "revenue": revenue,
            "net": net,
            "fee": fees,
        }

    def _product_columns(self) -> Table:
        periods, *_what, countries, levels, orders, units, revenue = _columns(self._products, 9)
        return {
            "period": self._periods(periods),
            "product": self._goods.numbers(row[1:4] for row in self._products),
            "country": self._countries.numbers(countries),
            "level": self._levels.numbers(levels),
            "orders": orders,
            "units": units,
            "revenue": revenue,
        }

    def _delivery_columns(self) -> Table:
        periods, countries, categories, levels, days, spans, orders = _columns(self._deliveries, 7)
        return {
            "period": self._periods(periods),
            "country": self._countries.numbers(countries),
            "category": self._categories.numbers(categories),
            "level": self._levels.numbers(levels),
            "days": self._days.numbers(days),
            "span": [span or 0 for span in spans],
            "orders": orders,
        }

    def _periods(self, dates: Sequence[datetime.date]) -> list[int]:
        first = min((row[0] for row in self._customers), default=None)
        return [_periods_between(first, date, self._grain) for date in dates]


def _columns(rows: Sequence[tuple], width: int) -> list[Sequence]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _identified(members: Members, key: str, others: str) -> None:
    """The first part of every value identifies it: what belongs to it cannot differ."""
    if len({value[0] for value in members.values}) < len(members.values):
        raise Failure(f"the order mart holds a {key} with different {others}", "run `make build`: a test names it")


def _utc(moment: datetime.datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") + "Z" if moment else None


def _null_last(value: Any) -> tuple:
    return tuple((part is None, part) for part in (value if isinstance(value, tuple) else (value,)))


def _periods_between(first: datetime.date, last: datetime.date, grain: str) -> int:
    if grain == "day":
        return (last - first).days
    return 12 * (last.year - first.year) + last.month - first.month
