"""`doctor`: every link from the settings to the warehouse, tried in order."""

import argparse
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa

from loaders.cli import connections
from loaders.cli.commands import Commands, add
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
    add(commands, __doc__, examine, catalog)


class Links:
    """What was tried, told at once; and whether all of it works."""

    def __init__(self) -> None:
        self.sound = True

    def show(self, finding: doctor.Finding) -> bool:
        tell("link", doctor.told(finding), **finding.facts)
        self.sound = self.sound and finding.fault is None
        return finding.fault is None

    def each(self, findings: Iterable[doctor.Finding]) -> bool:
        """Every one is shown, also after one that failed."""
        shown = [self.show(finding) for finding in findings]
        return all(shown)

    def works(self, what: str, attempt: Callable[[], str | None]) -> bool:
        return self.show(doctor.check(what, attempt))


def examine(arguments: argparse.Namespace, chosen: Settings) -> int:
    """Try each link in order; those behind a broken one are not tried. Exit code 1 if one is broken."""
    links = Links()
    links.works("the settings and the catalog", lambda: str(connections.catalog(arguments, chosen).file))
    if (
        links.sound
        and chosen.environment.get("SOURCE_URL")
        and not (arguments.catalog or "CATALOG" in chosen.environment)
    ):
        links.show(doctor.Finding("CATALOG", note=doctor.NO_CATALOG))
    if links.sound and links.works("LAKE_URL and LAKE_KEY", lambda: doctor.signing(connections.lake(chosen))):
        catalog = connections.catalog(arguments, chosen)
        _examine_source(catalog, chosen, links)
        with spool() as folder:
            _examine_lake_and_warehouse(catalog, chosen, folder, links)
    say("everything works" if links.sound else "the first FAILED line is the one to mend first")
    return 0 if links.sound else 1


def _examine_source(catalog: Catalog, chosen: Settings, links: Links) -> None:
    def version() -> str:
        with connections.snapshot(chosen) as snapshot:
            version = snapshot.server_version
            return f"{version}, encrypted" if snapshot.encrypted() else f"{version}, not encrypted"

    def url() -> mysql_url.DatabaseURL:
        return mysql_url.parse(settings.required_source_url(chosen), "SOURCE_URL")

    if not links.works("SOURCE_URL", lambda: str(url())):
        return
    if all(links.show(finding) for finding in doctor.line(url())) and links.works("log in to MySQL", version):
        with connections.snapshot(chosen) as snapshot:
            links.each(doctor.source(snapshot, catalog))
            links.each(doctor.standing_of(snapshot.connection))


def _examine_lake_and_warehouse(catalog: Catalog, chosen: Settings, folder: Path, links: Links) -> None:
    def newest() -> str:
        lake = connections.lake_of(catalog, chosen)
        known = runs.numbers(lake)
        return f"run {runs.read(lake, known[-1]).run}" if known else "there is none yet"

    def applied() -> str:
        with connections.warehouse(catalog, chosen) as warehouse:
            last, _attempt = warehouse.last_applied()
        return f"run {last} is the newest in schema {catalog.schema}" if last else "nothing is loaded yet"

    store = connections.lake(chosen)
    # Whether objects come and go.
    works = links.each(doctor.lake(store))
    if works:
        links.works("read the newest run record", newest)
    if not isinstance(store, Folder):
        links.each(doctor.keeping(store))
    if not links.works("dbt's profile", lambda: doctor.profile(connections.target(chosen))):
        return
    target = connections.target(chosen)
    if not isinstance(store, Folder) and target.type == "redshift":
        host = target.values["host"]
        links.works("the bucket's Region is the warehouse's", lambda: doctor.same_region(store, host))
    if not links.works("connect to the warehouse and log in", applied) or target.type != "redshift":
        return
    links.works(f"make a table in schema {catalog.schema}", lambda: _make_a_table(catalog, chosen))
    if works:
        links.works("COPY one row from the lake", lambda: _copy_one_row(catalog, chosen, folder))


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
