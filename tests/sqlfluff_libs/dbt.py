"""Stand-ins for dbt's own macros, so that the linter can render models without a warehouse. Redshift's spelling."""


def datediff(first: str, last: str, part: str) -> str:
    return f"datediff({part}, {first}, {last})"


def dateadd(part: str, number: str, moment: str) -> str:
    return f"dateadd({part}, {number}, {moment})"


def date_trunc(part: str, moment: str) -> str:
    return f"date_trunc('{part}', {moment})"


def generate_series(last: int) -> str:
    return f"select 1 as generated_number from whole_numbers where {last} > 0"
