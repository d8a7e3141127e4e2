"""Values as texts, by the SQL of each end: what `verify --deep` compares. The lake's decoding takes no part in it.

Every column has a kind; for every kind each engine has an expression that prints it. Numbers are printed as each engine
likes (`5e-324`, `4.9e-324`), so their texts are compared by what they mean; all other texts must be the same.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from loaders.common.quoting import mysql_name, sql_name
from loaders.types.type_contract import BINARIES, GEOMETRIES, SIGNED, TEXTS, SourceColumn, contract, may_be_lost

WHOLE, DECIMAL, FLOAT, DATE, MOMENT, TEXT, LONG_TEXT, BYTES, LONG_BYTES = (
    "whole", "decimal", "float", "date", "moment", "text", "long text", "bytes", "long bytes",
)  # fmt: skip
# Of marts only: MySQL has no booleans but 0 and 1; what has no kind is printed as each engine likes.
TRUTH, OTHER = "truth", "other"
# A longer value is compared by its length and digest: one row of them would not fit into a packet, or a VARCHAR.
LONGEST_TEXT, LONGEST_BYTES = 65_535, 30_000
WIDE_BYTES = 8_000
# What a value is that is there, but longer than max_allowed_packet, so that the server cannot print it: never NULL.
NO_DIGEST = "… (the server gives no digest of it)"

MYSQL = {
    # By itself a FLOAT is printed with 6 digits, and DOUBLE(M,D) with D places.
    FLOAT: "{0} * 1e0",
    MOMENT: "date_format({0}, '%Y-%m-%d %H:%i:%s.%f')",
    TEXT: "convert({0} using utf8mb4)",
    LONG_TEXT: (
        "if(isnull({0}), null, ifnull(concat(left(convert({0} using utf8mb4), 40), '… (', "
        "length(convert({0} using utf8mb4)), ' bytes, sha256 ', sha2(convert({0} using utf8mb4), 256), ')'), "
        f"'{NO_DIGEST}'))"
    ),
    BYTES: "hex({0})",
    LONG_BYTES: (
        "if(isnull({0}), null, ifnull(concat(hex(left({0}, 20)), '… (', length({0}), ' bytes, sha256 ', "
        f"sha2({{0}}, 256), ')'), '{NO_DIGEST}'))"
    ),
}
DUCKDB = {
    TRUTH: "cast(cast({0} as integer) as varchar)",
    FLOAT: "cast(cast({0} as double) as varchar)",
    MOMENT: "strftime({0}, '%Y-%m-%d %H:%M:%S.%f')",
    TEXT: "{0}",
    LONG_TEXT: "left({0}, 40) || '… (' || strlen({0}) || ' bytes, sha256 ' || sha256({0}) || ')'",
    BYTES: "hex({0})",
    LONG_BYTES: "hex(array_slice({0}, 1, 20)) || '… (' || octet_length({0}) || ' bytes, sha256 ' || sha256({0}) || ')'",
}
# A bare VARCHAR would be 256 bytes. SHA2 takes no VARBYTE there: long bytes come as they are, see `shown`.
REDSHIFT = {
    TRUTH: "cast(cast({0} as integer) as varchar(64))",
    WHOLE: "cast({0} as varchar(64))",
    DECIMAL: "cast({0} as varchar(64))",
    FLOAT: "cast(cast({0} as double precision) as varchar(64))",
    DATE: "to_char({0}, 'YYYY-MM-DD')",
    MOMENT: "to_char({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
    TEXT: "{0}",
    LONG_TEXT: (
        "cast(left({0}, 40) || '… (' || octet_length({0}) || ' bytes, sha256 ' || sha2({0}, 256) || ')' "
        "as varchar(400))"
    ),
    BYTES: "upper(to_hex({0}))",
    LONG_BYTES: "{0}",
}
MEANINGS: Mapping[str, Callable[[str], object]] = {WHOLE: int, DECIMAL: Decimal, FLOAT: lambda text: float(text).hex()}
# The engines agree on how values of these kinds follow each other; all others are put in order by their bytes.
ORDERED_ALIKE = (WHOLE, DECIMAL, FLOAT, DATE, MOMENT)


@dataclass(frozen=True)
class CanonicalColumn:
    """A column of the source with its kind."""

    source: SourceColumn
    kind: str

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def at_source(self) -> str:
        """The text, in the source's SQL."""
        name = mysql_name(self.name)
        if self.source.pseudonym:
            return contract(self.source, "").select
        if self.source.data_type == "bit":
            return f"{name} + 0"
        if self.kind == TEXT and may_be_lost(self.source):
            return contract(self.source, "").select
        return MYSQL.get(self.kind, "{0}").format(name)

    def hidden(self, printed: pa.Array) -> pa.Array:
        """What the source printed, as bytes; its pseudonyms, if raw has those."""
        return self.source.pseudonym.of(printed) if self.source.pseudonym else printed

    def in_warehouse(self, texts: Mapping[str, str]) -> str:
        """The text, in a warehouse's SQL: texts is DUCKDB or REDSHIFT."""
        return texts.get(self.kind, "cast({0} as varchar)").format(sql_name(self.name))

    def printed(self, values: pa.Array) -> pa.Array:
        """What a warehouse printed, as bytes; long bytes of Redshift shortened as the others are by their own SQL."""
        if self.kind == LONG_BYTES:
            values = pa.array(map(_shortened, values.to_pylist()), pa.string())
        return values.cast(pa.binary())

    def source_order(self) -> str:
        if self.kind in ORDERED_ALIKE:
            return mysql_name(self.name)
        return f"cast(concat({self.at_source}, '.') as binary)"

    def warehouse_order(self, texts: Mapping[str, str]) -> str:
        """Redshift ignores blanks at the end when it compares, so no text ends with one."""
        return sql_name(self.name) if self.kind in ORDERED_ALIKE else f"{self.in_warehouse(texts)} || '.'"

    def order(self, text: str) -> object:
        """What follows each other as both engines have it."""
        if self.kind == FLOAT:
            return float(text)
        return self.meaning(text) if self.kind in ORDERED_ALIKE else f"{text}."

    def meaning(self, text: str | None) -> object:
        """Equal for equal values, however they are printed."""
        return MEANINGS[self.kind](text) if text is not None and self.kind in MEANINGS else text


