"""`verify`: the source as it is now against raw and the marts, table by table, and what to do where they differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from loaders.common.progress import Progress
from loaders.common.quoting import sql_name
from loaders.proof import mart_check, raw_state
from loaders.proof.compare import Difference, compare
from loaders.proof.deep import DeepTable
from loaders.proof.raw_state import built_run, tables_of
from loaders.source.described import SourceTable
from loaders.source.mysql import Snapshot
from loaders.source.source_side import SourceSide
from loaders.types import fingerprint
from loaders.types.fingerprint import SOURCE_HASH
from loaders.types.homes import homes, types
from loaders.types.type_contract import Column
from loaders.warehouse.interface import Warehouse
from loaders.words.buckets import WHOLE, totals
from loaders.words.catalog import Catalog, Table
from loaders.words.differences import ONLY_HERE, ONLY_SOURCE, OTHERWISE, Differences, key_text
from loaders.words.run_record import Batch, Run

EXTRACT, LOAD, BUILD, DEEP = "make extract", "make load", "make build", "make verify ARGS=--deep"


@dataclass(frozen=True)
class Ends:
    """The two that are compared. waiting: the lake's runs that raw does not hold. marts: the schema dbt builds in.

    applied: of each table the newest run in raw and its batch, as holdings.applied finds them. whole: whether all
    tables of the catalog are compared.
    """

    snapshot: Snapshot
    warehouse: Warehouse
    applied: Mapping[str, tuple[int, Batch]]
    waiting: Sequence[Run]
    marts: str
    progress: Progress
    whole: bool


@dataclass(frozen=True)
class Finding:
    """What came of one table or mart. equal: None if there was nothing to compare with, which is no difference.

    rows: at the source; None where it was not counted. details: lines about single keys. fix: a command. by_hash: that
    it is equal was found by hash, which values that changed under their hash do not change.
    """

    name: str
    equal: bool | None
    said: str
    rows: int | None = None
    details: Sequence[str] = ()
    fix: str = ""
    by_hash: bool = False


def raw_table(ends: Ends, table: Table, source: SourceTable, catalog: Catalog, deep: bool) -> Finding:
    """Compare a table's rows at the source and in raw: by hash, or (deep) value by value."""
    columns = homes(table.name, source.columns, catalog.for_redshift)
    known = ends.applied.get(table.name)
    if known is None or not _comparable(ends, known[1], columns, table):
        said = "is not in raw" if known is None else "is not in raw with the columns that the source has"
        return Finding(table.name, False, said, fix=_next(ends, table))
    number, base = known
    if base.hash_version != fingerprint.VERSION:
        said = f"cannot be compared: raw's hashes are not of version {fingerprint.VERSION}"
        return Finding(table.name, False, said, fix=_next(ends, table))
    raw = sql_name(ends.warehouse.schema, table.name)
    if deep:
        one = DeepTable(source, columns, table.primary_key, frozenset(base.nulled))
        found = one.compare(one.at_source(ends.snapshot, ends.progress), one.stored(ends.warehouse, raw))
        how = f"every value of {len(source.columns)} columns"
    else:
        side = SourceSide(ends.snapshot, source, _keys(table, columns), columns[-1], ends.progress)
        found, how = _by_hash(ends, base, side), "hash"
    if not found:
        said = f"equal by {how}{_notice(source, found)}"
        return Finding(table.name, True, said, found.rows, by_hash=not deep)
    cause, fix = _cause(ends, table, number, base, found)
    said = f"DIFFERENT, {found.here:,} rows in raw: {cause}{_notice(source, found)}"
    return Finding(table.name, False, said, found.rows, list(found.lines()), fix)


def mart(ends: Ends, table: Table, source: SourceTable, compared: Sequence[Finding]) -> Finding:
    """Compare a mart that keeps a table's rows one to one with the same rows computed by MySQL.

    compared: what came of the raw tables.
    """
    if table.mart is None:
        return Finding(table.name, None, "has no mart in the catalog")
    name = table.mart.name
    tables = tables_of(ends.warehouse, ends.marts)
    if (ends.marts.lower(), name) not in tables:
        # Before the first build nothing claims to be equal; afterwards a mart that is missing is a mart that is wrong.
        return Finding(name, False if tables else None, "not built yet", fix=BUILD)
    check = mart_check.prepared(table, table.mart, ends.snapshot, ends.warehouse, ends.marts)
    if check.absent:
        return Finding(
            name, False, f"has no column {', '.join(check.absent)}, which the catalog's query gives", fix=BUILD
        )
    found = check.compare(ends.snapshot, ends.warehouse, source, ends.progress)
    of = f"{len(check.columns)} of {len(check.columns) + len(check.not_compared)} columns by value"
    left = f"; not compared: {', '.join(check.not_compared)}" if check.not_compared else ""
    if not found:
        return Finding(name, True, f"equal to the join computed by MySQL, {of}{left}", found.rows)
    cause, fix = _cause_of_mart(ends, compared)
    said = f"DIFFERENT from the join computed by MySQL, {found.here:,} rows in the mart: {cause}{left}"
    return Finding(name, False, said, found.rows, list(found.lines()), fix)


