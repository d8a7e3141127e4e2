"""`make sql`: questions to the warehouse, read-only, with answers as tables."""

from collections.abc import Iterable, Iterator

import duckdb

from loaders.common.errors import Failure

HELP = "end a question with ; and leave with Ctrl-D. Try: show all tables;"


def answer(connection: duckdb.DuckDBPyConnection, question: str) -> Iterator[str]:
    """The lines of the answers as tables. What DuckDB finds wrong with the question is a failure, in its own lines."""
    try:
        for statement in duckdb.extract_statements(question):
            result = connection.sql(statement)
            yield from ["ok"] if result is None else str(result).rstrip("\n").split("\n")
    except duckdb.Error as error:
        problem, *details = str(error).split("\n")
        raise Failure(problem, "correct the question", details) from None


def questions(lines: Iterable[str]) -> Iterator[str]:
    """Whole questions, each of one or more lines up to a semicolon: one of SQL's, not one in a text or a comment."""
    held: list[str] = []
    for line in lines:
        held.append(line)
        if _ended("\n".join(held)):
            yield "\n".join(held)
            held = []
    if "".join(held).strip():
        yield "\n".join(held)


def _ended(question: str) -> bool:
    """Whether DuckDB's own parser finds a semicolon at the end. To it, nothing in an open text or comment is one."""
    tokens = duckdb.tokenize(question)
    return bool(tokens) and question.encode()[tokens[-1][0] :].startswith(b";")
