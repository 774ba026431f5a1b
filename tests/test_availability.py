"""From rounds to shares of a day and a month, through a real history; the clocks are arguments."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.availability import samples
from agent.history import History
from agent.history_reader import HistoryReader
from agent.judge.availability import Together, available, keeps_at_least, keeps_at_most
from agent.judge.bounds import Bounds
from agent.observe import Observation
from agent.recorder import Recorder
from agent.rounds import readings
from collectors.base import Collector, Measurement, Moment, Reason, Sample, Target, find
from collectors.icmp import JITTER, LOSS, IcmpTarget
from collectors.probe import PHASE, RTT
from config.agent import AgentConfig, Node
from config.inventory import Network
from config.sla import Profile, Sla

DAY_S = 86_400.0
NOON = 1_800_000_000.0
END = int(NOON // 300)


def target(name: str = "gw", **more: Any) -> IcmpTarget:
    options = {"address": "198.51.100.254", "network": "ext", "purpose": "gateway", **more}
    return IcmpTarget(name=name, kind="icmp", **options)


def measured(name: str, rtt_s: float) -> tuple[Measurement, ...]:
    return (
        Sample(RTT, rtt_s, (name, "mean")),
        Sample(RTT, 9.0, (name, "max")),
        Sample(LOSS, 0.0, (name,)),
        Sample(JITTER, 0.001, (name,)),
    )


def a_round(it: Target, at_s: float, reason: Reason | None = None) -> Observation:
    found = measured(it.name, 0.02) if reason is None else ()
    return Observation(it, Moment(at_s, at_s - 1e9), 0.1, found, reason)


def kept(path: Path, rounds: Iterable[Observation]) -> None:
    """Write rounds to the history as the agent does."""
    recorder, icmp = Recorder(), find("icmp")
    assert icmp
    history = History(path)
    for number, one in enumerate(rounds):
        recorder.take(readings(icmp, one))
        if number % 20 == 0:  # a day of ticks waits at most
            history.write(recorder.drain()[0])
    history.write(recorder.drain(everything=True)[0])
    history.close()


def a_day(it: Target, step_s: float, reasons: dict[int, Reason] | None = None) -> list[Observation]:
    """Rounds over the day before NOON; `reasons` by the hour that they last."""
    times = np.arange(NOON - DAY_S, NOON + 2 * step_s, step_s)
    hours = [int((at_s - times[0]) // 3600) for at_s in times]
    return [
        a_round(it, at_s, (reasons or {}).get(hour))
        for at_s, hour in zip(times, hours, strict=True)
    ]


def said(path: Path, *probes: Target, sla: Sla | None = None) -> dict[tuple[str, ...], float]:
    config = AgentConfig(
        node=Node(name="n"),
        networks=(Network(name="ext", kind="extranet"),),
        probes=probes,
        **({"sla": sla} if sla else {}),
    )
    with HistoryReader(path) as reader:
        found = samples(config, reader, END)
        return {(it.metric.name.removeprefix("netfold_"), *it.labels): it.value for it in found}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def day_of(values: dict[tuple[str, ...], float], *who: str) -> tuple[float, float]:
    kind = "network" if who == ("ext",) else "probe"
    labels = (f"{kind}_availability_ratio", *who, "24h")
    return values[*labels, "lower"], values[*labels, "upper"]


def test_six_hours_of_silence_are_a_quarter_of_the_day(path: Path) -> None:
    down = dict.fromkeys(range(6, 12), Reason.TIMEOUT)
    kept(path, a_day(target(), 60, down))
    values = said(path, target())
    assert day_of(values, "gw") == pytest.approx((0.75, 0.75), abs=1e-6)
    assert day_of(values, "ext") == pytest.approx((0.75, 0.75), abs=1e-6)
    month = ("probe_availability_ratio", "gw", "30d")
    assert values[*month, "lower"] == pytest.approx(0.75 / 30)
    assert values[*month, "upper"] == pytest.approx((29 + 0.75) / 30)


@pytest.mark.parametrize("reason", [Reason.LOCAL, Reason.INTERNAL])
def test_a_local_fault_is_unseen_time_and_no_downtime(path: Path, reason: Reason) -> None:
    kept(path, a_day(target(), 60, dict.fromkeys(range(6, 12), reason)))
    lower, upper = day_of(said(path, target()), "gw")
    assert lower == pytest.approx(0.75, abs=0.004)
    assert upper == 1


def test_an_agent_that_was_away_saw_nothing(path: Path) -> None:
    rounds = [it for it in a_day(target(), 60) if (it.at.wall_s - NOON + DAY_S) // 3600 != 3]
    kept(path, rounds)
    lower, upper = day_of(said(path, target()), "gw")
    assert (lower, upper) == (pytest.approx(23 / 24, abs=0.004), 1)


def test_an_hourly_probe_is_seen_all_day(path: Path) -> None:
    hourly = target(interval_s=3600.0)
    kept(path, a_day(hourly, 3600, {5: Reason.REFUSED}))
    assert day_of(said(path, hourly), "gw") == pytest.approx((23 / 24, 23 / 24), abs=1e-3)


def test_a_network_is_there_while_any_of_its_targets_answers(path: Path) -> None:
    one, two = target("one"), target("two")
    canary = target("canary", expect="unreachable")
    rounds = [
        *a_day(one, 60, dict.fromkeys(range(12), Reason.TIMEOUT)),
        *a_day(two, 60, dict.fromkeys(range(6, 18), Reason.TIMEOUT)),
        *a_day(canary, 60),
    ]
    kept(path, sorted(rounds, key=lambda it: it.at.wall_s))
    values = said(path, one, two, canary)
    assert day_of(values, "ext") == pytest.approx((0.75, 0.75), abs=1e-6)
    assert day_of(values, "canary") == pytest.approx((1, 1))


def test_a_target_that_nobody_has_seen_yet_may_be_anything(path: Path) -> None:
    kept(path, a_day(target(), 60))
    values = said(path, target("new", network=None))
    assert day_of(values, "new") == (0, 1)
    assert not [it for it in values if it[0] == "probe_sla_met"]


def test_another_address_goes_on_where_the_old_one_ended(path: Path) -> None:
    half = NOON - DAY_S / 2
    moved = target(address="198.51.100.253")
    before = [it for it in a_day(target(), 60) if it.at.wall_s <= half]
    kept(path, [*before, *(it for it in a_day(moved, 60) if it.at.wall_s >= half)])
    assert day_of(said(path, moved), "gw") == pytest.approx((1, 1))


def sla(**limits: Any) -> Sla:
    return Sla(window_s=DAY_S, profiles=(Profile(name="p", purposes=("gateway",), **limits),))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param({"availability": 0.7}, {"availability": 1}, id="kept"),
        pytest.param({"availability": 0.8}, {"availability": 0}, id="not-kept"),
        pytest.param({"latency_s": 0.02001}, {"latency": 1}, id="latency-kept"),
        pytest.param({"latency_s": 0.019, "jitter_s": 0.01}, {"latency": 0, "jitter": 1}, id="two"),
        pytest.param({"loss": 0.01}, {}, id="of-loss-too-little-was-seen"),
    ],
)
def test_a_profile_is_kept_or_not_or_not_known_yet(
    path: Path, limits: dict[str, float], expected: dict[str, float]
) -> None:
    down = dict.fromkeys(range(6, 12), Reason.TIMEOUT)
    two_days = [
        *(a_round(target(), it.at.wall_s - DAY_S) for it in a_day(target(), 60)),
        *a_day(target(), 60, down),
    ]
    kept(path, two_days)
    given_sla = sla(**limits)
    if "loss" not in limits and "availability" not in limits:
        given_sla = given_sla.model_copy(update={"window_s": 2 * DAY_S})
    values = said(path, target(), sla=given_sla)
    met = {labels[3]: value for labels, value in values.items() if labels[0] == "probe_sla_met"}
    assert met == expected


def test_what_bounds_leave_open_is_not_known() -> None:
    assert keeps_at_least(0.9, Bounds(0.9, 1)) is True
    assert keeps_at_least(0.9, Bounds(0.8, 0.95)) is None
    assert keeps_at_least(0.9, Bounds(0.8, 0.89)) is False
    assert keeps_at_most(1.0, np.array([np.nan, 1.0]), 2) is None
    assert keeps_at_most(1.0, np.array([np.nan, 1.0]), 1) is True


SHARES = st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1)), min_size=1, max_size=20)


@given(SHARES, st.data())
def test_losing_ticks_only_widens_the_bounds(shares: list[float], data: st.DataObject) -> None:
    up = np.array(shares)
    lost = up.copy()
    lost[data.draw(st.integers(0, len(up) - 1))] = np.nan
    before, after = available(up), available(lost)
    assert after.lower <= before.lower + 1e-9
    assert after.upper >= before.upper - 1e-9
    together = Together(len(up))
    together.add(up)
    together.add(lost)
    network = together.available(len(up))
    assert before.lower - 1e-9 <= network.lower <= network.upper + 1e-9


def test_where_a_kind_has_steps_only_their_sum_is_the_latency_without_the_lookup() -> None:
    steps = {"resolve": 5.0, "connect": 0.25, "processing": 0.5}
    found = tuple(Sample(PHASE, value, ("web", step)) for step, value in steps.items())
    web = target("web")
    kind = Collector("http", IcmpTarget, (PHASE,), lambda *_: None, probe=True)  # type: ignore[arg-type,return-value]
    good = Observation(web, Moment(NOON, 0), 6.0, found)
    assert {it.measure: it.value for it in readings(kind, good)} == {"up": 1.0, "rtt": 0.75}
    bad = Observation(web, Moment(NOON, 0), 6.0, found, Reason.TIMEOUT)
    assert {it.measure: it.value for it in readings(kind, bad)} == {"up": 0.0, "rtt": None}
