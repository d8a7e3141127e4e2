"""What each exercise of the course asks for, tried on the real parts: the private server, the stand-in, dbt.

A check takes the learner's file and returns a sentence about what was shown; a wrong answer is a Failure that says why.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pymysql

from exercises import policies, tables
from loaders.common import settings
from loaders.common.errors import Failure
from loaders.common.settings import DATA, ROOT
from loaders.source import log_in, mysql_url
from loaders.warehouse import profile
from loaders.warehouse.duckdb_warehouse import DuckDBWarehouse, open_warehouse
from local_stack import redshift, scratch

FOLDER = Path(__file__).parent
KINDS = (".yml", ".py", ".sql", ".json")
OF_THE_ENVIRONMENT = ("password", "user", "port")
PERSONAL = ("name", "email", "phone", "address")
TOP_TEN = (
    "select customer_id, c.country, c.loyalty_level, count(*), sum(amount) "
    'from raw."order" as o left join raw.customer as c using (customer_id) where o._deleted_at is null '
    "group by all order by 5 desc, 1 limit 10"
)
DELIVERED = (
    "select country, count(*), round(avg(date_diff('day', order_date, shipping_date)), 2) "
    'from raw."order" as o join raw.customer as c using (customer_id) '
    "where o._deleted_at is null and shipping_date is not null group by 1 order by 1"
)
# What the shop happens not to have: a parcel that arrived on the day of the order, and one that arrived all the same.
FIRST, SECOND = (f"(select order_id from raw._odd_parcels where place = {place})" for place in (1, 2))
ODD_PARCELS = (
    "create table raw._odd_parcels as select order_id, row_number() over (order by order_id) as place "
    "from analytics.order_mart where delivery_days is not null",
    f'update raw."order" set shipping_date = order_date where order_id = {FIRST}',
    "update analytics.order_mart set delivery_days = 0, delivery_hours = 0, delivered_at = ordered_at "
    f"where order_id = {FIRST}",
    f"""update raw."order" set status = 'cancelled' where order_id = {SECOND}""",
    f"update analytics.order_mart set status = 'cancelled' where order_id = {SECOND}",
)
IN_THE_OTHER = (
    "this was asked of a copy in which a parcel arrived within a day, and one although its order was cancelled"
)
WAREHOUSE = DATA / "warehouse.duckdb"
AGAIN = "change the file, then check it again"


def start(number: str) -> Path:
    """The file that the learner finds, and edits."""
    return next(path for path in FOLDER.iterdir() if path.name in (f"{number}{kind}" for kind in KINDS))


def profile_without_secrets(file: Path) -> str:
    running = redshift.up()
    known = redshift.environment(running)
    target = _target(file, known)
    for key in OF_THE_ENVIRONMENT:
        variable = f"REDSHIFT_LOCAL_{key.upper()}"
        if _stands_in_it(file, {name: value for name, value in known.items() if name != variable}):
            raise Failure(
                f"{file.name}: `{key}` stands in the file",
                f"let it come from {variable} by env_var(…), without a default",
            )
    if target.values.get("sslmode") != "verify-full":
        raise Failure(f"{file.name}: sslmode is {target.values.get('sslmode')}", "write verify-full")
    if not re.fullmatch("dev_[a-z0-9_]+", str(target.values.get("schema"))):
        raise Failure(
            f"{file.name}: the schema is {target.values.get('schema')}", "give it dev_ and your name, in a to z"
        )
    with _as_profile(file) as folder:
        places = ("--profiles-dir", str(folder), "--target", target.name, "--target-path", str(folder / "target"))
        _dbt("show", "--inline", "select 1 as reached", "--output", "json", "--quiet", *places, **known)
    return "It reached the warehouse, and holds no secret."


def _stands_in_it(file: Path, without: dict[str, str]) -> bool:
    """Whether the profile can be read without a variable: what should come from it stands there, as its default too."""
    try:
        _target(file, without)
    except Failure:
        return False
    return True


@contextmanager
def _as_profile(file: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(file, Path(folder) / "profiles.yml")
        yield Path(folder)


def _target(file: Path, environment: dict[str, str]) -> profile.Target:
    with _as_profile(file) as folder:
        try:
            return profile.read(folder, None, environment, ROOT / "dbt_project")
        except Failure as failure:  # of the learner's file, not of its copy
            raise Failure(failure.problem.replace(str(folder / "profiles.yml"), file.name), failure.fix) from None


def reserved_word(file: Path) -> str:
    function = _function(file, "orders_per_status")
    shop = mysql_url.parse(settings.required_source_url(settings.read()), "SOURCE_URL")
    with scratch.database() as other:
        with closing(log_in.connect(other, scratch.SETTING)) as connection, connection.cursor() as cursor:
            cursor.execute("create table `order` (status varchar(20))")
            cursor.execute("insert into `order` values ('paid'), ('paid'), ('lost')")
            connection.commit()
        # The shop first: its figures are on the page. The other one's are nowhere.
        wanted = _same_counts(function, file, shop, AGAIN)
        _same_counts(function, file, other, f"{AGAIN}; this was asked of another database, which has other orders")
    return f"{sum(wanted.values()):,} orders, {len(wanted)} statuses."


def _same_counts(function: Callable, file: Path, url: mysql_url.DatabaseURL, fix: str) -> dict[str, int]:
    with closing(log_in.connect(url, "SOURCE_URL")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select status, count(*) from `order` group by 1")
            wanted = dict(cursor.fetchall())
        found = _called(function, file, connection)
    if found != wanted:
        raise Failure(f"{file.name} says {found}, MySQL says {wanted}", fix)
    return wanted


def table_in_redshift(file: Path) -> str:
    with scratch.database() as url:
        wanted = tables.by_contract(url, (FOLDER / "3.mysql.sql").read_text())
    found = tables.in_redshift(redshift.up(), file)
    for column, (kind, why) in wanted.items():
        if column not in found:
            raise Failure(f"{file.name}: the column {column} is missing", AGAIN)
        if found[column] != kind:
            problem = f"{file.name}: {column} is {found[column]}, which is not what {why} becomes"
            raise Failure(problem, "docs/types.md says what does; MySQL counts characters, Redshift bytes")
    for column in found.keys() - wanted.keys():
        raise Failure(f"{file.name}: the column {column} is none of MySQL's", AGAIN)
    return f"All {len(wanted)} columns hold whatever MySQL's can."


def rows_in_bulk(file: Path) -> str:
    rows = [{"id": number, "who": "Lee", "text": "문 앞에 놓아 주세요"} for number in range(5_000)]
    rows[1] |= {"who": "O'Brien", "text": None}
    rows[2] |= {"who": "\\", "text": ""}
    function = _function(file, "load")
    with scratch.database() as url, closing(log_in.connect(url, scratch.SETTING)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("create table note (id int primary key, who varchar(40), text varchar(200))")
        before = _statements(connection)
        _called(function, file, connection, rows)
        asked = _statements(connection) - before
        with closing(log_in.connect(url, scratch.SETTING)) as another, another.cursor() as cursor:
            cursor.execute("select id, who, text from note order by id")
            found = cursor.fetchall()
    for row, there in zip(rows, found, strict=False):
        if there != tuple(row.values()):
            raise Failure(f"{file.name}: {tuple(row.values())} became {there}", AGAIN)
    if len(found) != len(rows):
        raise Failure(
            f"{file.name}: {len(rows):,} rows were given, {len(found):,} arrived", f"{AGAIN}; was it committed?"
        )
    if asked > 50:
        raise Failure(
            f"{file.name}: {asked:,} statements for {len(rows):,} rows",
            f"{AGAIN}; cursor.executemany sends many at once",
        )
    return f"{len(rows):,} rows, statements: {asked}."


def _statements(connection: pymysql.Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("show session status like 'Questions'")
        return int(cursor.fetchone()[1])


def least_rights(file: Path) -> str:
    policies.check(redshift.up(), file)
    return "COPY works, and nothing else that was tried with the role does."


def delivered_only(file: Path) -> str:
    sql = _query(file)
    with _marts():
        pass  # dbt opens the file itself
    asked = json.loads(_dbt("compile", "--inline", sql, "--output", "json", "--quiet"))["compiled"]
    wanted = _same_deliveries(file, asked, WAREHOUSE, AGAIN)
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / WAREHOUSE.name  # dbt's names begin with the file's
        shutil.copy(WAREHOUSE, other)
        with closing(duckdb.connect(other)) as connection:
            for statement in ODD_PARCELS:
                connection.execute(statement)
        _same_deliveries(file, asked, other, f"{AGAIN}; {IN_THE_OTHER}")
    return f"{sum(row[1] for row in wanted):,} delivered orders in {len(wanted)} countries."


def _same_deliveries(file: Path, sql: str, warehouse: Path, fix: str) -> list[tuple]:
    with _marts(warehouse) as marts:
        columns, rows = _answer(file, sql, marts.connection)
        wanted = marts.connection.execute(DELIVERED).fetchall()
    if set(columns) != {"country", "delivered", "average_days"}:
        raise Failure(
            f"{file.name} has the columns {', '.join(columns)}", "country, delivered, average_days are wanted"
        )
    by_name = (dict(zip(columns, row, strict=True)) for row in rows)
    found = ((row["country"], row["delivered"], _figure(row["average_days"])) for row in by_name)
    _same_rows(file, sorted(found, key=lambda row: str(row[0])), wanted, fix)
    return wanted


def _figure(value: Any) -> Any:
    """A decimal as raw's answer has it; NULL and all else as they are."""
    return float(value) if isinstance(value, Decimal) else value


