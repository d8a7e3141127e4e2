"""The project's own commands, as a user calls them, on a test's own database, lake and warehouse."""

import os
import subprocess

from loaders.common.settings import ROOT
from tests import forked
from tests.own_database import OwnDatabase

SHOP_CATALOG = ROOT / "dbt_project/models/staging/shop/_shop__sources.yml"


def clean_environment() -> dict[str, str]:
    """The environment without anything that a developer may have set for dbt, AWS or this project."""
    own = (
        "SOURCE_URL",
        "SHOP_URL",
        "LAKE_URL",
        "CATALOG",
        "DEMO_SHOP",
        "DUCKDB_PATH",
        "CI",
        "NO_VALUES",
        "LOG_FORMAT",
        "FILES_FOR_GROUP",
        "LAKE_KEY",
        "PSEUDONYM_KEY",
    )
    return {
        name: value
        for name, value in os.environ.items()
        if name not in own and not name.startswith(("DBT_", "AWS_", "REDSHIFT_"))
    }


def settings(own: OwnDatabase) -> dict[str, str]:
    """An environment in which every command works on `own`, and dbt writes beside it."""
    (own.folder / "profiles.yml").write_text((ROOT / "profiles.example.yml").read_text())
    return clean_environment() | {
        "SOURCE_URL": own.source_url,
        "SHOP_URL": own.shop_url,
        "LAKE_URL": str(own.folder / "lake"),
        "CATALOG": str(SHOP_CATALOG),
        "DBT_TARGET": "duckdb",
        "DBT_PROFILES_DIR": str(own.folder),
        "DBT_TARGET_PATH": str(own.folder / "target"),
        "DBT_LOG_PATH": str(own.folder / "logs"),
        "DUCKDB_PATH": str(own.warehouse_path),
    }


def python(own: OwnDatabase, *arguments: str, **changes: str) -> subprocess.CompletedProcess:
    """`python -m …` in the project's folder."""
    return forked.run("-m", *arguments, environment=settings(own) | changes)


def dbt(own: OwnDatabase, *arguments: str, **changes: str) -> subprocess.CompletedProcess:
    """`dbt …` in the dbt project."""
    return forked.dbt(*arguments, environment=settings(own) | changes)


def succeeded(done: subprocess.CompletedProcess) -> str:
    """What a command printed, once it is known to have gone well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
