"""Values as a server prints them, to Arrow's types."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DECIMAL_DIGITS = 38  # the most that a decimal128 has


def cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Printed values (an array of binary) as `kind`; one that does not fit raises pa.ArrowInvalid."""
    if pa.types.is_binary(kind):
        return values
    if pa.types.is_null(kind):
        return pa.nulls(len(values)) if values.null_count == len(values) else values.cast(kind)
    digits = pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
    # Whether digits are UTF-8 need not be asked: what is no number and no date is found below.
    text = values.view(pa.string()) if digits else values.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return text.cast(pa.timestamp(kind.unit)).view(kind)
    if pa.types.is_decimal128(kind) and kind.precision == DECIMAL_DIGITS:
        # Arrow's 128-bit parser takes 39 digits modulo 2**128 without a word; MySQL's 65 fit in 256 bits.
        return text.cast(pa.decimal256(76, kind.scale)).cast(kind)
    return text.cast(kind)


def bits(values: pa.Array) -> pa.Array:
    """Values of a BIT column, which come as bytes (an array of binary, each of as many), as uint64."""
    width = pc.max(pc.binary_length(values)).as_py()
    if width is None:
        return pa.nulls(len(values), pa.uint64())
    fixed = pc.fill_null(values, bytes(width)).cast(pa.binary(width))
    numbers = np.zeros((len(fixed), 8), np.uint8)
    whole = np.frombuffer(fixed.buffers()[1], np.uint8).reshape(-1, width)
    numbers[:, 8 - width :] = whole[fixed.offset : fixed.offset + len(fixed)]
    array = pa.array(numbers.view(">u8").ravel().astype(np.uint64))
    return pc.if_else(values.is_valid(), array, pa.scalar(None, pa.uint64()))
