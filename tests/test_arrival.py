"""The kernel's stamps on our own clock, and what is believed once somebody sets the clock."""

import time

import pytest

from collectors import arrival
from collectors.arrival import Arrivals


@pytest.fixture
def arrivals() -> Arrivals:
    one = Arrivals()
    one.look()
    one.look()
    return one


def stamp_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def test_a_stamp_tells_the_arrival_and_not_when_it_was_read(arrivals: Arrivals) -> None:
    sent_ns, stamped_ns = time.perf_counter_ns(), stamp_ns()
    time.sleep(0.02)  # what a busy loop does to a reply that waits
    assert arrivals.at_ns(stamped_ns, sent_ns) - sent_ns < 10_000_000


@pytest.mark.parametrize("off_ns", [-3_600_000_000_000, 3_600_000_000_000, None])
def test_a_stamp_before_the_sending_or_after_now_is_not_believed(
    arrivals: Arrivals, off_ns: int | None
) -> None:
    sent_ns = time.perf_counter_ns()
    stamped_ns = None if off_ns is None else stamp_ns() + off_ns
    assert sent_ns <= arrivals.at_ns(stamped_ns, sent_ns) <= time.perf_counter_ns()


def test_no_stamp_is_believed_at_the_look_after_the_clock_was_set(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_ns = time.perf_counter_ns()
    stamped_ns = stamp_ns()
    monkeypatch.setattr(
        arrival, "clock_gettime_ns", lambda clock: time.clock_gettime_ns(clock) + 2_000_000
    )
    arrivals.look()
    read_ns = time.perf_counter_ns()
    assert arrivals.at_ns(stamped_ns, sent_ns) >= read_ns