def _same_rows(file: Path, found: list[tuple], wanted: list[tuple], fix: str) -> None:
    for mine, true in zip_longest(found, wanted, fillvalue="no more rows"):
        if mine != true:
            raise Failure(f"{file.name} says {mine}, the raw tables say {true}", fix)


def _query(file: Path) -> str:
    text = file.read_text(encoding="utf-8")
    if not text.strip():
        raise Failure(f"{file.name} asks nothing", AGAIN)
    return text


def _answer(file: Path, sql: str, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[tuple]]:
    """The columns and the rows of the learner's query."""
    try:
        answer = connection.execute(sql)
    except duckdb.Error as error:
        raise Failure(f"{file.name}: {str(error).splitlines()[0]}", AGAIN) from None
    if not answer:  # DuckDB says so of comments alone
        raise Failure(f"{file.name} asks nothing", AGAIN)
    return [column[0] for column in answer.description], answer.fetchall()


def nobody_by_name(file: Path) -> str:
    with _marts() as warehouse:
        columns, found = _answer(file, _query(file), warehouse.connection)
        people = warehouse.connection.execute(f"select {', '.join(PERSONAL)} from raw.customer").fetchall()
        wanted = warehouse.connection.execute(TOP_TEN).fetchall()
    told = {value for row in found for value in row} & {value for person in people for value in person}
    if told:
        raise Failure(f"{file.name}: {len(told)} personal values would leave the company", "leave those columns out")
    if columns != ["customer_id", "country", "loyalty_level", "orders", "revenue"]:
        raise Failure(f"{file.name} has the columns {', '.join(columns)}", "the file says which ones are wanted")
    _same_rows(file, found, wanted, AGAIN)
    return f"{len(found)} customers, and no name."


