"""What every raw schema holds besides the source's own columns, in types that DuckDB and Redshift share."""

# Added to every raw table, after the columns of the lake: the run that brought the row (or saw it gone), that run's
# snapshot time, and when a run saw that the row was gone.
LINEAGE_COLUMNS = {"_run": "BIGINT", "_extracted_at": "TIMESTAMP", "_deleted_at": "TIMESTAMP"}

# The warehouse's record of what is applied: a row per run and table.
LOADS_TABLE = "_loads"
LOADS_COLUMNS = {
    "run": "BIGINT",
    "attempt": "VARCHAR(64)",
    "table_name": "VARCHAR(256)",
    "mode": "VARCHAR(16)",
    "row_count": "BIGINT",
    "invalid_count": "BIGINT",
    "snapshot_at": "TIMESTAMP",
    "loaded_at": "TIMESTAMP",
    "source_version": "VARCHAR(256)",
    "verdict": "VARCHAR(512)",
}
