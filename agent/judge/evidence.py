"""The figures that stand beside a verdict: how much was seen, and how it was spread."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from agent.judge.bounds import Floats, Traffic, Usage
from config.policy import Measure


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measure over its window; the statistics are of the seen ticks, None without any.

    They are ratios (a line's load, CPU, memory) or bit/s (a server's network).
    """

    from_s: float
    to_s: float
    ticks: int
    seen_ratio: float
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    peak: float | None
    capacity_bps: float | None = None
    """A line's, in the last tick."""


def of_traffic(traffic: Traffic) -> Evidence:
    """A line's load; without a capacity only how much of its traffic was seen."""
    seen = float(np.mean(~np.isnan(traffic.rate)))
    capacity = float(traffic.capacity[-1])
    found = _evidence(traffic.first, traffic.tick_s, traffic.load, seen)
    return found if np.isnan(capacity) else replace(found, capacity_bps=capacity)


def of_usage(usage: Usage) -> Mapping[Measure, Evidence]:
    """Each measure of a server by itself."""
    return {
        measure: _evidence(usage.first, usage.tick_s, values, float(np.mean(~np.isnan(values))))
        for measure, values in usage.levels.items()
    }


def _evidence(first: int, tick_s: float, values: Floats, seen_ratio: float) -> Evidence:
    known = values[~np.isnan(values)]
    from_s, to_s = first * tick_s, (first + len(values)) * tick_s
    if not len(known):
        return Evidence(from_s, to_s, len(values), seen_ratio, None, None, None, None, None)
    p50, p95, p99 = (float(it) for it in np.percentile(known, (50, 95, 99)))
    mean, peak = float(np.mean(known)), float(np.max(known))
    return Evidence(from_s, to_s, len(values), seen_ratio, mean, p50, p95, p99, peak)
