"""What an uplink carries and could carry besides, by shares of time with bounds, as verdicts have.

A rule "at most" is proven by the upper bound alone: what was not seen counts as much as it can have
been.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agent.judge.bounds import Bounds, Floats
from agent.judge.flows import Budget, Flow, merged
from agent.judge.rates import TICK_S
from config.policy import Rule


@dataclass(frozen=True, eq=False)  # without slots, which leave no place for what is cached
class Uplink:
    """A line, or a group of lines, with all that crosses it: `least` and `most` bit/s by tick.

    Both have a row for each direction. `most` is without what the budgets allow besides. `name` is
    the group's or the line's; `primaries` are the lines that share the capacity alike, None where
    they differ.
    """

    name: str
    capacity_bps: float
    least: Floats
    most: Floats
    budgets: tuple[Budget, ...] = ()
    primaries: int | None = 1
    tick_s: float = TICK_S

    def carrying(self, flow: Flow) -> Self:
        """The uplink with more to carry: a sum of vectors, however much it carries already."""
        return replace(self.at_most_with(flow), least=self.least + flow.rates)

    def at_most_with(self, flow: Flow) -> Self:
        """The same to ask `bears` of alone: what crosses it at least is not added up."""
        most = self.most + flow.rates
        if len(flow.unseen):
            most[:, flow.unseen] += flow.fill
        budgets = merged((*self.budgets, *flow.budgets)) if flow.budgets else self.budgets
        return replace(self, most=most, budgets=budgets)

    def share(self, rule: Rule) -> Bounds:
        """Bound the share of the window's time at or above a rule's load."""
        level_bps = rule.threshold * self.capacity_bps
        at_least = int(np.count_nonzero(np.maximum(*self.least) >= level_bps))
        at_most = int(np.count_nonzero(self._peaks >= level_bps))
        at_most += sum(self._lifted(it, level_bps) for it in self.budgets)
        return Bounds(at_least / len(self._peaks), at_most / len(self._peaks))

    def bears(self, rules: Iterable[Rule], capacity_bps: float | None = None) -> bool:
        """Whether all rules are proven, of another capacity where one is given."""
        capacity_bps = capacity_bps or self.capacity_bps
        return all(self._is_proven(it, it.threshold * capacity_bps) for it in rules)

    def is_too_full(self, rules: Iterable[Rule], flow: Flow) -> bool:
        """Whether its fullest ticks alone disprove a rule with a flow: most uplinks end here.

        That is quick. Where it is False, `at_most_with` and `bears` decide.
        """
        at, most = self._fullest
        peaks = np.maximum(*(most + flow.rates.take(at, axis=1)))
        return any(
            np.count_nonzero(peaks >= it.threshold * self.capacity_bps)
            > allowed(it, len(self._peaks))
            for it in rules
        )

    def room_bps(self, rules: Sequence[Rule]) -> float:
        """What could cross it besides in every tick and direction while all rules still hold.

        Anything less than this can; 0 where there is no room, or none is proven. Ticks of a budget
        count as if all of it fell into each of them.
        """
        most = self.most.copy() if self.budgets else self.most
        for it in self.budgets:
            most[:, it.start : it.stop] += np.array(it.most_bps)[:, None]
        peaks = np.maximum(*most)
        # Of each rule: down from its load to the highest tick that must stay below it.
        levels = [it.threshold * self.capacity_bps for it in rules]
        places = [len(peaks) - 1 - allowed(it, len(peaks)) for it in rules]
        highest = np.partition(peaks, places)[places]
        return max(0.0, float(np.min(levels - highest)))

    @cached_property
    def _peaks(self) -> Floats:
        peaks: Floats = np.maximum(*self.most)
        return peaks

    @cached_property
    def _fullest(self) -> tuple[NDArray[np.intp], Floats]:
        """The fullest tenth of the ticks, and what crosses it in them at most."""
        some = max(1, len(self._peaks) // 10)
        at = np.sort(np.argpartition(self._peaks, -some)[-some:])
        return at, self.most[:, at]

    def _is_proven(self, rule: Rule, level_bps: float) -> bool:
        above = int(np.count_nonzero(self._peaks >= level_bps))
        left = allowed(rule, len(self._peaks)) - above
        if left < 0 or sum(it.stop - it.start for it in self.budgets) <= left:
            return left >= 0  # whatever the budgets allow
        for it in sorted(self.budgets, key=lambda it: it.start - it.stop):  # the longest first
            left -= self._lifted(it, level_bps)
            if left < 0:
                return False
        return True

    def _lifted(self, budget: Budget, level_bps: float) -> int:
        """How many ticks the bits of a budget can have lifted to a level, the nearest first."""
        inside = slice(budget.start, budget.stop)
        below = self._peaks[inside] < level_bps
        lifted = 0
        for rates, bits, most_bps in zip(
            self.most[:, inside], budget.bits, budget.most_bps, strict=True
        ):
            needs = level_bps - rates[below]
            needs = needs[needs <= most_bps]
            needs.sort()
            spent = needs.cumsum() * self.tick_s
            lifted += int(spent.searchsorted(bits, side="right"))
        return min(lifted, int(np.count_nonzero(below)))


def uplink(
    name: str, capacity_bps: float, flow: Flow, tick_s: float, primaries: int | None = 1
) -> Uplink:
    """An uplink as it is, before anything moves to it."""
    nothing = np.zeros((2, flow.ticks))
    empty = Uplink(name, capacity_bps, nothing, nothing, (), primaries, tick_s)
    return empty.carrying(flow)


def allowed(rule: Rule, ticks: int) -> int:
    """How many of so many ticks may be above, so that their share is still at most the limit."""
    guess = int(rule.limit * ticks)
    return guess + 1 if (guess + 1) / ticks <= rule.limit else guess
