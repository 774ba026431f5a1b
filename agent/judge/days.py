"""The days of a migration: of each, whether the old lines were quiet and the successor was green.

What was not seen of a day proves neither a floor nor a return. So days are counted as far back as
each is proven, and beside it how many they may be.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import takewhile
from typing import Literal, NamedTuple, Self

from agent.judge.availability import keeps_at_least
from agent.judge.bounds import Bounds
from config.policy import PhasePolicy

STATE_LASTS = timedelta(days=3)
"""So long the last day that was known says how things stand; then nobody knows."""


class Day(NamedTuple):
    """What was seen of one day in Asia/Shanghai; None: nothing of it is known.

    `above` bounds the share of the day that the busiest old line was above its floor, `available`
    the share that all of the successor's probes were answered.
    """

    day: date
    above: Bounds | None
    available: Bounds | None


class Decided(NamedTuple):
    """A day, held against the policy; None: what was not seen decides it."""

    day: date
    quiet: bool | None
    green: bool | None


class Run(NamedTuple):
    """Back from today: the days on which something held without a break, and how many it may be."""

    days: tuple[date, ...]
    at_most: int


class Days(NamedTuple):
    """Days in order of time, the last one `today`, which is not over."""

    days: tuple[Decided, ...]
    today: date

    @classmethod
    def of(cls, days: Iterable[Day], today: date, policy: PhasePolicy) -> Self:
        """Decide each day by the policy."""
        return cls(
            tuple(
                Decided(
                    it.day,
                    it.above and _at_most(it.above, policy.floor_share),
                    it.available and keeps_at_least(policy.green, it.available),
                )
                for it in days
            ),
            today,
        )

    def now(self, what: Literal["quiet", "green"]) -> bool | None:
        """What the last day that is known says, if that is not too long ago."""
        known = [it for it in self.days if getattr(it, what) is not None]
        if not known or self.today - known[-1].day > STATE_LASTS:
            return None
        return bool(getattr(known[-1], what))

    def run(self, what: Literal["quiet", "green"]) -> Run:
        """Count back from today, which is not over and so no break, to the first day not proven."""
        over = [(it.day, getattr(it, what)) for it in reversed(self.days)]
        if over and over[0] == (self.today, None):
            del over[0]
        held = [day for day, value in takewhile(lambda it: it[1], over)]
        at_most = sum(1 for _ in takewhile(lambda it: it[1] is not False, over))
        return Run(tuple(reversed(held)), at_most)


def _at_most(share: Bounds, limit: float) -> bool | None:
    if share.upper <= limit:
        return True
    return False if share.lower > limit else None
