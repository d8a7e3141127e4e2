"""The raw schema in DuckDB or Redshift: apply a run whole or not at all, and compare."""
