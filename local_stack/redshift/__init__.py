"""Redshift and S3 on a laptop: a strict stand-in, for tests and for learning. See README.md."""
