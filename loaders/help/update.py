"""A generated catalog and its staging brought up to date: columns and tables added, gone columns taken out, no more.

The files are edited as text, at the places that YAML's own parser names, so what was written by hand stays as it is.
"""

import difflib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loaders.common.errors import Failure
from loaders.common.quoting import has_jinja
from loaders.help import discover, staging
from loaders.source.described import Said, SourceTable
from loaders.types.type_contract import SourceColumn
from loaders.words import catalog as catalogs
from loaders.words.catalog import Catalog

# What raw has besides; a catalog may describe it.
LINEAGE = ("_source_hash", "_run", "_extracted_at", "_deleted_at")
# Of a text: from, to, and what stands there instead.
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Staging:
    """A source's staging: its catalog's file, text, and by table entries and what is excluded; its views by model."""

    name: str
    file: Path
    text: str
    entries: Mapping[str, yaml.MappingNode]
    excluded: Mapping[str, list[str]]
    views: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.file.parent

    def model_of(self, table: str) -> str | None:
        """The view that reads a table of the catalog."""
        entry = self.entries.get(table)
        read = f"source('{self.name}', '{name_of(entry)}')" if entry else None
        return next((model for model, sql in self.views.items() if read and read in sql), None)


def catalog_file(name: str, project: Path) -> Path:
    return project / "models" / "staging" / name / f"_{name}__sources.yml"


def read(name: str, project: Path) -> Staging:
    """What `discover --write` made, as it is now."""
    file = catalog_file(name, project)
    if not file.is_file():
        raise Failure(f"{file} is not there", f"`discover --write {name}` makes it")
    text = file.read_text(encoding="utf-8")
    entries = {identifier(entry): entry for entry in listed(text, file, "sources", 0, "tables")}
    views = {view.stem: view.read_text("utf-8") for view in sorted(file.parent.glob("*.sql"))}
    excluded = {table.name: sorted(table.excluded) for table in catalogs.read(file).tables}
    return Staging(name, file, text, entries, excluded, views)


