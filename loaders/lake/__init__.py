"""The lake: objects that are there whole or not at all, and the records of runs."""
