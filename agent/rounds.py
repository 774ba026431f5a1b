"""What the history keeps of a probe's rounds: whether it went as it should, and how well."""

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


def readings(collector: Collector, observation: Observation) -> list[GaugeReading]:
    """Each measure that this kind of probe has; None where the round says nothing of it.

    A round stands until the next one, for one and a half intervals at most (60 s of short ones):
    an agent that does not run sees nothing.
    """
    found, target, at = values(observation), observation.target, observation.at
    name, identity = target.name, f"{target.kind}/{target.address}"
    until_s = holds_s(target)
    return [
        GaugeReading("probe", name, identity, at, it, found.get(it), until_s)
        for it in _measured(collector.metrics)
    ]


def holds_s(target: Target) -> float:
    """For how long a round stands where no other follows."""
    return max(_LEAST_HOLD_S, 1.5 * target.interval_s)


@lru_cache
def _measured(metrics: tuple[Metric, ...]) -> tuple[GaugeMeasure, ...]:
    return ("up", *sorted({_MEASURES[it.name] for it in metrics if it.name in _MEASURES}))


def values(observation: Observation) -> dict[GaugeMeasure, float]:
    """What a round says of each measure, in seconds and ratios; what it does not is left out.

    Where a kind has phases only, a good round's time is their sum, without that of looking a name
    up. Of round-trip times the mean is kept.
    """
    is_good = observation.reason is None
    found: dict[GaugeMeasure, float] = {}
    phases_s = []
    for it in observation.measurements:
        if isinstance(it, Sample):
            metric, value, labels = it
            if metric is PHASE:
                if labels[1] != "resolve":
                    phases_s.append(value)
            elif metric.name in _MEASURES and labels[1:] in _MAIN:
                found[_MEASURES[metric.name]] = float(value)
    if phases_s and is_good:
        found.setdefault("rtt", sum(phases_s))
    if observation.is_conclusive:
        found["up"] = float(is_good)
    return found
