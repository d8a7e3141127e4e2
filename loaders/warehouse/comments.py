"""What the catalog says of a table and its columns, as comments on raw's: for who looks at raw without dbt's pages."""

from collections.abc import Iterator, Mapping

from loaders.common.quoting import sql_name, sql_text
from loaders.words.run_record import Batch


def on(target: str, batch: Batch, said: Mapping[str, str]) -> Iterator[str]:
    """A statement for each that is described. Only where raw's table is made, so runs that change nothing send none.

    said: by column; "" is the table's own. A \\ would be an escape in Redshift.
    """
    if "" in said:
        yield f"comment on table {target} is {_text(said[''])}"
    for column in batch.raw_columns:
        if column.name in said:
            yield f"comment on column {target}.{sql_name(column.name)} is {_text(said[column.name])}"


def _text(said: str) -> str:
    return sql_text(said.replace("\\", "/"))
