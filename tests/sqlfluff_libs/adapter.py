"""Stand-in for dbt's `adapter`: the linter reads the Redshift spelling of a dispatched macro."""


def dispatch(name: str):
    return {"whole_division": lambda number, divisor: f"(({number}) / {divisor})"}[name]
