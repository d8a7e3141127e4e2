"""After every run raw equals the source, row by row, and the run says so: on the Redshift stand-in."""

import pytest

from tests import mixes
from tests.redshift.test_load import both  # noqa: F401 (a fixture)


@pytest.mark.parametrize("kind", mixes.KINDS)
def test_after_any_mix_raw_equals_the_source(both, kind, monkeypatch):  # noqa: F811
    """By the cursor where it shows rows, which COPY lays over raw; DuckDB's suite compares keys of so few."""
    monkeypatch.setattr("loaders.run.incremental.FEW", 0)

    def live_rows():
        return both.ask(f"select _source_hash from {both.schema}.t where _deleted_at is null")

    mixes.after_any_mix(both.own, both.run, live_rows, kind)
