"""The stand-in, started once per worker by its own plugin."""

from stand_in_fixtures import ask, redshift, s3, schema, table  # noqa: F401 (fixtures)
