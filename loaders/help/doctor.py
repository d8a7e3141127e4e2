"""Every link of the pipeline, tried in order: what was tried, whether it works, and the one remedy if not.

Each check really does the thing: it connects, reads, writes an object, copies a row. It leaves nothing behind.
"""

import re
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import mysql_arrow
from loaders.common.errors import Failure
from loaders.lake.store import Lake
from loaders.run.match_catalog import match
from loaders.source import standing
from loaders.source.described import SourceTable
from loaders.source.log_in import CONNECT_SECONDS
from loaders.source.mysql import Snapshot
from loaders.source.mysql_url import DatabaseURL
from loaders.source.refusals import REACH
from loaders.source.shared_snapshot import may_lock
from loaders.types.homes import homes
from loaders.warehouse.profile import Target
from loaders.words.catalog import Catalog, Table

if TYPE_CHECKING:
    from loaders.lake.s3 import S3  # brings AWS's packages, which a folder does not need


# Of a source that somebody has named.
NO_CATALOG = "not set, so the demo shop's: `make discover` makes one of your database, and says the line for .env"


@dataclass(frozen=True)
class Finding:
    """One line: what was tried, and what is wrong with it (None: it works). `note` is worth knowing, but no fault."""

    what: str
    fault: Failure | None = None
    note: str = ""

    @property
    def facts(self) -> dict[str, object]:
        """For a program."""
        fault = {"code": self.fault.code, "problem": self.fault.problem, "fix": self.fault.fix} if self.fault else {}
        return {"what": self.what, "works": self.fault is None, "note": self.note, **fault}


def check(what: str, attempt: Callable[[], str | None]) -> Finding:
    """Try one thing; what it returns is a note."""
    try:
        return Finding(what, note=attempt() or "")
    except Failure as failure:
        return Finding(what, failure)


def _must(is_so: bool, problem: str, fix: str) -> None:
    if not is_so:
        raise Failure(problem, fix)


def line(url: DatabaseURL) -> Iterator[Finding]:
    """Name and port of the source, before anybody logs in; a socket of this machine has neither."""
    if url.unix_socket:
        return
    yield check("find the address of MySQL's host", lambda: _address(url))
    yield check("reach MySQL's port", lambda: _port(url))


