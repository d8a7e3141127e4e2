"""What Redshift's errors say, as its driver hands them on: a dict with C (code), M (message) and D (detail)."""

import re

UNDEFINED = ("42P01", "3F000")  # a table, a schema that is not there
# Another transaction came in between; the same one, tried again as a whole, may well succeed. 1023 names itself in the
# detail only; `already exists` is what CREATE … IF NOT EXISTS says when two do it at once.
CONFLICT_CODES = ("40001", "40P01", "42P06", "42P07", "23505")
CONFLICT_WORDS = (
    "Serializable isolation violation", "could not serialize", "deadlock detected", "already exists",
    # A table that dbt, or a load, has put another in the place of (dbt-core#12596, amazon-redshift-jdbc-driver#147).
    "conflict with concurrent transaction", "could not open relation with OID", "dropped by concurrent transaction",
)  # fmt: skip
# As whole messages, whose detail is not always sent: docs.aws.amazon.com/redshift/latest/dg/
# c_serializable_isolation-serializable-isolation-troubleshooting.html names both.
CONFLICT_NUMBERS = ("1023", "1018")
# The warehouse wakes up, or restarts: worth another try in a moment.
WAKING_CODES = ("57P03",)
WAKING_WORDS = ("starting up", "is resuming", "InvalidClusterState")


def field(error: Exception, name: str) -> str:
    """A field of the server's error; empty for an error of the driver's own."""
    told = error.args[0] if error.args else ""
    return str(told.get(name, "")) if isinstance(told, dict) else ""


def said(error: Exception) -> str:
    """The message and, because a columnar COPY says the reason only there, the detail (its context, if it has one)."""
    message, detail = field(error, "M") or ": ".join(map(str, error.args)), field(error, "D")
    context = re.search(r"context:\s*(.*?)(?:\n\s*query:|$)", detail, re.DOTALL)
    more = " ".join((context[1] if context else detail).split())
    return " ".join(message.split()) + (f" ({more})" if more else "")


def is_undefined(error: Exception) -> bool:
    return field(error, "C") in UNDEFINED or "does not exist" in field(error, "M")


def is_conflict(error: Exception) -> bool:
    return (
        field(error, "C") in CONFLICT_CODES
        or field(error, "M").strip() in CONFLICT_NUMBERS
        or any(words in said(error) for words in CONFLICT_WORDS)
    )


def is_waking(error: Exception) -> bool:
    # The port was answered, and then nobody spoke: the driver gives this one as it is, and its own for a closed port.
    return (
        isinstance(error, TimeoutError)
        or field(error, "C") in WAKING_CODES
        or any(words in said(error) for words in WAKING_WORDS)
    )
