"""The lake as the backup: raw rebuilt from it, old runs pruned, a person erased."""
