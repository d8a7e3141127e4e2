"""A column's types at both ends of the way, as the run record has them."""

import re
from dataclasses import dataclass
from typing import Annotated

from loaders.types import type_contract

# MySQL's names have 64 characters.
Name = Annotated[str, re.compile(r"(?s).{1,64}")]


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
