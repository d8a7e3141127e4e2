"""Quoted names, put aside while a statement's words are changed: nothing in a name is one of SQL's words."""

import re

from redshift_stand_in.tokens import Token, text_of, tokens


def put_aside(sql: str) -> tuple[str, dict[str, str]]:
    """The statement with plain quoted names instead of its own, and what each stands for, without quotes.

    In small letters, because enable_case_sensitive_identifier is off; but not the users of IAM (`IAM:…`, `IAMR:…`).
    """
    stem = "q_name"
    while stem in sql:
        stem += "_"
    parts = tokens(sql)
    names: dict[str, str] = {}
    for part in parts:
        if part.kind == "quoted":
            plain = f"{stem}_{len(names)}_"
            name = part.text[1:-1].replace('""', '"')
            names[plain] = name if name.startswith(("IAM:", "IAMR:")) else name.lower()
            part.text = quoted(plain)
    return text_of(parts), names


def put_back(sql: str, names: dict[str, str]) -> str:
    """A statement with the names themselves, also where it has them in a text, quoted or bare."""
    return text_of([_own(part, names) for part in tokens(sql)]) if names else sql


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _own(part: Token, names: dict[str, str]) -> Token:
    if part.kind == "quoted":
        return Token(part.kind, quoted(names.get(part.text[1:-1], part.text[1:-1])))
    if part.kind == "text":
        plain = "|".join(map(re.escape, names))
        own = re.sub(f'"({plain})"', lambda found: _in_text(quoted(names[found[1]])), part.text)
        return Token(part.kind, re.sub(plain, lambda found: _in_text(names[found[0]]), own))
    return part


def _in_text(name: str) -> str:
    return name.replace("'", "''")
