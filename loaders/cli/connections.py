"""What the settings name, opened: the catalog, the source, the lake and the warehouse."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
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
    for_redshift = dbt_target(chosen, chosen.environment).type == "redshift"
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
def source(chosen: Settings) -> Iterator[mysql_arrow.Connection]:
    with sources(chosen, 1) as (connection,):
        yield connection


@contextmanager
def sources(chosen: Settings, count: int) -> Iterator[list[mysql_arrow.Connection]]:
    """`count` connections to the source, or fewer, with a notice, if server or account have a lower limit."""
    url = mysql_url.parse(settings.required_source_url(chosen), "SOURCE_URL")
    if url.iam or url.secret:
        settings.aws_region(chosen)
        url = _with_password_of_aws(url)
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


def _with_password_of_aws(url: mysql_url.DatabaseURL) -> mysql_url.DatabaseURL:
    import boto3

    from loaders.source import aws_passwords

    return aws_passwords.completed(url, boto3.Session())


@contextmanager
def warehouse(catalog: Catalog, chosen: Settings, read_only: bool = False, of_lake: bool = True) -> Iterator[Warehouse]:
    """The warehouse of the chosen target of dbt's profile. of_lake: what it is asked for may be read from the lake."""
    target = dbt_target(chosen, chosen.environment)
    if target.type == "redshift":
        with redshift(catalog, chosen, of_lake) as in_redshift:
            in_redshift.comments = catalog.comments
            yield in_redshift
    elif target.type == "duckdb":
        path = _duckdb_path(chosen, target)
        paths.no_schemas_name(path, catalog.schema, target.values["schema"])
        with open_warehouse(path, catalog.schema, read_only, [lake(chosen).on_this_machine]) as in_duckdb:
            in_duckdb.comments = catalog.comments
            yield in_duckdb
    else:
        raise Failure(f"target {target.name} is a {target.type} warehouse", "known are duckdb and redshift")


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
    return redshift_warehouse.open_warehouse(dbt_target(chosen, chosen.environment), catalog.schema, role)


def sleeper(chosen: Settings) -> str:
    """A name for a warehouse that sleeps while nobody asks it anything, and costs when it is awake; DuckDB has none."""
    target = dbt_target(chosen, chosen.environment)
    where = target.values
    return f"{where['host']}:{where.get('port', 5439)}/{where.get('dbname', '')}" if target.type == "redshift" else ""


def _duckdb_path(chosen: Settings, target: profile.Target) -> Path:
    by_dbt_alone = dbt_target(chosen, os.environ).values["path"]
    if by_dbt_alone != target.values["path"]:
        raise Failure(
            f"DUCKDB_PATH in .env is {target.values['path']}, but plain dbt does not read .env and would use "
            f"{by_dbt_alone}",
            "put the path into dbt_project/profiles.yml instead, or export DUCKDB_PATH in your shell",
        )
    path: Path = target.values["path"]
    return path


def dbt_target(chosen: Settings, environment: Mapping[str, str]) -> profile.Target:
    return profile.read(chosen.dbt_profiles_dir, chosen.dbt_target, environment, chosen.project)
