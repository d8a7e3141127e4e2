"""A catalog for any database: the sources YAML that dbt and the loaders read, and a staging view per table."""

import re
import shutil
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from loaders.common.errors import Failure
from loaders.common.quoting import has_jinja, jinja_text, sql_name
from loaders.run.match_catalog import unloadable
from loaders.source.described import SourceTable
from loaders.types.type_contract import SourceColumn
from loaders.words.catalog import in_warehouse
from loaders.words.raw_tables import LOADS_TABLE, LOCK_TABLE

# Columns that by their name say when a row last changed, in the order of preference.
CURSORS = ("updated_at", "modified_at", "last_update", "last_updated", "last_modified", "updated", "modified")
# When a table was last read, changed or not: for dbt's source freshness.
LOADED_AT = (
    f'select snapshot_at from "{{{{ this.schema }}}}".{LOADS_TABLE} '
    "where table_name = '{{ this.identifier | replace(\"'\", \"''\") }}' order by run desc limit 1"
)
# What the views call: in our project; the wheel has a copy for others.
MACROS = ("in_utc.sql", "text_literal.sql")
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# A moment in MySQL that has no time zone: its digits are what the source's clocks showed.
LOCAL = "datetime"
# Unicode's kinds of characters that control something instead of being seen, and ends of lines.
CONTROL = ("Cc", "Zl", "Zp")


def catalog_yaml(name: str, tables: Iterable[SourceTable]) -> tuple[str, list[str]]:
    """The catalog's text, and a notice for every table that had to be left out, and of times without a zone."""
    kept, notices = _loadable(tables)
    local = sum(column.data_type == LOCAL for table in kept for column in table.columns)
    if has_jinja(name):
        raise Failure(f"the database's name {name} would be Jinja to dbt", "name the source: discover --write NAME")
    source = {
        "name": name,
        "description": f"Tables of the database {name}, as `python -m loaders discover` found them.",
        "schema": schema(name),
        "config": {"loaded_at_query": LOADED_AT} | ({"meta": {"time_zone": "UTC"}} if local else {}),
        "quoting": {"schema": True, "identifier": True},
        "tables": [_entry(table, _dbt_name(plain, table)) for plain, table in _named(kept).items()],
    }
    if local:
        notices.append(
            f"DATETIME columns ({local:,}) have no time zone, and are taken for UTC: if they hold local time, name its "
            "zone (such as Asia/Seoul) as time_zone in the catalog, before the first build"
        )
    text = _yaml(source, as_it_is=True)
    return (text if text.replace("\n", "").isprintable() else _yaml(source, as_it_is=False)), notices


def _yaml(source: dict[str, Any], as_it_is: bool) -> str:
    """as_it_is: names in their own letters; else by escapes: some letters cannot be seen, or control a terminal."""
    document = {"sources": [source]}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=as_it_is, width=1000)


def schema(name: str) -> str:
    """The raw schema for a database or source: plain whatever its name, so that nobody need quote it."""
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower())
    return f"raw_{plain}" if plain.strip("_") else "raw_source"


def write(name: str, tables: Iterable[SourceTable], project: Path) -> tuple[list[Path], list[str]]:
    """Write the catalog and the staging views into the dbt project; returns the files and the notices.

    Never overwrites: a folder that is there already is somebody's work. A project that is not ours gets the macros that
    the views call.
    """
    if not NAME.fullmatch(name):
        raise Failure(f"{name} cannot name a source", "use lower-case letters, digits and _, beginning with a letter")
    folder = project / "models" / "staging" / name
    if folder.exists():
        raise Failure(f"{folder} is there already", "remove it, or choose another name")
    tables = list(tables)
    text, notices = catalog_yaml(name, tables)
    files = {f"_{name}__sources.yml": text}
    for plain, table in _named(_loadable(tables)[0]).items():
        files[f"stg_{name}__{plain}.sql"] = _view_sql(name, _dbt_name(plain, table), table)
    _give_macros(project / "macros")
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8")
    return [folder / file for file in files], notices


