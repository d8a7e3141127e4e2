"""What the settings name, opened: the catalog, the source, the lake and the warehouse."""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import mysql_arrow
from loaders.common import paths, settings
from loaders.common.errors import Failure
from loaders.common.settings import Settings
from loaders.common.telling import notice
from loaders.lake import sequences, signing
from loaders.lake.folder import Folder
from loaders.lake.signing import Signing
from loaders.lake.store import Lake
from loaders.source import log_in, mysql, mysql_url
from loaders.source.refusals import TooMany
from loaders.types import pseudonym
from loaders.warehouse import profile
from loaders.warehouse.duckdb_warehouse import open_warehouse
from loaders.warehouse.interface import Warehouse
from loaders.words import catalog as catalogs
from loaders.words.catalog import Catalog

if TYPE_CHECKING:
    from loaders.lake.s3 import S3
    from loaders.warehouse.redshift_warehouse import RedshiftWarehouse


def catalog(arguments: argparse.Namespace, chosen: Settings) -> Catalog:
    return catalogs.read(arguments.catalog or chosen.catalog).keyed(pseudonym.by(chosen.pseudonym_key))


def chosen_tables(arguments: argparse.Namespace, chosen: Settings) -> Catalog:
    """The catalog for the target's warehouse, reduced to --tables."""
    for_redshift = target(chosen).type == "redshift"
    whole = replace(catalog(arguments, chosen), for_redshift=for_redshift)
    if arguments.tables is None:
        return whole
    return whole.only(name.strip() for name in arguments.tables.split(",") if name.strip())


def lake(chosen: Settings) -> "Folder | S3":
    """The lake at LAKE_URL: s3://bucket/prefix, file:///folder, or a folder (relative to the project)."""
    url, signed = chosen.lake_url, signing.of(chosen.lake_key)
    # Where files of a lake in S3 are put for DuckDB.
    paths.for_duckdb(Path(tempfile.gettempdir()), "TMPDIR")
    if url.startswith("s3://") and "@" not in url:
        settings.aws_region(chosen)
        return _s3(url, chosen.environment.get("LAKE_KMS_KEY"), signed)
    if "://" in url and not url.startswith("file://"):
        # Not shown: keys of AWS's may be in it.
        raise Failure(
            "LAKE_URL is neither a folder nor s3://bucket/prefix",
            "write s3://bucket/prefix, or a folder; AWS's keys belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        )
    if url.startswith("file://") and "%" in url:
        raise Failure(f"LAKE_URL {url} is a URL with a % in it", "write the folder itself, as the system shows it")
    return Folder(paths.for_duckdb(chosen.root / url.removeprefix("file://"), "LAKE_URL"), signed)


def lake_of(catalog: Catalog, chosen: Settings) -> Lake:
    """The part of the lake at LAKE_URL in which the runs of the catalog's schema are."""
    return sequences.of(lake(chosen), catalog.schema)


def _s3(url: str, kms_key: str | None, signed: Signing) -> "S3":
    # AWS's packages take a quarter of every command's start, and a folder needs none of them.
    import boto3
    from botocore.exceptions import BotoCoreError

    from loaders.lake.s3 import S3

    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not bucket:
        raise Failure("LAKE_URL names no bucket", "write it as s3://bucket/prefix")
    try:
        return S3(boto3.client("s3"), bucket, prefix.strip("/"), kms_key, signed)
    except BotoCoreError as error:
        raise Failure(f"S3 cannot be used: {error}", "check AWS credentials and Region") from None


@contextmanager
def snapshot(chosen: Settings, pace: float = 1) -> Iterator[mysql.Snapshot]:
    """The source at one moment."""
    with sources(chosen, 1) as (connection,), mysql.snapshot(connection, pace) as moment:
        yield moment


@contextmanager
def sources(chosen: Settings, count: int) -> Iterator[list[mysql_arrow.Connection]]:
    """`count` connections to the source, or fewer, with a notice, if server or account have a lower limit."""
    url = mysql_url.parse(settings.required_source_url(chosen), "SOURCE_URL")
    if url.iam or url.secret:
        settings.aws_region(chosen)
        import boto3

        from loaders.source import aws_passwords

        url = aws_passwords.completed(url, boto3.Session())
    with ExitStack() as stack:
        opened: list[mysql_arrow.Connection] = []
        while len(opened) < count:
            try:
                connection = log_in.connect(url, "SOURCE_URL", **mysql.CONNECT_OPTIONS)
            except TooMany as failure:
                if not opened:
                    raise
                notice(f"{failure.problem}; reading over fewer connections")
                break
            opened.append(stack.enter_context(closing(connection)))
        yield opened


@contextmanager
def warehouse(catalog: Catalog, chosen: Settings, read_only: bool = False, of_lake: bool = True) -> Iterator[Warehouse]:
    """The warehouse of the chosen target of dbt's profile. of_lake: what it is asked for may be read from the lake."""
    there = target(chosen)
    if there.type not in ("duckdb", "redshift"):
        raise Failure(f"target {there.name} is a {there.type} warehouse", "known are duckdb and redshift")
    opened: AbstractContextManager[Warehouse]
    if there.type == "redshift":
        opened = redshift(catalog, chosen, of_lake)
    else:
        path = _duckdb_path(chosen, there)
        paths.no_schemas_name(path, catalog.schema, there.values["schema"])
        opened = open_warehouse(path, catalog.schema, read_only, [lake(chosen).on_this_machine])
    with opened as warehouse:
        warehouse.comments = catalog.comments
        yield warehouse


def redshift(catalog: Catalog, chosen: Settings, of_lake: bool = True) -> "AbstractContextManager[RedshiftWarehouse]":
    """The same where it is Redshift."""
    settings.aws_region(chosen)
    if of_lake and not chosen.lake_url.startswith("s3://"):
        raise Failure("Redshift cannot read the lake: it is not in S3", "set LAKE_URL to s3://bucket/prefix")
    try:
        from loaders.warehouse import redshift_warehouse  # brings the driver, which the demo does not need
    except ImportError:
        raise Failure("the packages for Redshift are not installed", "run `make setup TARGET=redshift`") from None
    role = chosen.environment.get("REDSHIFT_IAM_ROLE", "default")
    return redshift_warehouse.open_warehouse(target(chosen), catalog.schema, role)


def sleeper(chosen: Settings) -> str:
    """A name for a warehouse that sleeps while nobody asks it anything, and costs when it is awake; DuckDB has none."""
    there = target(chosen)
    where = there.values
    return f"{where['host']}:{where.get('port', 5439)}/{where.get('dbname', '')}" if there.type == "redshift" else ""


def _duckdb_path(chosen: Settings, there: profile.Target) -> Path:
    path: Path = there.values["path"]
    by_dbt_alone = target(replace(chosen, environment=os.environ)).values["path"]
    if by_dbt_alone != path:
        raise Failure(
            f"DUCKDB_PATH in .env is {path}, but plain dbt does not read .env and would use {by_dbt_alone}",
            "put the path into dbt_project/profiles.yml instead, or export DUCKDB_PATH in your shell",
        )
    return path


def target(chosen: Settings) -> profile.Target:
    """Where dbt builds, and so where raw is."""
    return profile.read(chosen.dbt_profiles_dir, chosen.dbt_target, chosen.environment, chosen.project)
