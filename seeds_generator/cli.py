"""`python -m seeds_generator fill|load|day`: writes to the private server, or with --yes to SHOP_URL; nowhere else."""

import argparse
import datetime
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import boto3
import pymysql
from pymysql.connections import Connection
from tqdm import tqdm

from loaders.common import settings
from loaders.common.errors import Failure
from loaders.source import aws_passwords, log_in, mysql_url
from loaders.source.mysql_url import DatabaseURL
from seeds_generator import day, files, generate, identity, schema, shop
from seeds_generator.generate import Sizes

EXAMPLES = """examples:
  python -m seeds_generator fill                             300 customers, 50 products, 10,000 orders
  python -m seeds_generator fill --fresh --orders 1000000    the same shop, bigger, made anew
  python -m seeds_generator load my_shop/                    customer.csv, product.csv, order.csv
  python -m seeds_generator load my_shop.py                  customer = [{…}], product = [{…}], order = [{…}]
  python -m seeds_generator day                              let one day pass

It writes to the private server (`make up`); to the database in SHOP_URL only with --yes; never to SOURCE_URL."""
# Where the shop's life begins and ends unless told otherwise: constant, so that every day gives the same shop.
UNTIL = datetime.date(2026, 1, 1)
# The session's own, so that a lax server cannot cut what does not fit.
STRICT = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE"


def main() -> int | None:
    arguments = parser().parse_args()
    connect = connector(settings.read(), arguments.yes)
    try:
        return arguments.run(arguments, connect)
    except pymysql.MySQLError as error:
        raise Failure(
            f"the shop's database ended the work: {_said(error)}", "see to that, then run the same command again"
        ) from None


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m seeds_generator",
        description="Fills the demo shop's database with a believable shop, and lets days pass in it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--seed", type=int, default=7, help="the same seed gives the same rows (default: 7)")
    common.add_argument("--yes", action="store_true", help="yes, write to the database in SHOP_URL")
    fresh = argparse.ArgumentParser(add_help=False)
    fresh.add_argument("--fresh", action="store_true", help="remove the shop that is there first")

    filling = commands.add_parser("fill", parents=[common, fresh], help="make a shop; one that is there stays")
    filling.add_argument("--customers", type=positive, default=Sizes.customers)
    filling.add_argument("--products", type=positive, default=Sizes.products)
    filling.add_argument("--orders", type=positive, default=Sizes.orders)
    filling.add_argument(
        "--until", type=datetime.date.fromisoformat, default=UNTIL, help="the day after the last order"
    )
    filling.set_defaults(run=fill)

    loading = commands.add_parser("load", parents=[common, fresh], help="a shop from CSV files or a Python module")
    loading.add_argument("source", type=Path, metavar="FOLDER|MODULE.py")
    loading.set_defaults(run=load)

    passing = commands.add_parser("day", parents=[common], help="let one day pass")
    passing.set_defaults(run=pass_day)
    return top


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


def connector(chosen: settings.Settings, yes: bool) -> Callable[[], Connection]:
    """How to reach the one database that may be written to."""
    name, text = "SHOP_URL", chosen.shop_url
    if text is None:
        name, text = "the private server's URL", _private_url()
    elif not yes:
        raise Failure("SHOP_URL is set, and its database would be written to", "say --yes if you mean it, or unset it")
    url = mysql_url.parse(text, name)
    if chosen.shop_url and "SOURCE_URL" in chosen.environment:
        _refuse_source(url, chosen)
    return lambda: log_in.connect(url, name, local_infile=True, sql_mode=STRICT)


def _refuse_source(url: DatabaseURL, chosen: settings.Settings) -> None:
    """Fail if SHOP_URL leads to the database in SOURCE_URL: the servers are asked, unless the names say no already."""
    source = mysql_url.parse(chosen.environment["SOURCE_URL"], "SOURCE_URL")
    if source.database.casefold() != url.database.casefold():
        return
    if source.iam or source.secret:
        settings.prepare_process(chosen)
        source = aws_passwords.completed(source, boto3.Session())
    with (
        closing(log_in.connect(url, "SHOP_URL")) as shop_side,
        closing(log_in.connect(source, "SOURCE_URL")) as source_side,
    ):
        if identity.same_database(shop_side, source_side):
            raise Failure("SHOP_URL is the database in SOURCE_URL, which is never written to", "name another database")


def fill(arguments: argparse.Namespace, connect: Callable[[], Connection]) -> None:
    try:
        _fill(arguments, connect)
    except KeyboardInterrupt:
        # MySQL commits a DROP at once.
        gone = "the shop that was there is gone, and the new one is not there yet"
        raise KeyboardInterrupt(gone if arguments.fresh else "") from None


def _fill(arguments: argparse.Namespace, connect: Callable[[], Connection]) -> None:
    started = time.monotonic()
    sizes = Sizes(arguments.customers, arguments.products, arguments.orders)
    with closing(connect()) as connection:
        if arguments.fresh:
            schema.drop(connection)
        if not _ready(connection):
            print(f"the shop is there already ({_counts(connection)}); --fresh makes it anew")
            return
        people = generate.customers(arguments.seed, sizes.customers, arguments.until)
        goods = generate.products(arguments.seed, sizes.products, arguments.until)
        shop.add(connection, "customer", people)
        shop.add(connection, "product", goods)
        with tqdm(total=sizes.orders, unit=" orders", delay=1, leave=False, disable=not sys.stderr.isatty()) as bar:
            for chunk in generate.orders(arguments.seed, sizes.orders, arguments.until, people, goods):
                bar.update(shop.add(connection, "order", chunk))
        connection.commit()
        print(f"filled the shop: {_counts(connection)} in {time.monotonic() - started:.1f} s")


def load(arguments: argparse.Namespace, connect: Callable[[], Connection]) -> None:
    tables = files.read(arguments.source)
    with closing(connect()) as connection:
        if not _ready(connection) and not arguments.fresh:
            raise Failure(f"the shop is not empty ({_counts(connection)})", "say --fresh to remove what is there first")
        if arguments.fresh:
            # In the transaction of the new rows: if MySQL refuses one of them, the old shop stays.
            schema.empty(connection)
        for table, rows in tables.items():
            _add_checked(connection, table, rows, arguments.source)
        connection.commit()
        print(f"loaded {arguments.source}: {_counts(connection)}")


def pass_day(arguments: argparse.Namespace, connect: Callable[[], Connection]) -> None:
    date, changes = day.pass_one(connect, arguments.seed)
    print(f"{date} has passed in the shop:")
    for change in changes:
        print(f"  {change.rows:>6,}  {change.what}")


def _add_checked(connection: Connection, table: str, rows, source: Path) -> None:
    """INSERT rather than LOAD DATA: in strict mode it refuses what does not fit, and names the row."""
    try:
        shop.insert(connection, table, rows)
    except pymysql.MySQLError as error:
        raise Failure(
            f"{source}: a row of {table} does not fit: {_said(error)}", "correct it; the shop is as it was"
        ) from None


def _said(error: pymysql.MySQLError) -> str:
    return str(error.args[1] if len(error.args) > 1 else error)


def _ready(connection: Connection) -> bool:
    """Make the tables that are absent. False: there is a shop in them."""
    schema.create(connection)
    return not any(schema.count(connection, table) for table in schema.TABLES)


def _counts(connection: Connection) -> str:
    return ", ".join(f"{table} {schema.count(connection, table):,}" for table in schema.TABLES)


def _private_url() -> str:
    url = settings.private_url(settings.PRIVATE_SHOP_URL)
    if url is None:
        raise Failure("the private server of this folder was never started", "run `make up` first")
    return url
