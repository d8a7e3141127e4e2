"""Lesson zero: the same tables by `naive.py` and by the loaders, side by side, and what each makes of them.

Every demonstration takes a `Lesson` (a database of its own, a folder) and returns what it found; `tests/test_naive.py`
asserts the same findings. Run it: python -m examples.lesson_zero
"""

import multiprocessing
import re
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pymysql

from examples import naive
from loaders.common.errors import Failure, run_command
from loaders.help import discover
from loaders.lake.folder import Folder
from loaders.lake.spool import spool
from loaders.run import backlog, pipeline
from loaders.run.options import Options, Places
from loaders.source import log_in, mysql, mysql_url
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.words import catalog
from local_stack import scratch
from local_stack.scratch import SETTING as SHOP

SCHEMA = "raw"
ROWS = 100_000
# Called between the first table and the second, by either way.
Between = Callable[[pymysql.Connection], None]

VALUES = {
    "an empty text": ("varchar(20)", "''"),
    "the text NA": ("varchar(20)", "'NA'"),
    "a code": ("varchar(20)", "'007'"),
    "a big number": ("bigint", "9007199254740993"),
    "money": ("decimal(10,2)", "0.10"),
    "a day": ("date", "'2024-02-29'"),
}


@dataclass(frozen=True)
class Lesson:
    """A database of the lesson's own, and a folder for what is made of it."""

    url: str
    folder: Path

    def connect(self, **options: object) -> pymysql.Connection:
        return log_in.connect(mysql_url.parse(self.url, SHOP), SHOP, **options)

    def write(self, *statements: str) -> None:
        """Run statements, and commit them together."""
        with closing(self.connect()) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def ask(self, way: str, question: str) -> tuple:
        """One row of an answer; way: naive, loaders or mysql."""
        if way == "mysql":
            with closing(self.connect()) as connection, connection.cursor() as cursor:
                cursor.execute(question)
                return cursor.fetchone()
        with duckdb.connect(self.folder / f"{way}.duckdb") as warehouse:
            warehouse.execute("use raw" if way == "loaders" else "use main")
            return warehouse.execute(question).fetchone()


def by_naive(lesson: Lesson, tables: Iterable[str], between: Between | None = None) -> None:
    """Read, write and load each table; `between` is called after the first."""
    with closing(lesson.connect()) as connection, duckdb.connect(lesson.folder / "naive.duckdb") as warehouse:
        for number, _done in enumerate(naive.run(connection, warehouse, lesson.folder, tables)):
            if number == 0 and between:
                between(connection)


def by_loaders(lesson: Lesson, between: Between | None = None) -> None:
    """The same with the loaders: every table of the database, discovered; `between` is called after the first."""
    with closing(lesson.connect(**mysql.CONNECT_OPTIONS)) as connection:

        def progress(_name: str, _rows: int, batches: Iterable) -> Iterator:
            nonlocal between
            yield from batches
            called, between = between, None
            if called:
                called(connection)

        known = _discovered(lesson)
        lake = Folder(lesson.folder / "lake")
        with (
            spool() as folder,
            open_warehouse(lesson.folder / "loaders.duckdb", SCHEMA, folders=[lake.on_this_machine]) as warehouse,
        ):
            places = Places(lake, folder, warehouse)
            pipeline.extract(lambda: mysql.snapshot(connection), known, places, Options(), progress)
            for _run in backlog.load(lake, warehouse):
                pass


def _discovered(lesson: Lesson) -> catalog.Catalog:
    with closing(lesson.connect(**mysql.CONNECT_OPTIONS)) as connection, mysql.snapshot(connection) as snapshot:
        text, _notices = discover.catalog_yaml("lesson", snapshot.tables().values())
    file = lesson.folder / "sources.yml"
    file.write_text(text.replace("raw_lesson", SCHEMA), encoding="utf-8")
    return catalog.read(file)


def values(lesson: Lesson) -> list[tuple[str, str, str, str]]:
    """(what, MySQL's value, what naive made of it, what the loaders did), each as it would be written in SQL."""
    names = [f"c{number}" for number in range(len(VALUES))]
    columns = ", ".join(f"{name} {kind}" for name, (kind, _value) in zip(names, VALUES.values(), strict=True))
    lesson.write(
        f"create table v (id int primary key, {columns})",
        f"insert into v values (1, {', '.join(value for _kind, value in VALUES.values())})",
        "insert into v (id) values (2)",
    )
    by_naive(lesson, ["v"])
    by_loaders(lesson)
    question = f"select {', '.join(names)} from v where id = 1"
    rows = [lesson.ask(way, question) for way in ("mysql", "naive", "loaders")]
    return [(what, *map(_written, row)) for what, row in zip(VALUES, zip(*rows, strict=True), strict=True)]


