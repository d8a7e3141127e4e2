"""What every room names: the run record, the catalog, raw's tables, keys of rows, buckets. No connection, no file."""