def _cause_of_mart(ends: Ends, compared: Sequence[Finding]) -> tuple[str, str]:
    """Who is behind: raw, the build, or nobody, so that the mart itself is wrong."""
    unlike = [finding.name for finding in compared if not finding.equal]
    if unlike:
        return f"raw differs too ({', '.join(unlike)})", f"{next(f.fix for f in compared if not f.equal)}, then {BUILD}"
    built, held = built_run(ends.warehouse, ends.marts), ends.warehouse.last_applied()
    if built and held[0] and built != held:
        return f"it was built of run {built[0]}, raw holds run {held[0]}", BUILD
    if not ends.whole:
        return "not every table was compared, so the cause is not known", f"{EXTRACT}, then {BUILD}"
    if any(finding.by_hash for finding in compared):
        return (
            "raw is equal by hash, so the mart is not what its model makes of it, or raw's values changed under "
            "their hash",
            f"{DEEP}, which tells",
        )
    return (
        "raw is equal, so the mart is not what its model makes of it, or its query in the catalog means something else",
        f"{BUILD} ARGS=--full-refresh, and if it differs still, correct meta.mart.query (docs/source.md)",
    )


def _notice(source: SourceTable, found: Differences) -> str:
    nulled = f"; {found.nulled:,} values NULL by rule" if found.nulled else ""
    nulled += f", or lost: {found.unseen:,} are long texts, compared by their digest alone" if found.unseen else ""
    return nulled + ("" if source.held_still else f"; {source.engine} tables are not held still meanwhile")


def _comparable(ends: Ends, base: Batch, columns: Sequence[Column], table: Table) -> bool:
    """Whether raw has the table, with every column that the source has and none that is excluded."""
    unread = table.excluded & {column.name for column in base.raw_columns}
    return set(types(columns)) <= set(base.columns) and not unread and ends.warehouse.holds(base)


def _keys(table: Table, columns: Sequence[Column]) -> list[Column]:
    by_name = {column.name: column for column in columns}
    return [by_name[name] for name in table.primary_key]


def _by_hash(ends: Ends, base: Batch, source: SourceSide) -> Differences:
    rows = source.table.estimated_rows if base.live_rows is None else base.live_rows
    with raw_state.side_of(ends.warehouse, base) as raw:
        found = compare(source, raw, source.buckets(rows), keyed=bool(source.keys))
        if found is not None:
            return _differences(found)
        there, here = (totals(side.sums(WHOLE)) for side in (source, raw))
    differences = Differences(there[0], here[0])
    keyed = "too many to list, or a key is there more than once"
    differences.add(OTHERWISE, keyed if source.keys else "rows without a key cannot be named")
    return differences


def _differences(found: Difference) -> Differences:
    """The keys of a comparison."""
    differences = Differences(found.rows, found.rows - found.absent.num_rows + found.gone.num_rows)
    absent = set(map(tuple, _rows(found.absent)))
    names = found.wanted.column_names
    for row in _rows(found.wanted):
        differences.add(ONLY_SOURCE if tuple(row) in absent else OTHERWISE, key_text(names, row))
    for row in _rows(found.gone):
        differences.add(ONLY_HERE, key_text(found.gone.column_names, row))
    return differences


def _rows(keys: pa.Table) -> list[list[Any]]:
    """The keys in their order."""
    if not keys.num_columns:
        return []
    ordered = keys.sort_by([(name, "ascending") for name in keys.column_names])
    return [list(row) for row in zip(*(column.to_pylist() for column in ordered.columns), strict=True)]


def _cause(ends: Ends, table: Table, number: int, base: Batch, found: Differences) -> tuple[str, str]:
    """Who moved, as far as the run record tells, and the command that mends it."""
    if found.hidden:
        said = f"{found.hidden:,} rows differ though raw's {SOURCE_HASH} is the source's"
        return said, f'{EXTRACT} ARGS="--full --tables {table.name}"'
    if base.live_rows is None:
        return f"run {number} was not compared ({base.verdict.partition(':')[0]})", _next(ends, table)
    if raw_state.is_as_left(ends.warehouse, base):
        return f"the source changed since run {number}", _next(ends, table)
    return f"raw is not as run {number} left it", _next(ends, table)


def _next(ends: Ends, table: Table) -> str:
    """A run that waits may hold what is missing; the next one compares anyway."""
    return LOAD if any(batch.table == table.name for run in ends.waiting for batch in run.batches) else EXTRACT