def behind(
    catalog: Catalog,
    project: Path,
    now: Mapping[str, Collection[str]],
    dropped: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """What `discover --update` would mend, a sentence each. now: the columns that tables have.

    dropped: those that they had, where now may be older than the catalog.

    Nothing of a catalog that it did not write, in which a table may be described in part.
    """
    if catalog.file.resolve() != catalog_file(catalog.source, project).resolve():
        return []
    here = read(catalog.source, project)
    new, gone, hidden = (list[str]() for _ in range(3))
    for table, entry in here.entries.items():
        known, unread = described(entry), here.excluded[table]
        if table in now and is_generated(entry):
            new += [f"{table}.{name}" for name in now[table] if name not in known]
            kept = {*now[table], *unread, *LINEAGE} if dropped is None else {*known} - {*dropped[table]}
            gone += [f"{table}.{name}" for name in known if name not in kept]
            view = here.views.get(here.model_of(table) or "", "")
            shown = {line.removesuffix(",") for line in view.splitlines()}
            hidden += [f"{table}.{name}" for name in unread if shown_as(here.name, name) & shown]
    update = f"`python -m loaders discover --update {catalog.source}` brings it up to date"
    facts = {
        "staging lacks columns of the source": new,
        "staging reads columns that are gone at the source": gone,
        "staging reads columns that the catalog excludes": hidden,
        "the source has tables that the catalog does not name": [name for name in now if name not in here.entries],
    }
    return [f"{fact}: {', '.join(names)}; {update}" for fact, names in facts.items() if names]


def update(
    name: str, tables: Iterable[SourceTable], project: Path, said: Said
) -> tuple[dict[Path, tuple[str, str]], list[str]]:
    """What changes in the files that `discover --write` made, text before ("": none) and after; what people are told.

    Comments and tests of columns that stay are not touched, nor anything of a table that is gone.
    """
    here = read(name, project)
    kept, notices = discover.loadable(tables)
    there = {table.name for table in kept}
    gone = [table for table in here.entries if table not in there]
    notices += [
        f"{table} is not at the source: take it out of {here.file}, with its view and its readers" for table in gone
    ]
    added = {plain: table for plain, table in discover.named(kept).items() if table.name not in here.entries}
    models = {table: model for table in here.entries if (model := here.model_of(table))}
    models |= {table.name: f"stg_{name}__{plain}" for plain, table in added.items()}
    files: dict[Path, tuple[str, str]] = {}
    edits = []
    for table in kept:
        if entry := here.entries.get(table.name):
            changed = Columns(table, described(entry), here.excluded[table.name])
            edits += changed.of_catalog(here, entry, said)
            files |= changed.of_staging(here, models, said)
            notices += [f"no view in {here.folder} reads {table.name}"] if table.name not in models else []
    for plain, table in added.items():
        files |= _new(here, discover.dbt_name(plain, table), table, said, models)
    entries = [discover.entry(table, discover.dbt_name(plain, table), said) for plain, table in added.items()]
    edits += list_edits(here.text, list(here.entries.values()), (), entries)
    files = {here.file: (here.text, edited(here.text, edits))} | files
    return {file: both for file, both in files.items() if both[0] != both[1]}, notices


def _new(
    here: Staging, dbt_name: str, table: SourceTable, said: Said, models: Mapping[str, str]
) -> dict[Path, tuple[str, str]]:
    model = models[table.name]
    if model in here.views:
        raise Failure(f"{here.folder / model}.sql is there already, and table {table.name} is new", "rename that file")
    text = discover.yaml_text({"models": [staging.model(model, table, said, models.get)]})
    view = staging.view_sql(here.name, dbt_name, table)
    return {here.folder / f"{model}.sql": ("", view), here.folder / f"{model}.yml": ("", text)}


class Columns:
    """A table's columns today, beside those that a catalog describes. unread: those of them that it excludes."""

    def __init__(self, table: SourceTable, known: list[str], unread: list[str]):
        names = [column.name for column in table.columns]
        self.table, self.gone = table, [name for name in known if name not in names and name not in LINEAGE]
        self.unread = [*self.gone, *unread]
        self.new = [column for column in table.columns if column.name not in known]
        self.writable = [column for column in self.new if staging.describable(column.name)]

    def of_catalog(self, here: Staging, entry: yaml.Node, said: Said) -> list[Edit]:
        """The catalog's: columns, and types that are others now."""
        columns = value(entry, "columns")
        if not isinstance(columns, yaml.SequenceNode) or columns.flow_style or not columns.value:
            raise Failure(
                f"{here.file}: {self.table.name} has no list of columns", "begin one: `- name: …`, a line each"
            )
        types = {column.name: column.column_type for column in self.table.columns}
        added = [discover.column_of_source(self.table, column, said) for column in self.writable]
        edits = list_edits(here.text, columns.value, self.gone, added)
        for column in columns.value:
            declared, now = value(column, "data_type"), types.get(name_of(column) or "")
            if declared is not None and now and declared.value != now and not has_jinja(now):
                edits.append((declared.start_mark.index, declared.end_mark.index, json.dumps(now, ensure_ascii=False)))
        return edits

    def of_staging(self, here: Staging, models: Mapping[str, str], said: Said) -> dict[Path, tuple[str, str]]:
        """The view's and its YAML's, before and after."""
        model = models.get(self.table.name)
        if model is None or not (self.unread or self.new):
            return {}
        sql, yml = here.folder / f"{model}.sql", here.folder / f"{model}.yml"
        files = {sql: (here.views[model], self._view(here.views[model], here.name))}
        if yml.is_file():
            text = yml.read_text(encoding="utf-8")
            added = [
                staging.column_of_view(self.table, column, said, models.get)
                for column in self.writable
                if not staging.secret(self.table, column)
            ]
            columns = listed(text, yml, "models", 0, "columns")
            files[yml] = (text, edited(text, list_edits(text, columns, self.unread, added)))
        return files

    def _view(self, text: str, source: str) -> str:
        gone = [line for name in self.unread for line in shown_as(source, name)]
        new = {column.name for column in self.new if not staging.secret(self.table, column)}
        # Not those that the catalog excludes: no view has them.
        columns = [each for each in self.table.columns if each.name in new or staging.selected(source, each) in text]
        lines = [staging.selected(source, column) for column in columns]
        pairs = zip([None, *lines], lines, columns, strict=False)
        return view(text, gone, [(before, line) for before, line, column in pairs if column.name in new])


def described(entry: yaml.Node) -> list[str]:
    """The columns that a catalog's entry describes."""
    columns = value(entry, "columns")
    return [
        name for each in (columns.value if isinstance(columns, yaml.SequenceNode) else ()) if (name := name_of(each))
    ]


def is_generated(entry: yaml.Node) -> bool:
    """Whether all columns of its table are described, as `discover` does with their types."""
    columns = value(entry, "columns")
    return isinstance(columns, yaml.SequenceNode) and any(value(each, "data_type") for each in columns.value)


def shown_as(source: str, column: str) -> set[str]:
    """The lines by which a view may show a column."""
    return {staging.selected(source, SourceColumn(column, kind, kind)) for kind in ("", staging.LOCAL)}


def identifier(entry: yaml.Node) -> str:
    """A table's own name."""
    own = value(entry, "identifier")
    return own.value if isinstance(own, yaml.ScalarNode) else name_of(entry) or ""


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all the edits, which do not overlap."""
    for begin, end, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[end:]
    return text


def listed(text: str, file: Path, *path: str | int) -> Sequence[yaml.MappingNode]:
    """The entries of the list at a place of a YAML text, each in lines of its own."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for step in path:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode) and step < len(node.value):
            node = node.value[step]
        else:
            node = value(node, step)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        raise Failure(f"{file}: `{path[-1]}` is not a list with a line for each entry", "write it so: `- name: …`")
    return list(node.value)


def value(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    """What stands under a key."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((found for name, found in pairs if name.value == key), None)


def name_of(entry: yaml.Node) -> str | None:
    found = value(entry, "name")
    return found.value if isinstance(found, yaml.ScalarNode) else None


def list_edits(
    text: str, entries: Sequence[yaml.MappingNode], gone: Iterable[str], new: Iterable[Mapping[str, Any]]
) -> list[Edit]:
    """Take entries out by their names, and put new ones behind the last."""
    spans = [_lines(text, entry) for entry in entries]
    gone, dash = set(gone), entries[0].start_mark.column - 2
    edits = [(*span, "") for entry, span in zip(entries, spans, strict=True) if name_of(entry) in gone]
    added = "".join(
        f"{' ' * dash}{line}\n"
        for entry in new
        for line in yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=1000).splitlines()
    )
    end = spans[-1][1]
    return [*edits, (end, end, added if text[end - 1] == "\n" else f"\n{added}")] if added else edits


def _lines(text: str, entry: yaml.Node) -> tuple[int, int]:
    """Where the lines of an entry begin and end: not with the empty ones and comments behind it."""
    begin = text.rfind("\n", 0, entry.start_mark.index) + 1
    last = entry
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and not last.flow_style and last.value:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    # A block of text (|, >) ends behind its line break, all else before it.
    at = last.end_mark.index
    end = at - 1 if text[at - 1] == "\n" else text.find("\n", at)
    return begin, len(text) if end < 0 else end + 1


def view(text: str, gone: Iterable[str], new: Iterable[tuple[str | None, str]]) -> str:
    """A view without the lines of gone columns, and with new ones, each behind the line of the column before it.

    gone: lines as `discover` wrote them, which go last, so that no list is ever empty. new: the line before, the line.
    """
    lines = text.splitlines()
    for before, line in new:
        if line in lines or f"{line}," in lines:
            continue
        if f"{before}," in lines:
            lines.insert(lines.index(f"{before},") + 1, f"{line},")
        elif before in lines:
            at = lines.index(before)
            lines[at : at + 1] = [f"{before},", line]
        elif "    select" in lines:
            lines.insert(lines.index("    select", 1) + 1, f"{line},")
        else:
            raise Failure("a view has no line `    select`", f"put the column into it by hand: {line.strip()}")
    for line in gone:
        for comma in (",", ""):
            if line + comma in lines:
                at = lines.index(line + comma)
                if not comma:  # it was the last of the list
                    lines[at - 1] = lines[at - 1].removesuffix(",")
                del lines[at]
                break
    return "\n".join(lines) + "\n"


def diff(files: Mapping[Path, tuple[str, str]], root: Path) -> str:
    """What changes in each file: its text before ("": there is none) and after."""
    return "".join(
        line if line.endswith("\n") else f"{line}\n"
        for file, (old, new) in files.items()
        for line in difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), str(file.relative_to(root)), "updated"
        )
    )
