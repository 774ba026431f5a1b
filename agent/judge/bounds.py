"""The one question the judge asks of a window: for which share of its time was it at or above?

What was not seen may have been anything, up to what an unbroken counter says crossed in it. So a
share has a lower bound (what was seen) and an upper one, and losing samples only parts the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from agent.judge.office import Flags, Hours, hours
from agent.judge.rates import TICK_S, Run
from config.calendar import Calendar
from config.policy import Measure

Floats = NDArray[np.float64]


class Bounds(NamedTuple):
    """A share of the window's time, 0 to 1: at least, and at most."""

    lower: float
    upper: float


NOTHING_KNOWN = Bounds(0.0, 1.0)


class Window(Protocol):
    """What was seen of a subject: ticks without a break, each measure NaN where not seen."""

    @property
    def ticks(self) -> int:
        """How many ticks the window has."""

    @property
    def tick_s(self) -> float:
        """How long each of them is."""

    def time_above(
        self, measure: Measure, threshold: float, office: Calendar | None = None
    ) -> Bounds:
        """Bound the share of the window's time with the measure at or above a threshold.

        With a calendar, the share of its office hours within the window.
        """

    def silent_for(self, ticks: int) -> Self:
        """The window as it will be after so many more ticks, all seen and without any use."""


@dataclass(frozen=True, eq=False)  # without slots, which leave no place for what is cached
class Traffic:
    """What crossed a line in the ticks of a window, which begins with tick number `first`.

    `receive` and `transmit` are bit/s, NaN where not seen (both, or neither); `capacity` is bit/s,
    NaN where not known; the runs' amounts are received and transmitted bits.
    """

    first: int
    receive: Floats
    transmit: Floats
    capacity: Floats
    runs: tuple[Run, ...] = ()
    tick_s: float = TICK_S

    @property
    def ticks(self) -> int:
        """How many ticks the window has."""
        return len(self.receive)

    @cached_property
    def rate(self) -> Floats:
        """The busier direction of every tick, bit/s; NaN where not seen."""
        return np.maximum(self.receive, self.transmit)

    @cached_property
    def load(self) -> Floats:
        """The rate as a ratio of the capacity; NaN where either is not known."""
        return self.rate / self.capacity

    def time_above(
        self, measure: Measure, threshold: float, office: Calendar | None = None
    ) -> Bounds:
        """Bound the time at or above a load (a ratio) or a rate (bit/s); others are not known."""
        if measure not in {"load", "rate"}:
            return NOTHING_KNOWN
        of_load = measure == "load"
        values = self.load if of_load else self.rate
        if office is None:
            return bound(values, threshold, _excluded(self, threshold, of_load=of_load))
        when = hours(office, self.first, self.ticks, self.tick_s)
        excluded = _excluded(self, threshold, of_load=of_load, within=when.certain)
        return bound_within(values, threshold, when, excluded)

    def silent_for(self, ticks: int) -> Self:
        """The same line after so many more ticks without an octet, its capacity as it is now."""
        silence = np.zeros(ticks)
        return replace(
            self,
            first=self.first + ticks,
            receive=np.concatenate([self.receive[ticks:], silence]),
            transmit=np.concatenate([self.transmit[ticks:], silence]),
            capacity=np.concatenate([self.capacity[ticks:], np.full(ticks, self.capacity[-1])]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Usage:
    """How a server was used in the ticks of a window: ratios, cores and bit/s, by measure."""

    first: int
    levels: Mapping[Measure, Floats]
    tick_s: float = TICK_S

    @property
    def ticks(self) -> int:
        """How many ticks the window has."""
        return max((len(values) for values in self.levels.values()), default=0)

    def time_above(
        self, measure: Measure, threshold: float, office: Calendar | None = None
    ) -> Bounds:
        """Bound the time at or above a level; a measure that nobody read is not known."""
        if measure not in self.levels:
            return NOTHING_KNOWN
        values = self.levels[measure]
        if office is None:
            return bound(values, threshold)
        return bound_within(values, threshold, hours(office, self.first, self.ticks, self.tick_s))

    def silent_for(self, ticks: int) -> Self:
        """The same server after so many more ticks in which nothing used it."""
        silence = np.zeros(ticks)
        levels = {it: np.concatenate([v[ticks:], silence]) for it, v in self.levels.items()}
        return replace(self, first=self.first + ticks, levels=levels)


def bound(values: Floats, threshold: float, excluded: int = 0) -> Bounds:
    """Bound the share of ticks at or above a threshold: all that is not seen may have been.

    A tick whose value is NaN is not seen. `excluded` of those cannot have reached it.
    """
    if not len(values):
        return NOTHING_KNOWN
    above = int(np.count_nonzero(values >= threshold))  # NaN is above nothing
    unseen = int(np.count_nonzero(np.isnan(values)))
    return Bounds(above / len(values), (above + unseen - excluded) / len(values))


def bound_within(values: Floats, threshold: float, when: Hours, excluded: int = 0) -> Bounds:
    """Bound the share of those hours; `excluded` of the certain ones cannot have reached it.

    A tick that only may be of those hours is counted where that parts the bounds: whichever of
    them are, the share lies between. Without any tick that may be, nothing is known.
    """
    above, unseen = values >= threshold, np.isnan(values)
    doubtful = when.possible & ~when.certain
    certain = int(np.count_nonzero(when.certain))
    at_least = int(np.count_nonzero(above & when.certain))
    at_most = at_least + int(np.count_nonzero(unseen & when.certain)) - excluded
    below = int(np.count_nonzero(doubtful & ~above))
    high = int(np.count_nonzero(doubtful & (above | unseen)))
    if not certain + below + high:
        return NOTHING_KNOWN
    lower = at_least / (certain + below) if certain + below else 1.0
    upper = (at_most + high) / (certain + high) if certain + high else 0.0
    return Bounds(lower, upper)


def _excluded(
    traffic: Traffic, threshold: float, *, of_load: bool, within: Flags | None = None
) -> int:
    """Count the unseen ticks that the bits of their runs cannot have lifted to the threshold."""
    excluded = 0
    left = np.isnan(traffic.rate) if traffic.runs else np.empty(0, dtype=np.bool_)
    for run, inside in clipped(traffic):
        lowest = threshold
        if of_load:
            lowest *= float(np.min(traffic.capacity[inside]))  # NaN if one of them is
        if lowest > 0:
            most = sum(int(bits // (traffic.tick_s * lowest)) for bits in run.amounts)
            ticks = left[inside] if within is None else left[inside] & within[inside]
            excluded += max(0, int(np.count_nonzero(ticks)) - most)
            left[inside] = False  # an import may have seen some since, two runs may overlap
    return excluded


def carried(values: Floats) -> Floats:
    """Let a value stand until the next one is told, and the first one before it."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return values
    at = np.maximum(np.searchsorted(known, np.arange(len(values)), side="right") - 1, 0)
    found: Floats = values[known[at]]
    return found


def clipped(traffic: Traffic) -> Iterator[tuple[Run, slice]]:
    """The runs that reach into the window, and where; all of a run's bits may lie inside."""
    for run in traffic.runs:
        start = max(run.first - traffic.first, 0)
        stop = min(run.last + 1 - traffic.first, traffic.ticks)
        if start < stop:
            yield run, slice(start, stop)


def summed(members: Sequence[Traffic], capacity: Floats) -> Traffic:
    """Add up lines over one window, direction by direction, as a group of that capacity is judged.

    A tick is seen if every member saw it. Where some did not, the stretch is a run if each member
    either saw a tick or knows the bits of its run; the seen members' bits are added.

    Raises:
        ValueError: the windows are not the same.
    """
    one = members[0]
    if any((it.first, it.ticks, it.tick_s) != (one.first, one.ticks, one.tick_s) for it in members):
        msg = "the members' windows differ"
        raise ValueError(msg)
    receive = np.sum([it.receive for it in members], axis=0)
    transmit = np.sum([it.transmit for it in members], axis=0)
    runs = tuple(_common_runs(members, np.isnan(receive)))
    return Traffic(one.first, receive, transmit, capacity, runs, one.tick_s)


def _common_runs(members: Sequence[Traffic], unseen: NDArray[np.bool_]) -> Iterator[Run]:
    known = unseen.copy()
    for member in members:
        in_run = np.zeros_like(unseen)
        for _, inside in clipped(member):
            in_run[inside] = True
        known &= in_run | ~np.isnan(member.receive)
    for start, stop in stretches(known):
        amounts = [_bits(member, start, stop) for member in members]
        total = tuple(float(sum(parts)) for parts in zip(*amounts, strict=True))
        yield Run(members[0].first + start, members[0].first + stop - 1, total)


def _bits(member: Traffic, start: int, stop: int) -> tuple[float, float]:
    """At most what a member carried in a stretch: seen ticks, and all of the runs it touches."""
    receive = float(np.nansum(member.receive[start:stop])) * member.tick_s
    transmit = float(np.nansum(member.transmit[start:stop])) * member.tick_s
    for run, inside in clipped(member):
        if inside.start < stop and start < inside.stop:
            receive += run.amounts[0]
            transmit += run.amounts[1]
    return receive, transmit


def stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where flags are set without a break: start and stop of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]
