"""Text that a spreadsheet would run as a formula, made harmless in CSV files, and how to undo it.

A spreadsheet takes a cell that begins with = + - or @ for a formula, and a formula can fetch and send data. Where a
cell begins is the spreadsheet's choice: set up for ; or tabs, it splits a text at them, and quotes in the middle of a
cell are no hindrance. So an apostrophe goes in front of what would begin a formula, at the text's beginning and after
every character that may separate cells or lines. It goes before quotes and apostrophes that are there already: quotes
vanish when cells are read. Taking one apostrophe away at each place that PATTERN finds gives back exactly what was
there. Numbers and times are never text here: -1.50 stays -1.50.
"""

import re

from loaders.common.quoting import sql_name, sql_text

# The wide forms too: spreadsheets set up for Chinese, Japanese or Korean read them alike.
PATTERN = "(^|[,;|\t\r\n])([\"']*[=+\\-@＝＋－＠])"


def guarded(column: str) -> str:
    """The column as SQL for DuckDB, with an apostrophe before each formula that could begin in it."""
    return f"regexp_replace({sql_name(column)}, {sql_text(PATTERN)}, '\\1''\\2', 'g')"


def heading(column: str) -> str:
    """The column's name in a file's first line, which is a cell too."""
    return re.sub(PATTERN, r"\1'\2", column)


def is_formula(column: str) -> str:
    """A condition in SQL for DuckDB."""
    return f"regexp_matches({sql_name(column)}, {sql_text(PATTERN)})"
