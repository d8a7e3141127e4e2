"""The one place where a name becomes part of an SQL statement."""


def mysql_name(name: str) -> str:
    """A MySQL or MariaDB identifier, whatever characters are in it: order -> `order`."""
    return "`" + name.replace("`", "``") + "`"


def sql_name(name: str) -> str:
    """An identifier in DuckDB and Redshift: order -> "order"."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A text literal in DuckDB: it's -> 'it''s'."""
    return "'" + text.replace("'", "''") + "'"
