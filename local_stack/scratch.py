"""An empty database on the private server, for a lesson or an exercise; it is dropped at the end."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

from loaders.common.errors import Failure
from loaders.common.settings import PRIVATE_SHOP_URL
from loaders.source import log_in, mysql_url
from loaders.source.mysql_url import DatabaseURL

SETTING = "the private server's URL"


def shop_url() -> DatabaseURL:
    """The account that may write to the private server's databases."""
    if not PRIVATE_SHOP_URL.exists():
        raise Failure("the private server was never started", "run `make up` first")
    return mysql_url.parse(PRIVATE_SHOP_URL.read_text().strip(), SETTING)


@contextmanager
def database() -> Iterator[DatabaseURL]:
    """The URL of a fresh database, with an account that may write."""
    shop = shop_url()
    name = f"order_he_scratch_{secrets.token_hex(4)}"
    with closing(log_in.connect(shop, SETTING)) as connection, connection.cursor() as cursor:
        cursor.execute(f"create database {name} character set utf8mb4")
        try:
            yield replace(shop, database=name)
        finally:
            cursor.execute(f"drop database {name}")
