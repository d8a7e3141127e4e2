"""Redshift's SQL to PostgreSQL's, token by token. What is not named here goes through byte for byte."""

import re
from dataclasses import dataclass, field

from redshift_stand_in import correlated, quoted_names, refusals, users
from redshift_stand_in.errors import RedshiftError
from redshift_stand_in.table_options import stripped
from redshift_stand_in.tokens import (
    Token,
    after,
    arguments,
    before,
    closing,
    opened,
    text_of,
    tokens,
    without_values,
    words,
)

NAME = r'((?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+)){0,2})'
WITH_DATEPART = ("DATEADD", "DATEDIFF", "DATE_PART", "DATE_TRUNC")
CALLS = {"LEN": "length", "NVL": "coalesce", "ISNULL": "coalesce", "AVG": "rs_avg", "VERSION": "rs_version"}
# Session settings that PostgreSQL does not know; kept under a prefix of their own.
SETTINGS = (
    "QUERY_GROUP",
    "ENABLE_CASE_SENSITIVE_IDENTIFIER",
    "ENABLE_RESULT_CACHE_FOR_SESSION",
    "WLM_QUERY_SLOT_COUNT",
    "ANALYZE_THRESHOLD_PERCENT",
)


@dataclass
class Statement:
    """What to send to PostgreSQL.

    kind: `sql`, `copy` (not for PostgreSQL at all), `nothing` (Redshift does something, here there is nothing to do),
    or `truncate` (commits). first, then: statements to run before and after it, in the same transaction.
    judged: a query in it whose subqueries have to be such as Redshift takes; empty: there are none.
    """

    sql: str
    kind: str = "sql"
    first: list[str] = field(default_factory=list)
    then: list[str] = field(default_factory=list)
    judged: str = ""


def rewrite(sql: str, in_transaction: bool = False) -> Statement:
    """The PostgreSQL statement for a Redshift statement; RedshiftError for one that is refused."""
    plain, names = quoted_names.put_aside(sql)
    made = _rewritten(plain, in_transaction)
    back = [[quoted_names.put_back(each, names) for each in statements] for statements in (made.first, made.then)]
    judged = made.judged if correlated.SUBQUERY.search(made.judged) else ""
    put_back = quoted_names.put_back
    return Statement(put_back(made.sql, names), made.kind, back[0], back[1], put_back(judged, names))


def _rewritten(sql: str, in_transaction: bool) -> Statement:
    parts = tokens(sql)
    first = words(parts, 6)
    if not first:
        return Statement(sql)
    bare = without_values(parts)
    body = text_of([Token("space", " ") if part.text.startswith(("--", "/*")) else part for part in parts])
    body = body.strip().rstrip(";").strip()
    if first[0] == "COPY" and "STDIN" not in bare.upper():
        return Statement(body, "copy")
    if call := users.call(body):
        return Statement(call)
    refusals.check(bare)
    known = {
        "SHOW": _show,
        "SET": _set,
        "GRANT": _grant,
        "REVOKE": _grant,
        "ALTER": _grant,
        "VACUUM": lambda _body: Statement("select 1 where false", "nothing"),
        "ANALYZE": lambda _body: Statement("select 1 where false", "nothing"),
        "DROP": _drop,
        "CREATE": _create,
    }
    if first[0] == "DECLARE":
        return Statement(text_of(expressions(parts)), first=["select rs_one_cursor()"])
    if first[0] == "TRUNCATE":
        return Statement(text_of(expressions(parts)), "truncate")
    if first[0] == "ALTER" and first[1:2] != ["DEFAULT"]:
        return _alter(body, bare, in_transaction)
    if first[0] in known:
        return known[first[0]](body)
    if first[0] in ("COMMENT", "BEGIN", "COMMIT", "ROLLBACK", "END", "ABORT", "START", "RESET"):
        return Statement(sql)
    if refusals.SYSTEM.search(bare):
        return Statement(text_of(_on_system_tables(parts)))
    made = text_of(expressions(parts))
    return Statement(made, judged=made.strip().rstrip(";") if first[0] in ("SELECT", "WITH") else "")


def expressions(parts: list[Token]) -> list[Token]:
    """Change functions, types and literals inside a statement, in place."""
    for index, part in enumerate(parts):
        if part.kind == "quoted":
            part.text = part.text.lower()  # enable_case_sensitive_identifier is off
        elif part.kind == "text" and part.text[0] == "'" and "\\" in part.text:
            part.text = "E" + part.text  # a backslash escapes in Redshift's plain literals
        elif part.kind == "word":
            _word(parts, index)
    return parts


