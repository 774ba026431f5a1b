"""What an uplink bears: traffic of the same moment added up, with bounds as the verdicts have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.bounds import Floats, Traffic
from agent.judge.flows import Flow, flow_of, together
from agent.judge.headroom import allowed, uplink
from agent.judge.rates import Run
from config.policy import Rule, load_policy

TICKS, TICK_S = 100, 300.0
HAIR_BPS = 1000.0
"""More than a rate is rounded by in 32 bits."""

RULES = load_policy().plan.uplinks
OFTEN, HARD = RULES


def traffic(receive: Floats, *runs: Run, capacity_bps: float = 100e6) -> Traffic:
    transmit = np.where(np.isnan(receive), np.nan, 0.0)
    return Traffic(0, receive, transmit, np.full(len(receive), capacity_bps), runs)


def flow(receive: Floats, *runs: Run, capacity_bps: float = 100e6) -> Flow:
    return flow_of(traffic(receive, *runs, capacity_bps=capacity_bps), None)


def during(first: int, stop: int, bps: float, else_bps: float = 0.0) -> Floats:
    values = np.full(TICKS, else_bps)
    values[first:stop] = bps
    return values


def test_lines_that_are_busy_at_different_times_fit_though_their_peaks_do_not() -> None:
    end = uplink("u", 100e6, flow(during(0, 50, 60e6)), TICK_S)
    assert end.carrying(flow(during(50, 100, 60e6))).bears(RULES)
    assert not end.carrying(flow(during(0, 50, 60e6))).bears(RULES)


def test_directions_are_added_by_themselves_and_then_the_larger_one_counts() -> None:
    up, down = np.full(TICKS, 60e6), np.zeros(TICKS)
    capacity = np.full(TICKS, 100e6)
    one = flow_of(Traffic(0, up, down, capacity), None)
    other = flow_of(Traffic(0, down, up, capacity), None)
    end = uplink("u", 100e6, one, TICK_S)
    assert end.carrying(other).bears(RULES)
    assert not end.carrying(one).bears(RULES)


@pytest.mark.parametrize(
    ("receive", "holds"),
    [
        pytest.param(during(0, 100, 69e6), True, id="all-the-time-below-the-level"),
        pytest.param(during(0, 5, 70e6), True, id="as-long-as-the-limit-at-the-level"),
        pytest.param(during(0, 6, 70e6), False, id="a-tick-longer"),
        pytest.param(during(0, 1, 100e6), True, id="full-for-as-long-as-the-higher-rule-allows"),
        pytest.param(during(0, 2, 90e6), False, id="a-tick-longer-at-the-higher-level"),
    ],
)
def test_the_limit_itself_still_holds(receive: Floats, holds: bool) -> None:
    assert uplink("u", 100e6, flow(receive), TICK_S).bears(RULES) is holds


@pytest.mark.parametrize(
    ("line", "share"),
    [
        pytest.param(flow(during(10, 20, np.nan)), (0.0, 0.1), id="unseen-by-its-capacity"),
        pytest.param(
            flow(during(10, 20, np.nan), capacity_bps=10e6), (0.0, 0.0), id="a-small-one-cannot"
        ),
        pytest.param(
            flow(during(10, 20, np.nan), Run(10, 19, (20e6 * TICK_S * 2, 0.0))),
            (0.0, 0.02),
            id="known-bits-lift-so-many-ticks",
        ),
        pytest.param(
            flow(during(10, 20, np.nan), Run(10, 19, (19e6 * TICK_S, 19e6 * TICK_S))),
            (0.0, 0.0),
            id="or-none",
        ),
        pytest.param(
            flow(during(10, 20, np.nan), Run(10, 19, (1e15, 0.0))),
            (0.0, 0.1),
            id="more-bits-than-it-can-carry-say-nothing",
        ),
    ],
)
def test_an_unseen_tick_adds_what_can_have_crossed_to_the_upper_bound_alone(
    line: Flow, share: tuple[float, float]
) -> None:
    end = uplink("u", 100e6, flow(during(0, 100, 50e6)), TICK_S)
    assert tuple(end.carrying(line).share(OFTEN)) == share


def test_a_line_without_a_capacity_is_bounded_by_sight_or_bits_alone() -> None:
    seen = flow(during(0, 9, 1e6), capacity_bps=np.nan)
    hidden = flow(during(0, 9, np.nan), capacity_bps=np.nan)
    counted = flow(during(0, 9, np.nan), Run(0, 8, (1e9, 0.0)), capacity_bps=np.nan)
    assert [it.is_bounded for it in (seen, hidden, counted)] == [True, False, True]
    contracted = flow_of(traffic(during(0, 9, np.nan), capacity_bps=np.nan), 10e6)
    assert contracted.is_bounded
    assert (seen.p95_bps(), hidden.p95_bps(), hidden.seen_ratio) == (1e6, 0.0, 0.91)
    assert flow(np.full(TICKS, np.nan)).p95_bps() is None


seconds = st.integers(0, TICKS - 1)
stretches = st.lists(st.tuples(seconds, st.integers(1, 12), st.booleans()), max_size=4)
seeds = st.integers(0, 2**32 - 1)


def levels(seed: int) -> Floats:
    """A quiet line, with a busy time."""
    chance = np.random.default_rng(seed)
    busy = during(0, int(chance.integers(12)), float(chance.integers(100)))
    return np.asarray((busy + chance.integers(0, 60, TICKS)).clip(max=100) * 1e6)


def hidden(truth: Floats, gaps: list[tuple[int, int, bool]]) -> Traffic:
    """What is seen of a line that loses some ticks, of some of them all but their bits."""
    values = truth.copy()
    runs = []
    for first, ticks, counted in gaps:
        inside = slice(first, min(TICKS, first + ticks))
        if counted and not np.isnan(values[inside]).any():
            runs.append(Run(inside.start, inside.stop - 1, (truth[inside].sum() * TICK_S, 0.0)))
        values[inside] = np.nan
    return traffic(values, *runs)


@given(seeds, stretches)
def test_an_uplink_alone_has_the_bounds_of_its_verdict(
    seed: int, gaps: list[tuple[int, int, bool]]
) -> None:
    its = hidden(levels(seed), gaps)
    end = uplink("u", 100e6, flow_of(its, None), TICK_S)
    for rule in RULES:
        assert end.share(rule) == its.time_above("load", rule.threshold)


@given(seeds, seeds, stretches, stretches)
def test_what_truly_crossed_is_within_the_bounds_and_all_that_is_said_fits_together(
    one: int, other: int, gaps: list[tuple[int, int, bool]], more: list[tuple[int, int, bool]]
) -> None:
    truths = [levels(one), levels(other) / 2]
    first, second = (flow_of(hidden(*it), None) for it in zip(truths, (gaps, more), strict=True))
    end = uplink("u", 100e6, first, TICK_S)
    both = end.carrying(second)
    peaks = np.sum(truths, axis=0)
    for rule in RULES:
        share = np.count_nonzero(peaks >= rule.threshold * 100e6) / TICKS
        lower, upper = both.share(rule)
        assert lower <= share <= upper
        assert both.bears([rule]) == (upper <= rule.limit)
    assert uplink("u", 100e6, together([first, second]), TICK_S).bears(RULES) == both.bears(RULES)
    if end.is_too_full(RULES, second):
        assert not both.bears(RULES)
    room_bps = both.room_bps(RULES)
    if room_bps > HAIR_BPS:
        assert both.carrying(flow(np.full(TICKS, room_bps - HAIR_BPS))).bears(RULES)
        if not both.budgets:
            assert not both.carrying(flow(np.full(TICKS, room_bps + HAIR_BPS))).bears(RULES)


@given(st.integers(0, 1000), st.integers(1, 9000))
def test_so_many_ticks_are_allowed_as_the_share_says(thousandths: int, ticks: int) -> None:
    rule = Rule("load", 0.7, thousandths / 1000, at_most=True)
    found = allowed(rule, ticks)
    assert found / ticks <= rule.limit
    assert (found + 1) / ticks > rule.limit
