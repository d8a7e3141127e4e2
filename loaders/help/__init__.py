"""What people ask before a run: is every link whole (doctor), which tables are there (discover)."""