def _give_macros(macros: Path) -> None:
    for name in MACROS:
        if not any(macros.rglob(name)):
            macros.mkdir(exist_ok=True)
            shutil.copyfile(Path(__file__).parents[1] / "dbt_macros" / name, macros / name)


def _entry(table: SourceTable, dbt_name: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"primary_key": list(table.primary_key)}
    temporal = {column.name for column in table.columns if column.data_type in ("datetime", "timestamp")}
    cursor = next((column for column in CURSORS if column in temporal), None)
    if cursor:
        meta["cursor"] = cursor
    own = {} if dbt_name == table.name else {"identifier": table.name}
    return {"name": dbt_name, **own, "config": {"meta": meta}}


def _loadable(tables: Iterable[SourceTable]) -> tuple[list[SourceTable], list[str]]:
    """Tables that can stand side by side in a warehouse, and why the others cannot."""
    kept: dict[bytes, SourceTable] = {}
    notices = []
    for table in tables:
        folded = in_warehouse(table.name)
        if folded in kept:
            fault: str | None = f"in the warehouse it would be the same as {kept[folded].name}"
        else:
            fault = _dbt_fault(table) or unloadable(table)
        if fault:
            notices.append(f"left out {table.name}: {fault}")
        else:
            kept[folded] = table
    return list(kept.values()), notices


def _dbt_fault(table: SourceTable) -> str | None:
    """Why a dbt project with the table in it would not work, or would do what the table's names say; None if it would.

    dbt puts a table's name between quotes as it is; for Redshift it splits SQL by ; as if a \\ escaped a quote.
    """
    if table.name in (LOADS_TABLE, LOCK_TABLE):
        return "the loaders keep their own table under that name"
    if '"' in table.name or "\\" in table.name:
        return 'dbt cannot quote a table name with a " or a \\ in it'
    if any(unicodedata.category(character) in CONTROL for character in table.name):
        return "dbt cannot speak of a table with a control character in its name"
    if has_jinja(table.name):
        return "dbt would take its name for Jinja"
    for column in table.columns:
        if "\\" in column.name:
            return f"dbt cannot quote the column {column.name} with a \\ in it"
    for name in table.primary_key:
        if has_jinja(name):
            return f"dbt would take the name of its key {name} for Jinja"
    return None


def _named(tables: Iterable[SourceTable]) -> Mapping[str, SourceTable]:
    """The tables by plain names: for files and, where a table's own name is not a word, for dbt."""
    named: dict[str, SourceTable] = {}
    # Who bears a plain name keeps it.
    for table in sorted(tables, key=lambda table: table.name != _plain(table.name)):
        slug, number = _plain(table.name), 1
        while slug in named:
            number += 1
            slug = f"{_plain(table.name)}_{number}"
        named[slug] = table
    return dict(sorted(named.items(), key=lambda item: item[1].name))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "table"


def _dbt_name(plain: str, table: SourceTable) -> str:
    return table.name if re.fullmatch(r"\w+", table.name) else plain


def _view_sql(source: str, dbt_name: str, table: SourceTable) -> str:
    columns = ",\n".join(f"        {_selected(source, column)}" for column in table.columns)
    return (
        f"with source as (\n    select * from {{{{ source('{source}', '{dbt_name}') }}}}\n),\n\n"
        f"live as (\n    select\n{columns}\n    from source\n    where _deleted_at is null\n)\n\n"
        "select * from live\n"
    )


def _selected(source: str, column: SourceColumn) -> str:
    """The column as it is; a time without a zone as the moment in UTC that the catalog's time_zone makes of it."""
    if column.data_type != LOCAL:
        return _column(column.name)
    return f"{{{{ in_utc({jinja_text(sql_name(column.name))}, '{source}') }}}} as {_column(column.name)}"


def _column(name: str) -> str:
    """A column's quoted name in a model: as it is, or by an expression, whose result dbt does not read again."""
    quoted = sql_name(name)
    return quoted if name.isprintable() and "{" not in name else f"{{{{ {jinja_text(quoted)} }}}}"
