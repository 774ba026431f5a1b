from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.rates import (
    Fold,
    Gap,
    Run,
    Span,
    Tick,
    advance,
    begin,
    bridge,
    hold,
)
from collectors.base import CounterReading, GaugeReading, Moment

NOON = 1_800_000_000.0  # a tick begins here: divisible by 300
G = 10**9
BEFORE = CounterReading(
    kind="link",
    subject="edu-a",
    identity="r1/ge0",
    at=Moment(NOON, 5_000.0),
    receive_bytes=1_000_000,
    transmit_bytes=2_000_000,
    counter_bits=64,
    uptime_s=100_000.0,
    port_speed_bps=G,
)


def later(seconds: float, **changes: object) -> CounterReading:
    """The reading `seconds` later of an undisturbed device that moved 1,000 octets each way."""
    facts: dict[str, object] = {
        "at": Moment(NOON + seconds, 5_000.0 + seconds),
        "uptime_s": 100_000.0 + seconds,
        "receive_bytes": 1_001_000,
        "transmit_bytes": 2_001_000,
    }
    return BEFORE._replace(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(later(60), (8_000.0, 8_000.0), id="a-plain-minute"),
        pytest.param(
            later(60, receive_bytes=1_000_000, transmit_bytes=2_000_000), (0.0, 0.0), id="silence"
        ),
        pytest.param(later(3 * 86_400), (8_000.0, 8_000.0), id="three-days-of-an-unbroken-counter"),
        pytest.param(
            later(3 * 86_400, uptime_s=100_000.0 + 3 * 86_400 + 30),
            (8_000.0, 8_000.0),
            id="three-days-and-an-oscillator-off-by-120-ppm",
        ),
        pytest.param(later(60, uptime_s=100_064.9), (8_000.0, 8_000.0), id="4.9-s-of-disagreement"),
        pytest.param(later(60, uptime_s=100_066.0), Gap.CLOCK, id="6-s-of-disagreement"),
        pytest.param(later(0), Gap.CLOCK, id="no-time-went-by"),
        pytest.param(later(-60), Gap.CLOCK, id="the-clock-went-back"),
        pytest.param(
            later(3600, uptime_s=100_060.0), Gap.CLOCK, id="the-clock-was-set-on-by-an-hour"
        ),
        pytest.param(later(60, discontinuity=77), Gap.DISCONTINUITY, id="discontinuity-moved"),
        pytest.param(later(60, receive_bytes=999_999), Gap.FELL, id="64-bits-never-wrap"),
        pytest.param(
            later(60, counter_bits=32, port_speed_bps=1e7), Gap.FELL, id="another-counter-width"
        ),
        pytest.param(
            later(60, uptime_s=20.0, receive_bytes=500, transmit_bytes=600),
            (4_000.0, 4_800.0),
            id="restart-with-counters-begun-anew",
        ),
        pytest.param(later(60, uptime_s=20.0), Gap.RESTART, id="restart-that-kept-the-counters"),
        pytest.param(
            later(60, uptime_s=20.0, receive_bytes=500), Gap.RESTART, id="restart-one-counter-fell"
        ),
        pytest.param(
            later(60, receive_bytes=1_000_000 + int(1.24 * G * 60 / 8)),
            (1.24 * G * 60, 8_000.0),
            id="a-little-over-the-ports-speed-is-a-late-refresh",
        ),
        pytest.param(
            later(60, receive_bytes=1_000_000 + int(1.26 * G * 60 / 8)),
            Gap.IMPLAUSIBLE,
            id="more-than-the-port-can-carry",
        ),
        pytest.param(
            later(60, port_speed_bps=1e7), (8_000.0, 8_000.0), id="the-faster-of-two-speeds-counts"
        ),
    ],
)
def test_64_bit_counters(after: CounterReading, expected: object) -> None:
    span = bridge(BEFORE, after)
    assert (span.amounts if isinstance(span, Span) else span) == expected


