"""Stand-ins for dbt's own macros, so that the linter can render models without a warehouse. Redshift's spelling."""


def datediff(first: str, last: str, part: str) -> str:
    return f"datediff({part}, {first}, {last})"
