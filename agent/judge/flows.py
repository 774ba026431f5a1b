"""What lines carried in the ticks of a window, at least and at most, so that lines can be added up.

What moves to an uplink crosses it at the same time as what is there: rates are added tick by tick,
each direction by itself. The sum of peaks would be of moments that never met.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.judge.bounds import Floats, Traffic, clipped
from agent.judge.evidence import percentile


class Budget(NamedTuple):
    """Ticks `start` to before `stop` of a window of which only the sum is known.

    `bits` crossed in all of them together, received and transmitted, and in none of them more than
    `most_bps`.
    """

    start: int
    stop: int
    bits: tuple[float, float]
    most_bps: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """What some lines carried together; ticks are places in the window.

    `rates` are bit/s, received and transmitted: what was seen, so at least. In the ticks `unseen`
    up to `fill` bit/s more crossed in each direction, infinite where nothing says how much a line
    can carry; in those of a budget, what that allows. `seen` says of each tick whether all of it
    was seen. Rates are of 32 bits, as the history keeps them: thousands of lines are held
    at once.
    """

    rates: NDArray[np.float32]
    unseen: NDArray[np.int32]
    fill: NDArray[np.float32]
    budgets: tuple[Budget, ...]
    seen: NDArray[np.bool_]

    @property
    def is_bounded(self) -> bool:
        """Whether it is known of every tick how much it was at most."""
        return bool(np.isfinite(self.fill).all())

    @property
    def ticks(self) -> int:
        """How many ticks the window has."""
        return len(self.rates[0])

    @property
    def seen_ratio(self) -> float:
        """The share of ticks in which all of it was seen."""
        return int(np.count_nonzero(self.seen)) / max(1, self.ticks)

    def p95_bps(self) -> float | None:
        """The 95th percentile of the larger direction in the ticks that were seen wholly."""
        rate = self.rates.max(axis=0)[self.seen]
        return percentile(rate.astype(np.float64), 0.95) if len(rate) else None


def flow_of(line: Traffic, contracted_bps: float | None) -> Flow:
    """What one line carried: in a tick that was not seen, up to its capacity of that date.

    Less where an unbroken counter ran through: what crossed in all of those ticks is known then.
    The contract of the configuration stands in where the source of the window knows no capacity.
    """
    unseen = np.isnan(line.rate)
    stand_in = np.inf if contracted_bps is None else contracted_bps
    capacity = np.nan_to_num(line.capacity, nan=stand_in)
    budgets = tuple(_budgets(line, unseen, capacity))
    unbounded = unseen.copy()
    for it in budgets:
        unbounded[it.start : it.stop] = False
    at = np.flatnonzero(unbounded).astype(np.int32)
    both = np.nan_to_num(np.stack([line.receive, line.transmit])).astype(np.float32)
    return Flow(both, at, capacity[at].astype(np.float32), budgets, ~unseen)


def _budgets(line: Traffic, unseen: NDArray[np.bool_], capacity: Floats) -> Iterable[Budget]:
    """The runs that say more than the capacity does."""
    for run, inside in clipped(line):
        ticks = int(np.count_nonzero(unseen[inside]))
        most = float(np.max(capacity[inside]))
        bits = (float(run.amounts[0]), float(run.amounts[1]))
        if ticks and max(bits) < ticks * most * line.tick_s:
            most_bps = (min(most, bits[0] / line.tick_s), min(most, bits[1] / line.tick_s))
            yield Budget(inside.start, inside.stop, bits, most_bps)


def together(flows: Sequence[Flow]) -> Flow:
    """Add up what crosses one place: of one line it is its own."""
    return reduce(_plus, flows)


def _plus(one: Flow, other: Flow) -> Flow:
    unseen = np.union1d(one.unseen, other.unseen)
    fill = np.zeros(len(unseen), dtype=np.float32)
    for it in (one, other):
        fill[np.searchsorted(unseen, it.unseen)] += it.fill
    budgets = merged((*one.budgets, *other.budgets))
    return Flow(one.rates + other.rates, unseen, fill, budgets, one.seen & other.seen)


def merged(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    """Budgets in order, those that overlap as one of both: what they allow is only loosened."""
    found: list[Budget] = []
    for it in sorted(budgets):
        if found and it.start < found[-1].stop:
            last = found.pop()
            it = Budget(  # noqa: PLW2901 - both as one
                last.start,
                max(last.stop, it.stop),
                (last.bits[0] + it.bits[0], last.bits[1] + it.bits[1]),
                (last.most_bps[0] + it.most_bps[0], last.most_bps[1] + it.most_bps[1]),
            )
        found.append(it)
    return tuple(found)