NARROW = BEFORE._replace(
    counter_bits=32, receive_bytes=2**32 - 500, transmit_bytes=10, port_speed_bps=1e8
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {"receive_bytes": 500}, (8_000.0, 8_000.0), id="one-wrap"),
        pytest.param(
            {"port_speed_bps": None},
            {"receive_bytes": 500, "port_speed_bps": None},
            Gap.MAY_HAVE_WRAPPED,
            id="no-speed-to-exclude-a-second-wrap",
        ),
        pytest.param(
            {"port_speed_bps": 1e9},
            {"receive_bytes": 500, "port_speed_bps": 1e9},
            Gap.MAY_HAVE_WRAPPED,
            id="a-gigabit-wraps-within-a-minute",
        ),
        pytest.param(
            {},
            {"uptime_s": 10.0, "receive_bytes": 100, "transmit_bytes": 5},
            (800.0, 40.0),
            id="a-restart-is-no-wrap",
        ),
    ],
)
def test_32_bit_counters(
    before: dict[str, object], after: dict[str, object], expected: object
) -> None:
    facts = {"counter_bits": 32, "port_speed_bps": 1e8, "transmit_bytes": 1_010} | after
    span = bridge(NARROW._replace(**before), later(60, **facts))  # type: ignore[arg-type]
    assert (span.amounts if isinstance(span, Span) else span) == expected


def test_beyond_sysuptimes_497_days_nothing_is_proven() -> None:
    """A node that starts in 1970 and learns the date later has such readings."""
    days_s = 2**32 / 100 + 60
    after = later(days_s, uptime_s=100_060.0)
    assert bridge(BEFORE, after) is Gap.UNPROVEN


def test_a_restart_as_old_as_the_reading_before_it_is_still_a_restart() -> None:
    begun_anew = later(60, uptime_s=61.0, receive_bytes=500, transmit_bytes=600)
    assert bridge(BEFORE, begun_anew) == Span(NOON, NOON + 60, (4_000.0, 4_800.0), since_boot=True)


def test_sysuptime_that_wraps_after_497_days_is_no_restart() -> None:
    before = BEFORE._replace(uptime_s=(2**32 - 3_000) / 100)
    assert isinstance(bridge(before, later(60, uptime_s=30.0)), Span)


def test_a_device_without_sysuptime_is_believed_for_one_tick_only() -> None:
    before = BEFORE._replace(uptime_s=None)
    assert isinstance(bridge(before, later(300, uptime_s=None)), Span)
    assert bridge(before, later(301, uptime_s=None)) is Gap.UNPROVEN


def test_without_sysuptime_a_set_clock_shows_on_the_nodes_own_steady_clock() -> None:
    before = BEFORE._replace(uptime_s=None)
    set_on = later(200, uptime_s=None, at=Moment(NOON + 200, 5_060.0))
    assert bridge(before, set_on) is Gap.CLOCK


