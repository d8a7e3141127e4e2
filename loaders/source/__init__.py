"""The source: a MySQL connection, one snapshot of it, its rows and its sums."""
