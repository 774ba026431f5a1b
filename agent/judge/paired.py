"""Two paths compared round by round: the median of the differences, and how far it is known.

The interval is that of the sign test: between the k-th least and the k-th greatest difference the
true median lies with a chance of at least 95 %, whatever the differences' distribution, where k is
the largest with P(fewer than k of n fair coins show heads) <= 2.5 % (Conover, Practical
Nonparametric Statistics, 3rd ed., 3.2: quantiles). Fewer than 6 rounds have none.

A round that is not known may have been anything: it stands below all for the lower end and above
all for the upper one. So it widens the interval, and many of them leave none.
"""

from collections.abc import Sequence
from functools import lru_cache
from statistics import median
from typing import NamedTuple

_ONE_TAIL = 40
"""One in so many: 2.5 %."""


class Spread(NamedTuple):
    """New less old: the median of times, the mean of ratios; an end that is not known is None."""

    middle: float
    lower: float | None
    upper: float | None


class Parity(NamedTuple):
    """How much slower, in seconds, and how much lossier, as a ratio, a pair's new path is."""

    pair: str
    slower: Spread | None
    lossier: Spread | None


def spread(differences: Sequence[float | None]) -> Spread | None:
    """The median of the known differences and its 95 % interval; None if none is known."""
    known = sorted(it for it in differences if it is not None)
    if not known:
        return None
    left = rank(len(differences)) - (len(differences) - len(known))
    if left < 1:
        return Spread(median(known), None, None)
    return Spread(median(known), known[left - 1], known[-left])


def mean_spread(differences: Sequence[float | None]) -> Spread | None:
    """The mean of differences of ratios (-1 to 1), and what those not known could make of it.

    Packets are lost rarely: of most rounds' differences the median is 0, whatever the others say.
    """
    known = [it for it in differences if it is not None]
    if not known:
        return None
    unseen, count = len(differences) - len(known), len(differences)
    lower, upper = ((sum(known) + it) / count for it in (-unseen, unseen))
    return Spread(sum(known) / len(known), lower, upper)


def no_more(limit: float, lower: float | None, upper: float | None) -> bool | None:
    """Whether something is at most the limit; None: what is not known decides it."""
    if upper is not None and upper <= limit:
        return True
    return False if lower is not None and lower > limit else None


@lru_cache
def rank(count: int) -> int:
    """Which difference from either end is the interval's; 0: there are too few."""
    found, fewer, ways = 0, 0, 1
    while _ONE_TAIL * (fewer + ways) <= 2**count:
        fewer += ways
        found += 1
        ways = ways * (count - found + 1) // found
    return found