def _word(parts: list[Token], index: int) -> None:
    part, opening, preceding = parts[index], opened(parts, index), before(parts, index)
    if preceding is not None and parts[preceding].text == ".":
        return
    if part.word == "MINUS":
        part.text = "except"
    elif opening is not None:
        _call(parts, index, opening)
    elif part.word == "SYSDATE":
        part.text = "sysdate()"
    if part.word == "VARBYTE":
        _varbyte(parts, index)


def _call(parts: list[Token], index: int, opening: int) -> None:
    part, first = parts[index], after(parts, opening)
    if part.word in WITH_DATEPART:
        _quote_datepart(parts, opening)
    elif part.word in ("VARCHAR", "VARBYTE") and first is not None and parts[first].word == "MAX":
        parts[first].text = "65535"
    elif part.word in CALLS:
        part.text = CALLS[part.word]
    elif part.word == "CONVERT" and len(arguments(parts, opening)) == 2:
        kind, value = arguments(parts, opening)
        end = closing(parts, opening)
        part.text = f"cast({text_of(expressions(value)).strip()} as {text_of(expressions(kind)).strip()})"
        for inside in range(index + 1, end + 1):
            parts[inside] = Token("space", "")


def _varbyte(parts: list[Token], index: int) -> None:
    """VARBYTE(n) is bytea here; its width is kept by `rs_set_widths`."""
    parts[index].text = "bytea"
    opening = opened(parts, index)
    if opening is not None:
        for inside in range(opening, closing(parts, opening) + 1):
            parts[inside] = Token("space", "")


def _quote_datepart(parts: list[Token], opening: int) -> None:
    """dateadd(day, …): the bare word becomes a text, which PostgreSQL's functions take."""
    first = after(parts, opening)
    second = None if first is None else after(parts, first)
    if first is not None and second is not None and parts[first].kind == "word" and parts[second].text == ",":
        parts[first] = Token("text", f"'{parts[first].text.lower()}'")


def _on_system_tables(parts: list[Token]) -> list[Token]:
    """Parts of dates, and what a late-binding view depends on (nothing); all else stays as it is."""
    for index, part in enumerate(parts):
        if part.kind == "word" and part.word == "PG_DEPEND":
            part.text = "rs_depend"
        opening = opened(parts, index)
        if part.kind == "word" and part.word in WITH_DATEPART and opening is not None:
            _quote_datepart(parts, opening)
    return parts


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _show(body: str) -> Statement:
    kinds = r"(schemas\s+from\s+database|tables\s+from\s+schema|columns\s+from\s+table|grants\s+on\s+table)"
    found = re.match(rf"show\s+{kinds}\s+{NAME}(?:\s+like\s+('.*'))?\s*$", body, re.IGNORECASE)
    if not found:
        return _set(body)
    function = found[1].split()[0].lower()
    names = [name.strip('"') for name in re.findall(r'"[^"]+"|\w+', found[2])]
    given = names if function == "schemas" else names[1:]
    like = f" where schema_name like {found[3]}" if found[3] else ""
    return Statement(f"select * from rs_show_{function}({', '.join(map(literal, given))}){like}")


def _set(body: str) -> Statement:
    found = re.match(r"(set|show)\s+(?:session\s+)?(\w+)", body, re.IGNORECASE)
    if found and found[2].upper() in SETTINGS:
        return Statement(f"{found[1]} redshift.{found[2]}{body[found.end() :]}")
    return Statement(body)


def _grant(body: str) -> Statement:
    return Statement(
        text_of(expressions(tokens(re.sub(r"(\bto\s|\bfrom\s|,)\s*(role|group)\s+", r"\1 ", body, flags=re.I))))
    )


def _drop(body: str) -> Statement:
    view = re.match(rf"drop\s+view\s+(?:if\s+exists\s+)?{NAME}", body, re.IGNORECASE)
    forget = [f"select rs_drop_view({literal(view[1].lower())})"] if view else []
    # Late-binding views do not hold a table; PostgreSQL's views do, so they are taken away first and restored.
    table = re.match(rf"drop\s+table\s+(?:if\s+exists\s+)?{NAME}", body, re.IGNORECASE)
    release = [f"select rs_release_views({literal(table[1].lower())})"] if table else []
    sql = text_of(expressions(tokens(body)))
    return Statement(sql, first=release, then=[*forget, "select rs_restore_views()"])


