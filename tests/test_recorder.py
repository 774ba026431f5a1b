"""Readings in, ticks and /metrics out; the clocks are arguments, so days pass in a loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.history import Record, SeriesKey
from agent.judge.rates import Tick
from agent.recorder import (
    LINK_CAPACITY,
    LINK_OVERSOLD,
    LINK_RATES_DROPPED,
    LINK_RECEIVE,
    LINK_SEEN_SINCE,
    Recorder,
)
from collectors.base import CounterReading, GaugeReading, Metric, Moment, Sample

NOON = 1_800_000_000.0
KEY = SeriesKey("link", "edu-a", "r1/ge0", "octets")
FIRST = int(NOON // 300)


def reading(after_s: float, octets: int, **changes: object) -> CounterReading:
    facts: dict[str, object] = {
        "kind": "link",
        "subject": "edu-a",
        "identity": "r1/ge0",
        "at": Moment(NOON + after_s, 1_000 + after_s),
        "receive_bytes": octets,
        "transmit_bytes": 0,
        "counter_bits": 64,
        "uptime_s": 50_000 + after_s,
        "port_speed_bps": 1e9,
    }
    return CounterReading(**(facts | changes))  # type: ignore[arg-type]


def value(samples: list[Sample], metric: Metric) -> float | None:
    return next((it.value for it in samples if it.metric is metric), None)


def test_a_minutely_poll_becomes_five_minute_means_in_bits_per_second() -> None:
    recorder = Recorder()
    for minute in range(11):
        recorder.take([reading(minute * 60, 7_500 * minute)])
    records, _ = recorder.drain()
    assert records[KEY].ticks == [Tick(FIRST, (1_000.0, 0.0)), Tick(FIRST + 1, (1_000.0, 0.0))]
    assert not recorder.has_finished


def test_a_restarted_agent_goes_on_from_what_was_written() -> None:
    recorder = Recorder()
    for minute in range(7):
        recorder.take([reading(minute * 60, 7_500 * minute)])
    records, _ = recorder.drain()
    restarted = Recorder()
    restarted.restore({key: record.state for key, record in records.items()})
    restarted.take([reading(600, 75_000)])
    assert restarted.drain()[0][KEY].ticks == [Tick(FIRST + 1, (1_000.0, 0.0))]


def test_days_of_downtime_become_one_run_with_the_octets_of_the_unbroken_counter() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 0)])
    records, _ = recorder.drain(everything=True)
    restarted = Recorder()
    restarted.restore({key: record.state for key, record in records.items()})
    three_days_s = 3 * 86_400
    restarted.take([reading(three_days_s, 1_000_000)])
    (run,) = restarted.drain()[0][KEY].runs.values()
    assert (run.first, run.last, run.amounts) == (FIRST, FIRST + 863, (8e6, 0.0))


def test_a_state_that_a_bad_disk_changed_is_as_good_as_none() -> None:
    recorder = Recorder()
    recorder.restore({KEY: '{"reading": 7}'})
    assert value(recorder.take([reading(0, 5)]), LINK_RECEIVE) == 5


def test_what_could_not_be_written_is_handed_over_again_in_order() -> None:
    recorder = Recorder()
    for minute in range(6):
        recorder.take([reading(minute * 60, 0)])
    records, steps = recorder.drain()
    for minute in range(6, 11):
        recorder.take([reading(minute * 60, 0)])
    recorder.put_back(records, steps)
    assert [tick.number for tick in recorder.drain()[0][KEY].ticks] == [FIRST, FIRST + 1]


def test_a_disk_that_stays_full_does_not_fill_the_memory() -> None:
    recorder = Recorder()
    recorder.put_back({KEY: Record([Tick(n, (0.0, 0.0)) for n in range(1_000)])}, [])
    recorder.take([reading(0, 0)])
    ticks = recorder.drain()[0][KEY].ticks
    assert [tick.number for tick in ticks] == list(range(1_000 - 288, 1_000))


def test_a_history_that_cannot_be_opened_does_not_fill_the_memory() -> None:
    recorder = Recorder()
    for turn in range(3 * 300):  # a seen tick, then two that were missed: each time a new run
        for after_s in (0, 300):
            recorder.take([reading(turn * 900 + after_s, 0)])
    record = recorder.drain()[0][KEY]
    assert len(record.ticks) == len(record.runs) == 288
    assert record.ticks[-1].number == FIRST + 3 * 899


def test_a_history_that_opens_late_leaves_the_counters_of_a_rebound_link_alone() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 5_000)])
    states = {key: record.state for key, record in recorder.drain(everything=True)[0].items()}
    late = Recorder()
    late.take([reading(100, 100, identity="r1/ge5")])
    late.restore(states)
    samples = late.take([reading(160, 200, identity="r1/ge5")])
    assert value(samples, LINK_RECEIVE) == 200


def test_a_64_bit_counter_stands_on_metrics_to_the_last_octet() -> None:
    octets = 2**63 + 12_345
    recorder = Recorder()
    assert value(recorder.take([reading(0, octets)]), LINK_RECEIVE) == octets
    assert value(recorder.take([reading(60, octets + 1)]), LINK_RECEIVE) == octets + 1


def test_a_32_bit_counter_goes_on_counting_where_it_wraps_also_over_a_restart() -> None:
    narrow = {"counter_bits": 32, "port_speed_bps": 1e8}
    recorder = Recorder()
    recorder.take([reading(0, 2**32 - 100, **narrow)])
    assert value(recorder.take([reading(60, 50, **narrow)]), LINK_RECEIVE) == 2**32 + 50
    records, _ = recorder.drain(everything=True)
    restarted = Recorder()
    restarted.restore({key: record.state for key, record in records.items()})
    assert value(restarted.take([reading(120, 60, **narrow)]), LINK_RECEIVE) == 2**32 + 60


def test_a_device_restart_makes_the_counter_fall_as_promql_expects() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 5_000)])
    after_boot = reading(60, 70, uptime_s=10.0)
    assert value(recorder.take([after_boot]), LINK_RECEIVE) == 70


def test_a_restart_right_after_a_reading_is_no_wrap_on_metrics() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 5_000)])
    assert value(recorder.take([reading(60, 70, uptime_s=61.0)]), LINK_RECEIVE) == 70


def test_a_device_that_loses_its_64_bit_columns_for_a_poll_makes_no_traffic() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 5 * 10**12)])
    narrow = recorder.take([reading(60, 3 * 10**9, counter_bits=32)])
    wide = recorder.take([reading(120, 5 * 10**12 + 700)])
    assert value(narrow, LINK_RECEIVE) == value(wide, LINK_RECEIVE) == 5 * 10**12
    on = recorder.take([reading(180, 5 * 10**12 + 800)])
    assert value(on, LINK_RECEIVE) == 5 * 10**12 + 100


def test_a_link_bound_to_another_interface_counts_from_0_and_begins_another_series() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 5_000)])
    moved = reading(60, 9_000_000_000, identity="r1/ge7")
    assert value(recorder.take([moved]), LINK_RECEIVE) == 0
    on = reading(120, 9_000_000_100, identity="r1/ge7")
    assert value(recorder.take([on]), LINK_RECEIVE) == 100
    keys = recorder.drain(everything=True)[0].keys()
    assert keys == {KEY, KEY._replace(identity="r1/ge7")}


def test_a_link_bound_back_knows_nothing_of_the_time_between() -> None:
    """Its first port stood still meanwhile, and the link may have carried anything."""
    recorder = Recorder()
    recorder.take([reading(0, 7)])
    recorder.take([reading(600, 0, identity="r2/ge9")])
    samples = recorder.take([reading(10 * 86_400, 7)])
    records, _ = recorder.drain()
    assert KEY not in records
    assert value(samples, LINK_SEEN_SINCE) == NOON + 10 * 86_400


def test_a_rate_beyond_the_port_is_counted_and_its_tick_is_absent() -> None:
    recorder = Recorder()
    octets = 0
    for minute in range(11):
        octets += 10**12 if minute == 3 else 7_500
        samples = recorder.take([reading(minute * 60, octets)])
    assert value(samples, LINK_RATES_DROPPED) == 1
    assert [tick.number for tick in recorder.drain()[0][KEY].ticks] == [FIRST + 1]


def since(samples: list[Sample]) -> float:
    """Since which second after noon all is seen."""
    found = value(samples, LINK_SEEN_SINCE)
    assert found is not None
    return found - NOON


def test_what_is_seen_without_a_gap_began_where_it_did() -> None:
    recorder = Recorder()
    began = [since(recorder.take([reading(minute * 60, 0)])) for minute in range(10)]
    assert began == [0] * 10
    assert since(recorder.take([reading(840, 0)])) == 0  # within a tick nothing is lost


@pytest.mark.parametrize(
    ("after", "began_s"),
    [
        pytest.param(reading(120, 10**13), 120, id="no-port-can-carry-it"),
        pytest.param(reading(120, 7, discontinuity=3), 120, id="the-device-said-so"),
        pytest.param(reading(120, 7, counter_bits=32), 120, id="another-counter"),
        pytest.param(reading(420, 7), 420, id="more-than-a-tick-is-known-only-altogether"),
        pytest.param(
            reading(120, 7, uptime_s=40.0), 120, id="a-restart-of-a-device-without-a-fall"
        ),
        pytest.param(reading(120, 7, at=Moment(NOON - 60, 1_120.0)), -60, id="the-clock-was-set"),
        pytest.param(reading(120, 7, identity="r1/ge7"), 120, id="another-interface"),
    ],
)
def test_what_is_seen_begins_anew_after_a_gap(after: CounterReading, began_s: float) -> None:
    recorder = Recorder()
    recorder.take([reading(0, 7), reading(60, 7)])
    assert since(recorder.take([after])) == began_s


def test_after_a_restart_of_the_device_all_since_its_boot_is_seen() -> None:
    recorder = Recorder()
    recorder.take([reading(0, 5_000, transmit_bytes=700)])
    assert since(recorder.take([reading(120, 70, uptime_s=50.0)])) == 70


@pytest.mark.parametrize("speed_bps", [1e10, None])
def test_32_bits_on_a_fast_port_are_never_seen_however_still_they_stand(
    speed_bps: float | None,
) -> None:
    recorder = Recorder()
    its = [reading(60 * it, 7, counter_bits=32, port_speed_bps=speed_bps) for it in range(9)]
    assert [since(recorder.take([it])) for it in its] == [60 * it for it in range(9)]


@pytest.mark.parametrize(
    ("back_s", "began_s"),
    [
        pytest.param(540, 60, id="at-once"),
        pytest.param(780, 60, id="within-a-tick"),
        pytest.param(800, 800, id="after-more-than-a-tick"),
    ],
)
def test_a_restarted_agent_still_knows_since_when_it_sees_all(
    back_s: float, began_s: float
) -> None:
    before, after = Recorder(), Recorder()
    before.take([reading(0, 0), reading(60, 10**13)])
    before.take([reading(60 * minute, 10**13) for minute in range(2, 9)])
    records, _ = before.drain(everything=True)
    after.restore({key: record.state for key, record in records.items()})
    assert since(after.take([reading(back_s, 10**13)])) == began_s


def test_only_a_local_link_has_its_ports_speed_as_capacity() -> None:
    recorder = Recorder()
    recorder.contract({"edu-a": None, "eth0": None, "tax": 2e6}, ["eth0"], NOON)
    assert value(recorder.take([reading(0, 0)]), LINK_CAPACITY) is None
    local = reading(0, 0, subject="eth0", identity="local/eth0")
    assert value(recorder.take([local]), LINK_CAPACITY) == 1e9 / 8
    recorder.take([local._replace(at=Moment(NOON + 60, 1_060.0))])
    steps = {(step.subject, step.bits_per_second) for step in recorder.drain()[1]}
    assert steps == {("edu-a", None), ("tax", 2e6), ("eth0", 1e9)}


def test_the_clock_set_back_an_hour_leaves_a_gap_and_no_wrong_rate() -> None:
    recorder = Recorder()
    for minute in range(20):
        back_s = 3_600 if minute >= 10 else 0
        at = Moment(NOON + minute * 60 - back_s, 1_000.0 + minute * 60)
        recorder.take([reading(0, 7_500 * minute, at=at, uptime_s=50_000 + minute * 60)])
    ticks = recorder.drain()[0][KEY].ticks
    assert {tick.values for tick in ticks} == {(1_000.0, 0.0)}
    assert [tick.number - FIRST for tick in ticks] == [0, -10]


def test_a_level_needs_readings_all_through_the_tick() -> None:
    def cpu(at_s: float) -> GaugeReading:
        return GaugeReading("server", "db1", "local", Moment(NOON + at_s, at_s), "cpu", 0.25)

    recorder = Recorder()
    times = [*range(0, 630, 30), 720, *range(900, 1_230, 30)]
    recorder.take([cpu(at_s) for at_s in times])
    ticks = recorder.drain()[0][SeriesKey("server", "db1", "local", "cpu")].ticks
    assert ticks == [
        Tick(FIRST, (0.25,)),
        Tick(FIRST + 1, (0.25,)),
        Tick(FIRST + 3, (0.25,)),
    ]


@pytest.mark.parametrize(("holds_s", "seen"), [(60.0, 0), (90.0, 3)])
def test_a_poll_that_is_a_little_late_leaves_no_hole_where_levels_hold_for_longer(
    holds_s: float, seen: int
) -> None:
    recorder = Recorder()
    for minute in range(16):
        at_s = minute * 60 + (minute % 5 == 2) * 0.2
        at = Moment(NOON + at_s, at_s)
        recorder.take([GaugeReading("server", "db1", "s1", at, "cpu", 0.25, holds_s)])
    ticks = recorder.drain()[0].get(SeriesKey("server", "db1", "s1", "cpu"), Record()).ticks
    assert [tick.values for tick in ticks] == [(pytest.approx(0.25),)] * seen


@given(st.lists(st.tuples(st.floats(1, 300), st.floats(0, 1)), min_size=1, max_size=60))
def test_32_bits_count_every_octet_of_a_port_that_cannot_wrap_them_twice(
    steps: list[tuple[float, float]],
) -> None:
    recorder, at_s, octets, begun = Recorder(), 0.0, 2**31, 2**31
    recorder.take([reading(0, begun, counter_bits=32, port_speed_bps=1e8)])
    for seconds, load in steps:
        at_s, octets = at_s + seconds, octets + int(load * seconds * 1e8 / 8)
        wrapped = reading(at_s, octets % 2**32, counter_bits=32, port_speed_bps=1e8)
        assert value(recorder.take([wrapped]), LINK_RECEIVE) == octets


@pytest.mark.parametrize("everything", [False, True])
def test_nothing_to_write_is_nothing_handed_over(everything: bool) -> None:
    assert Recorder().drain(everything=everything) == ({}, [])


def test_a_contract_above_the_ports_speed_is_said_once_and_stays_the_capacity(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = Recorder()
    recorder.contract({"edu-a": 1e9}, (), NOON)
    for minute in range(3):
        samples = recorder.take([reading(60 * minute, 0, port_speed_bps=1e8)])
        assert value(samples, LINK_OVERSOLD) == 1
    assert [it.message for it in caplog.records] == [
        "contract is more than the port can carry, one is wrong"
    ]
    assert [step.bits_per_second for step in recorder.drain()[1]] == [1e9]
    assert value(recorder.take([reading(240, 0, port_speed_bps=1e9)]), LINK_OVERSOLD) == 0
    recorder.take([reading(300, 0, port_speed_bps=1e8)])
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("contract_bps", "port_bps", "oversold"),
    [
        pytest.param(1e7, 1e9, 0, id="10M-on-a-gigabit-port-is-how-lines-are-sold"),
        pytest.param(155e6, 150e6, 0, id="rounded"),
        pytest.param(2e8, 1e8, 1, id="twice-the-port"),
        pytest.param(2e8, None, None, id="no-port-speed"),
        pytest.param(None, 1e8, None, id="no-contract"),
    ],
)
def test_what_disagrees(
    contract_bps: float | None, port_bps: float | None, oversold: int | None
) -> None:
    recorder = Recorder()
    recorder.contract({"edu-a": contract_bps}, (), NOON)
    samples = recorder.take([reading(0, 0, port_speed_bps=port_bps)])
    assert value(samples, LINK_OVERSOLD) == oversold
