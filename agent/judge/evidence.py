"""The figures that stand beside a verdict: how much was seen, and how it was spread."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from agent.judge.bounds import Floats, Traffic, Usage
from agent.judge.office import Flags, Hours, hours
from config.calendar import Calendar
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
    office: "Evidence | None" = None
    """The same of the office hours that are certain; None where nobody asked for them."""
    unknown_years: tuple[int, ...] = ()
    """Of office hours: the years whose working days no calendar knows."""


def of_traffic(traffic: Traffic, calendar: Calendar | None = None) -> Evidence:
    """A line's load; without a capacity only how much of its traffic was seen."""
    seen = ~np.isnan(traffic.rate)
    capacity = float(traffic.capacity[-1])
    when = hours(calendar, traffic.first, traffic.ticks, traffic.tick_s) if calendar else None
    found = _evidence(traffic.first, traffic.tick_s, traffic.load, seen, when)
    return found if np.isnan(capacity) else replace(found, capacity_bps=capacity)


def of_usage(usage: Usage, calendar: Calendar | None = None) -> Mapping[Measure, Evidence]:
    """Each measure of a server by itself."""
    when = hours(calendar, usage.first, usage.ticks, usage.tick_s) if calendar else None
    return {
        measure: _evidence(usage.first, usage.tick_s, values, ~np.isnan(values), when)
        for measure, values in usage.levels.items()
    }


def _evidence(
    first: int, tick_s: float, values: Floats, seen: Flags, when: Hours | None = None
) -> Evidence:
    """Values may be unknown where the subject was seen, as a load without a capacity is."""
    if when is not None:
        its = _evidence(first, tick_s, values[when.certain], seen[when.certain])
        its = replace(its, unknown_years=when.unknown_years)
        return replace(_evidence(first, tick_s, values, seen), office=its)
    known = values[~np.isnan(values)]
    seen_ratio = np.count_nonzero(seen) / len(seen) if len(seen) else 0.0
    from_s, to_s = first * tick_s, (first + len(values)) * tick_s
    if not len(known):
        return Evidence(from_s, to_s, len(values), seen_ratio, None, None, None, None, None)
    p50, p95, p99 = _percentiles(known, (0.5, 0.95, 0.99))
    mean, peak = float(np.mean(known)), float(np.max(known))
    return Evidence(from_s, to_s, len(values), seen_ratio, mean, p50, p95, p99, peak)


def percentile(known: Floats, ratio: float) -> float:
    """One percentile of values that are there, as evidence has it."""
    return _percentiles(known, (ratio,))[0]


def _percentiles(known: Floats, ratios: tuple[float, ...]) -> list[float]:
    """Interpolate linearly, as `np.percentile` does by default in twice the time."""
    places = [ratio * (len(known) - 1) for ratio in ratios]
    beside = [near for place in places for near in (math.floor(place), math.ceil(place))]
    ordered = np.partition(known, beside)
    pairs = zip(ordered[beside[::2]], ordered[beside[1::2]], places, strict=True)
    return [float(low + (high - low) * (place % 1)) for low, high, place in pairs]
