"""The command line: the one place of the loaders that reads settings and opens connections."""

import argparse
import datetime
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import boto3
import pyarrow as pa
import pymysql
from botocore.exceptions import BotoCoreError

from loaders import (
    aws_passwords,
    discover,
    doctor,
    mysql,
    mysql_url,
    parquet,
    pipeline,
    plans,
    profile,
    report,
    runs,
    settings,
)
from loaders import catalog as catalogs
from loaders.catalog import Catalog
from loaders.deletes import DeleteLimit
from loaders.duckdb_warehouse import open_warehouse
from loaders.errors import Failure
from loaders.lake import Lake
from loaders.lake_folder import Folder
from loaders.lake_s3 import S3
from loaders.manifest import manifest
from loaders.matching import match
from loaders.settings import Settings
from loaders.spool import spool
from loaders.warehouse import Warehouse

EXAMPLES = """examples:
  python -m loaders extract                       all tables of the catalog: MySQL -> lake -> raw
  python -m loaders extract --tables order        one of them
  python -m loaders extract --full --tables order read it whole, and replace it in raw
  python -m loaders extract --no-load             stop at the lake; `load` takes it from there
  python -m loaders load                          apply what waits in the lake
  python -m loaders status                        what raw holds, and what waits
  python -m loaders plan --sql                    what a run would do, and the SQL for Redshift
  python -m loaders doctor                        try every link, and name the remedy of each fault
  python -m loaders discover                      print a catalog of the database in SOURCE_URL
  python -m loaders discover --write billing      put it into the dbt project, with staging views

settings (environment, or .env): SOURCE_URL, LAKE_URL, DBT_TARGET, DBT_PROFILES_DIR, DUCKDB_PATH, CATALOG,
  LOOKBACK_MINUTES (60: how long before the newest change reading begins),
  DELETE_LIMIT_PERCENT (10) and DELETE_LIMIT_ROWS (100): a run that deletes more of a table than both refuses
exit codes: 0 done, 1 a failure that is explained, 2 a wrong call, 130 stopped by Ctrl-C"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; every subcommand's `run` takes the parsed arguments and the settings."""
    top = argparse.ArgumentParser(
        prog="python -m loaders",
        description="Moves tables from MySQL to the lake to the raw schema, and changes no value.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    catalog = argparse.ArgumentParser(add_help=False)
    catalog.add_argument("--catalog", type=Path, metavar="FILE", help="the catalog (default: CATALOG, or the shop's)")

    extracting = commands.add_parser("extract", parents=[catalog], help="MySQL -> lake -> raw")
    extracting.add_argument("--tables", metavar="A,B", help="only these tables of the catalog")
    extracting.add_argument("--no-load", action="store_true", help="publish in the lake, leave raw as it is")
    extracting.add_argument("--full", action="store_true", help="read the tables whole, whatever raw holds")
    extracting.add_argument(
        "--allow-deletes", action="store_true", help="let this run delete any number of rows (else: DELETE_LIMIT_…)"
    )
    extracting.add_argument(
        "--on-invalid",
        choices=("error", "null"),
        default="error",
        help="values without an exact home (0000-00-00, …): stop, or make them NULL and count them",
    )
    extracting.set_defaults(run=extract)

    loading = commands.add_parser("load", parents=[catalog], help="apply the runs that wait in the lake to raw")
    loading.set_defaults(run=load)

    telling = commands.add_parser("status", parents=[catalog], help="what raw holds, and what waits in the lake")
    telling.set_defaults(run=status)

    planning = commands.add_parser("plan", parents=[catalog], help="what a run would do, without doing it")
    planning.add_argument("--sql", action="store_true", help="the statements that a load would send to Redshift, too")
    planning.set_defaults(run=plan)

    examining = commands.add_parser("doctor", parents=[catalog], help="try every link; name the remedy of each fault")
    examining.add_argument("--lang", choices=("en", "ko"), default="en", help="the remedies' language")
    examining.set_defaults(run=examine)

    discovering = commands.add_parser("discover", help="print a catalog of the database in SOURCE_URL")
    discovering.add_argument("--write", metavar="NAME", help="put it into the dbt project as source NAME")
    discovering.set_defaults(run=discover_catalog)
    return top


def main() -> int | None:
    arguments = parser().parse_args()
    chosen = settings.read()
    settings.export_for_aws(chosen)
    return arguments.run(arguments, chosen)


def extract(arguments: argparse.Namespace, chosen: Settings) -> None:
    # A value that the warehouse could not take must not be published: the run would wait in the lake for ever.
    for_redshift = _target(chosen, chosen.environment).type == "redshift"
    catalog = replace(_catalog(arguments, chosen), for_redshift=for_redshift)
    if arguments.tables is not None:
        catalog = catalog.only(name.strip() for name in arguments.tables.split(",") if name.strip())
    lake = _lake(chosen)
    if not arguments.no_load:
        _load_pending(catalog, lake, chosen)
    started = time.monotonic()
    run = _published(arguments, chosen, catalog, lake)
    print(report.published(run, lake, time.monotonic() - started))
    if arguments.no_load:
        print("  not loaded; `python -m loaders load` applies it")
    else:
        _load_pending(catalog, lake, chosen)


def _published(arguments: argparse.Namespace, chosen: Settings, catalog: Catalog, lake: Lake) -> runs.Run:
    """Read the source, compare it with raw (which others may read meanwhile), and publish the run."""
    options = pipeline.Options(
        full=arguments.full,
        invalid_to_null=arguments.on_invalid == "null",
        deletes=DeleteLimit(chosen.delete_share, chosen.delete_rows, arguments.allow_deletes),
        lookback=chosen.lookback,
    )
    compared = nullcontext() if arguments.no_load else _warehouse(catalog, chosen, read_only=True)
    with _source(chosen) as connection, spool() as folder, compared as warehouse:
        places = pipeline.Places(lake, folder, warehouse)
        return pipeline.extract(lambda: mysql.snapshot(connection), catalog, places, options, report.progress)


def load(arguments: argparse.Namespace, chosen: Settings) -> None:
    if not _load_pending(_catalog(arguments, chosen), _lake(chosen), chosen):
        print("nothing waits in the lake: raw is up to date")


def status(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog, lake = _catalog(arguments, chosen), _lake(chosen)
    target = _target(chosen, chosen.environment)
    print(f"source     {catalog.source} ({len(catalog.tables)} tables in {catalog.file})")
    print(f"lake       {lake} ({len(runs.numbers(lake))} runs)")
    print(f"warehouse  {target.values.get('path') or target.values.get('host')}, schema {catalog.schema}")
    if target.type == "duckdb" and not target.values["path"].exists():
        print("  it does not exist yet; `make extract` makes it")
        return
    with _warehouse(catalog, chosen, read_only=True) as warehouse:
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        print(report.status(warehouse.newest(), now))
        waiting = pipeline.pending(lake, warehouse)
    print(f"  {len(waiting)} runs wait in the lake" + ("; `python -m loaders load` applies them" if waiting else ""))


def discover_catalog(arguments: argparse.Namespace, chosen: Settings) -> None:
    with _source(chosen) as connection, mysql.snapshot(connection) as snapshot:
        tables, database = list(snapshot.tables().values()), snapshot.database
    if not arguments.write:
        text, notices = discover.catalog_yaml(database, tables)
        print(text, end="")
    else:
        files, notices = discover.write(arguments.write, tables, settings.ROOT / "dbt_project" / "models")
        print(f"wrote {files[0]} and {len(files) - 1} staging views beside it. Next:")
        print(f"  CATALOG={files[0].relative_to(settings.ROOT)} make extract")
        print(f"  make build SELECT=staging.{arguments.write}")
    for notice in notices:
        print(f"notice: {notice}", file=sys.stderr)


def plan(arguments: argparse.Namespace, chosen: Settings) -> None:
    catalog, lake = _catalog(arguments, chosen), _lake(chosen)
    number = max(runs.numbers(lake), default=0) + 1
    with _source(chosen) as connection, mysql.snapshot(connection) as snapshot:
        planned = plans.plan(match(catalog, snapshot), number, catalog, snapshot)
    print(f"run {number} would read {len(planned.batches)} tables into {lake}, schema {catalog.schema}")
    for batch in planned.batches:
        print(f"  {batch.table}: {batch.mode}, about {batch.rows:,} rows, {len(batch.columns)} columns")
    if arguments.sql:
        role = chosen.environment.get("REDSHIFT_IAM_ROLE", "default")
        print(";\n".join(plans.statements(planned, lake.url, role)) + ";")


def examine(arguments: argparse.Namespace, chosen: Settings) -> int:
    """Try each link in order; those behind a broken one are not tried. Exit code 1 if one is broken."""
    sound = True

    def show(finding: doctor.Finding) -> bool:
        nonlocal sound
        print(doctor.told(finding, arguments.lang), flush=True)
        sound = sound and finding.fault is None
        return finding.fault is None

    show(doctor.check("the settings and the catalog", lambda: str(_catalog(arguments, chosen).file)))
    if sound:
        _examine_source(arguments, chosen, show)
        with spool() as folder:
            _examine_lake_and_warehouse(arguments, chosen, folder, show)
    print("everything works" if sound else "the first FAILED line is the one to mend first")
    return 0 if sound else 1


def _examine_source(arguments: argparse.Namespace, chosen: Settings, show: Callable[[doctor.Finding], bool]) -> None:
    def version() -> str:
        with _source(chosen) as connection, mysql.snapshot(connection) as snapshot:
            return f"{snapshot.server_version}, {'encrypted' if snapshot.encrypted() else 'not encrypted'}"

    def url() -> mysql_url.DatabaseURL:
        return mysql_url.parse(settings.required_source_url(chosen), "SOURCE_URL")

    if not show(doctor.check("SOURCE_URL", lambda: str(url()))):
        return
    if all(show(finding) for finding in doctor.line(url())) and show(doctor.check("log in to MySQL", version)):
        with _source(chosen) as connection, mysql.snapshot(connection) as snapshot:
            for finding in doctor.source(snapshot, _catalog(arguments, chosen)):
                show(finding)


def _examine_lake_and_warehouse(
    arguments: argparse.Namespace, chosen: Settings, folder: Path, show: Callable[[doctor.Finding], bool]
) -> None:
    def name() -> str:
        target = _target(chosen, chosen.environment)
        return f"{target.name}, {target.type}"

    # Every one is shown, also after one that failed.
    shown = [show(finding) for finding in doctor.lake(_lake(chosen))]
    if not show(doctor.check("dbt's profile", name)):
        return
    catalog = _catalog(arguments, chosen)

    def applied() -> str:
        with _warehouse(catalog, chosen) as warehouse:
            newest = warehouse.last_applied()
        return f"run {newest[0]} is the newest in schema {catalog.schema}" if newest else "nothing is loaded yet"

    target, store = _target(chosen, chosen.environment), _lake(chosen)
    if isinstance(store, S3) and target.type == "redshift":
        for finding in doctor.bucket(store, target.values["host"]):
            show(finding)
    if not show(doctor.check("connect to the warehouse and log in", applied)) or target.type != "redshift":
        return
    show(doctor.check(f"make a table in schema {catalog.schema}", lambda: _make_a_table(catalog, chosen)))
    if all(shown):
        show(doctor.check("COPY one row from the lake", lambda: _copy_one_row(catalog, chosen, folder)))


def _make_a_table(catalog: Catalog, chosen: Settings) -> None:
    with _warehouse(catalog, chosen) as warehouse:
        warehouse.try_table()


def _copy_one_row(catalog: Catalog, chosen: Settings, folder: Path) -> None:
    """A Parquet file of one row and its manifest go to the lake, are copied by the role, and are removed."""
    store = _lake(chosen)
    key = f"_doctor/{secrets.token_hex(8)}"
    schema = pa.schema([("id", pa.int64())])
    (local,) = parquet.write([pa.RecordBatch.from_arrays([pa.array([1])], schema=schema)], schema, folder)
    file = runs.File(f"{key}/one-row.parquet", 1, local.bytes, local.sha256)
    store.put_file(file.key, local.path)
    store.create(f"{key}/manifest", manifest([file], store.url))
    try:
        with _warehouse(catalog, chosen) as warehouse:
            warehouse.try_copy(store.url(f"{key}/manifest"))
    finally:
        store.delete([file.key, f"{key}/manifest"])


def _load_pending(catalog: Catalog, lake: Lake, chosen: Settings) -> int:
    """Apply what waits, a line per run; the warehouse is open only meanwhile, so that others can read it."""
    with _warehouse(catalog, chosen) as warehouse:
        count = 0
        for run in pipeline.load(lake, warehouse):
            rows = sum(batch.rows for batch in run.batches)
            print(f"run {run.run}: {rows:,} rows -> {warehouse}, schema {catalog.schema}")
            count += 1
    return count


def _catalog(arguments: argparse.Namespace, chosen: Settings) -> Catalog:
    return catalogs.read(arguments.catalog or chosen.catalog)


def _lake(chosen: Settings) -> Lake:
    """The lake at LAKE_URL: s3://bucket/prefix, file:///folder, or a folder (relative to the project)."""
    url = chosen.lake_url
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise Failure("LAKE_URL names no bucket", "write it as s3://bucket/prefix")
        try:
            return S3(boto3.client("s3"), bucket, prefix.strip("/"), chosen.environment.get("LAKE_KMS_KEY"))
        except BotoCoreError as error:
            raise Failure(f"S3 cannot be used: {error}", "check AWS credentials and Region") from None
    if "://" in url and not url.startswith("file://"):
        raise Failure(f"LAKE_URL {url} is neither a folder nor s3://…", "write s3://bucket/prefix, or a folder")
    return Folder(settings.ROOT / url.removeprefix("file://"))


@contextmanager
def _source(chosen: Settings) -> Iterator[pymysql.Connection]:
    url = mysql_url.parse(settings.required_source_url(chosen), "SOURCE_URL")
    if url.iam or url.secret:
        url = aws_passwords.completed(url, boto3.Session())
    with closing(mysql_url.connect(url, "SOURCE_URL", **mysql.CONNECT_OPTIONS)) as connection:
        yield connection


@contextmanager
def _warehouse(catalog: Catalog, chosen: Settings, read_only: bool = False) -> Iterator[Warehouse]:
    """The warehouse of the chosen target of dbt's profile."""
    target = _target(chosen, chosen.environment)
    if target.type == "redshift":
        with _redshift(target, catalog, chosen) as warehouse:
            yield warehouse
    elif target.type == "duckdb":
        with open_warehouse(_duckdb_path(chosen, target), catalog.schema, read_only) as warehouse:
            yield warehouse
    else:
        raise Failure(f"target {target.name} is a {target.type} warehouse", "known are duckdb and redshift")


def _redshift(target: profile.Target, catalog: Catalog, chosen: Settings) -> AbstractContextManager[Warehouse]:
    if not chosen.lake_url.startswith("s3://"):
        raise Failure(f"Redshift cannot read the lake {chosen.lake_url}", "set LAKE_URL to s3://bucket/prefix")
    try:
        from loaders import redshift_warehouse  # brings the driver, which the demo does not need
    except ImportError:
        raise Failure("the packages for Redshift are not installed", "run `make setup TARGET=redshift`") from None
    role = chosen.environment.get("REDSHIFT_IAM_ROLE", "default")
    return redshift_warehouse.open_warehouse(target, catalog.schema, role)


def _duckdb_path(chosen: Settings, target: profile.Target) -> Path:
    by_dbt_alone = _target(chosen, os.environ).values["path"]
    if by_dbt_alone != target.values["path"]:
        raise Failure(
            f"DUCKDB_PATH in .env is {target.values['path']}, but plain dbt does not read .env and would use "
            f"{by_dbt_alone}",
            "put the path into dbt_project/profiles.yml instead, or export DUCKDB_PATH in your shell",
        )
    return target.values["path"]


def _target(chosen: Settings, environment) -> profile.Target:
    return profile.read(chosen.dbt_profiles_dir, chosen.dbt_target, environment, settings.ROOT / "dbt_project")
