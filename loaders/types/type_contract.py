"""The type contract: what every MySQL and MariaDB type becomes in Arrow and Parquet, DuckDB and Redshift, exactly.

docs/types.md is this module as a table. `decoding` brings values there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pyarrow as pa

from loaders.common.errors import Failure
from loaders.common.quoting import mysql_name
from loaders.types.pseudonym import DIGITS, Pseudonym

# Redshift's limits. Arrow, Parquet and DuckDB share the 38 digits.
REDSHIFT_VARCHAR_BYTES = 65_535
REDSHIFT_VARBYTE_BYTES = 16_777_216
DECIMAL_DIGITS = 38
REDSHIFT_DECIMAL_SCALE = 37

# Bytes that one character of a MySQL character set needs at most in UTF-8; any other needs up to 4.
# What `as: text` reads: digits, signs and letters of one byte each.
PRINTED = "printed"
UTF8_BYTES = {PRINTED: 1, "ascii": 1, "latin1": 3, "utf8": 3, "utf8mb3": 3, "ucs2": 3}
UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class SourceColumn:
    """A column as INFORMATION_SCHEMA describes it.

    data_type: `decimal`; column_type: `decimal(10,2) unsigned`; characters and octets: the declared width of a text or
    binary type; precision and scale: of a DECIMAL; bits of a BIT. pseudonym: what stands for its values behind MySQL.
    """

    name: str
    data_type: str
    column_type: str
    nullable: bool = True
    characters: int | None = None
    octets: int | None = None
    precision: int | None = None
    scale: int | None = None
    character_set: str | None = None
    pseudonym: Pseudonym | None = None

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.column_type.lower()

    @property
    def is_whole(self) -> bool:
        """Whether its values can be divided into ranges. (A YEAR is 0 or from 1901 on.)"""
        return self.data_type in SIGNED and self.data_type != "year"


@dataclass(frozen=True)
class Home:
    """The types a column's values live in after MySQL."""

    arrow: pa.DataType
    duckdb: str
    redshift: str


@dataclass(frozen=True)
class Column:
    """A column with its homes, and the SQL expression (`select`) by which the server prints its values exactly.

    longest: the bytes that a text or binary value may have, where the warehouse sets a limit (Redshift); else None.
    plain: the column as it would be without the pseudonym that it has. sent: what a query for rows selects in its
    stead, because it costs the server less; `decode` makes the value of it.
    """

    name: str
    mysql_type: str
    nullable: bool
    home: Home
    select: str
    longest: int | None = None
    pseudonym: Pseudonym | None = None
    plain: "Column | None" = None
    sent: str | None = None

    @property
    def arrow(self) -> pa.DataType:
        return self.home.arrow

    @property
    def duckdb(self) -> str:
        return self.home.duckdb

    @property
    def redshift(self) -> str:
        return self.home.redshift

    @property
    def strictest(self) -> str:
        """The type that a value must fit."""
        return self.redshift if self.longest is not None else self.duckdb


INT16 = Home(pa.int16(), "SMALLINT", "SMALLINT")
INT32 = Home(pa.int32(), "INTEGER", "INTEGER")
INT64 = Home(pa.int64(), "BIGINT", "BIGINT")
# No unsigned type in Redshift, and DuckDB's would not survive the way through it.
UNSIGNED_64 = Home(pa.decimal128(20, 0), "DECIMAL(20,0)", "DECIMAL(20,0)")
TIMESTAMP = Home(UTC_MICROSECONDS, "TIMESTAMP", "TIMESTAMP")
PSEUDONYM = Home(pa.string(), "VARCHAR", f"VARCHAR({DIGITS})")
# '-838:59:59.999999': a span, not a time of day, which neither warehouse's TIME can hold.
TIME = Home(pa.string(), "VARCHAR", "VARCHAR(17)")

