"""Where the packets of a block begin."""

import numpy as np

HEADER = 4
LONGEST = 0xFFFFFF


def walk(data: np.ndarray, at: int, filled: int) -> tuple[np.ndarray, int]:
    """Positions of the whole packets in data[at:filled], and where the first packet begins that is not whole.

    A packet of LONGEST bytes, the beginning of a giant row, is not looked into: the walk ends before it.
    """
    view, found = memoryview(data), []
    while at <= filled - HEADER:
        length = view[at] | view[at + 1] << 8 | view[at + 2] << 16
        if length == LONGEST or at + HEADER + length > filled:
            break
        found.append(at)
        at += HEADER + length
    return np.array(found, np.int64), at
