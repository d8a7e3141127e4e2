"""After every run raw equals the source, row by row, and the run says so: on DuckDB."""

import pytest

from tests import mixes


@pytest.mark.parametrize("kind", mixes.KINDS)
def test_after_any_mix_raw_equals_the_source(own, kind):
    mixes.after_any_mix(own, own.run, lambda: own.live("t", "* exclude (_run, _extracted_at, _deleted_at)"), kind)
