"""The catalog: which tables are moved, and what identifies their rows.

It is dbt's own sources YAML, read as plain YAML. dbt reads the same file as its sources, so a table is listed once.
"""

import datetime
import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from loaders.common.errors import Failure
from loaders.common.quoting import has_jinja
from loaders.types.pseudonym import Pseudonym
from loaders.words.raw_tables import LOADS_TABLE, LOCK_TABLE

META_KEYS = (
    "primary_key", "cursor", "on_invalid", "as", "exclude", "pseudonymise", "dist", "sort", "mart",
    "proof",
)  # fmt: skip
# Of a column with what people's lives are in.
PERSONAL_KEYS = ("exclude", "pseudonymise")
# Of the source itself: dbt's staging reads it.
SOURCE_META_KEYS = ("time_zone",)
# Redshift cuts longer names, in bytes, without a word.
REDSHIFT_NAME_BYTES = 127
MOST_PARTS = 1_000


@dataclass(frozen=True)
class Mart:
    """A mart that keeps a table's rows one to one, under the same key. query: what gives its rows in MySQL's SQL."""

    name: str
    query: str
    # Its source has columns that are excluded or pseudonymised, and the query may give their values.
    values_hidden: bool = False


@dataclass(frozen=True)
class Table:
    """One table to move. `name` is exactly the source's; `invalid_to_null` are columns whose rule is switched on,
    `as_text` those that are read as texts, `excluded` those that are never read, `pseudonymised` those for whose
    values something else stands, which `pseudonym` makes (None: no key is set).

    dbt_name: what dbt calls it, where that is another. share: into how many parts a large table is divided, of which
    each run compares one by hash. comments: what it says of the columns, "" of the table.
    dist and sort: the raw table's distribution key and sort keys in Redshift; without them it chooses by itself.
    freshness: dbt's, as it stands there.
    """

    name: str
    primary_key: tuple[str, ...] = ()
    cursor: str | None = None
    invalid_to_null: frozenset[str] = frozenset()
    dist: str | None = None
    sort: tuple[str, ...] = ()
    mart: Mart | None = None
    as_text: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    pseudonymised: frozenset[str] = frozenset()
    pseudonym: Pseudonym | None = None
    dbt_name: str | None = None
    share: int = 1
    comments: Mapping[str, str] = field(default_factory=dict, compare=False)
    freshness: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def freshness_at(self, age: datetime.timedelta) -> str | None:
        """What dbt's source freshness says of rows of that age: pass, warn, error; None where no plain limit is set."""
        said = [(what, self.freshness.get(f"{what}_after")) for what in ("error", "warn")]
        limits = [(what, _span(limit)) for what, limit in said if limit]
        if not limits or any(span is None for _what, span in limits):
            return None
        return next((what for what, span in limits if span and age > span), "pass")


@dataclass(frozen=True)
class Catalog:
    """The tables of one source database, and the raw schema they go to.

    for_redshift: that schema is in Redshift, so a value must fit the widths there too.
    """

    file: Path
    source: str
    schema: str
    tables: tuple[Table, ...] = field(default=())
    for_redshift: bool = False

    def keyed(self, pseudonym: Pseudonym | None) -> "Catalog":
        """The same with what makes its pseudonyms."""
        return replace(self, tables=tuple(replace(table, pseudonym=pseudonym) for table in self.tables))

    @property
    def comments(self) -> dict[str, Mapping[str, str]]:
        """What it says of each table and its columns."""
        return {table.name: table.comments for table in self.tables}

    def only(self, names: Iterable[str]) -> "Catalog":
        """The catalog reduced to these tables; an unknown name is a failure, and so is none at all."""
        wanted = list(names)
        if not wanted:
            raise Failure("no table is named", "name one, or leave --tables out for all of them")
        for name in wanted:
            known_or_fail(name, [table.name for table in self.tables], "table", str(self.file))
        return replace(self, tables=tuple(table for table in self.tables if table.name in wanted))


def read(file: Path) -> Catalog:
    """Read and check a catalog. Every fault names the file and the table or key it is about."""
    document = _document(file)
    source = _single_source(document, file)
    name = _literal(source, "name", file, "source")
    schema = _literal(source, "schema", file, f"source {name}", default="raw")
    if not re.fullmatch(r"""[^"'\\;\x00-\x1f]+""", schema):
        raise Failure(f"{file}: the schema of source {name} is {schema!r}", "write a name without quotes, \\ and ;")
    entries = _part(source, "tables", list, file, f"source {name}")
    if not entries:
        raise Failure(f"{file}: source {name} lists no tables", "add one under `tables:`, or run `discover`")
    _meta(source, file, f"source {name}", SOURCE_META_KEYS)
    tables = tuple(replace(_table(entry, file), freshness=_freshness(source, entry)) for entry in entries)
    if any(table.excluded or table.pseudonymised for table in tables):
        tables = tuple(replace(table, mart=table.mart and replace(table.mart, values_hidden=True)) for table in tables)
    _no_collisions([table.name for table in tables], file)
    return Catalog(file, name, schema, tables)


