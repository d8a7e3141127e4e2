"""COPY: every file is checked first; then all rows go into the table, or none, in the client's own transaction."""

import itertools
from typing import Protocol

import pyarrow.parquet as pq

from redshift_stand_in import copy_files, copy_options, wire
from redshift_stand_in.copy_files import TableColumn
from redshift_stand_in.errors import RedshiftError, scan_error
from redshift_stand_in.quoted_names import quoted
from redshift_stand_in.rewrite import literal
from redshift_stand_in.wire import Connection
from redshift_stand_in.world import World

QUERY_NUMBERS = itertools.count(1000)
COLUMNS = """
select a.attname, format_type(a.atttypid, null),
    case a.atttypid when 1700 then ((a.atttypmod - 4) >> 16) & 65535 when 17 then coalesce(w.width, 64000)
        else a.atttypmod - 4 end,
    case when a.atttypid = 1700 then (a.atttypmod - 4) & 65535 else 0 end,
    not a.attnotnull, a.attidentity <> '', has_table_privilege(a.attrelid, 'insert')
from pg_attribute a left join rs_widths w on w.relid = a.attrelid and w.name = a.attname
where a.attrelid = rs_relation({table}) and a.attnum > 0 and not a.attisdropped order by a.attnum
"""


class Client(Protocol):
    """What a COPY needs of the session that asks for it: see session.Session."""

    world: World
    back: Connection
    transaction: bytes
    number: int

    def query(self, sql: str) -> tuple[bytes | None, list[list[str | None]]]: ...


def run_copy(session: Client, sql: str) -> bytes:
    """Run a COPY and return the answer for the client. A failure is also recorded where Redshift records it."""
    number = next(QUERY_NUMBERS)
    copy = copy_options.parse(sql)
    address = copy.source
    try:
        columns = _columns(session, copy)
        _check_role(session, copy.role)
        s3 = session.world.cloud.s3_as(copy.role)
        whole: list[tuple[str, pq.ParquetFile]] = []
        for address, data in copy_files.files(copy, s3):
            whole.append((address, copy_files.opened(address, data, columns, "FILLRECORD" in copy.options)))
        rows = _stream(session, copy, columns, whole)
    except RedshiftError as error:
        told = (number, session.number, address, str(error), error.detail)
        session.world.record("select rs_record_error(%s, %s, %s, %s, %s)", told)
        raise
    session.query(f"select rs_copied({rows}, {number})")
    session.world.record("select rs_record_copy(%s, %s, %s)", (number, copy.table, rows))
    name = copy.table.split(".")[-1].strip('"')
    return (
        wire.notice(f"Load into table '{name}' completed, {rows} record(s) loaded successfully.")
        + wire.message(b"C", b"COPY\0")
    )  # fmt: skip


def _check_role(session: Client, role: str) -> None:
    """Whether the user may use the role: ASSUMEROLE (r_GRANT-usage-notes); how Redshift words it is not known."""
    _error, rows = session.query(f"select rs_may_assume({literal(role)}, 'COPY')")
    if rows != [["t"]]:
        raise RedshiftError(f"permission denied: ASSUMEROLE on {role} for COPY", "42501")


def _columns(session: Client, copy: copy_options.Copy) -> list[TableColumn]:
    name = copy.table.split(".")[-1].strip('"')
    error, rows = session.query(COLUMNS.format(table=literal(copy.table)))
    if error or not rows:
        raise RedshiftError(f"Cannot COPY into nonexistent table {name}", "42P01")
    if rows[0][6] == "f":
        raise RedshiftError(f"permission denied for relation {name}", "42501")
    values = [[str(value) for value in row] for row in rows]  # none is NULL
    known = {row[0]: TableColumn(row[0], row[1], int(row[2]), int(row[3]), row[4] == "t") for row in values}
    identities = {row[0] for row in values if row[5] == "t"}
    named = set(copy.columns or ()) & identities
    # copy-parameters-column-mapping: the one needs the other; without a list they are left out unless EXPLICIT_IDS.
    if copy.columns and bool(named) != ("EXPLICIT_IDS" in copy.options) and (named or identities):
        raise RedshiftError(
            "an IDENTITY column in the list of a COPY needs EXPLICIT_IDS, and this needs it there", "0A000"
        )
    left_out = set() if "EXPLICIT_IDS" in copy.options else identities
    try:
        return [known[column] for column in (copy.columns or [name for name in known if name not in left_out])]
    except KeyError as missing:
        raise RedshiftError(f"column {missing} of relation {name} does not exist", "42703") from None


def _stream(
    session: Client, copy: copy_options.Copy, columns: list[TableColumn], whole: list[tuple[str, pq.ParquetFile]]
) -> int:
    """Send the rows on to PostgreSQL; a value that does not fit ends it, and no row stays."""
    names = ", ".join(quoted(column.name) for column in columns)
    session.back.send(wire.message(b"Q", f"copy {copy.table} ({names}) from stdin".encode() + b"\0"))
    kind, body = session.back.read()
    rows, fault = 0, None
    if kind == b"G":
        try:
            for _address, file in whole:
                for number, text in copy_files.copy_text(file, columns, copy.options.get("ACCEPTINVCHARS")):
                    session.back.send(wire.message(b"d", text))
                    rows += number
            session.back.send(wire.message(b"c"))
        except RedshiftError as error:
            fault = error
            session.back.send(wire.message(b"f", b"stopped\0"))
    failed = body if kind == b"E" else None
    while kind != b"Z":
        kind, body = session.back.read()
        failed = body if kind == b"E" else failed
    session.transaction = body
    if fault:
        raise fault
    if failed:
        raise scan_error(failed.replace(b"\0", b" ").decode("utf-8", "replace"), 15001)
    return rows
