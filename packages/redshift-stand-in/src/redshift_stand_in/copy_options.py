"""COPY as Redshift's documentation for columnar files has it: Parquet, a role, and few options."""

import re
from dataclasses import dataclass

from redshift_stand_in.errors import RedshiftError, refused
from redshift_stand_in.rewrite import NAME

# What the documentation allows for Parquet (copy-usage_notes-copy-from-columnar), as far as the stand-in can judge it.
FLAGS = ("MANIFEST", "FILLRECORD", "EXPLICIT_IDS", "STATUPDATE", "ACCEPTINVCHARS")
COPY = re.compile(
    rf"""copy\s+{NAME}\s*(\((?:"(?:[^"]|"")+"|[^)"])*\))?\s*from\s+('(?:[^']|'')*')\s*(.*)$""",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Copy:
    """A parsed COPY. columns: None for all of the table's. options: what it says, ACCEPTINVCHARS with its value."""

    table: str
    columns: tuple[str, ...] | None
    source: str
    role: str
    options: dict[str, str]

    @property
    def manifest(self) -> bool:
        return "MANIFEST" in self.options


def parse(sql: str) -> Copy:
    """Read a COPY statement; anything but Parquet by an IAM role is refused by name."""
    found = COPY.match(sql)
    if not found:
        raise RedshiftError("syntax error in COPY")
    options = _options(found[4])
    if "IAM_ROLE" not in options:
        raise RedshiftError("Credentials argument is not supplied for COPY")
    if options.get("FORMAT") != "PARQUET":
        raise refused(f"COPY in the format {options.get('FORMAT', 'TEXT')}")
    columns = _columns(found[2]) if found[2] else None
    return Copy(found[1].lower(), columns, _plain(found[3]), options["IAM_ROLE"], options)


def _options(text: str) -> dict[str, str]:
    words = re.findall(r"'(?:[^']|'')*'|[A-Za-z_0-9]+", text)
    found: dict[str, str] = {}
    while words:
        word = words.pop(0).upper()
        if word == "IAM_ROLE" and words:
            value = words.pop(0)
            found[word] = _plain(value) if value.startswith("'") else value.lower()
        elif word == "FORMAT" and words:
            value = words.pop(0).upper()
            found[word] = words.pop(0).upper() if value == "AS" and words else value
        elif word in FLAGS:
            found[word] = _value(word, words)
        elif word in ("CREDENTIALS", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
            raise refused("keys in the text of a COPY")
        elif word in ("CSV", "JSON", "ORC", "AVRO"):
            raise refused(f"COPY in the format {word}")
        else:
            raise RedshiftError(f"{word} argument is not supported for PARQUET based COPY", "0A000")
    return found


def _value(word: str, words: list[str]) -> str:
    """What follows a flag (copy-parameters-data-conversion, copy-parameters-data-load)."""
    if word == "STATUPDATE" and words and words[0].upper() in ("ON", "TRUE", "OFF", "FALSE"):
        return words.pop(0).upper()
    if word == "ACCEPTINVCHARS":
        if words and words[0].upper() == "AS":
            words.pop(0)
        value = _plain(words.pop(0)) if words and words[0].startswith("'") else "?"
        if len(value) != 1 or not "\0" < value < "\x80":
            raise RedshiftError("ACCEPTINVCHARS takes one ASCII character that is not NULL", "22023")
        return value
    return ""


def _columns(text: str) -> tuple[str, ...]:
    names = re.findall(r'"(?:[^"]|"")+"|\w+', text)
    return tuple((name[1:-1].replace('""', '"') if name[0] == '"' else name).lower() for name in names)


def _plain(text: str) -> str:
    return text[1:-1].replace("''", "'")