@contextmanager
def _marts(file: Path = WAREHOUSE) -> Iterator[DuckDBWarehouse]:
    """The warehouse, once it is known to hold the order mart."""
    missing = Failure(f"there is no order mart in {file}", "run `make extract build` first")
    if not file.exists():
        raise missing
    with open_warehouse(file, "", read_only=True) as warehouse:
        try:
            warehouse.connection.execute("select 1 from analytics.order_mart limit 1")
        except duckdb.CatalogException:
            raise missing from None
        yield warehouse


def _dbt(*arguments: str, **environment: str) -> str:
    command = [sys.executable, str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments]
    folder, known = ROOT / "dbt_project", os.environ | environment
    done = subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True)
    if done.returncode:
        said = " / ".join(line.strip() for line in done.stdout.splitlines()[-4:] if line.strip())
        fix = "env_var(…) gives a text: write `| int` after it" if "is not of type 'integer'" in said else AGAIN
        raise Failure(f"dbt does not take it: {said}", fix)
    return done.stdout[done.stdout.index("{") :]


def _function(file: Path, name: str) -> Callable:
    function = getattr(_module(file), name, None)
    if function is None:
        raise Failure(f"{file.name} has no function {name}", "keep its name; the check calls it")
    return function


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exercise", file)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Failure(f"{file.name} is not Python that runs: {type(error).__name__}: {error}", AGAIN) from None
    return module


def _called(function: Callable, file: Path, *arguments: Any) -> Any:
    """The learner's function; whatever it raises is told as the learner's, without our part of the traceback."""
    try:
        return function(*arguments)
    except Exception as error:
        raise Failure(f"{file.name}: {type(error).__name__}: {error}", AGAIN) from None


CHECKS: dict[str, Callable[[Path], str]] = {
    "1": profile_without_secrets,
    "2": reserved_word,
    "3": table_in_redshift,
    "4": rows_in_bulk,
    "5": least_rights,
    "6": delivered_only,
    "7": nobody_by_name,
}