SIGNED = {"tinyint": INT16, "smallint": INT16, "mediumint": INT32, "int": INT32, "bigint": INT64, "year": INT16}
UNSIGNED = {"tinyint": INT16, "smallint": INT32, "mediumint": INT32, "int": INT64, "bigint": UNSIGNED_64}
FIXED = {
    "float": Home(pa.float32(), "FLOAT", "REAL"),
    "double": Home(pa.float64(), "DOUBLE", "DOUBLE PRECISION"),
    "date": Home(pa.date32(), "DATE", "DATE"),
    "datetime": TIMESTAMP,
    "timestamp": TIMESTAMP,
    "time": TIME,
    "uuid": Home(pa.string(), "VARCHAR", "VARCHAR(36)"),
    "inet4": Home(pa.string(), "VARCHAR", "VARCHAR(15)"),
    "inet6": Home(pa.string(), "VARCHAR", "VARCHAR(39)"),
}
# By their names in DuckDB and Redshift; of those with a width its largest.
OF_ONE_WIDTH = {(home.duckdb, home.redshift): home for home in (INT16, INT32, INT64, *FIXED.values())}
OF_ANY_WIDTH = {
    ("VARCHAR", "VARCHAR"): (pa.string(), REDSHIFT_VARCHAR_BYTES),
    ("BLOB", "VARBYTE"): (pa.binary(), REDSHIFT_VARBYTE_BYTES),
}
# Character sets of which every character has its like in Unicode. In another one a text may have one that has not:
# MariaDB lets bytes over 7F into ascii.
WHOLLY_IN_UNICODE = (PRINTED, "utf8mb4", "utf8mb3", "utf8", "latin1", "ucs2", "utf16", "utf16le", "utf32")
# What `as: text` is for: the server prints every digit, and values for which no other type is exact.
PRINTED_WHOLE = ("decimal", "date", "datetime", "timestamp")
PRINTED_CHARACTERS = 80
TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json")
BINARIES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector")
# Of the values of these, two that are equal are printed alike.
ONE_TEXT_PER_VALUE = (*(set(SIGNED) - {"year"}), *(set(TEXTS) - {"json"}), *(set(BINARIES) - {"vector"}), "uuid")
# In a run record's type, before the name of the key. No type of MySQL's ends so.
BY_KEY = " pseudonymised by key "
# As the server keeps them: four bytes SRID, then WKB.
GEOMETRIES = (
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
    "geomcollection",
)


def contract(column: SourceColumn, table: str, for_redshift: bool = False) -> Column:
    """The column's homes; a type that nobody has thought of is a failure, not a guess.

    for_redshift: values must also fit the widths of Redshift's types, which are in bytes.
    """
    home = _home(column)
    if home is None:
        raise Failure(
            f"{table}.{column.name} has the type {column.column_type}, which has no home in the type contract",
            "leave the column out, by `exclude: true` in its config.meta in the catalog, and tell us about the type",
        )
    if column.pseudonym:
        return _pseudonymised(column, column.pseudonym, table)
    longest = width(home.redshift) if for_redshift else None
    return Column(column.name, column.column_type, column.nullable, home, _select(column), longest)


def _pseudonymised(column: SourceColumn, pseudonym: Pseudonym, table: str) -> Column:
    if column.data_type not in ONE_TEXT_PER_VALUE:
        raise Failure(
            f"{table}.{column.name} is {column.column_type}, which is not pseudonymised",
            "pseudonyms are for whole numbers, texts and bytes; `exclude: true` leaves the column out",
        )
    plain = contract(replace(column, pseudonym=None), table)
    # By itself a column with ZEROFILL would print 007.
    select = f"{plain.select} + 0" if column.data_type in SIGNED else plain.select
    kind = f"{column.column_type}{BY_KEY}{pseudonym.name}"
    return Column(column.name, kind, column.nullable, PSEUDONYM, select, None, pseudonym, plain)


def as_text(column: SourceColumn, table: str) -> SourceColumn:
    """The column, described as the text that the server prints of it: exact also where nothing else would be."""
    if column.data_type not in PRINTED_WHOLE:
        raise Failure(
            f"{table}.{column.name} is {column.column_type}, which is not read `as: text`",
            f"take `as: text` from its config.meta: it is for {', '.join(PRINTED_WHOLE)}",
        )
    width = PRINTED_CHARACTERS
    return SourceColumn(
        column.name, "varchar", column.column_type, column.nullable, width, width, character_set=PRINTED
    )


