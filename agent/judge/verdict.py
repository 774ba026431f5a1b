"""From a window to a verdict: rules of one form, three-valued, in a fixed order."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from agent.judge.bounds import Bounds, Window
from agent.judge.status import Status
from config.policy import Rule, UsePolicy


@dataclass(frozen=True, slots=True)
class Outcome:
    """One rule of a status, held against a window."""

    status: Status
    rule: Rule
    share: Bounds

    @property
    def holds(self) -> bool | None:
        """True and False are proven; None: what was not seen could decide it either way."""
        below, above = self.share.upper <= self.rule.limit, self.share.lower > self.rule.limit
        if not (below or above):
            return None
        return below if self.rule.at_most else above

    def __str__(self) -> str:
        return f"{self.status}: {self.rule}"


class Judgement(NamedTuple):
    """What the data of a window prove, and each rule that says so.

    `unproven` are the declared busy periods that stand between it and a lower status.
    """

    status: Status
    outcomes: tuple[Outcome, ...]
    unproven: tuple[str, ...] = ()


NO_SEASONS: Mapping[str, Window | None] = {}


def judge(
    window: Window, policy: UsePolicy, *, seasons: Mapping[str, Window | None] = NO_SEASONS
) -> Judgement:
    """Judge one subject by its window.

    `seasons` are the last occurrences of its declared busy periods, None if one was never seen:
    each must itself prove low use before idle or low use can be said.
    """
    outcomes = tuple(_outcomes(window, policy))
    status = decide(outcomes)
    if not (status.is_low or status is Status.UNKNOWN):
        return Judgement(status, outcomes)
    unproven = tuple(name for name, it in seasons.items() if not _proves_low_use(it, policy))
    return Judgement(Status.UNKNOWN if unproven else status, outcomes, unproven)


def decide(outcomes: Iterable[Outcome]) -> Status:
    """Busy if proven, else idle, else low use; normal if those two are disproven, else unknown."""
    held: dict[Status, list[bool | None]] = {}
    for outcome in outcomes:
        held.setdefault(outcome.status, []).append(outcome.holds)
    for status in (Status.BUSY, Status.IDLE, Status.LOW_USE):
        if all_hold(held.get(status, [None])):
            return status
    used = all_hold(held.get(Status.IDLE, [None])) is False
    used &= all_hold(held.get(Status.LOW_USE, [None])) is False
    return Status.NORMAL if used else Status.UNKNOWN


def all_hold(parts: Iterable[bool | None]) -> bool | None:
    """Three-valued and: one disproven disproves all, one undecided leaves the rest undecided."""
    parts = list(parts)
    if False in parts:
        return False
    return None if None in parts else True


def earliest(window: Window, policy: UsePolicy) -> int | None:
    """How many more ticks, all seen and without any use, until idle or low use can be proven.

    None if a whole window of them would prove neither: something that a rule asks for is unknown.
    """
    if not _would_be_low(window, policy, window.ticks):
        return None
    low, high = 0, window.ticks
    while low < high:
        middle = (low + high) // 2
        if _would_be_low(window, policy, middle):
            high = middle
        else:
            low = middle + 1
    return low


def _would_be_low(window: Window, policy: UsePolicy, ticks: int) -> bool:
    return decide(_outcomes(window.silent_for(ticks), policy)).is_low


def _outcomes(window: Window, policy: UsePolicy) -> Iterator[Outcome]:
    for status, rules in (
        (Status.BUSY, policy.busy),
        (Status.IDLE, policy.idle),
        (Status.LOW_USE, policy.low_use),
    ):
        for rule in rules:
            yield Outcome(status, rule, window.time_above(rule.measure, rule.threshold, rule.hours))


def _proves_low_use(season: Window | None, policy: UsePolicy) -> bool:
    if season is None:
        return False
    low_use = (it for it in _outcomes(season, policy) if it.status is Status.LOW_USE)
    return all_hold(it.holds for it in low_use) is True
