"""The texts that only erased rows had (a name, an address), and where they still stand: bytes are searched, too."""

import html
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import duckdb

from loaders.common.errors import Failure
from loaders.common.quoting import sql_name, sql_text
from loaders.common.telling import notice, said
from loaders.proof import raw_state
from loaders.proof.raw_state import columns_of
from loaders.retention.erase_lake import LakeSearch
from loaders.types.column_type import ColumnType
from loaders.warehouse.duckdb_connection import close_off
from loaders.warehouse.duckdb_sql import no_glob, read_parquet
from loaders.warehouse.interface import Warehouse
from loaders.words import row_key
from loaders.words.row_key import TEXT, Keys
from loaders.words.run_record import Batch

# A shorter one stands in many places by chance.
SHORTEST = 6
# Of many rows not every text is looked for: each costs a pass over every file.
MOST = 100
# How the warehouses' information_schema calls types that hold texts.
TEXT_TYPES = ("VARCHAR", "character varying", "text")
BLOCK_BYTES = 8 << 20
# How DuckDB reads files that hold a table.
TABLES = {
    ".parquet": lambda file: read_parquet([file]),
    ".csv": lambda file: (
        f"read_csv({sql_text(no_glob(str(file)))}, header = true, all_varchar = true, delim = ',', quote = '\"')"
    ),
}


def texts(search: LakeSearch, warehouse: Warehouse) -> set[str]:
    """What the rows have in columns of texts, now and ever, in the lake and in raw."""
    found = {text for values in search.values_of(_texts) for text in values}
    table, keys = search.keys.table, search.keys
    columns = [ColumnType(name, "", TEXT, "") for name in _text_columns(warehouse, search.schema, table)]
    if columns and warehouse.occurrences(keys, search.schema, table):
        found |= {text for values in raw_state.of_keys(warehouse, keys, columns) for text in values}
    return {text for text in found if text and len(text) >= SHORTEST}


def only_theirs(warehouse: Warehouse, keys: Keys, found: Iterable[str], own: Sequence[Keys] = ()) -> list[str]:
    """Those that no row of raw's table has, once the rows themselves are gone; the longest, if there are too many.

    own: rows of the table that may be the same person's, and are not anybody else's for that.
    """
    left = set(found)
    others = "".join(f" and not ({warehouse.dialect.one_of(part)})" for each in own for part in each.parts())
    table = sql_name(warehouse.schema, keys.table)
    for column in _text_columns(warehouse, warehouse.schema, keys.table) if left else ():
        listed = ", ".join(map(warehouse.dialect.text, sorted(left)))
        name = sql_name(column)
        left -= {
            text for (text,) in warehouse.ask(f"select distinct {name} from {table} where {name} in ({listed}){others}")
        }
        if not left:
            break
    if len(left) > MOST:
        notice(
            f"of {len(left):,} texts that only these rows of {keys.table} had, the {MOST} longest are looked for; "
            "to be rid of the others, make anew what was made of raw (`make build export dashboard docs`)"
        )
    return sorted(left, key=lambda text: (-len(text), text))[:MOST]


def in_warehouse(warehouse: Warehouse, wanted: Sequence[str]) -> dict[tuple[str, str], int | None]:
    """(schema, table) -> how many rows hold one of the texts, if any; None if it may not be read.

    Of every table in every schema that this user sees.
    """
    tables = warehouse.ask(
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
        "and lower(table_schema) not in ('information_schema', 'pg_catalog', 'pg_internal') order by 1, 2"
    )
    counted = {(schema, name): _holding(warehouse, schema, name, wanted) for schema, name in tables if wanted}
    return {place: count for place, count in counted.items() if count != 0}


def in_file(file: Path, keys: Sequence[Keys], wanted: Sequence[str]) -> str:
    """What a file holds of the rows; empty: nothing. Parquet and CSV by their rows, too."""
    try:
        rows = _rows_in(file, keys, wanted) if file.suffix in TABLES else 0
        found = in_bytes(file, wanted)
    except OSError as error:
        return f"not searched ({error.strerror})"
    except duckdb.Error as error:
        return f"not searched ({said(str(error).splitlines()[0])})"
    return ", ".join([f"{rows:,} rows of it"] * bool(rows) + [f"{found:,} of its texts"] * bool(found))


def _rows_in(file: Path, every: Sequence[Keys], wanted: Sequence[str]) -> int:
    """How many rows of a file of a table bear one of the keys, or hold one of the texts."""
    with closing(duckdb.connect()) as session:
        close_off(session, [file.parent])
        table = TABLES[file.suffix](file)
        described = session.execute(f"describe from {table}").fetchall()
        kinds = {name: kind for name, kind, *_rest in described}
        holds = [_holds(name, wanted, sql_text) for name, kind in kinds.items() if kind == TEXT and wanted]
        for keys in (each for each in every if {*each.names} <= kinds.keys()):
            # A CSV has texts only.
            columns = tuple(replace(column, duckdb=kinds[column.name]) for column in keys.columns)
            holds.append(row_key.any_in_duckdb(replace(keys, columns=columns)))
        if not holds:
            return 0
        ((count,),) = session.execute(f"select count(*) from {table} where {' or '.join(holds)}").fetchall()
        return int(count)


def in_bytes(file: Path, wanted: Sequence[str]) -> int:
    """How many of the texts stand in a file's bytes: as they are, or as HTML and JSON write them."""
    left = {text: _forms(text) for text in wanted}
    longest = max((len(form) for forms in left.values() for form in forms), default=0)
    tail = b""
    for block in _blocks(file) if left else ():
        seen = tail + block
        left = {text: forms for text, forms in left.items() if not any(form in seen for form in forms)}
        tail = seen[-longest:]
    return len(wanted) - len(left)


def files(places: Iterable[Path]) -> Iterator[Path]:
    """The places that are files, and all files below those that are folders."""
    for place in places:
        if place.is_file():
            yield place
        yield from sorted(file for file in place.rglob("*") if file.is_file() and not file.is_symlink())


def _texts(batch: Batch) -> tuple[ColumnType, ...]:
    return tuple(each for each in batch.columns if each.duckdb == TEXT and each.name not in batch.primary_key)


def _text_columns(warehouse: Warehouse, schema: str, table: str) -> list[str]:
    return [name for name, kind in columns_of(warehouse, schema, table) if kind in TEXT_TYPES]


def _holding(warehouse: Warehouse, schema: str, table: str, wanted: Sequence[str]) -> int | None:
    columns = _text_columns(warehouse, schema, table)
    holds = " or ".join(_holds(column, wanted, warehouse.dialect.text) for column in columns)
    if not holds:
        return 0
    with suppress(Failure):
        return int(warehouse.ask(f"select count(*) from {sql_name(schema, table)} where {holds}")[0][0])
    return None


def _holds(column: str, wanted: Sequence[str], text: Callable[[str], str]) -> str:
    return " or ".join(f"position({text(each)} in {sql_name(column)}) > 0" for each in wanted)


def _forms(text: str) -> set[bytes]:
    written = (text, html.escape(text), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    return {form.encode() for form in written}


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        yield from iter(lambda: stream.read(BLOCK_BYTES), b"")
