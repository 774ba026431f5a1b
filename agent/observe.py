"""One attempt to measure one target, and what /metrics says of the attempts."""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from time import perf_counter

from agent.isolation import must_not_answer, turned
from collectors import story
from collectors.base import (
    TOGETHER_S,
    CollectError,
    Collector,
    Ended,
    Measurement,
    Metric,
    Moment,
    Reason,
    Sample,
    Series,
    Target,
    Tools,
)
from collectors.deadline import Deadlines

log = logging.getLogger(__name__)

_TARGET = ("target", "kind")
SUCCESS = Metric(
    "netfold_collect_success", "gauge", "Whether the last attempt measured all it should.", _TARGET
)
DURATION = Metric(
    "netfold_collect_duration_seconds", "gauge", "Duration of the last attempt.", _TARGET
)
FAILURES = Metric(
    "netfold_collect_failures_total",
    "counter",
    "Attempts that failed, by reason (docs/operating.md has a section for each).",
    ("target", "kind", "reason"),
)
LAST_SUCCESS = Metric(
    "netfold_collect_last_success_timestamp_seconds",
    "gauge",
    "When an attempt last measured all it should.",
    _TARGET,
)
PROBE_SUCCESS = Metric(
    "netfold_probe_success",
    "gauge",
    "Whether the last round went as it should: an answer, or none from what must not answer. "
    "Absent if the fault was local.",
    ("target",),
)
BREACHED = Metric(
    "netfold_probe_isolation_breached",
    "gauge",
    "Whether a target that must not answer from here did; absent if that is not known.",
    ("target",),
)
PROBE_INFO = Metric(
    "netfold_probe_info",
    "info",
    "What is probed, and for which network and purpose.",
    ("target", "kind", "network", "purpose", "family"),
)
_NUMBERS = {int, float}  # repr of their subclasses is no number
METRICS = (SUCCESS, DURATION, FAILURES, LAST_SUCCESS, PROBE_SUCCESS, BREACHED, PROBE_INFO)


@dataclass(frozen=True, slots=True)
class Observation:
    """One attempt; `reason` is None where all was measured, and says why not otherwise."""

    target: Target
    at: Moment
    duration_s: float
    measurements: tuple[Measurement, ...] = ()
    reason: Reason | None = None
    detail: str = ""

    @property
    def is_conclusive(self) -> bool:
        """Whether something is known of the target now, be it good or bad."""
        if self.reason is None or not must_not_answer(self.target):
            return self.reason is None or self.reason.is_remote
        return self.reason is Reason.REACHED


async def observe(
    collector: Collector,
    target: Target,
    tools: Tools,
    listener: Callable[[str], None] | None = None,
) -> Observation:
    """Measure a target once within its timeout; whatever fails becomes a reason.

    `listener` hears each step, as `netfold probe` shows them.
    """
    started = perf_counter()
    its_story = story.begin(listener)
    try:
        found, reason, detail = await _attempt(collector, target, tools)
        if must_not_answer(target):
            reason, detail = turned(reason, detail, answered=its_story.answered)
        measurements = _checked(found)
    except (Exception, asyncio.CancelledError) as error:
        # The one place: a bug in a collector stops at its target, also one that cancels itself.
        if isinstance(error, asyncio.CancelledError) and _is_told_to_end():
            raise
        measurements, reason, detail = (), Reason.INTERNAL, _where(error)
    return Observation(target, tools.now(), perf_counter() - started, measurements, reason, detail)


async def _attempt(
    collector: Collector, target: Target, tools: Tools
) -> tuple[Iterable[Measurement], Reason | None, str]:
    try:
        with tools.use(Deadlines).within(target.timeout_s):
            return await collector.collect(target, tools), None, ""
    except CollectError as error:
        return error.measurements, error.reason, error.detail
    except TimeoutError:
        return (), Reason.TIMEOUT, f"no answer within {target.timeout_s:g} s"


def is_shared(collector: Collector, target: Target) -> bool:
    """Whether a target is measured together with others of its kind.

    What must not answer is not: whether anything came from it is told by its own round's story.
    """
    return collector.together.takes(target) and not must_not_answer(target)