def canonical(column: SourceColumn) -> CanonicalColumn:
    return CanonicalColumn(column, TEXT if column.pseudonym else _kind(column))


def _shortened(value: str | None) -> str | None:
    if value is None or "…" in value:
        return value
    held = bytes.fromhex(value.removeprefix("\\x"))
    return f"{held[:20].hex().upper()}… ({len(held)} bytes, sha256 {hashlib.sha256(held).hexdigest()})"


def wide_in_duckdb(column: CanonicalColumn) -> bool:
    """Whether 2,048 of its values, which DuckDB works on at once, may need more memory than a stream is given."""
    return column.kind in (LONG_TEXT, LONG_BYTES) or (column.source.octets or 0) > WIDE_BYTES


def wide_in_redshift(column: CanonicalColumn) -> bool:
    """Whether a value as it is printed may have megabytes."""
    return column.kind == LONG_BYTES


def _kind(column: SourceColumn) -> str:
    kind, octets = column.data_type, LONGEST_TEXT + 1 if column.octets is None else column.octets
    if kind in SIGNED or kind == "bit":
        return WHOLE
    if kind in ("float", "double"):
        return FLOAT
    if kind in TEXTS:
        return TEXT if octets <= LONGEST_TEXT else LONG_TEXT
    if kind in BINARIES:
        return BYTES if octets <= LONGEST_BYTES else LONG_BYTES
    if kind in GEOMETRIES:
        return LONG_BYTES
    return {"decimal": DECIMAL, "date": DATE, "datetime": MOMENT, "timestamp": MOMENT}.get(kind, TEXT)
