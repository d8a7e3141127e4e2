"""What every raw schema holds besides the source's own columns, in types that DuckDB and Redshift share."""

# Added to every raw table, after the columns of the lake: the run that brought the row (or saw it gone), that run's
# snapshot time, and when a run saw that the row was gone.
LINEAGE_COLUMNS = {"_run": "BIGINT", "_extracted_at": "TIMESTAMP", "_deleted_at": "TIMESTAMP"}

# Locked by whoever writes into raw (Redshift only), and read by nobody: LOCK keeps readers out for as long as a load
# takes (docs.aws.amazon.com/redshift/latest/dg/r_LOCK.html), and `_loads` is what status, freshness and builds read.
LOCK_TABLE = "_lock"

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