def home_of(duckdb: str, redshift: str) -> Home | None:
    """The home of these names, as a run record has them; None if the contract knows no such pair."""
    if redshift == duckdb and (sized := re.fullmatch(r"DECIMAL\(([0-9]{1,2}),([0-9]{1,2})\)", duckdb)):
        digits, places = int(sized[1]), int(sized[2])
        known = 1 <= digits <= DECIMAL_DIGITS and places <= min(digits, REDSHIFT_DECIMAL_SCALE)
        return Home(pa.decimal128(digits, places), duckdb, redshift) if known else None
    sized = re.fullmatch(r"(VARCHAR|VARBYTE)\(([1-9][0-9]{0,7})\)", redshift)
    if sized and (duckdb, sized[1]) in OF_ANY_WIDTH and int(sized[2]) <= OF_ANY_WIDTH[duckdb, sized[1]][1]:
        return Home(OF_ANY_WIDTH[duckdb, sized[1]][0], duckdb, redshift)
    return OF_ONE_WIDTH.get((duckdb, redshift))


def width(kind: str) -> int | None:
    """n of VARCHAR(n) and VARBYTE(n), which counts bytes; None of any other type."""
    sized = re.fullmatch(r"VAR(?:CHAR|BYTE)\((\d+)\)", kind)
    return int(sized[1]) if sized else None


def lake_schema(columns: Iterable[Column]) -> pa.Schema:
    """The schema of the Parquet files that hold these columns. Everything may be NULL there."""
    return pa.schema([pa.field(column.name, column.arrow) for column in columns])


def _home(column: SourceColumn) -> Home | None:
    kind = column.data_type
    if kind in SIGNED:
        return UNSIGNED[kind] if column.unsigned and kind in UNSIGNED else SIGNED[kind]
    if kind == "bit":
        return UNSIGNED_64 if column.precision == 64 else INT64
    if kind == "decimal":
        return _decimal(column.precision or 10, column.scale or 0)
    if kind in TEXTS:
        return Home(pa.string(), "VARCHAR", f"VARCHAR({_varchar_bytes(column)})")
    if kind in BINARIES:
        return _bytes(column.octets or REDSHIFT_VARBYTE_BYTES)
    if kind in GEOMETRIES:
        return _bytes(REDSHIFT_VARBYTE_BYTES)
    return FIXED.get(kind)


def _decimal(precision: int, scale: int) -> Home:
    """The column's own digits, as far as 38 go; what does not fit then is found value by value."""
    digits, places = min(precision, DECIMAL_DIGITS), min(scale, REDSHIFT_DECIMAL_SCALE)
    name = f"DECIMAL({digits},{places})"
    return Home(pa.decimal128(digits, places), name, name)


def _varchar_bytes(column: SourceColumn) -> int:
    """Redshift counts bytes: the declared characters times what one may need in UTF-8."""
    width = UTF8_BYTES.get(column.character_set or "", 4)
    return max(1, min((column.characters or REDSHIFT_VARCHAR_BYTES) * width, REDSHIFT_VARCHAR_BYTES))


def _bytes(octets: int) -> Home:
    return Home(pa.binary(), "BLOB", f"VARBYTE({max(1, min(octets, REDSHIFT_VARBYTE_BYTES))})")


def may_be_lost(column: SourceColumn) -> bool:
    """Whether the server may make a '?' of a character, because Unicode has it not."""
    return column.data_type in TEXTS and (column.character_set or "utf8mb4") not in WHOLLY_IN_UNICODE


def _select(column: SourceColumn) -> str:
    name = mysql_name(column.name)
    if may_be_lost(column):
        # A '?' that was not there: such a text comes as its bytes, after one that no UTF-8 has, and is refused.
        lost = f"instr(cast(convert(replace({name}, '?', '') using utf8mb4) as binary), '?')"
        return f"if({lost}, concat(_binary x'f8', hex({name})), cast(convert({name} using utf8mb4) as binary))"
    if column.data_type == "float" or (column.data_type == "double" and "(" in column.column_type):
        # The server prints a FLOAT with 6 digits, and DOUBLE(M,D) with D places; a DOUBLE it prints whole. `+ 0` would
        # lose the sign of -0.
        return f"{name} * 1e0"
    if column.data_type == "bit":
        # Bytes otherwise; as a number it is printed in digits.
        return f"{name} + 0"
    return name
