"""A staging view for a table of any database: its SQL, and in the YAML beside it tests of what the source declares."""

import re
from collections.abc import Callable
from typing import Any

from loaders.common.quoting import has_jinja, jinja_text, sql_name
from loaders.source.described import Said, SourceTable
from loaders.types.type_contract import SourceColumn

# A moment in MySQL that has no time zone: its digits are what the source's clocks showed.
LOCAL = "datetime"
# All names are quoted, as any may be a word of SQL's; a name may be long.
LINTED = "-- noqa: disable=RF06,LT05\n"
# What nobody analyses, and nobody should have.
SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|passphrase|secret|(?:api|private)_?key"
    r"|(?:access|refresh|reset|remember|auth)_?token)"
    r"(?:_?(?:hash|digest|salt))?$",
    re.IGNORECASE,
)
# The model of a table that has one.
ModelOf = Callable[[str], str | None]


def view_sql(source: str, dbt_name: str, table: SourceTable) -> str:
    """The live rows of the raw table, every column by its name."""
    columns = ",\n".join(selected(source, column) for column in table.columns if not secret(table, column))
    return (
        f"{LINTED}with source as (\n    select * from {{{{ source('{source}', '{dbt_name}') }}}}\n),\n\n"
        f"live as (\n    select\n{columns}\n    from source\n    where _deleted_at is null\n)\n\n"
        "select * from live\n"
    )


def selected(source: str, column: SourceColumn) -> str:
    """The column as it is; a time without a zone as the moment in UTC that the catalog's time_zone makes of it."""
    if column.data_type != LOCAL:
        return f"        {_column(column.name)}"
    return f"        {{{{ in_utc({jinja_text(sql_name(column.name))}, '{source}') }}}} as {_column(column.name)}"


def _column(name: str) -> str:
    """A column's quoted name in a model: as it is, or by an expression, whose result dbt does not read again."""
    quoted = sql_name(name)
    return quoted if name.isprintable() and "{" not in name else f"{{{{ {jinja_text(quoted)} }}}}"


def model(name: str, table: SourceTable, said: Said, model_of: ModelOf) -> dict[str, Any]:
    """The view as dbt's YAML has it: what the source says of the table, and a test of all that it declares."""
    about = [said.comments.get((table.name, ""), f"Rows of the source's table {table.name}.")]
    entry: dict[str, Any] = {"name": name}
    if not table.primary_key:
        about.append("The source has no key for it, so no test of one is here.")
    entry["description"] = description(" ".join(about))
    if len(table.primary_key) > 1 and all(map(describable, table.primary_key)):
        names = [sql_name(column) for column in table.primary_key]
        entry["data_tests"] = [{"unique_together": {"arguments": {"columns": names}}}]
    entry["columns"] = [
        column_of_view(table, column, said, model_of)
        for column in table.columns
        if describable(column.name) and not secret(table, column)
    ]
    return entry


def secret(table: SourceTable, column: SourceColumn) -> bool:
    """Whether the column is excluded unless somebody wants it: no key, and by its name a password or the like."""
    return bool(SECRET.search(column.name)) and column.name not in table.primary_key and describable(column.name)


def column_of_view(table: SourceTable, column: SourceColumn, said: Said, model_of: ModelOf) -> dict[str, Any]:
    """A column of the view: its comment, and the tests of its key, of NOT NULL, of an ENUM and of a foreign key."""
    about = comment(table, column, said) + (" (here in UTC)" if column.data_type == LOCAL else "")
    tests: list[Any] = [] if column.nullable else ["not_null"]
    tests += ["unique"] if table.primary_key == (column.name,) else []
    labels = enum_labels(column)
    if labels and all(map(_plain, labels)):
        tests.append({"accepted_values": {"arguments": {"values": labels}}})
    for each in said.foreign_keys.get(table.name, ()):
        to = model_of(each.parent)
        if each.columns == (column.name,) and to and describable(each.referred[0]):
            arguments = {"to": f"ref('{to}')", "field": sql_name(each.referred[0])}
            # Texts that a collation takes for equal differ in a warehouse.
            weak = {"config": {"severity": "warn"}} if column.character_set else {}
            tests.append({"relationships": {"arguments": arguments} | weak})
    entry = {"name": column.name, "quote": True, "description": description(about)}
    return entry | ({"data_tests": tests} if tests else {})


def comment(table: SourceTable, column: SourceColumn, said: Said) -> str:
    """What the source says of a column, or that it says nothing."""
    return said.comments.get((table.name, column.name)) or f"{column.column_type} of the source, without a comment."


def untested(table: SourceTable, said: Said, model_of: ModelOf) -> list[str]:
    """What the source declares and dbt's tests cannot say, by name."""
    faults = [f"{table.name}.{column.name} (its name)" for column in table.columns if not describable(column.name)]
    faults += [f"{table.name}.{column.name} (labels of its ENUM)" for column in table.columns
               if not all(map(_plain, enum_labels(column)))]  # fmt: skip
    for each in said.foreign_keys.get(table.name, ()):
        if len(each.columns) > 1 or not model_of(each.parent) or not describable(each.referred[0]):
            faults.append(f"{table.name} → {each.parent} (a foreign key of {', '.join(each.columns)})")
    return faults


def describable(name: str) -> bool:
    """Whether dbt's YAML can speak of a column, whose name it renders, and quotes as it is."""
    return name.isprintable() and not set(name) & set('"{}')


def enum_labels(column: SourceColumn) -> list[str]:
    """The values of an ENUM, as the server prints them: enum('a','it''s') -> a, it's. None of another type."""
    if column.data_type != "enum":
        return []
    return [label.replace("''", "'") for label in re.findall(r"'((?:[^']|'')*)'", column.column_type)]


def _plain(label: str) -> bool:
    """dbt's test puts a value between quotes as it is."""
    return label.isprintable() and not set(label) & set("'\\{}")


def description(text: str) -> str:
    """A text of the source's as dbt shows it, which renders it: on one line; a \\ would escape a quote in a comment."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text.replace("\\", "/")).split())
    return f"{{{{ {jinja_text(line)} }}}}" if has_jinja(line) else line
