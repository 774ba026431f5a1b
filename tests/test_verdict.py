"""Every worked case of the design, and what must hold for any traffic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.bounds import Bounds, Traffic, summed
from agent.judge.groups import Member, judge_group, judge_network
from agent.judge.rates import Run, advance, begin, bridge
from agent.judge.status import Status
from agent.judge.verdict import Judgement, earliest, judge
from agent.judge.words import flip_in_words
from collectors.base import CounterReading, Moment
from config.policy import load_policy

DAY = 288
TICKS = 30 * DAY
M = 1e6
POLICY = load_policy(None).links
NUMBER = np.arange(TICKS)
OFFICE_DAY = NUMBER // DAY % 7 < 5


def line(
    receive: "float | np.ndarray", transmit: "float | np.ndarray" = 0.0, capacity: float = 100 * M
) -> Traffic:
    """Thirty days, fully seen; rates in bit/s."""

    def all_ticks(rate: "float | np.ndarray") -> np.ndarray:
        return np.broadcast_to(np.asarray(rate, dtype=float), TICKS).copy()

    return Traffic(1_000, all_ticks(receive), all_ticks(transmit), all_ticks(capacity))


def during(flags: np.ndarray, rate: float, otherwise: float = 0.0) -> np.ndarray:
    return np.where(flags, rate, otherwise)


def unseen(traffic: Traffic, first: int, last: int, bits: float | None = None) -> Traffic:
    """The same, its ticks first to last not seen; with known bits if the counter went on."""
    receive, transmit = traffic.receive.copy(), traffic.transmit.copy()
    receive[first : last + 1] = transmit[first : last + 1] = np.nan
    start = traffic.first
    runs = () if bits is None else (Run(start + first, start + last, (bits, 0.0)),)
    return replace(traffic, receive=receive, transmit=transmit, runs=traffic.runs + runs)


def young(days: int, rate: float) -> Traffic:
    return unseen(line(rate), 0, TICKS - days * DAY - 1)


@pytest.mark.parametrize(
    ("traffic", "status"),
    [
        pytest.param(line(0), "idle", id="silent, port up"),
        pytest.param(line(3e3), "idle", id="keep-alive 3 kbit/s"),
        pytest.param(line(12e3, capacity=2 * M), "idle", id="keep-alive 12 kbit/s on a 2M line"),
        pytest.param(line(20e3), "low_use", id="keep-alive 20 kbit/s"),
        pytest.param(line(3 * M), "low_use", id="steady 3 %"),
        pytest.param(line(9.9 * M), "low_use", id="steady 9.9 %"),
        pytest.param(line(10 * M), "normal", id="steady 10.0 %"),
        pytest.param(
            line(during(NUMBER == 77, 27 * M, 1.5 * M)),
            "low_use",
            id="one tick of 27 %, else 1.5 %",
        ),
        pytest.param(
            line(during(NUMBER % (7 * DAY) < 4, 100 * M)),
            "low_use",
            id="twenty minutes a week at 100 %, else silent",
        ),
        pytest.param(
            line(during(NUMBER < 4, 100 * M)),
            "idle",
            id="twenty minutes a month at 100 %, else silent",
        ),
        pytest.param(
            line(during(OFFICE_DAY & (NUMBER % DAY < 12), 95e3), capacity=2 * M),
            "low_use",
            id="95 kbit/s an hour each working day on a 2M line",
        ),
        pytest.param(
            line(during(NUMBER % DAY < 2, 400 * M), capacity=1e10),
            "low_use",
            id="400 Mbit/s ten minutes a day on a 10G line",
        ),
        pytest.param(
            line(during(NUMBER % DAY < 12, 95 * M)),
            "normal",
            id="an hour every night at 95 %, else silent",
        ),
        pytest.param(
            line(during(NUMBER // DAY == 29, 95 * M)),
            "normal",
            id="one month-end day at 95 %, else silent",
        ),
        pytest.param(
            line(during(OFFICE_DAY & (NUMBER % DAY < 9 * 12), 12 * M)),
            "normal",
            id="office hours at 12 %, else silent",
        ),
        pytest.param(line(75 * M), "busy", id="steady 75 %"),
        pytest.param(line(1 * M, 60 * M), "normal", id="receive 1 %, transmit 60 %"),
        pytest.param(young(2, 0), "unknown", id="2 days old, silent"),
        pytest.param(young(2, 50 * M), "normal", id="2 days old, steady 50 %"),
        pytest.param(
            unseen(line(0), 100, 100 + 3 * DAY - 1, bits=8e6),
            "idle",
            id="silent, agent down 3 days, 64-bit counters moved 1 MB in all",
        ),
        pytest.param(
            line(0, capacity=np.nan), "unknown", id="contract not declared, port 1G, silent"
        ),
        pytest.param(
            unseen(line(0), 100, 100 + 3 * DAY - 1),
            "unknown",
            id="silent, device and counters lost for 3 days",
        ),
        pytest.param(
            unseen(line(0), 0, TICKS - 1),
            "unknown",
            id="silent, 32-bit counters on a 10G port at 60 s",
        ),
        pytest.param(
            line(during(NUMBER % 100 < 18, 15 * M), capacity=10 * M),
            "busy",
            id="contract 10M, port 1G, 15 Mbit/s for 18 % of the time",
        ),
    ],
)
def test_worked_cases_of_a_line(traffic: Traffic, status: str) -> None:
    assert judge(traffic, POLICY).status == status


def test_worked_case_every_second_poll_lost_counters_unbroken_12_percent_on_alternate_ticks() -> (
    None
):
    start_s, octets = 1_800_000_000.0, 0.0
    fold, ticks = begin(start_s, 2), []
    before = reading(start_s, 0)
    for at_s in np.arange(start_s + 120, start_s + TICKS * 300 + 1, 120):
        for second_s in (at_s - 120, at_s - 60):
            octets += 60 * 12 * M / 8 if (second_s // 300) % 2 == 0 else 0
        after = reading(float(at_s), int(octets))
        fold, more, runs = advance(fold, bridge(before, after))  # type: ignore[arg-type]
        assert runs == ()
        ticks += more
        before = after
    receive = np.array([tick.values[0] for tick in ticks])
    assert len(receive) == TICKS
    traffic = Traffic(0, receive, receive * 0, np.full(TICKS, 100 * M))
    assert judge(traffic, POLICY).status == "normal"


def reading(at_s: float, octets: int) -> CounterReading:
    return CounterReading(
        "link", "a", "r1/ge0", Moment(at_s, at_s), octets, 0, 64, at_s - 1.7e9, 1e9
    )


def test_worked_case_declared_month_end_period_not_yet_seen_silent() -> None:
    unseen_yet = judge(line(0), POLICY, seasons={"month_end": None})
    assert (unseen_yet.status, unseen_yet.unproven) == ("unknown", ("month_end",))
    assert "of low use: month_end" in flip_in_words(unseen_yet, TICKS)
    assert judge(line(0), POLICY, seasons={"month_end": line(0)}).status == "idle"
    assert judge(line(0), POLICY, seasons={"month_end": line(50 * M)}).status == "unknown"
    assert judge(line(50 * M), POLICY, seasons={"month_end": None}).status == "normal"


def test_the_busy_period_of_a_small_backup_does_not_drown_in_a_large_primary() -> None:
    group = [Member(line(0, capacity=1e9), True), Member(line(0, capacity=10 * M), False)]
    drill = [Member(line(0, capacity=1e9), True), Member(line(9 * M, capacity=10 * M), False)]
    assert judge_group(group, POLICY, seasons={"month_end": group}).status == "idle"
    judged = judge_group(group, POLICY, seasons={"month_end": drill})
    assert (judged.status, judged.unproven) == ("unknown", ("month_end",))


def test_worked_case_backup_of_a_busy_primary_silent() -> None:
    group = judge_group([Member(line(75 * M), True), Member(line(0), False)], POLICY)
    assert group.status == "busy"


def test_worked_case_backup_carries_failover_traffic_of_the_silent_primary_at_30_percent() -> None:
    group = judge_group([Member(line(0), True), Member(line(30 * M), False)], POLICY)
    assert group.status == "normal"


def test_a_group_is_low_only_if_each_member_alone_would_be() -> None:
    small_but_used = Member(line(5 * M, capacity=10 * M), False)
    group = judge_group([Member(line(0, capacity=1e9), True), small_but_used], POLICY)
    assert group.status == "normal"
    unknown = Member(line(0, capacity=np.nan), False)
    assert judge_group([Member(line(0), True), unknown], POLICY).status == "unknown"
    assert judge_group([Member(line(0), True), Member(line(0), False)], POLICY).status == "idle"


def test_the_earliest_proof_of_a_new_silent_line_is_when_the_unseen_part_is_small_enough() -> None:
    # low_use allows 1 % above 40 % of the load: 86 ticks may stay unseen; it is the first to hold.
    ticks = earliest(young(2, 0), POLICY)
    assert ticks == 28 * DAY - 86
    assert earliest(line(0), POLICY) == 0
    assert earliest(line(0, capacity=np.nan), POLICY) is None


@pytest.mark.parametrize(
    ("units", "exempt", "status"),
    [
        ([], 0, "unknown"),
        (["idle", "idle"], 0, "idle"),
        (["idle", "low_use"], 0, "low_use"),
        (["idle", "unknown"], 0, "unknown"),
        (["unknown", "normal"], 0, "normal"),
        (["idle", "busy"], 0, "normal"),
        (["idle", "idle"], 2, "exempt"),
        (["idle", "idle"], 1, "idle"),
    ],
)
def test_a_network_is_what_its_units_are(units: list[str], exempt: int, status: str) -> None:
    assert judge_network([Status(unit) for unit in units], exempt=exempt) == status


def test_the_bounds_of_a_run_with_known_bits() -> None:
    # 20 unseen ticks in which 4 x 300 s x 5 Mbit/s crossed: at most 4 of them were at 5 Mbit/s.
    traffic = unseen(line(during(NUMBER < 10, 6 * M)), 100, 119, bits=4 * 300 * 5 * M + 1)
    assert traffic.time_above("rate", 5 * M) == Bounds(10 / TICKS, 14 / TICKS)
    assert traffic.time_above("rate", 0.1 * M) == Bounds(10 / TICKS, 30 / TICKS)


def test_a_run_that_began_before_the_window_may_have_spent_all_its_bits_inside() -> None:
    traffic = unseen(line(0), 0, 9)
    traffic = replace(traffic, runs=(Run(traffic.first - 50, traffic.first + 9, (300 * 2 * M, 0)),))
    assert traffic.time_above("rate", 2 * M) == Bounds(0, 1 / TICKS)


def test_what_an_import_saw_within_a_run_is_not_reckoned_below_the_threshold() -> None:
    """A tenth of the time at 12 %, three days of it filled from old records after a gap."""
    used = line(during(NUMBER % 10 == 0, 12 * M, 1 * M))
    first, last = used.first + 1_000, used.first + 1_863
    bits = float(used.receive[1_000:1_864].sum()) * 300
    filled = replace(used, runs=(Run(first, last, (bits, 0.0)),))
    assert filled.time_above("load", 0.1) == Bounds(0.1, 0.1)
    assert judge(filled, POLICY).status is Status.NORMAL


def test_a_tick_that_two_runs_share_is_excluded_once() -> None:
    hidden = unseen(unseen(line(0), 100, 199, bits=0.0), 100, 149, bits=0.0)
    hidden = unseen(hidden, 300, 349)
    assert hidden.time_above("rate", 16e3) == Bounds(0, 50 / TICKS)


def test_an_unknown_capacity_within_a_run_leaves_its_ticks_unknown() -> None:
    traffic = unseen(line(0), 100, 119, bits=0.0)
    capacity = traffic.capacity.copy()
    capacity[110] = np.nan
    traffic = replace(traffic, capacity=capacity)
    assert traffic.time_above("load", 0.05) == Bounds(0, 20 / TICKS)


def test_a_groups_run_adds_what_the_seen_member_carried() -> None:
    silent = unseen(line(0), 100, 109, bits=300 * M)
    group = summed([silent, line(2 * M, 1 * M)], np.full(TICKS, 200 * M))
    assert group.runs == (
        Run(silent.first + 100, silent.first + 109, (300 * M + 3_000 * 2 * M, 3_000 * M)),
    )
    assert np.isnan(group.receive[100:110]).all()
    assert group.receive[0] == 2 * M


def test_a_groups_tick_that_one_member_knows_nothing_of_is_unknown() -> None:
    group = summed([unseen(line(0), 100, 109), line(0)], np.full(TICKS, 200 * M))
    assert group.runs == ()
    with pytest.raises(ValueError, match="windows differ"):
        summed([line(0), replace(line(0), first=7)], np.full(TICKS, M))


LOW = {Status.IDLE: 0, Status.LOW_USE: 1, Status.NORMAL: 2, Status.BUSY: 3}
SHORT = 200


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    """Short windows of a few levels, so that every status comes up; some stretches not seen."""
    capacity = draw(st.sampled_from([2 * M, 100 * M, 1e10]))
    levels = st.sampled_from([0.0, 10e3, 20e3, 3 * M, 0.04, 0.06, 0.12, 0.45, 0.75])
    pieces = draw(st.lists(st.tuples(levels, st.integers(1, 80)), min_size=1, max_size=8))
    rates = [
        level * capacity if level < 1 and level else level for level, n in pieces for _ in range(n)
    ]
    rate = np.resize(np.array(rates), SHORT)
    traffic = Traffic(
        0, rate, rate * draw(st.sampled_from([0.0, 0.5, 1.0])), np.full(SHORT, capacity)
    )
    for _ in range(draw(st.integers(0, 2))):
        first = draw(st.integers(0, SHORT - 1))
        last = min(SHORT - 1, first + draw(st.integers(0, 60)))
        if not np.isnan(traffic.receive[first : last + 1]).any():
            known = draw(st.booleans())
            bits = float(np.sum(traffic.receive[first : last + 1])) * 300 if known else None
            sent = float(np.sum(traffic.transmit[first : last + 1])) * 300
            traffic = unseen(traffic, first, last, bits)
            if known:
                run = traffic.runs[-1]._replace(amounts=(bits, sent))
                traffic = replace(traffic, runs=(*traffic.runs[:-1], run))
    return traffic


@given(traffics(), st.data())
def test_more_traffic_never_makes_a_line_idler(traffic: Traffic, data: st.DataObject) -> None:
    more = data.draw(st.floats(0, 1e9))
    ticks = data.draw(st.integers(0, SHORT))
    receive = traffic.receive.copy()
    receive[:ticks] += more
    was, now = (
        judge(traffic, POLICY).status,
        judge(replace(traffic, receive=receive), POLICY).status,
    )
    if was in LOW and now in LOW:
        assert LOW[now] >= LOW[was]
    if now in {Status.IDLE, Status.LOW_USE}:
        assert was in {Status.IDLE, now}


@given(traffics(), st.data())
def test_losing_samples_never_makes_a_line_look_idler(
    traffic: Traffic, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, SHORT - 1))
    last = data.draw(st.integers(first, SHORT - 1))
    receive, transmit = traffic.receive.copy(), traffic.transmit.copy()
    receive[first : last + 1] = transmit[first : last + 1] = np.nan
    was = judge(traffic, POLICY).status
    now = judge(replace(traffic, receive=receive, transmit=transmit), POLICY).status
    if now is Status.IDLE:
        assert was is Status.IDLE
    if now is Status.LOW_USE:
        assert was in {Status.IDLE, Status.LOW_USE}


def by_load_only(judgement: Judgement) -> list[Bounds]:
    return [it.share for it in judgement.outcomes if it.rule.measure == "load"]


@given(traffics(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_scaling_traffic_and_capacity_together_changes_no_rule_of_load(
    traffic: Traffic, factor: float
) -> None:
    runs = tuple(
        run._replace(amounts=(run.amounts[0] * factor, run.amounts[1] * factor))
        for run in traffic.runs
    )
    scaled = replace(
        traffic,
        receive=traffic.receive * factor,
        transmit=traffic.transmit * factor,
        capacity=traffic.capacity * factor,
        runs=runs,
    )
    assert by_load_only(judge(scaled, POLICY)) == by_load_only(judge(traffic, POLICY))


@given(traffics(), st.floats(1e3, 1e9))
def test_the_truth_lies_between_the_bounds(traffic: Traffic, threshold: float) -> None:
    share = traffic.time_above("rate", threshold)
    assert 0 <= share.lower <= share.upper <= 1
