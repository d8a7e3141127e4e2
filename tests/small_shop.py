"""A shop of a few rows, made by hand: what the generator never makes."""

from contextlib import closing

from seeds_generator import schema
from tests.own_database import OwnDatabase

LONG_NAME = "=1+1 " + "긴" * 140 + "🎁" * 5
RIGHT_TO_LEFT = "مملكة ‏(تجريبي)"


def create(own: OwnDatabase) -> None:
    """The shop's three tables, empty."""
    with closing(own.connect(own.shop_url)) as connection:
        schema.create(connection)


def customer(number: int, country: str, updated_at: str, level: str = "Gold") -> str:
    return (
        f"insert into customer values ({number}, 'N', 'e@example.com', '1', '{country}', 'A', '{level}', "
        f"'2024-01-01', '{updated_at}')"
    )


def product(number: int, name: str, price: str, updated_at: str) -> str:
    return (
        f"insert into product values ({number}, '{name}', 'Books', {price}, 1.00, 'Kim', '2024-01-01', '{updated_at}')"
    )


def order(number: int, who: int, what: int, placed: str, status: str = "placed", delivered: str = "null") -> str:
    return (
        f"insert into `order` values ({number}, {who}, {what}, '{placed}', 2, 10, 'D{number}', 3.50, {delivered}, "
        f"'{status}', null, '{placed}', '{placed}')"
    )


ODD_ROWS = (
    customer(900001, RIGHT_TO_LEFT, "2024-01-01", "Bronze"),
    customer(900002, "Atlantis", "2024-01-01", "Bronze"),
    product(900001, LONG_NAME, "0.01", "2024-01-01"),
    # Dated in the first year that MySQL knows, on a leap day, and before midnight of a month's end.
    order(900001, 900001, 900001, "1000-01-01 00:00:00"),
    order(900002, 900001, 900001, "2024-02-29 23:59:59", "returned", "'2024-03-05 00:00:00'"),
    order(900003, 900001, 900001, "2024-03-31 23:59:59", "cancelled"),
)
