"""What people ask: is every link whole (doctor), which tables are there (discover), whence is a column (lineage)."""
