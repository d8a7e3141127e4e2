"""Tables of every kind of key for the state machine, and what a plain client reads of them."""

import datetime
from contextlib import closing
from dataclasses import dataclass

import pymysql

VALUES = "v varchar(40) null, d decimal(12,3) null, f double null, b varbinary(20) null, n int null"
VALUE_NAMES = ("v", "d", "f", "b", "n")
# Rows of a table that spreads over several buckets.
MANY = 2_100


@dataclass(frozen=True)
class Kind:
    """A table. keys: few, so that one is deleted and inserted again often; none for a table without a key.

    moment: the column that updates touch or forget; only `updated_at` is taken for a cursor.
    """

    table: str
    key: tuple[str, ...]
    types: str
    moment: str
    keys: tuple[tuple, ...]

    @property
    def create(self) -> str:
        key = f", primary key ({', '.join(self.key)})" if self.key else ""
        return f"create table {self.table} ({self.types}, {VALUES}, {self.moment} datetime(6) null{key})"

    @property
    def insert(self) -> str:
        names = ", ".join([*self._key_names, *VALUE_NAMES, self.moment])
        values = ", ".join(["%s"] * (len(self._key_names) + len(VALUE_NAMES) + 1))
        updates = ", ".join(f"{name} = values({name})" for name in (*self.key, *VALUE_NAMES, self.moment))
        again = f" on duplicate key update {updates}" if self.key else ""
        return f"insert into {self.table} ({names}) values ({values}){again}"

    @property
    def _key_names(self) -> tuple[str, ...]:
        return self.key or ("said",)

    @property
    def where(self) -> str:
        return " and ".join(f"{name} = %s" for name in self._key_names)

    def same(self, key: tuple) -> tuple:
        """What two keys share that the server holds for one."""
        return tuple(part.casefold().rstrip(" ") if isinstance(part, str) else part for part in key)

    def filler(self, number: int) -> tuple:
        """One more key, of the many that a large table has."""
        if self.table == "numbers":
            return (10 + number,)
        return (number % 7, f"f{number}") if self.table == "pairs" else (f"f{number}",)


KINDS = {
    kind.table: kind
    for kind in (
        Kind("numbers", ("id",), "id int", "updated_at", tuple((k,) for k in (-1025, -1, 0, 1, 5, 1024, 2_000_000))),
        Kind(
            "words",
            ("word",),
            "word varchar(20) collate utf8mb4_general_ci",
            "seen_at",
            tuple((k,) for k in ("a", "A", "a ", "b", "B ", "", "김", "it's\\")),
        ),
        Kind(
            "pairs",
            ("shop", "code"),
            "shop int, code varchar(9) collate utf8mb4_general_ci",
            "updated_at",
            ((1, "x"), (1, "X"), (1, "x "), (2, "x"), (-1, "김"), (2, "")),
        ),
        Kind("logs", (), "said varchar(9) null", "updated_at", (("x",), ("X",), ("y",))),
    )
}


def first_rows(kind: Kind, values: dict[str, list], start: datetime.datetime) -> list[tuple]:
    """A row of every key, so that something is there to change; without a key, each one twice, and one NULL."""
    keys = kind.keys if kind.key else (*kind.keys, *kind.keys, (None,))
    moments = [start, start, None, datetime.datetime(2099, 1, 1), start + datetime.timedelta(hours=5)]
    return [
        (*key, *(given[place % len(given)] for given in values.values()), moments[place % len(moments)])
        for place, key in enumerate(keys, 3)
    ]


def rows_of(connection: pymysql.Connection, table: str) -> tuple[list[str], list[tuple]]:
    """Names of a table's columns and its rows, as PyMySQL alone reads them now."""
    with connection.cursor() as cursor:
        cursor.execute(f"select * from {table}")
        return [column[0] for column in cursor.description], list(cursor.fetchall())


def filled(kind: Kind, moment: datetime.datetime) -> list[tuple]:
    return [
        (*kind.filler(number), "filled", None, number / 8, None, number, moment + datetime.timedelta(minutes=number))
        for number in range(MANY)
    ]


def write(connection: pymysql.Connection, sql: str, *values) -> int:
    """Execute one statement; how many rows it changed."""
    with closing(connection.cursor()) as cursor:
        return cursor.execute(sql, values or None)
