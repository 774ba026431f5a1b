"""What the history keeps of a probe's rounds: whether it went as it should, and how well."""

from collections.abc import Iterator
from functools import lru_cache

from agent.observe import Observation
from collectors.base import Collector, GaugeMeasure, GaugeReading, Metric, Sample, Target
from collectors.probe import PHASE, RTT

_LEAST_HOLD_S = 60.0
_MEASURES: dict[str, GaugeMeasure] = {
    RTT.name: "rtt",
    PHASE.name: "rtt",
    "netfold_probe_loss_ratio": "loss",
    "netfold_probe_jitter_seconds": "jitter",
}
"""By name, since these metrics may be of a kind that this agent never imports."""

_MAIN = {(), ("mean",)}
"""The labels beside the target's name."""


def readings(collector: Collector, observation: Observation) -> Iterator[GaugeReading]:
    """Each measure that this kind of probe has; None where the round says nothing of it.

    A round stands until the next one, for one and a half intervals at most (60 s of short ones):
    an agent that does not run sees nothing.
    """
    found = values(observation)
    target = observation.target
    identity = f"{target.kind}/{target.address}"
    for measure in _measured(collector.metrics):
        value, until_s = found.get(measure), holds_s(target)
        yield GaugeReading("probe", target.name, identity, observation.at, measure, value, until_s)


def values(observation: Observation) -> dict[GaugeMeasure, float]:
    """What a round says of each measure, in seconds and ratios; what it does not is left out."""
    return dict(_values(observation))


def holds_s(target: Target) -> float:
    """For how long a round stands where no other follows."""
    return max(_LEAST_HOLD_S, 1.5 * target.interval_s)


@lru_cache
def _measured(metrics: tuple[Metric, ...]) -> tuple[GaugeMeasure, ...]:
    return ("up", *sorted({_MEASURES[it.name] for it in metrics if it.name in _MEASURES}))


def _values(observation: Observation) -> Iterator[tuple[GaugeMeasure, float]]:
    """What a round says; where a kind has phases only, a good one's time is their sum.

    Looking a name up is no part of it, and of round-trip times the mean is kept.
    """
    found = [it for it in observation.measurements if isinstance(it, Sample)]
    if observation.is_conclusive:
        yield "up", float(observation.reason is None)
    if observation.reason is None:
        phases = [it.value for it in found if it.metric is PHASE and it.labels[1] != "resolve"]
        if phases:
            yield "rtt", sum(phases)
    for it in found:
        if it.metric is not PHASE and it.metric.name in _MEASURES and it.labels[1:] in _MAIN:
            yield _MEASURES[it.metric.name], float(it.value)
