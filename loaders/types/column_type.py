"""A column's types at both ends of the way, as the run record has them."""

import re
from dataclasses import dataclass
from typing import Annotated

from loaders.types import type_contract

# MySQL's names have 64 characters.
Name = Annotated[str, re.compile(r"(?s).{1,64}")]


def by_key(column: "ColumnType") -> str:
    """The name of the key that makes the column's pseudonyms; empty if its values are the source's."""
    return column.mysql.rpartition(type_contract.BY_KEY)[2] if type_contract.BY_KEY in column.mysql else ""


@dataclass(frozen=True)
class ColumnType:
    """A column as it was read, with its types at both ends of the way."""

    name: Name
    mysql: str
    duckdb: str
    redshift: str

    @property
    def home(self) -> type_contract.Home | None:
        return type_contract.home_of(self.duckdb, self.redshift)
