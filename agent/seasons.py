"""Declared busy periods as stretches of the history, and when they can be proven to be quiet."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agent.judge.bounds import Window
from agent.judge.calendar import last_occurrence, next_end
from agent.judge.status import Status
from agent.judge.verdict import Judgement, earliest
from config.policy import UsePolicy


class Season(NamedTuple):
    """The last occurrence of a busy period that was over, wherever in the history it lies."""

    period: str
    first: int
    ticks: int


def seasons(periods: Iterable[str], end_s: float, tick_s: float) -> Iterator[Season]:
    """Each period's last occurrence that was over at `end_s`.

    A tick that a period's begin or end falls into counts as the period's.
    """
    for period in sorted(set(periods)):
        begin_s, over_s = last_occurrence(period, end_s)
        first, stop = int(begin_s // tick_s), int(-(-over_s // tick_s))
        yield Season(period, first, stop - first)


def earliest_s(
    window: Window, policy: UsePolicy, judgement: Judgement, end_s: float
) -> float | None:
    """When idle or low use could be proven at the earliest: not before its seasons were seen.

    None if it is not unknown, or if a whole window without any use would prove neither.
    """
    if judgement.status is not Status.UNKNOWN:
        return None
    more = earliest(window, policy)
    return None if more is None else after(end_s + more * window.tick_s, judgement.unproven, end_s)


def after(when_s: float, unproven: Iterable[str], end_s: float) -> float:
    """`when_s`, but not before every period that is not proven has been over once more."""
    return max([when_s, *(next_end(period, end_s) for period in unproven)])
