"""Text that a spreadsheet would run as a formula, made harmless in CSV files, and how to undo it.

A spreadsheet takes a cell that begins with = + - or @ (or a tab or line break before them) for a formula, and a formula
can fetch and send data. Such text gets an apostrophe in front. Text that has the look of being guarded already gets one
more, so that taking one away from every cell that matches PATTERN gives back exactly what was there. Numbers and times
are never text here: -1.50 stays -1.50.
"""

from loaders.quoting import sql_name, sql_text

# The wide forms too: spreadsheets set up for Chinese, Japanese or Korean read them alike.
PATTERN = "^'*[=+\\-@\t\r\n＝＋－＠]"


def guarded(column: str) -> str:
    """The column as SQL for DuckDB, with an apostrophe before what would be a formula."""
    name = sql_name(column)
    return f"case when {is_formula(column)} then '''' || {name} else {name} end as {name}"


def is_formula(column: str) -> str:
    """A condition in SQL for DuckDB."""
    return f"regexp_matches({sql_name(column)}, {sql_text(PATTERN)})"
