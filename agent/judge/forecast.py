"""When all will be done, if it goes on as in the last 90 days: a simple model, with its bounds."""

from collections.abc import Sequence
from datetime import date, timedelta
from math import exp, fsum, lgamma, log
from typing import NamedTuple

from agent.judge.counted import Counted

DAYS = 90
"""The forecast looks back so far, or to the first declaration."""

CONFIDENCE = 0.9
"""The true rate lies within the interval with at least this probability."""

_LATEST_DAYS = 36_525
"""A hundred years: what would take longer has no day."""


class Forecast(NamedTuple):
    """Completions in so many days, as Poisson with an exact (Garwood) interval of their number.

    `likely`, `earliest` and `latest` are when what remains is done at the rate of the completions
    and at the interval's ends; None: not within a hundred years, or there is no forecast. Then
    `why` says why not.
    """

    remaining: int
    completed: int
    days: int
    at_least: float
    at_most: float
    earliest: date | None = None
    likely: date | None = None
    latest: date | None = None
    why: str | None = None


def forecast(networks: Sequence[Counted], today: date) -> Forecast:
    """What the completions with a known day come to; exempt networks are left out."""
    its = [it for it in networks if it.bucket != "exempt"]
    done = [it for it in its if it.bucket in {"migrated", "interconnected"}]
    began = min((it.timeline[0][1] for it in its if it.timeline), default=today)
    days = max(0, min(DAYS, (today - began).days))  # a clock that was set may be before it
    since = today - timedelta(days=days)
    days_of = [it.on for one in done if (it := one.reached("retired")) and it.exact]
    completed = sum(since < on <= today for on in days_of)
    found = Forecast(len(its) - len(done), completed, days, *interval(completed))
    if why := _why_not(found, len(its)):
        return found._replace(why=why)

    def at(completions: float) -> date | None:
        needed = found.remaining * days / completions
        return None if needed > _LATEST_DAYS else today + timedelta(days=round(needed))

    return found._replace(
        earliest=at(found.at_most), likely=at(completed), latest=at(found.at_least)
    )


def _why_not(found: Forecast, networks: int) -> str | None:
    if not networks:
        return "no_networks"
    if not found.remaining:
        return "all_done"
    if not found.days:
        return "began_today"
    return None if found.completed else "no_completions"


def interval(count: int) -> tuple[float, float]:
    """The exact interval of a Poisson mean of which `count` was seen (Garwood 1936)."""
    tail = (1 - CONFIDENCE) / 2
    lower = _mean_with(count - 1, 1 - tail) if count else 0.0
    return lower, _mean_with(count, tail)


def _mean_with(count: int, probability: float) -> float:
    """The mean at which `count` or fewer are seen with that probability, by bisection."""
    low, high = 0.0, 2.0 * count + 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(count, middle) > probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(count: int, mean: float) -> float:
    """The probability of `count` or fewer; by logarithms, for large means would underflow."""
    return fsum(exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(count + 1))
