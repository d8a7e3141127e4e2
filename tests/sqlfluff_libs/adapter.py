"""Stand-in for dbt's `adapter`: the linter reads the Redshift spelling of a dispatched macro."""


def dispatch(name: str):
    return {
        "whole_division": lambda number, divisor: f"(({number}) / {divisor})",
        "text_literal": lambda text: f"'{text}'",
    }[name]


def get_relation(_database: str, schema: str, name: str) -> str:
    return f"{schema}.{name}"


def quote(name: str) -> str:
    return f'"{name}"'
