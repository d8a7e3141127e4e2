"""Redshift and S3 on a laptop: a strict stand-in, for tests and for learning. See README.md."""

from redshift_stand_in.errors import StandInError
from redshift_stand_in.names import Names
from redshift_stand_in.stack import Stack, answers, described, down, up

__all__ = ["Names", "Stack", "StandInError", "answers", "described", "down", "up"]
