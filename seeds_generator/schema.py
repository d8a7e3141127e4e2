"""The demo shop's three tables, and the mark by which the generator knows its own."""

from pymysql.connections import Connection

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name

# The table comment of every table that the generator made; it writes to no other.
MARK = "Order-He demo shop"

# In the order in which rows can be added; removed they are the other way round.
TABLES = {
    "customer": """
        customer_id int not null primary key,
        name varchar(100) not null,
        email varchar(255) not null,
        phone varchar(25) not null,
        country varchar(50) not null,
        address varchar(300) not null,
        loyalty_level varchar(20) not null,
        created_at datetime(6) not null,
        updated_at datetime(6) not null,
        key (updated_at)""",
    "product": """
        product_id int not null primary key,
        product_name varchar(150) not null,
        category varchar(50) not null,
        price decimal(10,2) not null,
        weight_kg decimal(10,2) not null,
        seller_company varchar(100) not null,
        created_at datetime(6) not null,
        updated_at datetime(6) not null,
        key (updated_at)""",
    "order": """
        order_id bigint not null primary key,
        customer_id int not null,
        product_id int not null,
        order_date datetime not null,
        quantity int not null,
        amount int not null,
        delivery_id varchar(20) not null,
        delivery_fee decimal(10,2) not null,
        shipping_date datetime null,
        status varchar(20) not null,
        request varchar(250) null,
        created_at datetime(6) not null,
        updated_at datetime(6) not null,
        key (updated_at),
        foreign key (customer_id) references customer (customer_id),
        foreign key (product_id) references product (product_id)""",
}


def types(table: str) -> dict[str, str]:
    """A table's columns, in order, and their types: price -> decimal(10,2)."""
    lines = (line.strip() for line in TABLES[table].strip().splitlines())
    words = (line.split() for line in lines if not line.startswith(("key ", "foreign ")))
    return {name: kind for name, kind, *_rest in words}


def columns(table: str) -> list[str]:
    """A table's columns, in order."""
    return list(types(table))


def create(connection: Connection) -> None:
    """Make the tables that are absent. Somebody else's tables under these names are a failure, and stay untouched."""
    refuse_foreign_tables(connection)
    with connection.cursor() as cursor:
        for name, body in TABLES.items():
            cursor.execute(
                f"create table if not exists {mysql_name(name)} ({body}) "
                f"engine=InnoDB default character set utf8mb4 comment='{MARK}'"
            )


def drop(connection: Connection) -> None:
    refuse_foreign_tables(connection)
    with connection.cursor() as cursor:
        for name in reversed(TABLES):
            cursor.execute(f"drop table if exists {mysql_name(name)}")


def empty(connection: Connection) -> None:
    """Delete every row. Not committed: a rollback brings the shop back, as it could not after `drop`."""
    with connection.cursor() as cursor:
        for name in reversed(TABLES):
            cursor.execute(f"delete from {mysql_name(name)}")


def count(connection: Connection, table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {mysql_name(table)}")
        return cursor.fetchone()[0]


def refuse_foreign_tables(connection: Connection) -> None:
    """Fail if a table under one of our names was not made by the generator."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name, table_comment from information_schema.tables "
            "where table_schema = database() and table_name in %s",
            [list(TABLES)],
        )
        foreign = [name for name, comment in cursor.fetchall() if comment != MARK]
    if foreign:
        raise Failure(
            f"the database has a table {', '.join(foreign)} that the demo's generator did not make",
            "nothing was changed; give the demo shop a database of its own in SHOP_URL",
        )
