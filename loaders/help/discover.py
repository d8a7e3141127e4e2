"""A catalog for any database: the sources YAML that dbt and the loaders read, and staging (`staging.py`) beside it."""

import re
import shutil
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from loaders.common.errors import Failure
from loaders.common.quoting import has_jinja
from loaders.help import staging
from loaders.run.match_catalog import unloadable
from loaders.source.described import Said, SourceTable
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
# dbt source freshness alarms then; a run that finds nothing new counts as one.
FRESHNESS = {
    "warn_after": {"count": 36, "period": "hour"},
    "error_after": {"count": 48, "period": "hour"},
}
# What the views and their tests call: in our project; the wheel has a copy for others.
MACROS = ("in_utc.sql", "text_literal.sql", "unique_together.sql")
# Columns by which a shop may mark rows as gone that are still there.
SOFT_DELETES = ("deleted_at", "deleted", "is_deleted", "removed_at", "is_removed")
# Columns that by their name tell of people.
PERSONAL = re.compile(r"e?mail|phone|mobile|birth|address|passport|iban|(?:first|last|full)_?name", re.IGNORECASE)
NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
# Unicode's kinds of characters that control something instead of being seen, and ends of lines.
CONTROL = ("Cc", "Zl", "Zp")


# Of what the source says nothing is asked.
SILENT = Said()


def catalog_yaml(name: str, tables: Iterable[SourceTable], said: Said = SILENT) -> tuple[str, list[str]]:
    """The catalog's text, and a notice for every table that had to be left out, and of times without a zone."""
    kept, notices = loadable(tables)
    local = [f"{t.name}.{c.name}" for t in kept for c in t.columns if c.data_type == staging.LOCAL]
    if has_jinja(name):
        raise Failure(f"the database's name {name} would be Jinja to dbt", "name the source: discover --write NAME")
    source = {
        "name": name,
        "description": f"Tables of the database {name}, as `python -m loaders discover` found them.",
        "schema": schema(name),
        "config": {"loaded_at_query": LOADED_AT, "freshness": FRESHNESS}
        | ({"meta": {"time_zone": "UTC"}} if local else {}),
        "quoting": {"schema": True, "identifier": True},
        "tables": [entry(table, dbt_name(plain, table), said) for plain, table in named(kept).items()],
    }
    if local:
        notices.append(
            f"DATETIME columns ({len(local):,}) have no time zone, and are taken for UTC: if they hold local time, "
            "name its zone (such as Asia/Seoul) as time_zone in the catalog, before the first build: " + _some(local)
        )
    return yaml_text({"sources": [source]}), notices


def remarks(tables: Iterable[SourceTable], said: Said) -> list[str]:
    """What whoever writes marts of the tables should know, a sentence each."""
    kept = loadable(tables)[0]
    models = {table.name for table in kept}
    facts = {
        "views are not copied; write them as models over the tables": list(said.views),
        "no primary key: read whole by each run, and no test of a key is written": [
            table.name for table in kept if not table.primary_key
        ],
        "may mark rows as deleted, which staging shows all the same; marts decide": [
            f"{t.name}.{c.name}" for t in kept for c in t.columns if c.name.lower() in SOFT_DELETES
        ],
        "never read, by `exclude: true` in the catalog, because they look like passwords (docs/people.md)": [
            f"{t.name}.{c.name}" for t in kept for c in t.columns if staging.secret(t, c)
        ],
        "may tell of people; `pseudonymise: true` or `exclude: true` in the catalog hides them (docs/people.md)": [
            f"{t.name}.{c.name}" for t in kept for c in t.columns if PERSONAL.search(c.name)
        ],
        "not described or tested, because dbt's YAML cannot speak of them": [
            fault
            for table in kept
            for fault in staging.untested(table, said, lambda parent: parent if parent in models else None)
        ],
    }
    return [f"{said_of}: {_some(names)}" for said_of, names in facts.items() if names]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more


