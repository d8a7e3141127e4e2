"""The catalog's tables beside the source's: every fault is found before the first row is read."""

from collections.abc import Iterable

from loaders.common.errors import Exit, Failure
from loaders.common.quoting import mysql_name
from loaders.source.declared_key import no_null_in_key
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.types.fingerprint import SALT, SOURCE_HASH
from loaders.types.type_contract import contract
from loaders.words import cursors
from loaders.words.catalog import REDSHIFT_NAME_BYTES, Catalog, Table, known_or_fail
from loaders.words.raw_tables import LINEAGE_COLUMNS

# Every table there has columns of these names, so that CREATE TABLE refuses them, quoted or not: 'column name "xmin"
# conflicts with a system column name'.
REDSHIFT_SYSTEM_COLUMNS = {"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "deletexid", "insertxid"}


def tables(snapshot: Snapshot) -> dict[str, SourceTable]:
    """The source's tables by name, of which there is one."""
    found, database, account = snapshot.tables(), snapshot.database, snapshot.account
    if not found:
        raise Failure(
            f"database {database} shows the account {account} no table",
            f"`grant select on {mysql_name(database)}.* to {account}`; or name another database in SOURCE_URL; or fill "
            "it (`make seed`: the demo's shop, on the private server)",
        )
    return found


def match(catalog: Catalog, snapshot: Snapshot) -> list[tuple[Table, SourceTable]]:
    """Pair each table of the catalog with the source's, in the catalog's order."""
    for table in catalog.tables:
        if unread := snapshot.hold(table.name):
            raise unread
    found = tables(snapshot)
    where = f"database {snapshot.database}"
    for table in catalog.tables:
        known_or_fail(table.name, found, "table", where)
    pairs = [(table, found[table.name]) for table in catalog.tables]
    for table, source in pairs:
        _check(table, source, catalog)
    read = [(table, source.read_as(table)) for table, source in pairs]
    for table, source in read:
        no_null_in_key(table, source, snapshot)
    if salt := next((table.pseudonym.salt for table, _source in read if table.pseudonymised and table.pseudonym), None):
        snapshot.let(SALT, salt)
    return read


def not_altered(pairs: Iterable[tuple[Table, SourceTable]], snapshot: Snapshot) -> None:
    """Fail if a table is not what it was when the run began. To be asked after the last row was read.

    A description is not part of a snapshot: it is always today's. But a table that a transaction has read cannot be
    altered until that ends, so what holds now held while its rows were read.
    """
    found = snapshot.tables()
    for table, source in pairs:
        now = found[source.name].read_as(table) if source.name in found else None
        if now is None or (now.columns, now.primary_key) != (source.columns, source.primary_key):
            raise Failure(
                f"the columns of {source.name} were altered while the run was reading",
                "nothing was published; run it again",
                ends=Exit.TRY_AGAIN,
            )


def _check(table: Table, source: SourceTable, catalog: Catalog) -> None:
    names = [column.name for column in source.columns]
    declared = [
        *table.primary_key,
        *filter(None, [table.cursor, table.dist]),
        *table.sort,
        *table.invalid_to_null,
        *table.as_text,
        *table.excluded,
        *table.pseudonymised,
    ]
    for column in declared:
        known_or_fail(column, names, "column", f"table {table.name}, which {catalog.file.name} describes,")
    for name in sorted(table.as_text & {*table.primary_key, *filter(None, [table.cursor])}):
        raise Failure(
            f"{catalog.file}: {table.name}.{name} is read `as: text`, and belongs to the key or is the cursor",
            "take `as: text` from its config.meta: the source compares it as what it is",
        )
    _check_personal(table, catalog)
    if source.primary_key and table.primary_key != source.primary_key:
        raise Failure(
            f"{catalog.file}: primary_key of {table.name} is {list(table.primary_key)}, "
            f"the source's is {list(source.primary_key)}",
            f"write primary_key: [{', '.join(source.primary_key)}]; if the source's key changed since the last run: "
            f"`python -m loaders extract --full --tables {table.name}`",
        )
    _check_declared(table, source, catalog)
    if fault := unloadable(source.read_as(table)):
        raise Failure(f"table {table.name}: {fault}", "rename the column, or leave the table out of the catalog")
    if system := [name for name in names if catalog.for_redshift and name.lower() in REDSHIFT_SYSTEM_COLUMNS]:
        raise Failure(
            f"{table.name}.{system[0]} bears the name of a system column, which Redshift gives to no other column",
            "rename it at the source, or leave the table out of the catalog",
        )
    for name, what in [(table.name, table.name), *((name, f"{table.name}.{name}") for name in names)]:
        # A letter in small may have more bytes than in capitals.
        size = max(len(name.encode()), len(name.lower().encode()))
        if catalog.for_redshift and size > REDSHIFT_NAME_BYTES:
            raise Failure(
                f"{what} has a name of {size} bytes, Redshift cuts at {REDSHIFT_NAME_BYTES}",
                "rename it at the source, or leave the table out of the catalog",
            )


def _check_personal(table: Table, catalog: Catalog) -> None:
    named = {*table.primary_key, *filter(None, [table.cursor])}
    for key, columns in (("exclude", table.excluded), ("pseudonymise", table.pseudonymised)):
        used = named | ({*filter(None, [table.dist]), *table.sort} if key == "exclude" else set())
        for name in sorted(columns & used):
            raise Failure(
                f"{catalog.file}: {table.name}.{name} has `{key}`, and is key, cursor, dist or sort",
                f"rows are found by it: take `{key}` from its config.meta, or leave the table out of the catalog",
            )
    if table.pseudonymised and not table.pseudonym:
        raise Failure(
            f"{catalog.file}: {table.name}.{min(table.pseudonymised)} is pseudonymised, and PSEUDONYM_KEY is not set",
            "set PSEUDONYM_KEY in .env to the key by which it was so far; docs/people.md says how a first one is made, "
            "and what becomes of them without it",
        )


def _check_declared(table: Table, source: SourceTable, catalog: Catalog) -> None:
    for name in sorted(table.invalid_to_null.intersection(table.primary_key)):
        raise Failure(
            f"{catalog.file}: on_invalid of {table.name}.{name} is null, and it belongs to the key",
            "take that out: a row whose key became NULL would be no row of its own",
        )
    for column in source.described(table.primary_key if table.share > 1 else ()):
        if column.data_type in ("float", "double"):
            raise Failure(
                f"{catalog.file}: {table.name} has a share under `proof`, and its key has the {column.data_type} "
                f"{column.name}, of which source and warehouse have no common text",
                "write proof: whole",
            )
    for column in source.described(filter(None, [table.cursor])):
        cursors.check(contract(column, table.name, catalog.for_redshift), table.name)


def unloadable(source: SourceTable) -> str | None:
    """Why no warehouse could tell the table's columns apart, or from those that the loaders add; None if it can."""
    seen = dict.fromkeys((SOURCE_HASH, *LINEAGE_COLUMNS), "one that the loaders add")
    for column in source.columns:
        name = column.name
        if column.name.lower() in seen:
            return f"in the warehouse its column {name} would bear the same name as {seen[column.name.lower()]}"
        seen[column.name.lower()] = name
    return None
