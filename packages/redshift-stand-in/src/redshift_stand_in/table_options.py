"""What Redshift's CREATE TABLE says that PostgreSQL's cannot: taken off, checked later, remembered."""

import re
from dataclasses import dataclass, field

ENCODINGS = "auto|raw|az64|lzo|zstd|bytedict|delta32k|delta|mostly8|mostly16|mostly32|runlength|text255|text32k"


@dataclass
class Options:
    """A table's head in PostgreSQL's words, and what was taken off it. varbytes: column -> bytes."""

    declared: str
    dist_style: str = "AUTO(ALL)"
    sort_keys: list[str] = field(default_factory=list)
    varbytes: dict[str, int] = field(default_factory=dict)

    def widths(self, table: str) -> list[str]:
        """Statements that make VARBYTE(n) refuse longer values."""
        return [
            f"select rs_set_width({_literal(table)}, {_literal(column)}, {width})"
            for column, width in self.varbytes.items()
        ]


def stripped(declared: str) -> Options:
    """Take DISTKEY, SORTKEY, ENCODE, BACKUP and the keys that Redshift does not enforce off a table's head."""
    options = Options(declared)
    _table_level(options)
    _column_level(options)
    text = options.declared
    text = re.sub(r"\bbackup\s+(yes|no)\b", " ", text, flags=re.I)
    text = re.sub(rf"\bencode\s+({ENCODINGS})\b", " ", text, flags=re.I)
    text = re.sub(r"\bidentity\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)",
                  r"generated always as identity (start with \1 increment by \2)", text, flags=re.I)  # fmt: skip
    # Informational only in Redshift: duplicates and orphans load.
    text = re.sub(r",\s*(constraint\s+\S+\s+)?(primary\s+key|unique)\s*\([^)]*\)", " ", text, flags=re.I)
    reference = r"references\s+[\w.\"]+\s*(\([^)]*\))?"
    text = re.sub(rf",\s*(constraint\s+\S+\s+)?foreign\s+key\s*\([^)]*\)\s*{reference}", " ", text, flags=re.I)
    text = re.sub(r"\b(primary\s+key|unique)\b", " ", text, flags=re.I)
    text = re.sub(rf"\b{reference}", " ", text, flags=re.I)
    # Redshift's widths where none is said.
    text = re.sub(r"\b(decimal|numeric)\b(?!\s*\()", r"\1(18,0)", text, flags=re.I)
    text = re.sub(r"\b(character\s+varying|varchar|text|nvarchar)\b(?!\s*\()(?!\")", "varchar(256)", text, flags=re.I)
    for column, width in re.findall(r'("[^"]+"|\w+)\s+varbyte\s*\(\s*(\d+)\s*\)', text, re.I):
        options.varbytes[column.strip('"').lower()] = int(width)
    options.declared = text
    return options


def _table_level(options: Options) -> None:
    def take(pattern: str) -> re.Match[str] | None:
        found = re.search(pattern, options.declared, re.IGNORECASE)
        if found:
            options.declared = options.declared.replace(found[0], " ")
        return found

    if key := take(r"\bdistkey\s*\(\s*(\"[^\"]+\"|\w+)\s*\)"):
        options.dist_style = f"KEY({key[1].strip(chr(34)).lower()})"
    if (style := take(r"\bdiststyle\s+(even|all|key|auto)\b")) and not key:
        options.dist_style = style[1].upper()
    if keys := take(r"\b(?:compound\s+|interleaved\s+)?sortkey\s*(?:\(([^)]*)\)|auto\b)"):
        options.sort_keys = [name.strip().strip('"').lower() for name in (keys[1] or "").split(",") if name.strip()]


def _column_level(options: Options) -> None:
    """`id int distkey`: after the type, up to the next comma at the top."""
    for word in ("distkey", "sortkey"):
        found = re.search(rf'[(,]\s*("[^"]+"|\w+)\s(?:[^,()]|\([^)]*\))*?\b{word}\b', options.declared, re.IGNORECASE)
        if found:
            column = found[1].strip('"').lower()
            if word == "distkey":
                options.dist_style = f"KEY({column})"
            else:
                options.sort_keys.append(column)
            options.declared = re.sub(rf"\b{word}\b", " ", options.declared, count=1, flags=re.IGNORECASE)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
