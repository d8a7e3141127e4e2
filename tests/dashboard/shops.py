"""Order marts to draw pages of: a table as the model's contract declares it, in a DuckDB file of the test's own."""

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import yaml

from dashboard import page
from dashboard.warehouse import Warehouse, opened
from loaders.common.settings import ROOT
from loaders.warehouse.profile import Target
from seeds_generator import generate

CONTRACT = ROOT / "dbt_project/models/marts/order_mart.yml"
UNTIL = datetime.date(2026, 1, 1)
FACTS = {"loads": [], "build": None, "tests": None, "written": "2026-01-02T03:04:05+00:00", "onTimeDays": 5}
PLAIN = {
    "country": "Korea",
    "loyalty_level": "Gold",
    "product_name": "Cup",
    "category": "Kitchen",
    "status": "delivered",
    "quantity": 1,
    "amount": 10,
    "net_amount": 10,
    "delivery_fee": "3.05",
    "delivery_days": 2,
    "delivery_hours": "48.00",
    "ordered_at": "2025-03-04 05:06:07",
    "delivered_at": "2025-03-06 05:06:07",
}
GENERATED = """
    select
        order_id, o.customer_id, o.product_id, country, loyalty_level, product_name, category, o.status,
        quantity, amount,
        case when o.status in ('cancelled', 'returned') then 0 else amount end as net_amount,
        delivery_fee, date_diff('day', order_date, shipping_date) as delivery_days, delivery_days <= 5 as is_on_time,
        round(date_diff('second', order_date, shipping_date) / 3600, 2) as delivery_hours,
        cast(order_date as date) as ordered_on,
        order_date as ordered_at, shipping_date as delivered_at
    from orders as o
    join customers as c on o.customer_id = c.customer_id
    join products as p on o.product_id = p.product_id
"""


def empty(path: Path) -> duckdb.DuckDBPyConnection:
    """A warehouse whose order mart has its contract's columns and no row."""
    (model,) = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["models"]
    columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
    connection = duckdb.connect(path)
    connection.execute(f"create schema analytics; create table analytics.order_mart ({columns})")
    return connection


def of_orders(path: Path, orders: Iterable[Mapping[str, Any]]) -> Path:
    """A warehouse with these orders; what one does not say is PLAIN's, each with a customer and product of its own."""
    with empty(path) as connection:
        for number, order in enumerate(orders, start=1):
            row = PLAIN | {"order_id": number, "customer_id": number, "product_id": number} | order
            row.setdefault("ordered_on", row["ordered_at"] and row["ordered_at"][:10])
            row["is_on_time"] = None if row["delivery_days"] is None else row["delivery_days"] <= FACTS["onTimeDays"]
            names, marks = ", ".join(row), ", ".join("?" for _ in row)
            connection.execute(f"insert into analytics.order_mart ({names}) values ({marks})", list(row.values()))
    return path


def generated(path: Path, orders: int, customers: int = 300) -> Path:
    """A warehouse with the demo's shop in it, so many orders big."""
    people = generate.customers(7, customers, UNTIL)
    goods = generate.products(7, 50, UNTIL)
    with empty(path) as connection:
        connection.register("customers", people)
        connection.register("products", goods)
        for chunk in generate.orders(7, orders, UNTIL, people, goods):
            connection.register("orders", pd.DataFrame(chunk))
            connection.execute(f"insert into analytics.order_mart by name {GENERATED}")
    return path


def target(path: Path) -> Target:
    return Target("duckdb", "duckdb", {"path": path, "schema": "analytics"})


def drawn(path: Path, file: Path, **facts: Any) -> Path:
    """The page over a warehouse, in `file`."""
    with opened(target(path)) as warehouse:
        page.write(page.html(warehouse, FACTS | facts), file)
    return file


def answers(warehouse: Warehouse, sql: str) -> list[list[str | None]]:
    """What the warehouse answers, each value as text."""
    return [[None if value is None else str(value) for value in row] for row in warehouse.ask(sql)]
