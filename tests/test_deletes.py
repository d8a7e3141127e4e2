"""How many rows a run may delete without being asked: the borders, exactly."""

import pytest

from loaders.common.errors import Failure
from loaders.words.delete_limit import DeleteLimit, Lost

LIMIT = DeleteLimit()


@pytest.mark.parametrize(("gone", "before"), [(0, 0), (100, 100), (100, 500), (101, 1_010), (5_000, 50_000)])
def test_so_many_rows_go_without_a_question(gone, before):
    LIMIT.check(Lost("order", gone, before))


@pytest.mark.parametrize(("gone", "before"), [(101, 101), (101, 1_009), (102, 1_010), (5_001, 50_000)])
def test_one_row_more_is_asked_for_and_the_option_that_it_names_lets_it_go(gone, before):
    with pytest.raises(Failure) as caught:
        LIMIT.check(Lost("order", gone, before))
    assert f"{gone:,} of the {before:,} rows of order are gone" in str(caught.value)
    assert "--allow-deletes" in caught.value.fix
    DeleteLimit(lifted=True).check(Lost("order", gone, before))


def test_rows_that_were_not_counted_by_their_keys_are_at_least_so_many():
    with pytest.raises(Failure, match="at least 600 of the 1,000 rows"):
        LIMIT.check(Lost("order", 600, 1_000, by_key=False))
