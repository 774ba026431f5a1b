"""A verdict in words: what was proven, what was not seen, and the nearest change that flips it."""

import math
from collections.abc import Iterable

from agent.judge.bounds import NOTHING_KNOWN
from agent.judge.status import Status
from agent.judge.verdict import Judgement, Outcome, decide

_SAID = {True: "proven", False: "disproven", None: "not decided"}


def rule_in_words(outcome: Outcome, ticks: int) -> str:
    """One rule: its limit, and between which shares of the time the data put it."""
    lower, upper = outcome.share
    seen = f"{lower:.2%}" if lower == upper else f"{lower:.2%} to {upper:.2%}"
    return f"{outcome}: seen {seen} of {ticks} ticks: {_SAID[outcome.holds]}"


def flip_in_words(judgement: Judgement, ticks: int) -> str:
    """The fewest ticks that would change the verdict, and by which rule."""
    status, outcomes = judgement.status, judgement.outcomes
    if status in {Status.IDLE, Status.LOW_USE, Status.BUSY}:
        own = [it for it in outcomes if it.status is status]
        count, nearest = min(((_room(it, ticks), it) for it in own), key=lambda pair: pair[0])
        how = "above it" if nearest.rule.at_most else "below it"
        return f"{count} more ticks {how} would undo {nearest}"
    if status is Status.NORMAL:
        low = [it for it in outcomes if it.status is Status.LOW_USE and it.holds is False]
        count, nearest = max(((_excess(it, ticks), it) for it in low), key=lambda pair: pair[0])
        return f"{count} ticks fewer above it would no longer disprove {nearest}"
    if judgement.unproven and decide(outcomes) is not Status.UNKNOWN:
        periods = ", ".join(judgement.unproven)
        return f"a declared busy period was not seen to be of low use: {periods}"
    return _undecided(outcomes, ticks)


def decided_in_words(judgement: Judgement, ticks: int) -> str:
    """The rule that a verdict hangs on: the nearest one that it needs, or what it waits for."""
    status, outcomes = judgement.status, judgement.outcomes
    if status in {Status.IDLE, Status.LOW_USE, Status.BUSY}:
        own = [it for it in outcomes if it.status is status]
        return rule_in_words(min(own, key=lambda it: _room(it, ticks)), ticks)
    if status is Status.NORMAL:
        low = [it for it in outcomes if it.status is Status.LOW_USE and it.holds is False]
        return rule_in_words(max(low, key=lambda it: _excess(it, ticks)), ticks)
    return flip_in_words(judgement, ticks)


def _room(outcome: Outcome, ticks: int) -> int:
    """Ticks until a proven rule is proven no more."""
    if outcome.rule.at_most:
        return math.floor(outcome.rule.limit * ticks) - round(outcome.share.upper * ticks) + 1
    return round(outcome.share.lower * ticks) - math.floor(outcome.rule.limit * ticks)


def _excess(outcome: Outcome, ticks: int) -> int:
    """Ticks by which a rule is disproven."""
    return round(outcome.share.lower * ticks) - math.floor(outcome.rule.limit * ticks)


def _undecided(outcomes: Iterable[Outcome], ticks: int) -> str:
    open_ones = [it for it in outcomes if it.holds is None and it.status is not Status.BUSY]
    if not open_ones:
        return "of a group, each member alone must prove it too"
    blind = next((it for it in open_ones if it.share == NOTHING_KNOWN), None)
    if blind is not None:
        return f"nothing is known of its {blind.rule.measure}, as {blind} asks"
    widest = max(open_ones, key=lambda it: it.share.upper - it.share.lower)
    unseen = round((widest.share.upper - widest.share.lower) * ticks)
    return f"{unseen} ticks that were not seen decide {widest}"
