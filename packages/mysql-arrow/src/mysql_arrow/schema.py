"""A query's columns, as the server describes them, to Arrow's types: exact, or a failure that says what to select."""

from collections.abc import Sequence

import pyarrow as pa
from pymysql import err
from pymysql.constants import FIELD_TYPE, FLAG

from mysql_arrow.pymysql_seam import Field

BINARY = 63  # the "character set" of bytes
AS_STORED = 31  # the decimals of a FLOAT or DOUBLE that is not printed to a fixed number of places
VECTOR = 242
DECIMAL_DIGITS = 38  # of a decimal128; MySQL's 65 fit in a decimal256

INTEGERS = {
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8()),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16()),
    FIELD_TYPE.YEAR: (pa.int16(), pa.uint16()),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32()),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64()),
}
MOMENT = pa.timestamp("us")  # a DATETIME has no time zone; a TIMESTAMP is printed in the session's
OTHERS = {
    FIELD_TYPE.NULL: pa.null(),
    FIELD_TYPE.DATE: pa.date32(),
    FIELD_TYPE.NEWDATE: pa.date32(),
    FIELD_TYPE.DATETIME: MOMENT,
    FIELD_TYPE.TIMESTAMP: MOMENT,
    FIELD_TYPE.TIME: pa.string(),  # '-838:59:59.999999': a span, which no time of day holds
    FIELD_TYPE.BIT: pa.uint64(),
    FIELD_TYPE.JSON: pa.string(),
    FIELD_TYPE.GEOMETRY: pa.binary(),  # as the server keeps it: four bytes SRID, then WKB
    VECTOR: pa.binary(),  # little-endian floats of four bytes
}


def of(fields: Sequence[Field]) -> pa.Schema:
    """The Arrow schema of these columns. pymysql.NotSupportedError: the server prints one of them inexactly."""
    return pa.schema([pa.field(field.name, _kind(field)) for field in fields])


def _kind(field: Field) -> pa.DataType:
    code, unsigned = field.type_code, bool(field.flags & FLAG.UNSIGNED)
    if code in INTEGERS:
        return INTEGERS[code][unsigned]
    if code in (FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.DECIMAL):
        digits = field.length - bool(field.scale) - (not unsigned)
        return pa.decimal128(digits, field.scale) if digits <= DECIMAL_DIGITS else pa.decimal256(digits, field.scale)
    if code in (FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE):
        return _float(field)
    if code in OTHERS:
        return OTHERS[code]
    return pa.binary() if field.charsetnr == BINARY else pa.string()


def _float(field: Field) -> pa.DataType:
    """A DOUBLE is printed with all its digits; a FLOAT with six of nine, a DOUBLE(M,D) with D places."""
    if field.type_code == FIELD_TYPE.DOUBLE and field.scale >= AS_STORED:
        return pa.float64()
    raise err.NotSupportedError(0, f"the server prints `{field.name}` with fewer digits than it has: select it `* 1e0`")