def _create(body: str) -> Statement:
    head = [word for word in words(tokens(body), 5)[1:] if word != "OR" and word != "REPLACE"]
    if "TABLE" in head[:3]:
        return _create_table(body)
    if head[:1] == ["VIEW"]:
        return _create_view(body)
    return Statement(text_of(expressions(tokens(body))))


def _create_table(body: str) -> Statement:
    start = re.match(
        rf"(create\s+(?:(?:local\s+)?temp(?:orary)?\s+)?table\s+(?:if\s+not\s+exists\s+)?){NAME}", body, re.I
    )
    if not start:
        raise RedshiftError("syntax error in CREATE TABLE")
    name, rest = start[2].lower(), body[start.end() :]
    query = re.search(r"\bas\s*\(?\s*(select|with)\b", rest, re.IGNORECASE)
    declared, selected = (rest[: query.start()], rest[query.start() :]) if query else (rest, "")
    options = stripped(declared)
    columns = text_of(expressions(tokens(options.declared)))
    sort_keys = ",".join(map(literal, options.sort_keys))
    attributes = f"select rs_set_options({literal(name)}, {literal(options.dist_style)}, array[{sort_keys}]::text[])"
    selected = text_of(expressions(tokens(selected)))
    return Statement(
        f"{start[1].lower()}{name} {columns}{selected}",
        judged=selected.removeprefix("as").strip() if query and "(" not in query[0] else "",
        then=[attributes, *options.widths(name), "select rs_restore_views()"],
    )


def _create_view(body: str) -> Statement:
    late = re.search(r"\bwith\s+no\s+schema\s+binding\s*$", body, re.IGNORECASE)
    sql = text_of(expressions(tokens(body[: late.start()] if late else body)))
    name = re.match(rf"create\s+(?:or\s+replace\s+)?view\s+{NAME}", body, re.IGNORECASE)
    if not name:
        raise RedshiftError("syntax error in CREATE VIEW")
    keep = f"select rs_keep_view({literal(name[1].lower())}, {'true' if late else 'false'}, {literal(sql)})"
    return Statement(sql, then=[keep])


def _alter(body: str, bare: str, in_transaction: bool) -> Statement:
    if re.search(r"\balter\s+(diststyle|distkey|(compound\s+)?sortkey|encode|column\s+\S+\s+encode)\b", bare[6:], re.I):
        return Statement("select 1 where false", "nothing")
    resized = re.match(rf"alter\s+table\s+{NAME}\s+alter\s+column\s+(\S+)\s+type\s+(\w+)", body, re.IGNORECASE)
    if resized:
        _check_alter_type(bare, in_transaction)
    if re.search(r"\badd\s+column\b", bare, re.IGNORECASE):
        body = stripped(body).declared
    statement = Statement(text_of(expressions(tokens(body))))
    if resized:  # PostgreSQL resizes no column that a view shows
        table, column = literal(resized[1].lower()), literal(resized[2].strip('"').lower())
        is_varbyte = resized[3].lower() == "varbyte"
        statement.first = [f"select rs_check_resize({table}, {column}, '{'bytea' if is_varbyte else 'varchar'}')"]
        statement.first.append(f"select rs_release_views({table})")
        size = re.search(r"\(\s*(\d+)\s*\)\s*$", body)
        if is_varbyte and size:
            statement.then = [f"select rs_set_width({table}, {column}, {size[1]})"]
        statement.then.append("select rs_restore_views()")
    renamed = re.match(rf"alter\s+(?:table|view)\s+{NAME}\s+rename\s+to\s+(\S+)", body, re.IGNORECASE)
    if renamed:
        new = renamed[2].strip('"').lower()
        statement.then = [f"select rs_rename_view({literal(renamed[1].lower())}, {literal(new)})"]
        statement.then.append("select rs_restore_views()")
    return statement


def _check_alter_type(bare: str, in_transaction: bool) -> None:
    if in_transaction:
        raise RedshiftError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block", "25001")
    if not re.search(r"\btype\s+(varchar|character\s+varying|varbyte)\b", bare, re.IGNORECASE):
        told = "target data type is not supported: only the size of a VARCHAR or a VARBYTE can be altered"
        raise RedshiftError(told, "0A000")
