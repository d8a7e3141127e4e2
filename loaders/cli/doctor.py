"""`doctor`: every link from the settings to the warehouse, tried in order."""

import argparse
import secrets
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from loaders.cli import connections
from loaders.cli.commands import Commands
from loaders.common import settings
from loaders.common.settings import Settings
from loaders.common.telling import say, tell
from loaders.help import doctor
from loaders.lake import parquet, runs
from loaders.lake.folder import Folder
from loaders.lake.run_files import RunFiles
from loaders.lake.spool import spool
from loaders.source import mysql_url
from loaders.words.catalog import Catalog
from loaders.words.run_record import File


def add_to(commands: Commands, catalog: argparse.ArgumentParser) -> None:
    """Add the command to the command line; `catalog` holds an option that it takes."""
    examining = commands.add_parser("doctor", parents=[catalog], help="try every link; name the remedy of each fault")
    examining.set_defaults(run=examine)


def examine(arguments: argparse.Namespace, chosen: Settings) -> int:
    """Try each link in order; those behind a broken one are not tried. Exit code 1 if one is broken."""
    sound = True

    def show(finding: doctor.Finding) -> bool:
        nonlocal sound
        tell("link", doctor.told(finding), **finding.facts)
        sound = sound and finding.fault is None
        return finding.fault is None

    show(doctor.check("the settings and the catalog", lambda: str(connections.catalog(arguments, chosen).file)))
    if sound and chosen.environment.get("SOURCE_URL") and not (arguments.catalog or "CATALOG" in chosen.environment):
        show(doctor.Finding("CATALOG", note=doctor.NO_CATALOG))
    if sound:
        show(doctor.check("LAKE_URL and LAKE_KEY", lambda: doctor.signing(connections.lake(chosen))))
    if sound:
        _examine_source(arguments, chosen, show)
        with spool() as folder:
            _examine_lake_and_warehouse(arguments, chosen, folder, show)
    say("everything works" if sound else "the first FAILED line is the one to mend first")
    return 0 if sound else 1


def _examine_source(arguments: argparse.Namespace, chosen: Settings, show: Callable[[doctor.Finding], bool]) -> None:
    def version() -> str:
        with connections.snapshot(chosen) as snapshot:
            version = snapshot.server_version
            return f"{version}, encrypted" if snapshot.encrypted() else f"{version}, not encrypted"

    def url() -> mysql_url.DatabaseURL:
        return mysql_url.parse(settings.required_source_url(chosen), "SOURCE_URL")

    if not show(doctor.check("SOURCE_URL", lambda: str(url()))):
        return
    if all(show(finding) for finding in doctor.line(url())) and show(doctor.check("log in to MySQL", version)):
        with connections.snapshot(chosen) as snapshot:
            for finding in doctor.source(snapshot, connections.catalog(arguments, chosen)):
                show(finding)
            for finding in doctor.standing_of(snapshot.connection):
                show(finding)


def _examine_lake_and_warehouse(
    arguments: argparse.Namespace, chosen: Settings, folder: Path, show: Callable[[doctor.Finding], bool]
) -> None:
    def name() -> str:
        return doctor.profile(connections.target(chosen))

    catalog, store = connections.catalog(arguments, chosen), connections.lake(chosen)
    works = _examine_lake(catalog, chosen, show)
    if not isinstance(store, Folder):
        show(doctor.region(store))
        for finding in doctor.keeping(store):
            show(finding)
    if not show(doctor.check("dbt's profile", name)):
        return

    def applied() -> str:
        with connections.warehouse(catalog, chosen) as warehouse:
            newest = warehouse.last_applied()
        return f"run {newest[0]} is the newest in schema {catalog.schema}" if newest else "nothing is loaded yet"

    target = connections.target(chosen)
    if not isinstance(store, Folder) and target.type == "redshift":
        for finding in doctor.bucket(store, target.values["host"]):
            show(finding)
    if not show(doctor.check("connect to the warehouse and log in", applied)) or target.type != "redshift":
        return
    show(doctor.check(f"make a table in schema {catalog.schema}", lambda: _make_a_table(catalog, chosen)))
    if works:
        show(doctor.check("COPY one row from the lake", lambda: _copy_one_row(catalog, chosen, folder)))


def _examine_lake(catalog: Catalog, chosen: Settings, show: Callable[[doctor.Finding], bool]) -> bool:
    """Every link is shown, also after one that failed. The answer is whether objects come and go."""
    shown = [show(finding) for finding in doctor.lake(connections.lake(chosen))]
    if all(shown):
        show(doctor.check("read the newest run record", lambda: _newest(catalog, chosen)))
    return all(shown)


def _newest(catalog: Catalog, chosen: Settings) -> str:
    lake = connections.lake_of(catalog, chosen)
    known = runs.numbers(lake)
    return f"run {runs.read(lake, known[-1]).run}" if known else "there is none yet"


def _make_a_table(catalog: Catalog, chosen: Settings) -> None:
    with connections.redshift(catalog, chosen) as warehouse:
        warehouse.try_table()


def _copy_one_row(catalog: Catalog, chosen: Settings, folder: Path) -> None:
    """A Parquet file of one row and its manifest go to the lake, are copied by the role, and are removed."""
    store = connections.lake(chosen)
    key = f"_doctor/{secrets.token_hex(8)}"
    schema = pa.schema([("id", pa.int64())])
    row = pa.RecordBatch.from_arrays([pa.array([1])], schema=schema)
    (local,) = parquet.write([row], schema, folder / "part", store.codec)
    file = File(f"{key}/one-row.parquet", 1, local.bytes, local.sha256)
    store.put_file(file.key, local.path, local.sha256)
    try:
        with connections.redshift(catalog, chosen) as warehouse:
            warehouse.try_copy(RunFiles(store, folder).listed(f"{key}/manifest", [file]))
    finally:
        store.delete([file.key, f"{key}/manifest"])
