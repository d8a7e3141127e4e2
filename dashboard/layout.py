"""How the cubes' rows become numbered columns: every value of a dimension is a member, and rows hold its number."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
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


# What stands for a customer and for a product in a row: the first part identifies it.
WHO = ("customer_id", "country", "level")
WHAT = ("product_id", "name", "category")


class Layout:
    """All dimensions of the cubes; `text` is what the page's data.js reads."""

    def __init__(self, cubes: Cubes):
        self._cubes = cubes
        orders = cubes.tables.get("orders")
        sold, goods, delivered = (orders or cubes.tables[name] for name in ("customers", "products", "deliveries"))
        self._people = Members(_rows(sold, WHO))
        self._goods = Members(_rows(goods, WHAT))
        _identified(self._people, "customer_id", "countries or loyalty levels")
        _identified(self._goods, "product_id", "names or categories")
        self._members = {
            "country": Members(row[1] for row in self._people.values),
            "level": Members(row[2] for row in self._people.values),
            "category": Members(row[2] for row in self._goods.values),
            "status": Members(sold["status"]),
            "days": Members(delivered["days"]),
        }
        self._first = min(sold["period"], default=None)
        self._last = max(sold["period"], default=None)

    def text(self, header: Mapping[str, Any]) -> str:
        """The header with every dimension's members, and the numbered columns, packed."""
        tables = {
            "people": {"id": [row[0] for row in self._people.values], **self._numbered(self._people, WHO)},
            "goods": {"id": [row[0] for row in self._goods.values], **self._numbered(self._goods, WHAT)},
            **{name: self._table(columns) for name, columns in self._cubes.tables.items()},
        }
        members = {plural: self._members[name].values for name, plural in PLURALS.items()}
        names = [row[1] for row in self._goods.values]
        return packed({**header, **self._calendar(), **members, "names": names}, tables)

    def _calendar(self) -> dict[str, Any]:
        """Periods are numbered from the first order's on."""
        grain, first = self._cubes.grain, self._first
        return {
            "grain": grain,
            "first": first.isoformat() if first else None,
            "periods": _periods_between(first, self._last, grain) + 1 if first else 0,
            "oldest": self._cubes.oldest and self._cubes.oldest.isoformat(),
            "newest": self._cubes.newest and self._cubes.newest.isoformat(),
            "unlisted": self._cubes.unlisted,
        }

    def _numbered(self, of: Members, parts: Sequence[str]) -> Table:
        """The dimensions that a customer or a product holds."""
        columns = zip(parts, zip(*of.values, strict=True) if of.values else [()] * len(parts), strict=True)
        return {name: self._members[name].numbers(values) for name, values in columns if name in self._members}

    def _table(self, columns: Mapping[str, Sequence[Any]]) -> Table:
        """Its rows in numbers: a customer's country stands with the customer alone, a product's category with it."""
        left_out = {"name"}
        found: dict[str, Sequence[int]] = {}
        for key, parts, members, name in (
            ("customer_id", WHO, self._people, "customer"),
            ("product_id", WHAT, self._goods, "product"),
        ):
            if key in columns:
                found[name] = members.numbers(_rows(columns, parts))
                left_out |= {*parts}
        for name, values in columns.items():
            if name in self._members and name not in left_out:
                found[name] = self._members[name].numbers(values)
            elif name not in left_out:
                found[name] = self._whole(name, values)
        return found

    def _whole(self, name: str, values: Sequence[Any]) -> Sequence[int]:
        if name == "period":
            return [_periods_between(self._first, date, self._cubes.grain) for date in values]
        if name == "id":  # each as its distance from the one before: they deflate to nothing
            return [number - before for before, number in pairwise((0, *values))]
        return [value or 0 for value in values]


# Each dimension, and its members' name in the page.
PLURALS = {
    "country": "countries",
    "level": "levels",
    "category": "categories",
    "status": "statuses",
    "days": "days",
}


def _rows(columns: Mapping[str, Sequence[Any]], names: Sequence[str]) -> list[tuple]:
    return list(zip(*(columns[name] for name in names), strict=True))


def _identified(members: Members, key: str, others: str) -> None:
    """The first part of every value identifies it: what belongs to it cannot differ."""
    if len({value[0] for value in members.values}) < len(members.values):
        raise Failure(f"the order mart holds a {key} with different {others}", "run `make build`: a test names it")


def _null_last(value: Any) -> tuple:
    return tuple((part is None, part) for part in (value if isinstance(value, tuple) else (value,)))


def _periods_between(first: datetime.date, last: datetime.date, grain: str) -> int:
    if grain == "day":
        return (last - first).days
    return 12 * (last.year - first.year) + last.month - first.month
