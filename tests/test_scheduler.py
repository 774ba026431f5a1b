import asyncio
from collections import Counter
from collections.abc import Sequence
from time import perf_counter

import pytest

from agent.scheduler import CAP, Measured, Scheduler, place
from collectors.base import Target
from tests.testbed import eventually_async


def target(name: str, interval_s: float = 60.0) -> Target:
    return Target(name=name, kind="tcp", address="127.0.0.1", interval_s=interval_s)


async def run(scheduler: Scheduler, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await scheduler.serve()


async def test_every_target_is_measured_at_once_and_then_spread_over_the_interval() -> None:
    times: dict[str, list[float]] = {}

    async def measure(one: Target) -> None:
        times.setdefault(one.name, []).append(perf_counter())

    scheduler = Scheduler(measure)
    scheduler.follow([target(f"t{n}", 1.0) for n in range(50)])
    assert scheduler.unmeasured == 50
    started = perf_counter()
    await run(scheduler, 2.3)
    firsts = [calls[0] - started for calls in times.values()]
    seconds = [calls[1] - started for calls in times.values()]
    assert scheduler.all_measured.is_set()
    assert max(firsts) < 0.2
    assert max(seconds) - min(seconds) > 0.6
    for calls in times.values():
        assert calls[2] - calls[1] == pytest.approx(1.0, abs=0.15)


async def test_a_target_is_never_measured_twice_at_once_and_missed_turns_are_left_out() -> None:
    under_way: Counter[str] = Counter()
    worst = 0
    rounds = 0

    async def measure(one: Target) -> None:
        nonlocal worst, rounds
        under_way[one.name] += 1
        worst, rounds = max(worst, under_way[one.name]), rounds + 1
        await asyncio.sleep(0.25)
        under_way[one.name] -= 1

    scheduler = Scheduler(measure)
    scheduler.follow([target("slow", 0.1)])
    await run(scheduler, 1.0)
    assert worst == 1
    assert 2 <= rounds <= 4


async def test_a_slow_target_does_not_delay_the_others() -> None:
    calls: Counter[str] = Counter()

    async def measure(one: Target) -> None:
        calls[one.name] += 1
        await asyncio.sleep(60 if one.name.startswith("dead") else 0)

    scheduler = Scheduler(measure)
    scheduler.follow([*(target(f"dead{n}", 0.2) for n in range(5)), target("live", 0.2)])
    await run(scheduler, 1.5)
    assert calls["live"] >= 6
    assert not scheduler.all_measured.is_set()
    assert scheduler.unmeasured == 5


async def test_no_more_than_the_cap_are_under_way() -> None:
    under_way, worst = 0, 0

    async def measure(_: Target) -> None:
        nonlocal under_way, worst
        under_way += 1
        worst = max(worst, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1

    scheduler = Scheduler(measure, cap=7)
    scheduler.follow([target(f"t{n}") for n in range(40)])
    await run(scheduler, 0.5)
    assert worst == 7
    assert scheduler.all_measured.is_set()


async def test_following_others_stops_what_left_and_leaves_what_stayed_alone() -> None:
    calls: Counter[str] = Counter()

    async def measure(one: Target) -> None:
        calls[f"{one.name}/{one.interval_s:g}"] += 1

    scheduler = Scheduler(measure)
    scheduler.follow([target("stays"), target("leaves"), target("changes")])

    serving = asyncio.create_task(scheduler.serve())
    await scheduler.all_measured.wait()
    ended = scheduler.follow([target("stays"), target("changes", 30.0), target("new")])
    assert ended == {("tcp", "leaves")}
    assert await eventually_async(lambda: scheduler.unmeasured == 0)
    serving.cancel()
    assert calls["stays/60"] == calls["leaves/60"] == calls["new/60"] == 1
    assert calls["changes/60"] == calls["changes/30"] == 1


async def test_when_the_last_target_to_be_measured_leaves_the_first_round_is_over() -> None:
    async def measure(one: Target) -> None:
        await asyncio.sleep(60 if one.name == "dead" else 0)

    scheduler = Scheduler(measure)
    scheduler.follow([target("dead"), target("live")])
    serving = asyncio.create_task(scheduler.serve())
    assert await eventually_async(lambda: scheduler.unmeasured == 1)
    scheduler.follow([target("live")])
    assert scheduler.all_measured.is_set()
    serving.cancel()


async def test_a_reload_during_the_end_starts_nothing() -> None:
    ended: list[str] = []

    async def measure(_: Target) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            scheduler.follow([target("late")])
            ended.append("at its end")

    scheduler = Scheduler(measure)
    scheduler.follow([target("first")])
    await run(scheduler, 0.05)
    assert ended == ["at its end"]


def test_uvloops_timers_that_wake_early_measure_nothing_twice() -> None:
    uvloop = pytest.importorskip("uvloop")
    calls: Counter[str] = Counter()

    async def measure(one: Target) -> None:
        calls[one.name] += 1

    scheduler = Scheduler(measure)
    scheduler.follow([target(f"t{n}", 0.25) for n in range(50)])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(scheduler, 1.1))
    assert max(calls.values()) <= 6


class Shared:
    """Measures targets together: who wakes in one call, and each ends when it is told to."""

    def __init__(self, cap: int = CAP) -> None:
        self.calls: list[list[str]] = []
        self.under_way: dict[str, tuple[Target, Measured]] = {}
        self.ends_at_once = True
        self.scheduler = Scheduler(
            self.alone, cap, measure_all=self.measure_all, is_shared=lambda _: True
        )

    async def alone(self, one: Target) -> None:
        raise AssertionError(one)

    async def measure_all(self, targets: Sequence[Target], measured: Measured) -> None:
        self.calls.append([one.name for one in targets])
        self.under_way |= {one.name: (one, measured) for one in targets}
        if self.ends_at_once:
            for one in targets:
                self.end(one.name)
        else:
            await asyncio.Event().wait()

    def end(self, name: str) -> None:
        one, measured = self.under_way.pop(name)
        measured(one)

    def times(self, name: str) -> int:
        return sum(name in call for call in self.calls)


async def test_shared_targets_are_measured_in_one_call_and_then_in_slots() -> None:
    shared = Shared()
    shared.scheduler.follow([target(f"t{n}", 1.0) for n in range(100)])
    await run(shared.scheduler, 1.5)
    assert len(shared.calls[0]) == 100
    assert shared.scheduler.all_measured.is_set()
    assert 5 <= len(shared.calls) - 1 <= 14
    assert {shared.times(f"t{n}") for n in range(100)} <= {2, 3}


async def test_a_slow_one_of_those_measured_together_does_not_delay_the_others() -> None:
    shared = Shared()
    shared.ends_at_once = False
    shared.scheduler.follow([target("dead", 0.2), target("live", 0.2)])
    serving = asyncio.create_task(shared.scheduler.serve())
    for _ in range(3):
        assert await eventually_async(lambda: "live" in shared.under_way)
        shared.end("live")
    assert shared.times("dead") == 1
    assert shared.scheduler.unmeasured == 1
    serving.cancel()


async def test_no_more_than_the_cap_are_measured_together() -> None:
    shared = Shared(cap=7)
    shared.ends_at_once = False
    shared.scheduler.follow([target(f"t{n}") for n in range(20)])
    serving = asyncio.create_task(shared.scheduler.serve())
    for places in (7, 7, 6):
        assert await eventually_async(lambda: len(shared.under_way) == places)  # noqa: B023 - asked at once
        for name in list(shared.under_way):
            shared.end(name)
    assert await eventually_async(shared.scheduler.all_measured.is_set)
    assert [len(call) for call in shared.calls] == [7, 7, 6]
    serving.cancel()


async def test_those_that_found_no_place_come_before_those_that_fall_due_again() -> None:
    """Else, where there are too few places for long, some would never be measured."""
    shared = Shared(cap=1)
    shared.scheduler.follow([target(f"t{n}", 0.3) for n in range(15)])
    serving = asyncio.create_task(shared.scheduler.serve())
    assert await eventually_async(shared.scheduler.all_measured.is_set)
    assert max(shared.times(f"t{n}") for n in range(15)) <= 2
    serving.cancel()


async def test_a_round_that_outlives_a_reload_is_followed_no_more() -> None:
    shared = Shared()
    shared.ends_at_once = False
    before, after = target("changes", 60.0), target("changes", 30.0)
    shared.scheduler.follow([before, target("leaves")])
    serving = asyncio.create_task(shared.scheduler.serve())
    assert await eventually_async(lambda: len(shared.under_way) == 2)
    late = dict(shared.under_way)
    assert shared.scheduler.follow([after]) == {("tcp", "leaves")}
    assert (shared.scheduler.follows(before), shared.scheduler.follows(after)) == (False, True)
    for one, measured in late.values():
        measured(one)
    assert shared.scheduler.unmeasured == 1, "the changed one's old round says nothing of it"
    assert await eventually_async(lambda: shared.times("changes") == 2)
    shared.end("changes")
    assert shared.scheduler.unmeasured == 0
    serving.cancel()


async def test_without_targets_the_first_round_is_over_at_once() -> None:
    async def measure(_: Target) -> None:
        raise AssertionError

    scheduler = Scheduler(measure)
    await run(scheduler, 0.05)
    assert scheduler.all_measured.is_set()


def test_places_are_the_same_on_every_start_and_spread_evenly() -> None:
    assert place(("icmp", "gateway")) == pytest.approx(0.33369590865071297)
    quarters = Counter(int(place(("snmp_interfaces", f"r{n}")) * 4) for n in range(1_000))
    assert min(quarters.values()) > 200
