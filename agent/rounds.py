"""What the history keeps of a probe's rounds: whether it went as it should, and how well."""

from collections.abc import Iterator

from agent.observe import Observation
from collectors.base import Collector, GaugeMeasure, GaugeReading, Sample

_LEAST_HOLD_S = 60.0
_MEASURES: dict[str, GaugeMeasure] = {
    "netfold_probe_rtt_seconds": "rtt",
    "netfold_probe_loss_ratio": "loss",
    "netfold_probe_jitter_seconds": "jitter",
}
"""By name, since the metric may be of a kind that this agent never imports."""


def readings(collector: Collector, observation: Observation) -> Iterator[GaugeReading]:
    """Each measure that this kind of probe has; None where the round says nothing of it.

    A round stands until the next one, for one and a half intervals at most (60 s of short ones):
    an agent that does not run sees nothing.
    """
    values = dict(_values(observation))
    target = observation.target
    identity = f"{target.kind}/{target.address}"
    holds_s = max(_LEAST_HOLD_S, 1.5 * target.interval_s)
    measured = {_MEASURES[it.name] for it in collector.metrics if it.name in _MEASURES}
    for measure in ("up", *sorted(measured)):
        value = values.get(measure)
        yield GaugeReading("probe", target.name, identity, observation.at, measure, value, holds_s)


def _values(observation: Observation) -> Iterator[tuple[GaugeMeasure, float]]:
    if observation.is_conclusive:
        yield "up", float(observation.reason is None)
    for it in observation.measurements:
        if isinstance(it, Sample) and it.metric.name in _MEASURES and it.labels[1:] in _MAIN:
            yield _MEASURES[it.metric.name], float(it.value)


_MAIN = {(), ("mean",)}
"""The labels beside the target's name: of the round-trip times the mean is kept."""
