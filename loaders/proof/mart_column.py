"""A mart's column beside the query's: each end prints its own type, so that no cast is made on both sides.

A model that casts a DECIMAL to a DOUBLE, or a text to a moment, may lose something; MySQL printing its value the same
way would lose it too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pymysql.constants import FIELD_TYPE

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.types.canonical import BYTES, DATE, DECIMAL, FLOAT, MOMENT, MYSQL, OTHER, TEXT, TRUTH, CanonicalColumn
from loaders.types.type_contract import SourceColumn

# How the two warehouses name a type, without its width, and how its values are printed.
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint", "decimal", "numeric"), DECIMAL),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), DECIMAL),
    **dict.fromkeys(("real", "float", "double", "double precision"), FLOAT),
    **dict.fromkeys(("timestamp", "timestamp without time zone"), MOMENT),
    **dict.fromkeys(("varchar", "character varying", "character", "text"), TEXT),
    **dict.fromkeys(("blob", "bytea", "binary varying"), BYTES),
    "boolean": TRUTH,
    "date": DATE,
}
# What MySQL says of a query's column; all others are texts or bytes, which it does not tell apart here.
BITS = "bits"
GIVEN: Mapping[int, str] = {
    **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG), DECIMAL),
    **dict.fromkeys((FIELD_TYPE.LONGLONG, FIELD_TYPE.YEAR, FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), DECIMAL),
    **dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), FLOAT),
    **dict.fromkeys((FIELD_TYPE.TIMESTAMP, FIELD_TYPE.DATETIME), MOMENT),
    **dict.fromkeys((FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE), DATE),
    FIELD_TYPE.TIME: OTHER,
    FIELD_TYPE.BIT: BITS,
}
# As databases print numbers: Python takes more for one, `1_000` and ` 7 `.
NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class MartColumn(CanonicalColumn):
    """kind: of the mart's type; given: of the query's."""

    given: str = TEXT

    @property
    def at_source(self) -> str:
        name = mysql_name(self.name)
        if self.given == BITS:
            return f"{name} + 0"
        if self.given == TEXT:
            return MYSQL[BYTES if self.kind == BYTES else TEXT].format(name)
        # A day is the moment with which it begins.
        as_moment = self.kind == MOMENT and self.given in (DATE, MOMENT)
        kind = MOMENT if as_moment else FLOAT if self.given == FLOAT else OTHER
        return MYSQL.get(kind, "{0}").format(name)

    def meaning(self, text: str | None) -> object:
        """Equal for equal numbers; what is no number, where the mart has numbers, stays a text.

        A number that is no float at the source is one in the mart if all of its digits are printed.
        """
        if text is None or self.kind not in (DECIMAL, FLOAT) or not NUMBER.fullmatch(text):
            return text
        return float(text).hex() if self.kind == self.given == FLOAT else Decimal(text)


def column(name: str, data_type: str, given: int, octets: int) -> MartColumn:
    """data_type: as the warehouse says it; given: MySQL's number of the type that the query gives, and its width."""
    kind = KINDS.get(data_type.lower().partition("(")[0].strip(), OTHER)
    known = GIVEN.get(given, TEXT)
    if kind == BYTES and known != TEXT:
        raise Failure(
            f"{name} is {data_type} in the mart, and the catalog's query gives no bytes",
            "correct mart.query in the catalog: bytes are compared with bytes",
        )
    return MartColumn(SourceColumn(name, data_type, data_type, octets=octets), kind, known)
