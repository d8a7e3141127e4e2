"""Which values of rows a report may show: it is read by more people than the tables are."""

from collections.abc import Iterable, Sequence

import duckdb

from diff.compare import Difference, Row, columns_of, named
from loaders.common.quoting import sql_name
from loaders.common.telling import HIDDEN

Sources = list[tuple[str, str, str]]


def hide(
    connection: duckdb.DuckDBPyConnection, difference: Difference, sources: Sources | None, sees_raw: bool
) -> None:
    """Take out of a difference what may not be shown: keys, values, sums; numbers of rows stay.

    Shown is what everybody may read (`access: public` on both sides), but for columns that are personal by name, or in
    whose values, as far as they would be shown, a value of a personal source column stands. sources: those columns, or
    None if nobody has said which there are; sees_raw: whether the connection has them.
    """
    shown = {name for name, _kind in difference.types.items()}
    if not difference.model.is_public:
        shown, why = set(), "its access is not public"
    elif sources is None:
        shown, why = set(), "no source says which of its columns are personal (config.meta.personal)"
    else:
        named_so = {name for name in shown if name.lower() in difference.model.is_personal}
        texts = _texts(difference)
        if sees_raw:
            told = _with_personal_values(
                connection, sources, sorted({text for found in texts.values() for text in found})
            )
            holding = {name for name, found in texts.items() if found & told}
        else:
            # Raw is in another database than these copies.
            holding = {name for name, kind in difference.types.items() if kind.startswith("VARCHAR")}
        shown -= named_so | holding
        why = f"personal, or perhaps: {', '.join(sorted(named_so | holding))}" if named_so | holding else ""
    if why:
        difference.notes.append(f"values not shown: {why}")
        difference.samples = [_hidden(row, difference.key, shown) for row in difference.samples]
        difference.figures = {name: pair for name, pair in difference.figures.items() if name in shown}


def _texts(difference: Difference) -> dict[str, set[str]]:
    """Every text that would be shown, by its column."""
    found: dict[str, set[str]] = {name: set() for name in difference.types}
    for row in difference.samples:
        cells = [*zip(difference.key, row.key, strict=True)]
        cells += [(name, value) for name, pair in row.values.items() for value in pair]
        for name, value in cells:
            if value is not None:
                found[name].add(value)
    return found


def _hidden(row: Row, key: Sequence[str], shown: set[str]) -> Row:
    keys = tuple(value if name in shown else HIDDEN for name, value in zip(key, row.key, strict=True))
    values = {name: pair if name in shown else (HIDDEN, HIDDEN) for name, pair in row.values.items()}
    return Row(row.kind, keys, values)


def _with_personal_values(
    connection: duckdb.DuckDBPyConnection, sources: Iterable[tuple[str, str, str]], texts: Sequence[str]
) -> set[str]:
    """Of these texts, those in which a value of a personal source column stands (of three characters at least)."""
    found: set[str] = set()
    for schema, table, column in sources:
        if texts and columns_of(connection, (schema, table)).get(column):
            value = f"lower(trim({sql_name(column)}::varchar))"
            query = (
                "select said from (select unnest(?::varchar[]) as said) as shown where exists (select 1 from "
                f"(select distinct {value} as one from {named((schema, table))} where length({value}) >= 3) as them "
                "where contains(lower(said), one))"
            )
            found |= {text for (text,) in connection.execute(query, [list(texts)]).fetchall()}
    return found
