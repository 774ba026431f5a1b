"""One attempt: whatever a collector does becomes an observation, and stops at its target."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import pytest

from agent.observe import Observation, observe, observe_all
from collectors.base import (
    CollectError,
    Collector,
    Ended,
    Metric,
    Moment,
    Reason,
    Sample,
    Target,
    Together,
    Tools,
)

RTT = Metric("netfold_probe_rtt_seconds", "gauge", "Round trip.", ("target", "stat"))
GOOD = Sample(RTT, 0.5, ("web", "mean"))


async def observed(
    collect: Callable[[Target, Tools], Awaitable[Sequence[Any]]], timeout_s: float = 5.0
) -> Observation:
    target = Target(name="web", kind="tcp", address="127.0.0.1", timeout_s=timeout_s)
    tools = Tools(lambda: Moment(1_800_000_000.0, 1_000.0))
    return await observe(Collector("tcp", Target, (RTT,), collect, probe=True), target, tools)


async def test_what_was_measured_is_observed_whole() -> None:
    async def collect(*_: object) -> list[Sample]:
        return [GOOD]

    observation = await observed(collect)
    assert observation.measurements == (GOOD,)
    assert observation.reason is None
    assert observation.at.wall_s == 1_800_000_000.0


async def test_a_named_failure_keeps_what_was_read_all_the_same() -> None:
    async def collect(*_: object) -> list[Sample]:
        raise CollectError(Reason.REFUSED, "nobody listens", [GOOD])

    observation = await observed(collect)
    assert (observation.reason, observation.detail) == (Reason.REFUSED, "nobody listens")
    assert observation.measurements == (GOOD,)


async def test_a_collector_that_does_not_come_back_is_a_timeout() -> None:
    async def collect(*_: object) -> list[Sample]:
        await asyncio.sleep(60)
        return []

    observation = await observed(collect, timeout_s=0.05)
    assert (observation.reason, observation.detail) == (
        Reason.TIMEOUT,
        "no answer within 0.05 s",
    )


@pytest.mark.parametrize(
    ("found", "detail"),
    [
        pytest.param(None, "'NoneType' object is not iterable", id="nothing"),
        pytest.param([3.5], "not a measurement: 3.5", id="a-bare-number"),
        pytest.param([Sample(RTT, 1.0, ("web",))], "a text for each label", id="a-label-too-few"),
        pytest.param([Sample(RTT, 1.0, ("web", 7))], "a text for each label", id="a-number-label"),  # type: ignore[arg-type]
        pytest.param([Sample(RTT, None, ("web", "p50"))], "an int or float", id="no-value"),  # type: ignore[arg-type]
        pytest.param([Sample(RTT, True, ("web", "p50"))], "an int or float", id="a-truth"),
    ],
)
async def test_what_metrics_cannot_show_is_a_bug_that_stops_at_its_target(
    found: Any, detail: str
) -> None:
    async def collect(*_: object) -> Any:
        return found

    observation = await observed(collect)
    assert observation.reason is Reason.INTERNAL
    assert detail in observation.detail
    assert observation.measurements == ()


async def test_a_collector_that_is_cancelled_from_within_is_measured_again() -> None:
    async def collect(*_: object) -> list[Sample]:
        shared: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        shared.cancel()
        await shared
        return []

    assert (await observed(collect)).reason is Reason.INTERNAL


async def test_one_that_is_told_to_end_ends() -> None:
    async def collect(*_: object) -> list[Sample]:
        await asyncio.sleep(60)
        return []

    attempt = asyncio.create_task(observed(collect))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt


class Several:
    """Targets that are measured together; what becomes of each is by its name."""

    def __init__(self, *names: str, error: Exception | None = None, waits: bool = False) -> None:
        self.error, self.waits = error, waits
        self.targets = [
            Target(name=it, kind="tcp", address="127.0.0.1", timeout_s=0.05) for it in names
        ]

    async def collect_all(self, targets: Sequence[Target], _: Tools) -> AsyncGenerator[Ended, None]:
        for target in targets:
            if target.name != "unsaid":
                yield Ended(target, perf_counter(), partial(self.result, target.name))
        if self.waits:
            await asyncio.sleep(60)
        if self.error:
            raise self.error

    def result(self, name: str) -> Any:
        if name == "refused":
            raise CollectError(Reason.REFUSED, "nobody listens", [GOOD])
        if name == "buggy":
            raise ZeroDivisionError
        return [GOOD] if name == "good" else [3.5]

    async def observed(self) -> dict[str, Observation]:
        async def alone(*_: object) -> list[Sample]:
            raise AssertionError

        together = Together(self.collect_all, lambda _: True)
        collector = Collector("tcp", Target, (RTT,), alone, probe=True, together=together)
        tools = Tools(lambda: Moment(1_800_000_000.0, 1_000.0))
        return {it.target.name: it async for it in observe_all(collector, self.targets, tools)}


async def test_of_targets_measured_together_each_keeps_its_own_outcome() -> None:
    found = await Several("good", "refused", "buggy", "odd").observed()
    assert (found["good"].reason, found["good"].measurements) == (None, (GOOD,))
    assert (found["refused"].reason, found["refused"].detail) == (Reason.REFUSED, "nobody listens")
    assert found["refused"].measurements == (GOOD,)
    assert found["buggy"].reason is found["odd"].reason is Reason.INTERNAL
    assert "ZeroDivisionError" in found["buggy"].detail
    assert found["odd"].measurements == ()


@pytest.mark.parametrize(
    ("error", "waits", "reason", "detail"),
    [
        pytest.param(None, True, Reason.TIMEOUT, "no answer within 0.15 s", id="never-ends"),
        pytest.param(None, False, Reason.INTERNAL, "without a word", id="forgets-one"),
        pytest.param(ValueError("bug"), False, Reason.INTERNAL, "ValueError: bug", id="fails"),
    ],
)
async def test_what_fails_as_a_whole_fails_who_is_not_over_yet(
    error: Exception | None, waits: bool, reason: Reason, detail: str
) -> None:
    found = await Several("good", "unsaid", error=error, waits=waits).observed()
    assert found["good"].reason is None
    assert found["unsaid"].reason is reason
    assert detail in found["unsaid"].detail


async def test_those_measured_together_end_when_they_are_told_to() -> None:
    attempt = asyncio.create_task(Several("good", "unsaid", waits=True).observed())
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