def test_a_suspended_node_bridges_the_sleep_as_one_long_span() -> None:
    span = bridge(BEFORE, later(9 * 3600))
    assert isinstance(span, Span)
    fold, ticks, runs = advance(begin(NOON, 2), span)
    assert ticks == ()
    assert runs == (Run(NOON // 300, NOON // 300 + 107, (8_000.0, 8_000.0)),)
    assert fold.run == runs[0]


def spans(*lengths_s: float, bits: float = 300.0) -> list[Span]:
    """Spans end to end from NOON, each carrying `bits` received and twice that transmitted."""
    found, at = [], NOON
    for length_s in lengths_s:
        found.append(Span(at, at + length_s, (bits, 2 * bits)))
        at += length_s
    return found


def fold_all(spans: list[Span], start_s: float = NOON) -> tuple[Fold, list[Tick], dict[int, Run]]:
    fold, ticks, runs = begin(start_s, 2), [], {}
    for span in spans:
        fold, more_ticks, more_runs = advance(fold, span)
        ticks += more_ticks
        runs |= {run.first: run for run in more_runs}
    return fold, ticks, runs


FIRST = int(NOON // 300)


def test_five_minutes_make_a_tick_with_the_mean_rate() -> None:
    _, ticks, runs = fold_all(spans(60, 60, 60, 60, 60))
    assert ticks == [Tick(FIRST, (5.0, 10.0))]
    assert runs == {}


def test_a_span_over_the_border_is_split_by_time() -> None:
    _, ticks, _ = fold_all(spans(200, 200, 200, bits=200.0))
    assert [tick.number for tick in ticks] == [FIRST, FIRST + 1]
    assert ticks[0].values == pytest.approx((1.0, 2.0))
    assert ticks[1].values == pytest.approx((1.0, 2.0))


def test_a_tick_that_began_before_the_first_reading_is_not_seen() -> None:
    later_start = [Span(s.start_s + 1, s.end_s + 1, s.amounts) for s in spans(60, 60, 60, 60, 60)]
    _, ticks, runs = fold_all(later_start, NOON + 1)
    assert (ticks, runs) == ([], {})


def test_a_span_of_exactly_a_tick_is_seen_and_a_longer_one_is_a_run() -> None:
    assert fold_all(spans(300))[1] == [Tick(FIRST, (1.0, 2.0))]
    _, ticks, runs = fold_all(spans(301, 299))
    assert ticks == []
    assert runs == {FIRST: Run(FIRST, FIRST + 1, (600.0, 1200.0))}


def test_a_runs_partial_ticks_at_both_ends_belong_to_it() -> None:
    _, ticks, runs = fold_all(spans(100, 750, 50, 300))
    assert runs == {FIRST: Run(FIRST, FIRST + 2, (900.0, 1_800.0))}
    assert ticks == [Tick(FIRST + 3, (1.0, 2.0))]


def test_a_year_of_downtime_is_folded_at_once_not_tick_by_tick() -> None:
    year = Span(NOON + 1, NOON + 366 * 86_400 + 7, (8e6, 0.0))
    started = perf_counter()
    for _ in range(2_000):
        fold, ticks, runs = advance(begin(year.start_s, 2), year)
    assert perf_counter() - started < 5
    last = int(year.end_s // 300)
    assert (ticks, runs) == ((), (Run(FIRST + 1, last - 1, (8e6, 0.0)),))
    assert (fold.tick, fold.until_s, fold.covered_s) == (last, year.end_s, 7.0)


def test_unknown_seconds_before_a_long_span_do_not_take_bits_from_its_run() -> None:
    late = [Span(NOON + 100, NOON + 1_200, (900.0, 0.0))]
    _, _, runs = fold_all(late, NOON + 100)
    assert runs == {FIRST + 1: Run(FIRST + 1, FIRST + 3, (900.0, 0.0))}


def test_time_between_spans_is_unknown_and_breaks_a_run() -> None:
    first, second = Span(NOON, NOON + 650, (1.0, 1.0)), Span(NOON + 700, NOON + 1_500, (2.0, 2.0))
    _, ticks, runs = fold_all([first, second])
    assert ticks == []
    assert runs == {
        FIRST: Run(FIRST, FIRST + 1, (1.0, 1.0)),
        FIRST + 3: Run(FIRST + 3, FIRST + 4, (2.0, 2.0)),
    }


def test_a_span_out_of_order_is_an_error() -> None:
    with pytest.raises(ValueError, match="before the end of the last one"):
        advance(begin(NOON + 60, 2), spans(60)[0])


def test_a_level_stands_for_as_long_as_it_holds_and_no_longer() -> None:
    before = GaugeReading("server", "db1", "s1", Moment(NOON, 10.0), "cpu", 0.5)
    soon = before._replace(at=Moment(NOON + 30, 40.0))
    much_later = before._replace(at=Moment(NOON + 200, 210.0))
    assert hold(before, soon) == Span(NOON, NOON + 30, (15.0,))
    assert hold(before, much_later) == Span(NOON, NOON + 60, (30.0,))
    assert hold(before._replace(holds_s=90), much_later) == Span(NOON, NOON + 90, (45.0,))
    assert hold(before, soon._replace(at=Moment(NOON + 30, 20.0))) is Gap.CLOCK
    assert hold(soon, before) is Gap.CLOCK


@given(
    st.lists(
        st.tuples(st.floats(1, 2_000), st.floats(0, 1e12), st.booleans()), min_size=1, max_size=40
    ),
    st.floats(0, 299),
)
def test_no_known_bit_is_lost_or_made_up(
    parts: list[tuple[float, float, bool]], lead: float
) -> None:
    """Ticks and runs together hold at most what crossed, and a run at least what crossed in it."""
    at, fold = NOON + lead, begin(NOON + lead, 2)
    crossed: list[Span] = []
    ticks: list[Tick] = []
    runs: dict[int, Run] = {}
    for seconds, bits, known in parts:
        span = Span(at, at + seconds, (bits, 0.0))
        at += seconds
        if not known:
            continue
        crossed.append(span)
        fold, more_ticks, more_runs = advance(fold, span)
        ticks += more_ticks
        runs |= {run.first: run for run in more_runs}
    total = sum(span.amounts[0] for span in crossed)
    held = sum(t.values[0] * 300 for t in ticks) + sum(r.amounts[0] for r in runs.values())
    assert held <= total * (1 + 1e-9) + 1e-3
    numbers = [tick.number for tick in ticks]
    assert numbers == sorted(set(numbers))
    for run in runs.values():
        inside = sum(
            s.amounts[0]
            for s in crossed
            if s.start_s >= run.first * 300 and s.end_s <= (run.last + 1) * 300
        )
        assert run.amounts[0] >= inside * (1 - 1e-9) - 1e-3
        assert not set(numbers) & set(range(run.first, run.last + 1))
