"""Work in several threads: order, bounds and failures are those of one."""

import os
import signal
import threading
import time

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.common.threads import Shared, in_background, merged

SCHEMA = pa.schema([("n", pa.int64())])
EIGHT_BYTES = 8


def batch(number: int) -> pa.RecordBatch:
    """One row of eight bytes."""
    return pa.RecordBatch.from_arrays([pa.array([number], pa.int64())], schema=SCHEMA)


def numbers(batches) -> list[int]:
    return [each["n"][0].as_py() for each in batches]


class Source:
    """A generator of batches that knows how many it gave, and whether it was closed. fails_at: raises there."""

    def __init__(self, count: int, fails_at: int | None = None):
        self.count, self.fails_at = count, fails_at
        self.given, self.closed = 0, False

    def __iter__(self):
        try:
            for number in range(self.count):
                if number == self.fails_at:
                    raise ValueError(f"row {number}")
                self.given += 1
                yield batch(number)
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@settings(max_examples=40)
@given(st.lists(st.integers(0, 30), max_size=4), st.integers(1, 100))
def test_all_batches_come_each_sources_in_its_order(counts, limit):
    sources = [iter(Source(count)) for count in counts]
    found = numbers(merged(sources, limit, lambda: None))
    assert sorted(found) == sorted(number for count in counts for number in range(count))
    if len(counts) == 1:
        assert found == list(range(counts[0]))


def test_no_more_is_kept_than_the_limit():
    source = Source(100)
    taken = merged([iter(source)], 3 * EIGHT_BYTES, lambda: None)
    for number in range(1, 20):
        next(taken)
        time.sleep(0.005)
        # Kept, plus the one that waits for room.
        assert source.given <= number + 3 + 1
    taken.close()
    assert source.closed


def test_one_batch_larger_than_the_limit_passes():
    assert numbers(merged([iter(Source(5))], 1, lambda: None)) == list(range(5))


@pytest.mark.parametrize("fails_at", [0, 3, 9])
def test_a_sources_error_is_raised_and_all_are_closed(fails_at):
    good, bad, woken = Source(1000), Source(10, fails_at), []
    with pytest.raises(ValueError, match=f"row {fails_at}"):
        list(merged([iter(good), iter(bad)], EIGHT_BYTES, lambda: woken.append(1)))
    assert good.closed and bad.closed and woken == [1]


def test_who_waits_for_the_network_is_woken_when_another_fails():
    network = threading.Event()

    def waiting():
        yield batch(1)
        network.wait(30)
        raise OSError("cut")

    with pytest.raises(ValueError, match="row 0"):
        list(merged([waiting(), iter(Source(9, 0))], EIGHT_BYTES, network.set))
    assert network.is_set()


def test_left_early_the_sources_are_closed_before_it_returns():
    source = Source(1000)
    taken = merged([iter(source)], EIGHT_BYTES, lambda: None)
    next(taken)
    taken.close()
    assert source.closed and source.given < 10


def test_ctrl_c_ends_threads_that_wait_for_the_network():
    network = threading.Event()

    def waiting():
        yield batch(1)
        network.wait(30)

    pressed = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    pressed.start()
    with pytest.raises(KeyboardInterrupt):
        list(merged([waiting(), waiting()], EIGHT_BYTES, network.set))
    pressed.join()
    assert network.is_set()


def test_behind_keeps_the_order_and_works_while_the_next_is_made():
    made, threads = [], set()

    def items():
        for number in range(5):
            made.append(number)
            yield number

    def slow(number: int) -> tuple[int, int]:
        threads.add(threading.get_ident())
        time.sleep(0.01)
        return number, len(made)

    results = list(in_background(slow, items()))
    assert [number for number, _made in results] == list(range(5))
    assert threads.isdisjoint({threading.get_ident()}) and results[0][1] > 1, "the second was made meanwhile"


@pytest.mark.parametrize("fails_at", [0, 2, 4])
def test_an_error_of_the_work_behind_is_raised(fails_at):
    def work(number: int) -> int:
        if number == fails_at:
            raise ValueError(f"item {number}")
        return number

    done = []
    with pytest.raises(ValueError, match=f"item {fails_at}"):
        for result in in_background(work, range(5)):
            done.append(result)
    assert done == list(range(fails_at))


def test_an_error_of_who_makes_the_items_is_raised_after_the_work_has_ended():
    ended = []

    def items():
        yield 1
        raise ValueError("no more")

    def work(number: int) -> None:
        time.sleep(0.05)
        ended.append(number)

    with pytest.raises(ValueError, match="no more"):
        list(in_background(work, items()))
    assert ended == [1]


def test_each_shared_item_goes_to_one_thread():
    shared, taken = Shared(iter(range(5000))), [[], [], []]
    threads = [threading.Thread(target=mine.extend, args=(shared,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for mine in taken for number in mine) == list(range(5000))