def yaml_text(document: dict[str, Any]) -> str:
    """In the letters that names have; by escapes, if some cannot be seen, or control a terminal."""
    texts = (yaml.safe_dump(document, sort_keys=False, allow_unicode=plain, width=1000) for plain in (True, False))
    text = next(texts)
    return text if text.replace("\n", "").isprintable() else next(texts)


def schema(name: str) -> str:
    """The raw schema for a database or source: plain whatever its name, so that nobody need quote it."""
    plain = re.sub(r"[^a-z0-9_]+", "_", name.lower())
    return f"raw_{plain}" if plain.strip("_") else "raw_source"


def write(name: str, tables: Iterable[SourceTable], project: Path, said: Said = SILENT) -> tuple[list[Path], list[str]]:
    """Write the catalog and the staging views into the dbt project; returns the files, the catalog first, and notices.

    Never overwrites: a folder that is there already is somebody's work. A project that is not ours gets the macros that
    the views call.
    """
    if not NAME.fullmatch(name):
        raise Failure(f"{name} cannot name a source", "use lower-case letters, digits and _, beginning with a letter")
    folder = project / "models" / "staging" / name
    if folder.exists():
        raise Failure(f"{folder} is there already", "remove it, or choose another name")
    tables = list(tables)
    text, notices = catalog_yaml(name, tables, said)
    files = {f"_{name}__sources.yml": text}
    by_name = named(loadable(tables)[0])
    models = {table.name: f"stg_{name}__{plain}" for plain, table in by_name.items()}
    for plain, table in by_name.items():
        model = models[table.name]
        files[f"{model}.sql"] = staging.view_sql(name, dbt_name(plain, table), table)
        files[f"{model}.yml"] = yaml_text({"models": [staging.model(model, table, said, models.get)]})
    _give_macros(project / "macros")
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8")
    return [folder / file for file in files], notices


def _give_macros(macros: Path) -> None:
    for name in MACROS:
        if not any(macros.parent.glob(f"macros/**/{name}")) and not any(macros.parent.glob(f"tests/**/{name}")):
            macros.mkdir(exist_ok=True)
            shutil.copyfile(Path(__file__).parents[1] / "dbt_macros" / name, macros / name)


def entry(table: SourceTable, dbt_name: str, said: Said) -> dict[str, Any]:
    meta: dict[str, Any] = {"primary_key": list(table.primary_key)}
    temporal = {column.name for column in table.columns if column.data_type in ("datetime", "timestamp")}
    cursor = next((column for column in CURSORS if column in temporal), None)
    if cursor:
        meta["cursor"] = cursor
    own = {} if dbt_name == table.name else {"identifier": table.name}
    text = said.comments.get((table.name, "")) or f"The source's table {table.name}."
    about = {"description": staging.description(text)}
    columns = [column_of_source(table, column, said) for column in table.columns if staging.describable(column.name)]
    return {"name": dbt_name, **own, **about, "config": {"meta": meta}, "columns": columns}


def column_of_source(table: SourceTable, column: SourceColumn, said: Said) -> dict[str, Any]:
    """A column of the catalog. That it stands there makes a build stop when the source has it no longer."""
    comment = said.comments.get((table.name, column.name))
    about = {"description": staging.description(comment)} if comment else {}
    declared = {} if has_jinja(column.column_type) else {"data_type": column.column_type}
    hidden = {"config": {"meta": {"exclude": True}}} if staging.secret(table, column) else {}
    return {"name": column.name, **about, **declared, **hidden}


def loadable(tables: Iterable[SourceTable]) -> tuple[list[SourceTable], list[str]]:
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


def named(tables: Iterable[SourceTable]) -> Mapping[str, SourceTable]:
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


def dbt_name(plain: str, table: SourceTable) -> str:
    return table.name if re.fullmatch(r"\w+", table.name) else plain
