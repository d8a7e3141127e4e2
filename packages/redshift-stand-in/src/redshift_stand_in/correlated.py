"""Correlated subqueries that Redshift cannot take apart: page r_correlated_subqueries.

Judged in PostgreSQL's own tree of the query (pg_rewrite.ev_action of a view), where `varlevelsup` counts the query
blocks between a column and the block it is from.
"""

import re
from collections.abc import Iterator

from redshift_stand_in.errors import RedshiftError

SUBQUERY = re.compile(r"\(\s*(select|with)\b", re.IGNORECASE)


def check(tree: str) -> None:
    if re.search(r":varlevelsup [2-9]", tree):
        raise _unsupported("a reference that skips a query block")
    for node in _nodes(tree, r"\{JOINEXPR :jointype [1-3] "):
        for part in _nodes(node, r"\{SUBLINK "):
            if _is_in_quals(node, part) and ":varlevelsup 1" in part:
                raise _unsupported("a reference from the ON clause of an outer join")
    for part in _nodes(tree, r"\{SUBLINK "):
        if ":hasWindowFuncs true" in part and ":varlevelsup 1" in part:
            raise _unsupported("a reference from a subquery with a window function")


def _nodes(tree: str, head: str) -> Iterator[str]:
    """Every node whose text begins so, whole: names in a tree have their braces behind backslashes."""
    for found in re.finditer(head, tree):
        depth = 0
        for brace in re.finditer(r"(?<!\\)[{}]", tree[found.start() :]):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                yield tree[found.start() : found.start() + brace.end()]
                break


def _is_in_quals(join: str, part: str) -> bool:
    """A join's arms are joins or references to tables; a subquery within it is a condition's: of it or of an arm."""
    arms = [arm for arm in _nodes(join[1:], r"\{JOINEXPR ") if part in arm]
    return not arms


def _unsupported(what: str) -> RedshiftError:
    return RedshiftError(
        "This type of correlated subquery pattern is not supported due to internal error", "0A000", f"it has {what}"
    )
