"""A catalog for any database: the sources YAML that dbt and the loaders read, and a staging view per table."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from loaders.catalog import REDSHIFT_NAME_BYTES
from loaders.errors import Failure
from loaders.quoting import sql_name
from loaders.source.mysql import SourceTable
from loaders.warehouse.raw_tables import LOADS_TABLE

# Columns that by their name say when a row last changed, in the order of preference.
CURSORS = ("updated_at", "modified_at", "last_update", "last_updated", "last_modified", "updated", "modified")
# When a table was last read, changed or not: for dbt's source freshness.
LOADED_AT = (
    f'select max(snapshot_at) from "{{{{ this.schema }}}}".{LOADS_TABLE} '
    "where table_name = '{{ this.identifier | replace(\"'\", \"''\") }}'"
)
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")


def catalog_yaml(name: str, tables: Iterable[SourceTable]) -> tuple[str, list[str]]:
    """The catalog's text, and a notice for every table that had to be left out."""
    kept, notices = _loadable(tables)
    source = {
        "name": name,
        "description": f"Tables of the database {name}, as `python -m loaders discover` found them.",
        "schema": schema(name),
        "config": {"loaded_at_query": LOADED_AT},
        "quoting": {"schema": True, "identifier": True},
        "tables": [_entry(table) for table in kept],
    }
    text = yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, allow_unicode=True, width=1000)
    return text, notices


def schema(name: str) -> str:
    """The raw schema for a database or source: plain whatever its name, so that nobody need quote it."""
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower())
    return f"raw_{plain}" if plain.strip("_") else "raw_source"


def write(name: str, tables: Iterable[SourceTable], models: Path) -> tuple[list[Path], list[str]]:
    """Write the catalog and the staging views into the dbt project; returns the files and the notices.

    Never overwrites: a folder that is there already is somebody's work.
    """
    if not NAME.fullmatch(name):
        raise Failure(f"{name} cannot name a source", "use lower-case letters, digits and _, beginning with a letter")
    folder = models / "staging" / name
    if folder.exists():
        raise Failure(f"{folder} is there already", "remove it, or choose another name")
    tables = list(tables)
    text, notices = catalog_yaml(name, tables)
    folder.mkdir(parents=True)
    catalog = folder / f"_{name}__sources.yml"
    catalog.write_text(text, encoding="utf-8")
    views = _views(name, _loadable(tables)[0])
    for file, sql in views.items():
        (folder / file).write_text(sql, encoding="utf-8")
    return [catalog, *(folder / file for file in views)], notices


def _entry(table: SourceTable) -> dict[str, Any]:
    meta: dict[str, Any] = {"primary_key": list(table.primary_key)}
    temporal = {column.name for column in table.columns if column.data_type in ("datetime", "timestamp")}
    cursor = next((column for column in CURSORS if column in temporal), None)
    if cursor:
        meta["cursor"] = cursor
    return {"name": table.name, "config": {"meta": meta}}


def _loadable(tables: Iterable[SourceTable]) -> tuple[list[SourceTable], list[str]]:
    """Tables that can stand side by side in a warehouse, and why the others cannot."""
    kept: dict[bytes, SourceTable] = {}
    notices = []
    for table in tables:
        folded = table.name.lower().encode()[:REDSHIFT_NAME_BYTES]
        if folded in kept:
            notices.append(f"left out {table.name}: in the warehouse it would be the same as {kept[folded].name}")
        elif '"' in table.name or "\\" in table.name:
            notices.append(f'left out {table.name}: dbt cannot quote a table name with a " or a \\ in it')
        elif any(opening in table.name for opening in ("{{", "{%", "{#")):
            notices.append(f"left out {table.name}: dbt would take its name for Jinja")
        elif folded == LOADS_TABLE.encode():
            notices.append(f"left out {table.name}: the loaders keep their own table under that name")
        else:
            kept[folded] = table
    return list(kept.values()), notices


def _views(name: str, tables: Iterable[SourceTable]) -> Mapping[str, str]:
    files: dict[str, str] = {}
    for table in tables:
        slug = stem = re.sub(r"[^a-z0-9]+", "_", table.name.lower()).strip("_") or "table"
        number = 1
        while (file := f"stg_{name}__{slug}.sql") in files:
            number += 1
            slug = f"{stem}_{number}"
        files[file] = _view_sql(name, table)
    return files


def _view_sql(name: str, table: SourceTable) -> str:
    columns = ",\n".join(f"        {_no_jinja(sql_name(column.name))}" for column in table.columns)
    relation = f"source({json.dumps(name)}, {json.dumps(table.name, ensure_ascii=False)})"
    return (
        f"with source as (\n    select * from {{{{ {relation} }}}}\n),\n\n"
        f"live as (\n    select\n{columns}\n    from source\n    where _deleted_at is null\n)\n\n"
        "select * from live\n"
    )


def _no_jinja(text: str) -> str:
    return f"{{% raw %}}{text}{{% endraw %}}" if "{" in text else text
