"""Values as a server prints them, to Arrow's types."""

import pyarrow as pa

DECIMAL_DIGITS = 38  # the most that a decimal128 has


def cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Printed values (an array of binary) as `kind`; one that does not fit raises pa.ArrowInvalid."""
    if pa.types.is_binary(kind):
        return values
    digits = pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
    # Whether digits are UTF-8 need not be asked: what is no number and no date is found below.
    text = values.view(pa.string()) if digits else values.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return text.cast(pa.timestamp(kind.unit)).view(kind)
    if pa.types.is_decimal128(kind) and kind.precision == DECIMAL_DIGITS:
        # Arrow's 128-bit parser takes 39 digits modulo 2**128 without a word; MySQL's 65 fit in 256 bits.
        return text.cast(pa.decimal256(76, kind.scale)).cast(kind)
    return text.cast(kind)