def _address(url: DatabaseURL) -> str:
    try:
        return str(socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Failure(
            f"the host {url.host} has no address ({error.strerror or error})",
            "check its name in SOURCE_URL; that of a private RDS is known inside its own network only",
        ) from None


def _port(url: DatabaseURL) -> None:
    try:
        socket.create_connection((url.host, url.port), CONNECT_SECONDS).close()
    except OSError as error:
        raise Failure(
            f"MySQL error 2003: {url.host}:{url.port} cannot be reached ({error})",
            f"{REACH}; the address comes from SOURCE_URL",
        ) from None


def source(snapshot: Snapshot, catalog: Catalog) -> Iterator[Finding]:
    """The tables of the catalog, as the source has them and this account may read them."""
    yield check(
        "the catalog's tables are at the source", lambda: ", ".join(each.name for each, _ in match(catalog, snapshot))
    )
    for table in catalog.tables:
        found = snapshot.tables().get(table.name)
        if found is None:
            continue
        yield check(f"{table.name} can be read", partial(_counted, snapshot, found))
        yield check(f"{table.name} can be hashed, as runs do", partial(_try, snapshot, table, found, catalog))
        if not found.held_still:
            yield Finding(f"{table.name} takes part in the snapshot", note=f"no: it is a {found.engine} table")
        kinds = {column.name: column.data_type for column in found.columns}
        if table.cursor and kinds.get(table.cursor) not in ("datetime", "timestamp", None):
            yield Finding(f"{table.name}.{table.cursor} is a moment", note=f"no: it is {kinds[table.cursor]}")


def _counted(snapshot: Snapshot, found: SourceTable) -> str:
    return f"{snapshot.count(found):,} rows"


def _try(snapshot: Snapshot, table: Table, found: SourceTable, catalog: Catalog) -> None:
    source = found.read_as(table)
    snapshot.attempt(source, homes(table.name, source.columns, catalog.for_redshift))


def standing_of(connection: mysql_arrow.Connection) -> Iterator[Finding]:
    """What kind of server it is, and whether several connections can share a moment. Ends a snapshot."""
    said = standing.notice(connection)
    if said:
        yield Finding("the source writes what is read", note=f"no: {said}")
    if not may_lock(connection):
        yield Finding("tables can be locked for a moment", note="no, so --parallel reads over one: `grant lock tables`")


def signing(store: Lake) -> str:
    """Whether run records are signed."""
    if store.signing.key:
        return "run records are signed, and others refused"
    return "run records are not signed: whoever may write into the lake is trusted"


def lake(store: Lake) -> Iterator[Finding]:
    """An object is written, read, listed and deleted under a name of its own."""
    key, data = f"_doctor/{secrets.token_hex(8)}", b"written by `doctor`, which removes it"
    there = f"the lake {store} says that {key} exists already", "try again"
    other = f"the lake {store} gave back other bytes than were written", "do not use this store"
    hidden = f"the lake {store} does not list what was just written", "allow s3:ListBucket on its bucket"
    yield check(f"write to the lake {store}", lambda: _must(store.create(key, data), *there))
    yield check("read it back", lambda: _must(store.read(key) == data, *other))
    yield check("list it", lambda: _must(key in store.keys("_doctor/"), *hidden))
    yield check("delete it", lambda: store.delete([key]))


def profile(target: Target) -> str:
    """Which target it is; of an old profile, what it lacks or has too much."""
    options = target.values.get("config_options")
    closed = isinstance(options, dict) and options.get("enable_external_access") is False
    old = ""
    if target.type == "duckdb" and not closed:
        old = "; its SQL reaches files: take config_options over from profiles.example.yml"
    elif limit := target.values.get("connect_timeout"):
        old = f"; dbt ends every statement after {limit} s: remove connect_timeout, as profiles.example.yml has it"
    return f"{target.name}, {target.type}{old}"


# How S3 says whether a bucket keeps what is replaced and deleted -> what that means here.
VERSIONING = {
    "": "no: what `erase` and `prune` delete is gone",
    "Enabled": "yes: `erase` removes a person's too; what `prune` deletes stays until a lifecycle rule of the bucket's",
    "Suspended": "those from before it was suspended: `erase` removes a person's too",
}


def keeping(store: "S3") -> Iterator[Finding]:
    """The Region that AWS's packages have resolved, where S3 is asked, and what the bucket keeps of what is deleted.

    As far as it may be asked: worth knowing, and no fault. No run needs to know, so whoever may not ask is only told.
    """
    from loaders.lake import bucket as of  # AWS's packages, which a folder does not need

    def locked(store: "S3") -> str:
        has, by_default = of.lock(store)
        return f"yes, new versions are kept ({by_default}): `erase` refuses" if by_default else "yes" if has else "no"

    def replicated(store: "S3") -> str:
        copies = of.replication(store)
        return f"yes, to {copies}: `erase` does not reach there" if copies else "no"

    asked: dict[str, Callable[[S3], str]] = {
        "AWS's Region": lambda store: f"{store.client.meta.region_name}, S3 at {store.client.meta.endpoint_url}",
        "the bucket keeps old versions": lambda store: VERSIONING[of.versioning(store)],
        "deleting old versions takes MFA": lambda store: "yes: `erase` refuses" if of.mfa_delete(store) else "no",
        "the bucket has Object Lock": locked,
        "the bucket is replicated": replicated,
        "the bucket's lifecycle rules end what is left": lambda store: of.lifecycle(store) or "no",
        "uploads were not finished": lambda store: f"{len(of.unfinished(store)):,}",
        "the bucket encrypts by default": lambda store: of.encryption(store) or "none is named: S3 takes its own keys",
    }
    for what, ask in asked.items():
        try:
            yield Finding(what, note=ask(store))
        except Failure as failure:
            yield Finding(what, note=f"not known: {failure.problem}; {failure.fix}")


def same_region(store: "S3", host: str) -> str:
    """The bucket's, which has to be the warehouse's: COPY of Parquet cannot cross."""
    region = store.region()
    found = re.search(r"\.([a-z]{2}-[a-z-]+-\d)\.redshift", host)
    if found and found[1] != region:
        raise Failure(
            f"the bucket {store.bucket} is in {region}, the warehouse in {found[1]}",
            "COPY of Parquet reads buckets of its own Region only: make the lake in that Region",
        )
    return region


def told(finding: Finding) -> list[str]:
    """The finding as a person reads it."""
    if finding.fault is None:
        return [f"  ok      {finding.what}" + (f" ({finding.note})" if finding.note else "")]
    problem, code, fix = finding.fault.problem, finding.fault.code, finding.fault.fix
    said = f"{problem} [{code}]" if code else problem
    return [f"  FAILED  {finding.what}", f"          {said}", f"          fix: {fix}"]