async def observe_all(
    collector: Collector, targets: Sequence[Target], tools: Tools
) -> AsyncGenerator[Observation, None]:
    """Measure targets that `is_shared` picks, and yield each as soon as its round is over.

    Each keeps to its own timeout. Whatever fails becomes a reason, of all that are not over yet if
    it is the collector as a whole.
    """
    started_s = perf_counter()
    left = {target.name: target for target in targets}
    within_s = max(target.timeout_s for target in targets) + TOGETHER_S
    reason, detail = Reason.INTERNAL, "the collector ended without a word of it"
    try:
        with tools.use(Deadlines).within(within_s):
            async with aclosing(collector.together.collect_all(targets, tools)) as rounds:
                async for ended in rounds:
                    del left[ended.target.name]
                    yield _observed(ended, tools)
    except TimeoutError:
        reason, detail = Reason.TIMEOUT, f"no answer within {within_s:g} s"
    except (Exception, asyncio.CancelledError) as error:
        if isinstance(error, asyncio.CancelledError) and _is_told_to_end():
            raise
        reason, detail = Reason.INTERNAL, _where(error)
    for target in left.values():
        yield Observation(target, tools.now(), perf_counter() - started_s, (), reason, detail)


def _observed(ended: Ended, tools: Tools) -> Observation:
    reason: Reason | None
    target, started_s, result = ended
    reason, detail = None, ""
    try:
        try:
            found = result()
        except CollectError as error:
            found, reason, detail = error.measurements, error.reason, error.detail
        measurements = _checked(found)
    except Exception as error:  # noqa: BLE001 - a bug stops at its target, as above
        measurements, reason, detail = (), Reason.INTERNAL, _where(error)
    return Observation(
        target, tools.now(), perf_counter() - started_s, measurements, reason, detail
    )


def _where(error: BaseException) -> str:
    """What a bug said, and the line it was met on: one line, told once while it lasts."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    file = "/".join(Path(frame.filename).parts[-2:])
    return f"{type(error).__name__}: {error} ({file}:{frame.lineno})"


def _checked(found: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Let pass what /metrics can show: one bad line there costs all the others.

    Raises:
        TypeError: something is no measurement, or a sample does not fit its metric.
    """
    measurements = tuple(found)
    for it in measurements:
        if type(it) is Sample:  # as nearly all are
            metric, value, labels = it
            fits = type(value) in _NUMBERS and len(labels) == len(metric.labels)
            for label in labels:  # all() takes twice as long, and so does a function
                fits = fits and isinstance(label, str)
            if not fits:
                msg = f"{it!r}: needs an int or float, and a text for each label of its metric"
                raise TypeError(msg)
        elif not isinstance(it, Measurement):
            msg = f"not a measurement: {it!r}"
            raise TypeError(msg)
    return measurements


def _is_told_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@dataclass(slots=True)
class Attempts:
    """What is remembered of all attempts at one target."""

    failures: Counter[Reason] = field(default_factory=Counter)
    last_success_s: float | None = None
    last_reason: Reason | None = None

    def note(self, observation: Observation) -> None:
        """Count an attempt; log when the target's state changes, not while it lasts."""
        target = observation.target
        facts = {"target": target.name, "kind": target.kind}
        if observation.reason is None:
            self.last_success_s = observation.at.wall_s
            if self.last_reason is not None:
                log.info(_words(target, None), extra=facts)
        else:
            self.failures[observation.reason] += 1
            if self.last_reason is not observation.reason:
                facts |= {"reason": observation.reason, "detail": observation.detail}
                log.warning(_words(target, observation.reason), extra=facts)
        self.last_reason = observation.reason

    def samples(self, observation: Observation) -> list[Series]:
        """What /metrics says after this attempt."""
        target = observation.target
        labels = (target.name, target.kind)
        samples: list[Series] = [
            (SUCCESS, int(observation.reason is None), labels),
            (DURATION, observation.duration_s, labels),
        ]
        for reason, count in self.failures.items():
            samples.append((FAILURES, count, (*labels, reason)))
        if self.last_success_s is not None:
            samples.append((LAST_SUCCESS, self.last_success_s, labels))
        return samples


def _words(target: Target, reason: Reason | None) -> str:
    if not must_not_answer(target):
        return "target is not measured" if reason else "target is measured again"
    if reason is None:
        return "isolation holds again"
    is_breach = reason is Reason.REACHED
    return "isolation is breached" if is_breach else "isolation is not proven"


def probe_samples(observation: Observation) -> list[Series]:
    """What every kind of probe says; a local fault says nothing of the target."""
    target = observation.target
    name = (target.name,)
    facts = (target.network or "", target.purpose or "", _family(target))
    samples: list[Series] = [(PROBE_INFO, 1, (target.name, target.kind, *facts))]
    if observation.is_conclusive:
        is_good = observation.reason is None
        samples.append((PROBE_SUCCESS, int(is_good), name))
        if must_not_answer(target):
            samples.append((BREACHED, int(not is_good), name))
    return samples


def _family(target: Target) -> str:
    """The family that is probed: an address tells its own; a name may resolve to either."""
    return _family_of(target.address) or target.family


@lru_cache(maxsize=8192)
def _family_of(address: str) -> str | None:
    try:
        return f"ipv{ip_address(address).version}"
    except ValueError:
        return None