def orphans(lesson: Lesson) -> tuple[int, int]:
    """Orders without their customer, by naive and by the loaders, when somebody buys while the tables are read."""
    _two_tables(lesson)

    def somebody_buys(_connection: pymysql.Connection) -> None:
        (number,) = lesson.ask("mysql", "select max(id) + 1 from customer")
        lesson.write(f"insert into customer values ({number})", f"insert into `order` values ({number}, {number})")

    by_naive(lesson, ["customer", "order"], somebody_buys)
    by_loaders(lesson, somebody_buys)
    question = 'select count(*) from "order" where customer_id not in (select id from customer)'
    return lesson.ask("naive", question)[0], lesson.ask("loaders", question)[0]


def half_loaded(lesson: Lesson) -> tuple[tuple[int, int], tuple[int, int]]:
    """(customers, orders) by naive and by the loaders, when the second day's run breaks after the first table."""
    _two_tables(lesson)
    by_naive(lesson, ["customer", "order"])
    by_loaders(lesson)
    lesson.write("insert into customer values (2)", "insert into `order` values (2, 2)")

    def connection_breaks(connection: pymysql.Connection) -> None:
        connection._force_close()

    with suppress(pymysql.MySQLError):
        by_naive(lesson, ["customer", "order"], connection_breaks)
    with suppress(Failure):
        by_loaders(lesson, connection_breaks)
    question = 'select (select count(*) from customer), (select count(*) from "order")'
    return lesson.ask("naive", question), lesson.ask("loaders", question)


def memory(lesson: Lesson, rows: int = ROWS) -> tuple[int, int]:
    """Megabytes of memory that a table of `rows` orders takes, by naive and by the loaders, each in its own process."""
    digits = "(" + " union all ".join(f"select {digit} as n" for digit in range(10)) + ")"
    tables = ", ".join(f"{digits} as d{place}" for place in range(len(str(rows - 1))))
    number = " + ".join(f"d{place}.n * {10**place}" for place in range(len(str(rows - 1))))
    lesson.write(
        "create table big (id int primary key, request varchar(250), amount decimal(10,2), at datetime)",
        f"insert into big select {number}, repeat('please ', 20), {number}, now() from {tables} "
        f"where {number} < {rows}",
    )
    return _peak(by_naive, lesson, ["big"]), _peak(by_loaders, lesson)


def _peak(way: Callable, *arguments: object) -> int:
    """Megabytes by which a fresh process grew while it ran `way`."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        before = pool.apply(_largest)
        pool.apply(way, arguments)
        return pool.apply(_largest) - before


def _largest() -> int:
    """Megabytes this process had at most (Linux counts in kB, macOS in bytes).

    Linux's getrusage begins with what the parent had when it made the process; VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1]) >> 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> (20 if sys.platform == "darwin" else 10)


def _two_tables(lesson: Lesson) -> None:
    lesson.write(
        "create table customer (id int primary key)",
        "create table `order` (id int primary key, customer_id int)",
        "insert into customer values (1)",
        "insert into `order` values (1, 1)",
    )


def _written(value: object) -> str:
    """A value as SQL writes it: a text in quotes, so that '7' is not 7."""
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else str(value)


@contextmanager
def lesson() -> Iterator[Lesson]:
    """A database on the private server, and a folder; both are gone at the end."""
    with scratch.database() as url, tempfile.TemporaryDirectory(prefix="order-he-lesson-") as folder:
        yield Lesson(url.text(), Path(folder))


def main() -> None:
    line = "{:<16}{:<22}{:<22}{}".format
    with lesson() as own:
        print(line("", "MySQL", "naive", "loaders"))
        for row in values(own):
            print(line(*row))
    with lesson() as own:
        naive_count, count = orphans(own)
        print(
            f"\nsomebody buys while the tables are read: orders without their customer: {naive_count}, loaders {count}"
        )
    with lesson() as own:
        (customers, orders), (ours, our_orders) = half_loaded(own)
        print(f"the run breaks after the first table: naive {customers} customers but {orders} orders,", end=" ")
        print(f"loaders {ours} and {our_orders}")
    with lesson() as own:
        naive_megabytes, megabytes = memory(own)
        print(f"memory for {ROWS:,} rows: naive {naive_megabytes} MB, loaders {megabytes} MB")


if __name__ == "__main__":
    sys.exit(run_command(main))
