"""The one place where a name or a value becomes part of an SQL statement or of Jinja."""

import datetime
import decimal
import re

from pymysql.converters import escape_string


def mysql_name(name: str) -> str:
    """A MySQL or MariaDB identifier, whatever characters are in it: order -> `order`."""
    return "`" + name.replace("`", "``") + "`"


def sql_name(*names: str) -> str:
    """An identifier in DuckDB and Redshift: order -> "order"; raw, order -> "raw"."order"."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def sql_text(text: str) -> str:
    """A text literal in DuckDB: it's -> 'it''s'."""
    return "'" + text.replace("'", "''") + "'"


def has_jinja(text: str) -> bool:
    """Whether dbt, which renders most texts of a project, would run a part of this one."""
    return any(opening in text for opening in ("{{", "{%", "{#"))


def jinja_text(text: str) -> str:
    r"""A text literal in Jinja, in which only letters, digits, blanks and _ stand for themselves: a"b -> "a\u0022b"."""
    return '"' + re.sub(r"[^A-Za-z0-9_ ]", lambda found: rf"\U{ord(found[0]):08x}", text) + '"'


def mysql_value(value: object) -> str:
    """A value of a key as a MySQL literal, which the server compares exactly. Backslashes escape, as in its session.

    A decimal in plain digits: 1.23E-7 would be a DOUBLE. A float with an exponent: 0.1 would be a decimal.
    """
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, datetime.datetime):
        return f"'{value.replace(tzinfo=None).isoformat(sep=' ')}'"
    if isinstance(value, str | datetime.date):
        return f"'{escape_string(str(value))}'"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return repr(value) if "e" in repr(value) else f"{value!r}e0"
    return str(value)
