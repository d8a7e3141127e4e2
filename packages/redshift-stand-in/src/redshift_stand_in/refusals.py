"""What PostgreSQL accepts and Redshift does not, and what the stand-in cannot judge: refused by name.

A list of refusals is never complete; README.md says which documentation each entry is from.
"""

import re

from redshift_stand_in.errors import refused

# Statements on system tables may use PostgreSQL's own words: dbt's catalog queries do.
SYSTEM = re.compile(r"\b(pg_\w+|information_schema|svv_\w+|stv_\w+|stl_\w+|svl_\w+|sys_\w+)\b", re.IGNORECASE)

NOT_IN_REDSHIFT = {
    "ON CONFLICT": r"\bon\s+conflict\b",
    "RETURNING": r"\breturning\b",
    "CREATE INDEX": r"\bcreate\s+(unique\s+)?index\b",
    "DISTINCT ON": r"\bdistinct\s+on\b",
    "string_agg": r"\bstring_agg\s*\(",
    "array_agg": r"\barray_agg\s*\(",
    "FILTER (WHERE)": r"\bfilter\s*\(\s*where\b",
    "LATERAL": r"\blateral\b",
    "the type json": r"\bjsonb?\b",
    "the type uuid": r"\buuid\b(?!\s*\()",
    "SERIAL": r"\b(small|big)?serial\b",
    "the type bytea": r"\bbytea\b",
    "a partitioned table": r"\bcreate\s+table\b.*\bpartition\s+by\s+(range|list|hash)\b",
    "TABLESAMPLE": r"\btablesample\b",
    "generate_series": r"\bgenerate_series\s*\(",
    "COPY FROM STDIN": r"\bcopy\b.*\bstdin\b",
    "a cursor that scrolls or is held": r"^\s*declare\b.*?(?<!no\s)\bscroll\s+cursor\b|\bcursor\s+with\s+hold\b",
    "CREATE TRIGGER": r"\bcreate\s+(or\s+replace\s+)?trigger\b",
    "CREATE DOMAIN": r"\bcreate\s+(domain|extension|sequence)\b",
}
NOT_JUDGED = {
    "UNLOAD": r"^\s*unload\b",
    "QUALIFY": r"\bqualify\b",
    "PIVOT": r"\b(un)?pivot\b",
    "MERGE": r"^\s*merge\b",
    "the type super": r"\bsuper\b",
    "LISTAGG": r"\blistagg\s*\(",
    "a materialized view": r"\bcreate\s+materialized\s+view\b",
    "a procedure": r"\bcreate\s+(or\s+replace\s+)?procedure\b|^\s*call\b",
    "a function of one's own": r"\bcreate\s+(or\s+replace\s+)?function\b",
    "CONNECT BY": r"\bconnect\s+by\b",
    "ALTER TABLE APPEND": r"\balter\s+table\b.*\bappend\b",
    "APPROXIMATE": r"\bapproximate\b",
}


def check(bare: str) -> None:
    """Raise for the first refused construct in a statement whose values have been emptied."""
    if SYSTEM.search(bare):
        return
    for what, pattern in (NOT_IN_REDSHIFT | NOT_JUDGED).items():
        if re.search(pattern, bare, re.IGNORECASE | re.DOTALL):
            raise refused(what)