def known_or_fail(name: str, known: Collection[str], what: str, where: str) -> None:
    """Fail unless `name` is one of `known`, offering the nearest names."""
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(known)[:10]) or 'none'}"
    raise Failure(f"{where} has no {what} {name}", hint)


def _document(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(
            f"the catalog {file} cannot be read ({error.strerror})",
            "check CATALOG or --catalog; `make discover` makes one of your database, and says the line for .env",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"the catalog {file} is not valid YAML: {' '.join(str(error).split())}", "correct it") from None


def _single_source(document: Any, file: Path) -> Mapping[str, Any]:
    sources = document.get("sources") if isinstance(document, dict) else None
    if not isinstance(sources, list) or len(sources) != 1 or not isinstance(sources[0], dict):
        raise Failure(f"{file} must have one source under `sources:`", "put each source database in a file of its own")
    return sources[0]


def _literal(entry: Mapping[str, Any], key: str, file: Path, where: str, default: str | None = None) -> str:
    """A text the loaders need as it stands: present, a text, and no Jinja (dbt would render it, we would not)."""
    value = entry.get(key, default)
    if not isinstance(value, str) or not value:
        raise Failure(f"{file}: {where} needs a text under `{key}`, not {value!r}", f'write {key}: "…" (quoted)')
    if has_jinja(value):
        raise Failure(
            f"{file}: {where} has Jinja under `{key}`: {value}", "write the plain value; loaders do not render"
        )
    return value


def _part(entry: Any, key: str, kind: type[dict[Any, Any]] | type[list[Any]], file: Path, where: str) -> Any:
    """What lies under `key`, a mapping or a list; empty where there is nothing."""
    value = entry.get(key)
    if value is not None and not isinstance(value, kind):
        shape = "key: value" if kind is dict else "- name: …"
        raise Failure(f"{file}: `{key}` of {where} is {value!r}", f"write `{shape}` under it")
    return value or kind()


def _table(entry: Any, file: Path) -> Table:
    if not isinstance(entry, dict):
        raise Failure(f"{file}: a table is {entry!r}, not a mapping", "write `- name: …`")
    named = _literal(entry, "name", file, "a table")
    name = _literal(entry, "identifier", file, f"table {named}", default=named)
    meta = _meta(entry, file, f"table {name}")
    cursor, dist = (_optional(meta, key, file, name) for key in ("cursor", "dist"))
    key, sort = (_columns(meta, key, file, name) for key in ("primary_key", "sort"))
    rules = _column_rules(entry, file, name)
    # YAML reads a bare null as nothing, which is what is meant here.
    nulled = _ruled(rules, "on_invalid", {None: True, "null": True, "error": False}, f"{file}: on_invalid of {name}")
    texts = _ruled(rules, "as", {"text": True}, f"{file}: as of {name}")
    excluded, hidden = (
        _ruled(rules, key, {True: True, False: False}, f"{file}: {key} of {name}") for key in PERSONAL_KEYS
    )
    _one_way_each(file, name, {"exclude": excluded, "pseudonymise": hidden, "as": texts, "on_invalid": nulled})
    mart, dbt_name = _mart(meta, key, file, name), named if named != name else None
    share = _share(meta, file, name)
    if share > 1 and not (cursor and key):
        raise Failure(
            f"{file}: table {name} has a share under `proof`, and no {'primary_key' if cursor else 'cursor'}",
            "write proof: whole: the cursor shows what changed outside the share, the key says which rows are in it",
        )
    comments = _comments(entry)
    return Table(
        name, key, cursor, nulled, dist, sort, mart, texts, excluded, hidden,
        dbt_name=dbt_name, share=share, comments=comments,
    )  # fmt: skip


def _comments(entry: Mapping[str, Any]) -> dict[str, str]:
    """The descriptions that dbt would show as they stand."""
    described = {"": entry} | {column["name"]: column for column in entry.get("columns") or ()}
    texts = {name: str(of.get("description") or "").strip() for name, of in described.items()}
    return {name: text for name, text in texts.items() if text and not has_jinja(text)}


def _freshness(*places: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the source and of the table, whose own goes before; a null there takes it back."""
    said: dict[str, Any] = {}
    for block in (block for place in places for block in (place, place.get("config") or {})):
        if "freshness" in block:
            said = said | block["freshness"] if isinstance(block["freshness"], dict) else {}
    return said


def _span(said: Any) -> datetime.timedelta | None:
    """{count: 36, period: hour}; what is no such thing, Jinja for one, is dbt's alone."""
    if not isinstance(said, dict) or said.get("period") not in ("minute", "hour", "day"):
        return None
    return datetime.timedelta(**{f"{said['period']}s": said["count"]}) if type(said.get("count")) is int else None


def _one_way_each(file: Path, table: str, ways: Mapping[str, frozenset[str]]) -> None:
    for personal in PERSONAL_KEYS:
        for way in (way for way in ways if way != personal):
            for column in sorted(ways[personal] & ways[way]):
                raise Failure(f"{file}: {table}.{column} has both `{personal}` and `{way}`", "choose one of them")


def _share(meta: Mapping[str, Any], file: Path, table: str) -> int:
    proof = meta.get("proof", "whole")
    share = 1 if proof == "whole" else proof.get("share") if isinstance(proof, dict) and len(proof) == 1 else None
    if type(share) is not int or not (proof == "whole" or 2 <= share <= MOST_PARTS):
        raise Failure(
            f"{file}: proof of table {table} is {proof!r}",
            f"write whole or {{share: 24}}, a number from 2 to {MOST_PARTS:,}",
        )
    return share


def _mart(meta: Mapping[str, Any], key: tuple[str, ...], file: Path, table: str) -> Mart | None:
    entry = _part(meta, "mart", dict, file, f"table {table}")
    if not entry:
        return None
    for unknown in entry.keys() - {"name", "query"}:
        known_or_fail(str(unknown), ("name", "query"), "key", f"{file}: mart of table {table}")
    if not key:
        raise Failure(f"{file}: table {table} has a mart and no primary_key", "a mart is compared by the key: name it")
    name, query = (_literal(entry, key, file, f"mart of table {table}") for key in ("name", "query"))
    return Mart(name, query)


def _optional(meta: Mapping[str, Any], key: str, file: Path, table: str) -> str | None:
    return _literal(meta, key, file, f"table {table}") if meta.get(key) is not None else None


def _columns(meta: Mapping[str, Any], key: str, file: Path, table: str) -> tuple[str, ...]:
    value = meta.get(key) or []
    columns = [value] if isinstance(value, str) else value
    if not isinstance(columns, list) or not all(
        isinstance(column, str) and not has_jinja(column) for column in columns
    ):
        raise Failure(f"{file}: {key} of table {table} is {value!r}", "write a list of column names: [order_id]")
    return tuple(columns)


def _meta(entry: Mapping[str, Any], file: Path, where: str, ours: Collection[str] = META_KEYS) -> Mapping[str, Any]:
    """`config.meta` of a source, table or column. Others may keep keys there too, but a near miss of ours is a typo."""
    meta: Mapping[str, Any] = _part(_part(entry, "config", dict, file, where), "meta", dict, file, where)
    for key in meta:
        near = difflib.get_close_matches(str(key), ours, n=1, cutoff=0.8)
        if near and key not in ours:
            raise Failure(f"{file}: {where} has `{key}` under config.meta", f"did you mean `{near[0]}`?")
    return meta


def _column_rules(entry: Mapping[str, Any], file: Path, table: str) -> dict[str, Mapping[str, Any]]:
    """The `config.meta` of each column that is described."""
    rules = {}
    for column in _part(entry, "columns", list, file, f"table {table}"):
        if not isinstance(column, dict):
            raise Failure(f"{file}: a column of {table} is {column!r}, not a mapping", "write `- name: …`")
        name = _literal(column, "name", file, f"a column of {table}")
        rules[name] = _meta(column, file, f"column {table}.{name}")
        # Where nobody looks for them, they would protect nothing, and nobody would be told.
        for key in (key for place in (column, column.get("meta") or {}, column.get("config") or {}) for key in place):
            if key in PERSONAL_KEYS:
                raise Failure(
                    f"{file}: `{key}` of {table}.{name} is not under config.meta",
                    f"write config: {{meta: {{{key}: true}}}}",
                )
    return rules


def _ruled(rules: Mapping[str, Mapping[str, Any]], key: str, known: Mapping[Any, bool], where: str) -> frozenset[str]:
    """Columns for which `key` has a value that switches its rule on. known: value -> whether it does."""
    chosen = {name: meta[key] for name, meta in rules.items() if key in meta}
    for name, value in chosen.items():
        if isinstance(value, dict | list) or value not in known:
            meant = " or ".join(str(each).lower() for each in known if each)
            raise Failure(f"{where}.{name} is {value!r}", f"write {meant}")
    return frozenset(name for name, value in chosen.items() if known[value])


def in_warehouse(name: str) -> bytes:
    """What a table's name has in common with all those that a warehouse may take for the same."""
    return name.lower().encode()[:REDSHIFT_NAME_BYTES]


def _no_collisions(names: list[str], file: Path) -> None:
    """Names that differ here but not in the warehouse, which folds case and (Redshift) cuts at 127 bytes."""
    seen: dict[bytes, str] = {}
    for name in names:
        folded = in_warehouse(name)
        if folded in (LOADS_TABLE.encode(), LOCK_TABLE.encode()):
            raise Failure(f"{file}: table {name} bears the name of the loaders' own table", "leave it out")
        if folded in seen:
            raise Failure(
                f"{file}: tables {seen[folded]} and {name} would be one table in the warehouse",
                "names there fold to lower case and end after 127 bytes: list one of them in a catalog of its own",
            )
        seen[folded] = name
