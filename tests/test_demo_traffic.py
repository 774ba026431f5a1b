"""What the demo's past proves, and that its counters go on from it; nothing runs here."""

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.demo.habits import LINES
from agent.demo.meter import Meter
from agent.demo.town import DEVICES, LINES_OF_TOWN, Town
from agent.demo.traffic import DAY_TICKS, midnight, rates
from agent.judge.bounds import Traffic
from agent.judge.calendar import SHANGHAI
from agent.judge.rates import TICK_S
from agent.judge.status import Status
from agent.judge.verdict import judge
from config.policy import load_policy

NOW_TICK = 5_958_000
WINDOW = 30 * DAY_TICKS
CAPACITY_BPS = 50e6

DAYS = st.integers(0, 366)
"""The start may lie anywhere in the year: month ends, weekends and new year included."""


@pytest.mark.parametrize("kind", sorted(set(LINES) - {"standby"}))
@given(days=DAYS, into=st.integers(0, DAY_TICKS - 1))
def test_each_kind_of_line_has_the_verdict_that_it_is_made_for_on_any_day(
    kind: str, days: int, into: int
) -> None:
    now = NOW_TICK + days * DAY_TICKS + into
    ticks = np.arange(now - WINDOW, now)
    received, sent = rates(kind, LINES[kind].habit, CAPACITY_BPS, ticks, now)
    capacity = np.full(WINDOW, CAPACITY_BPS)
    window = Traffic(int(ticks[0]), received, sent, capacity, (), TICK_S)
    assert judge(window, load_policy().links).status is LINES[kind].verdict


def test_a_standby_line_alone_would_be_idle() -> None:
    ticks = np.arange(NOW_TICK - WINDOW, NOW_TICK)
    both = rates("b", LINES["standby"].habit, CAPACITY_BPS, ticks, NOW_TICK)
    window = Traffic(int(ticks[0]), *both, np.full(WINDOW, CAPACITY_BPS), (), TICK_S)
    assert judge(window, load_policy().links).status is Status.IDLE


def test_the_town_shows_every_kind_of_line_and_every_status() -> None:
    assert {it.kind for it in LINES_OF_TOWN} == set(LINES)
    assert {it.device for it in LINES_OF_TOWN} < {it.name for it in DEVICES}


def test_traffic_is_the_same_again_for_the_same_name_and_time() -> None:
    ticks = np.arange(NOW_TICK - 500, NOW_TICK)
    one, again = (
        rates("a", LINES["office"].habit, CAPACITY_BPS, ticks, NOW_TICK) for _ in range(2)
    )
    assert np.array_equal(one, again)
    other = rates("b", LINES["office"].habit, CAPACITY_BPS, ticks, NOW_TICK)
    assert not np.array_equal(one, other)
    part = rates("a", LINES["office"].habit, CAPACITY_BPS, ticks[100:200], NOW_TICK)
    assert np.array_equal(one[:, 100:200], part)


@given(st.lists(st.floats(0, 3 * 86_400), min_size=2, max_size=8).map(sorted))
def test_a_meter_never_goes_back_and_counts_what_the_rates_say(after_s: list[float]) -> None:
    def flat(ticks: np.ndarray) -> np.ndarray:
        return np.stack([np.full(len(ticks), 8e6), np.full(len(ticks), 4e6)])

    meter = Meter(flat, NOW_TICK)
    start_s = NOW_TICK * TICK_S
    start = meter.at(start_s)
    for it in after_s:
        received, sent = meter.at(start_s + it)
        assert received - start[0] == pytest.approx(1e6 * it, abs=2)
        assert sent - start[1] == pytest.approx(0.5e6 * it, abs=2)


def test_the_first_live_tick_goes_on_where_the_past_ended() -> None:
    town = Town(NOW_TICK)
    for line in LINES_OF_TOWN:
        meter = town.lines[line.name]
        start_s = NOW_TICK * TICK_S
        (before, _), (after, _) = meter.at(start_s), meter.at(start_s + TICK_S)
        live_bps = (after - before) * 8 / TICK_S
        if not np.isnan(last := meter.past[0, -1]):
            # Noise is 15 % either way, and hours change slowly.
            assert live_bps == pytest.approx(last, rel=0.6, abs=100), line.name


def test_a_day_begins_at_midnight_in_shanghai() -> None:

    began = datetime.fromtimestamp(midnight(NOW_TICK) * TICK_S, SHANGHAI)
    assert (began.hour, began.minute) == (0, 0)
    assert midnight(NOW_TICK) <= NOW_TICK
