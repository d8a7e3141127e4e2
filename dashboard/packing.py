"""Columns of whole numbers as one short text for a page: bytes in planes, deflated, base64.

A column is its smallest value (`base`) and, for each value, the difference to it in `width` bytes, lowest first. All
lowest bytes stand together, then all second ones: planes that deflate to little.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loaders.common.errors import Failure

# A page's numbers are exact up to here (JavaScript's); sums have to stay below.
EXACT = 2**53

Table = Mapping[str, Sequence[int]]


def packed(header: Mapping[str, Any], tables: Mapping[str, Table]) -> str:
    """base64 of a zlib stream: the JSON's length (4 bytes, big-endian), the JSON, then the planes of every column.

    The JSON is the header plus `tables`: name -> column -> {base, width, count}, in the order of the planes.
    """
    listed: dict[str, dict[str, dict[str, int]]] = {}
    planes = []
    for table, columns in tables.items():
        listed[table] = {}
        for name, values in columns.items():
            listed[table][name], plane = _column(f"{table}.{name}", values)
            planes.append(plane)
    text = json.dumps({**header, "tables": listed}, ensure_ascii=False, separators=(",", ":")).encode()
    return deflated(len(text).to_bytes(4, "big") + text + b"".join(planes))


def deflated(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def _column(name: str, values: Sequence[int]) -> tuple[dict[str, int], bytes]:
    values = [int(value) for value in values]  # a warehouse adds up to decimals
    if sum(map(abs, values)) >= EXACT:
        raise Failure(
            f"the sum of {name} reaches {EXACT:,}, beyond which a page cannot add exactly",
            "no page was written; ask the warehouse by `make sql`",
        )
    base = min(values, default=0)
    offsets = np.array([value - base for value in values], "<u8")
    width = (int(offsets.max(initial=0)).bit_length() + 7) // 8
    planes = offsets.view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes()
    return {"base": base, "width": width, "count": len(values)}, planes
