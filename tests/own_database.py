"""A database of the test's own, a catalog of it, and the loaders run on it in this process."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pymysql

from loaders.common.quoting import sql_name
from loaders.help import discover
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.lake.store import Lake
from loaders.run import backlog, pipeline
from loaders.run.options import Options, Places
from loaders.source import log_in, mysql, mysql_url
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.warehouse.interface import Warehouse
from loaders.words import catalog
from loaders.words.delete_limit import DeleteLimit
from loaders.words.run_record import Run


def watch(_name, _expected_rows, batches):
    """No progress to show in a test."""
    return batches


def sequence(first: int, last: int) -> str:
    """A table of the numbers from first to last, in a column seq; MariaDB has such tables, MySQL has not."""
    digits = " union all select ".join(["select 0 as d", *"123456789"])
    places = range(len(str(last - first)))
    number = " + ".join([str(first), *(f"{10**place} * d{place}.d" for place in places)])
    tables = ", ".join(f"({digits}) as d{place}" for place in places)
    return f"(select {number} as seq from {tables} where {number} <= {last} order by seq) as numbers"


@contextmanager
def fresh_database(server) -> Iterator[str]:
    """The name of an empty database that is dropped in the end."""
    name = f"order_he_test_{secrets.token_hex(6)}"
    administrator = mysql_url.parse(server.url("root", "mysql"), "the server's URL")
    with closing(log_in.connect(administrator, "the server's URL")) as connection, connection.cursor() as cursor:
        cursor.execute(f"create database {name} character set utf8mb4")
    yield name
    with closing(log_in.connect(administrator, "the server's URL")) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop database {name}")


@dataclass(frozen=True)
class OwnDatabase:
    """A source with an account that may write and one that may only read, and a folder for lake and warehouse."""

    shop_url: str
    source_url: str
    folder: Path

    @property
    def catalog_file(self) -> Path:
        return self.folder / "sources.yml"

    @property
    def lake(self) -> Folder:
        return Folder(self.folder / "lake")

    @property
    def warehouse_path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def copy_warehouse(self, to: Path) -> None:
        """As one file: what a process that ended without closing it left beside it is taken in first."""
        with duckdb.connect(self.warehouse_path) as connection:
            connection.execute("checkpoint")
        shutil.copy(self.warehouse_path, to)

    def write(self, *statements: str) -> None:
        """Run statements as the account that may write, and commit."""
        with closing(self.connect(self.shop_url)) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def connect(self, url: str, **options) -> pymysql.Connection:
        return log_in.connect(mysql_url.parse(url, "the test's URL"), "the test's URL", **options)

    @contextmanager
    def snapshot(self) -> Iterator[mysql.Snapshot]:
        """What the account that may only read sees at this moment."""
        with (
            closing(self.connect(self.source_url, **mysql.CONNECT_OPTIONS)) as connection,
            mysql.snapshot(connection) as snapshot,
        ):
            yield snapshot

    def discover(self) -> catalog.Catalog:
        """Write a catalog of all tables there are, and read it."""
        with self.snapshot() as snapshot:
            text, _notices = discover.catalog_yaml("own", snapshot.tables().values())
        self.catalog_file.write_text(text, encoding="utf-8")
        return catalog.read(self.catalog_file)

    def extract(
        self,
        known: catalog.Catalog | None = None,
        lake: Lake | None = None,
        warehouse: Warehouse | None = None,
        **options,
    ) -> Run:
        """Publish a run in the lake, compared with a warehouse if one is given; the catalog is discovered else."""
        known = known or self.discover()
        with spool() as folder:
            places = Places(lake or self.lake, folder, warehouse)
            return pipeline.extract(self.snapshot, known, places, Options(**options), watch)

    def run(self, known: catalog.Catalog | None = None, **options) -> Run:
        """What `make extract` does: load what waits, read, compare with raw, and make both commits."""
        known = known or self.discover()
        with self.opened(known.schema) as warehouse:
            return self.run_with(warehouse, known, **options)

    def run_with(
        self, warehouse: Warehouse, known: catalog.Catalog, lake: Lake | None = None, parts: int = 24, **options
    ) -> Run:
        """The same with a warehouse that is open. parts: what VALUE_PARTS says."""
        lake = lake or self.lake
        list(backlog.load(lake, warehouse))
        with spool() as folder:
            places = Places(lake, folder, warehouse)
            run = pipeline.read(self.snapshot, known, places, Options(value_parts=parts, **options), watch)
            deletes = options.get("deletes", DeleteLimit())
            pipeline.commit_both(places, run, lambda: nullcontext(warehouse), deletes)
        return run

    def opened(self, schema: str, lake: Lake | None = None) -> AbstractContextManager[Warehouse]:
        """The warehouse, open to the files of the lake."""
        return open_warehouse(self.warehouse_path, schema, folders=[(lake or self.lake).on_this_machine])

    def load(self, schema: str = "raw_own") -> list[int]:
        """Apply what waits; the numbers of the runs applied."""
        with self.opened(schema) as warehouse:
            return [run.run for run in backlog.load(self.lake, warehouse)]

    def live(self, table: str, columns: str, schema: str = "raw_own") -> list[tuple]:
        """Rows of a raw table that are not deleted, in the order of its columns from left to right."""
        return self.raw(table, columns, schema, "where _deleted_at is null")

    def raw(self, table: str, columns: str = "*", schema: str = "raw_own", where: str = "") -> list[tuple]:
        """Rows of a raw table, in the order of its columns from left to right."""
        with duckdb.connect(self.warehouse_path, read_only=True) as connection:
            return connection.execute(
                f"select {columns} from {sql_name(schema, table)} {where} order by all"
            ).fetchall()
