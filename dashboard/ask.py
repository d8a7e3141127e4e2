"""`make sql`: questions to the warehouse, read-only, with answers as tables."""

from collections.abc import Iterable, Iterator

import duckdb

EXAMPLE = "select country, sum(amount) from analytics.order_mart group by 1;"
HELP = f"end a question with ; and leave with Ctrl-D. Try: {EXAMPLE}"


def answer(connection: duckdb.DuckDBPyConnection, question: str) -> str:
    """The answer as a table, or what is wrong with the question."""
    try:
        result = connection.sql(question)
    except duckdb.Error as error:
        return f"error: {error}"
    return "ok" if result is None else str(result)


def questions(lines: Iterable[str]) -> Iterator[str]:
    """Whole questions, each of one or more lines up to a semicolon."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if line.rstrip().endswith(";"):
            yield "\n".join(held)
            held = []
    if "".join(held).strip():
        yield "\n".join(held)
