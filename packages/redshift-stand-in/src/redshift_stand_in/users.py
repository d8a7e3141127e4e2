"""Users, groups and who may use which IAM role: Redshift's statements as calls of the stand-in's own functions.

PostgreSQL's roles are what is left of both; catalog.sql keeps what they have not (passwords, SESSION TIMEOUT,
ASSUMEROLE). Pages r_CREATE_USER, r_ALTER_USER, r_DROP_USER, r_CREATE_GROUP, r_ALTER_GROUP, r_GRANT, r_REVOKE.
"""

import json
import re

from redshift_stand_in.errors import RedshiftError, refused

NAME = r'(?:"(?:[^"]|"")+"|\w+)'
NAMES = rf"({NAME}(?:\s*,\s*{NAME})*)"
TEXT = r"('(?:[^']|'')*')"
WHOLE = re.compile(
    rf"(create|alter|drop)\s+(user|group)\s+(?:(if\s+exists)\s+)?{NAMES}\s*(?:with\b\s*)?(.*)$",
    re.IGNORECASE | re.DOTALL,
)
ASSUME = re.compile(
    r"(grant|revoke)\s+assumerole\s+on\s+(.+?)\s+(?:to|from)\s+(.+?)\s+for\s+(.+)$", re.IGNORECASE | re.DOTALL
)
# What an option of a user says: pattern -> (what is kept of it, the value if the pattern itself is one).
OPTIONS = (
    (r"nocreatedb\b", "createdb", False),
    (r"createdb\b", "createdb", True),
    (r"nocreateuser\b", "superuser", False),
    (r"createuser\b", "superuser", True),
    (r"syslog\s+access\s+(?:un)?restricted\b", "", None),
    (r"password\s+disable\b", "password", None),
    (rf"password\s+{TEXT}", "password", "text"),
    (rf"valid\s+until\s+{TEXT}", "until", "text"),
    (r"connection\s+limit\s+unlimited\b", "connections", -1),
    (r"connection\s+limit\s+(\d+)", "connections", "number"),
    (r"session\s+timeout\s+(\d+)", "timeout", "number"),
    (r"reset\s+session\s+timeout\b", "timeout", None),
    (rf"in\s+group\s+{NAMES}", "groups", "names"),
)
SHORTEST, LONGEST = 60, 1_728_000
KINDS = ("COPY", "UNLOAD", "EXTERNAL FUNCTION", "CREATE MODEL")


def call(body: str) -> str | None:
    """The PostgreSQL statement for a statement about users, groups or ASSUMEROLE; None for any other."""
    if found := ASSUME.match(body):
        return _assume(*(part.strip() for part in found.groups()))
    found = WHOLE.match(body)
    if not found:
        return None
    verb, what, missing_ok, names, rest = found.groups()
    if verb.lower() == "drop":
        return f"select rs_drop_roles({_array(names)}, {'true' if missing_ok else 'false'})"
    if what.lower() == "group":
        return _group(verb.lower(), names, rest)
    options = _options(rest)
    if verb.lower() == "create" and "password" not in options:
        raise RedshiftError("syntax error in CREATE USER: it takes PASSWORD '…' or PASSWORD DISABLE")
    groups = _array(str(options.pop("groups", "")))
    kept = _literal(json.dumps(options))
    return f"select rs_{verb.lower()}_user({_literal(_plain(names))}, {kept}::jsonb, {groups})"


def _group(verb: str, name: str, rest: str) -> str:
    change = re.match(rf"(?:(add|drop)\s+)?user\s+{NAMES}\s*$", rest, re.IGNORECASE)
    if (rest and not change) or (change and (verb == "alter") != bool(change[1])):
        raise refused(f"{verb.upper()} GROUP … {rest}")
    members = _array(change[2]) if change else _array("")
    out = "true" if change and (change[1] or "").lower() == "drop" else "false"
    return f"select rs_{verb}_group({_literal(_plain(name))}, {members}, {out})"


def _options(rest: str) -> dict[str, object]:
    found: dict[str, object] = {}
    while rest := rest.lstrip(" \t\r\n,"):
        for pattern, key, value in OPTIONS:
            if match := re.match(pattern, rest, re.IGNORECASE):
                if key:
                    found[key] = _value(match, value)
                rest = rest[match.end() :]
                break
        else:
            raise refused(f"a user's option {rest.split()[0].upper()}")
    _check(found)
    return found


def _value(match: re.Match[str], value: object) -> object:
    if value == "text":
        return match[1][1:-1].replace("''", "'")
    if value == "number":
        return int(match[1])
    return match[1] if value == "names" else value


def _check(options: dict[str, object]) -> None:
    timeout, password = options.get("timeout"), options.get("password")
    if isinstance(timeout, int) and not SHORTEST <= timeout <= LONGEST:
        raise RedshiftError(f"SESSION TIMEOUT must be from {SHORTEST} to {LONGEST} seconds", "22023")
    if isinstance(password, str) and password.startswith("sha256|"):
        raise refused("a password as a SHA-256 digest")
    if isinstance(password, str) and not re.fullmatch(r"md5[0-9a-f]{32}", password):
        kinds = all(re.search(kind, password) for kind in ("[A-Z]", "[a-z]", "[0-9]"))
        if not kinds or not re.fullmatch(r"""[!-~]{8,64}""", password) or re.search(r"""['"\\/@]""", password):
            raise RedshiftError(
                "password must have 8 to 64 characters, an upper and a lower case letter and a digit", "22023"
            )


def _assume(verb: str, roles: str, grantees: str, kinds: str) -> str:
    on = [_plain(role) if role[0] == "'" else role.upper() for role in re.findall(rf"{TEXT[1:-1]}|\w+", roles)]
    to = re.findall(rf"(?:(?:group|role)\s+)?({NAME})", grantees, re.IGNORECASE)
    wanted = [re.sub(r"\s+", " ", kind.strip().upper()) for kind in kinds.split(",")]
    wanted = list(KINDS) if "ALL" in wanted else wanted
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise RedshiftError(f"syntax error at or near {unknown[0]} in ASSUMEROLE")
    lists = ", ".join(_texts(each) for each in (on, [_plain(name) for name in to], wanted))
    return f"select rs_assume({'true' if verb.lower() == 'grant' else 'false'}, {lists})"


def _array(names: str) -> str:
    return _texts([_plain(name) for name in re.findall(NAME, names)])


def _texts(values: list[str]) -> str:
    return f"array[{', '.join(map(_literal, values))}]::text[]"


def _plain(name: str) -> str:
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"'" else name.lower()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
