"""An order's life: placed, paid, shipped, delivered, perhaps returned or cancelled; and how far it is by a moment."""

from dataclasses import dataclass

import numpy as np

HOUR_US = 3_600_000_000
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class OrderPlan:
    """When orders were placed, in microseconds since 1970."""

    placed: np.ndarray


@dataclass(frozen=True)
class Lives:
    """How orders stand: status, when the parcel arrived (NaT: not yet), when the row last changed."""

    status: np.ndarray
    delivered: np.ndarray
    updated: np.ndarray


def lives(random: np.random.Generator, plan: OrderPlan, now: int) -> Lives:
    """Plan each order's whole life, then look at it at `now` (microseconds since 1970)."""
    number = len(plan.placed)
    paid = plan.placed + random.integers(60_000_000, 4 * HOUR_US, number)
    shipped = paid + random.integers(2 * HOUR_US, 20 * HOUR_US, number)
    # One to seven days, in whole seconds, most in two to five.
    delivered = plan.placed + ((24 + 144 * random.beta(2, 2.5, number)) * 3600).astype(np.int64) * 1_000_000
    delivered = np.maximum(delivered, shipped + HOUR_US) // 1_000_000 * 1_000_000
    returned = np.where(random.random(number) < 0.05, delivered + random.integers(24, 240, number) * HOUR_US, NEVER)
    cancelled = np.where(random.random(number) < 0.04, paid + random.integers(0, HOUR_US, number), NEVER)
    called_off = cancelled <= now

    status = np.full(number, "placed", object)
    updated = plan.placed.copy()
    for name, moment in (("paid", paid), ("shipped", shipped), ("delivered", delivered), ("returned", returned)):
        reached = (moment <= now) & (cancelled == NEVER)
        status[reached] = name
        updated[reached] = moment[reached]
    status[called_off] = "cancelled"
    updated[called_off] = cancelled[called_off]
    arrived = np.isin(status.astype(str), ("delivered", "returned"))
    when = (delivered // 1_000_000).astype("datetime64[s]")
    return Lives(status, np.where(arrived, when, np.datetime64("NaT", "s")), updated.astype("datetime64[us]"))
