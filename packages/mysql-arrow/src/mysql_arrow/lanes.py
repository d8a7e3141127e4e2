"""Where the packets of a block begin.

A packet's length says where the next one begins, so packets are found one after the other: a Python step for each, a
fifth of what a row costs in all. Lanes do it from hundreds of places at once, a numpy step for all. Each place is a
guess (a length, and the numbers of the packets after it going up), and proved when the lane before ends exactly there.
The first lane begins where a packet begins, so all lanes are right; or a guess is seen to be wrong, and the packets are
found one after the other.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Positions = NDArray[np.int64]

HEADER = 4
LONGEST = 0xFFFFFF
# Below this many bytes, or above this many per packet, lanes cost more than they save.
LANES_FROM_BYTES = 1 << 16
PACKET_BYTES = 2048
PACKETS_PER_LANE = 64
HOPS = 3  # how many packets after a guessed one must be numbered one after the other


def walk(data: Bytes, at: int, filled: int) -> tuple[Positions, int]:
    """Positions of the whole packets in data[at:filled], and where the first packet begins that is not whole.

    A packet of LONGEST bytes, the beginning of a giant row, is not looked into: the walk ends before it.
    """
    found, end = one_by_one(data, at, filled, most=PACKETS_PER_LANE)
    if filled - end >= LANES_FROM_BYTES and len(found) == PACKETS_PER_LANE:
        size = (end - at) // len(found)
        rest = in_lanes(data, end, filled, size) if size <= PACKET_BYTES else None
    else:
        rest = None
    more, end = rest or one_by_one(data, end, filled)
    return np.concatenate([found, more]), end


def one_by_one(data: Bytes, at: int, filled: int, most: int | None = None) -> tuple[Positions, int]:
    """What `walk` gives, for at most `most` packets."""
    view, found = data.data, list[int]()
    while at <= filled - HEADER and len(found) != most:
        length = view[at] | view[at + 1] << 8 | view[at + 2] << 16
        if length == LONGEST or at + HEADER + length > filled:
            break
        found.append(at)
        at += HEADER + length
    return np.array(found, np.int64), at


def in_lanes(data: Bytes, at: int, filled: int, size: int) -> tuple[Positions, int] | None:
    """What `walk` gives for packets of about `size` bytes; None if a guess was wrong."""
    heads = np.concatenate([np.array([at]), _guesses(data, at, filled, size)])
    goals = np.append(heads[1:], filled)
    ends = heads.copy()
    lanes, steps = np.arange(len(heads)), []
    while len(lanes):
        here = ends[lanes]
        after = here + HEADER + lengths(data, here)
        whole = (after <= filled) & (after - here < HEADER + LONGEST)
        steps.append(here[whole])
        lanes, after = lanes[whole], after[whole]
        ends[lanes] = after
        lanes = lanes[(after < goals[lanes]) & (after <= filled - HEADER)]
    return (np.sort(np.concatenate(steps)), int(ends[-1])) if np.array_equal(ends[:-1], heads[1:]) else None


def _guesses(data: Bytes, at: int, filled: int, size: int) -> Positions:
    """For each lane but the first, the first place in its first packets that looks like a packet's beginning."""
    apart, window = PACKETS_PER_LANE * size, 4 * size
    lanes = (filled - at - window) // apart
    if lanes < 1:
        return np.empty(0, np.int64)
    # The third byte of a length under 64 kB is 0: few other bytes are.
    third = np.lib.stride_tricks.as_strided(data[at + apart + 2 :], (lanes, window - 2), (apart, 1), writeable=False)
    lane, offset = np.nonzero(third == 0)
    place = at + apart * (lane + 1) + offset
    here = place
    for _ in range(HOPS):
        after = here + HEADER + lengths(data, here)
        likely = after <= filled - HEADER
        place, lane, here, after = place[likely], lane[likely], here[likely], after[likely]
        likely = (data[after + 3] - data[here + 3] == 1) & (data[after + 2] == 0)
        place, lane, here = place[likely], lane[likely], after[likely]
    found: Positions = place[np.unique(lane, return_index=True)[1]]
    return found


def lengths(data: Bytes, at: Positions) -> Positions:
    low, middle, high = (data[at + byte].astype(np.int64) for byte in range(3))
    found: Positions = low | middle << 8 | high << 16
    return found
