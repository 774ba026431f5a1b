"""The plan against what was reached: each network's days, and the milestones of them all."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from math import ceil
from typing import NamedTuple, get_args

from agent.judge.counted import Counted
from config.milestones import Milestone
from config.register import Phase

_HAIR = 1e-9
"""What a share of a whole number may lack by its rounding."""


class Planned(NamedTuple):
    """How many networks have a day for a phase, and what became of it: each is one of the others.

    `undated`: it was reached, but was so when first declared, after the planned day.
    """

    phase: Phase
    networks: int
    on_time: int
    late: int
    undated: int
    overdue: int
    to_come: int


class Overdue(NamedTuple):
    """A network that was to reach a phase on an earlier day, and did not."""

    network: str
    department: str | None
    phase: Phase
    due: date
    days: int
    counted: Phase | None


class Met(NamedTuple):
    """A milestone: how many of the networks to consolidate it asks for, and how many there are.

    `met_on` is None where it is not met, or nobody knows since when.
    """

    milestone: Milestone
    networks: int
    needed: int
    reached: int
    met_on: date | None
    overdue: bool

    @property
    def holds(self) -> bool:
        """Whether it is met; without any network, nothing is."""
        return bool(self.networks) and self.reached >= self.needed


def planned(networks: Iterable[Counted], today: date) -> list[Planned]:
    """Plan against actual of each phase that somebody planned, in their order, but the exempt."""
    counts: dict[Phase, dict[str, int]] = {}
    for it in networks:
        if it.bucket != "exempt":
            for phase, due in it.plan.items():
                became = counts.setdefault(phase, {})
                what = _became(it, phase, due, today)
                became[what] = became.get(what, 0) + 1
    fields = ("on_time", "late", "undated", "overdue", "to_come")
    return [
        Planned(phase, sum(its.values()), *(its.get(what, 0) for what in fields))
        for phase in get_args(Phase)
        if (its := counts.get(phase))
    ]


def overdue(networks: Iterable[Counted], today: date) -> list[Overdue]:
    """Every planned day that passed without its phase, the longest ago first."""
    found = [
        Overdue(it.name, it.department, phase, due, (today - due).days, it.phase)
        for it in networks
        if it.bucket != "exempt"
        for phase, due in it.plan.items()
        if _became(it, phase, due, today) == "overdue"
    ]
    return sorted(found, key=lambda it: (-it.days, it.network))


def still_due(networks: Iterable[Counted]) -> Iterator[tuple[str, Phase, date]]:
    """The planned days of what is not reached yet, passed or not."""
    for it in networks:
        if it.bucket != "exempt":
            for phase, due in it.plan.items():
                if it.reached(phase) is None:
                    yield it.name, phase, due


def met(milestones: Iterable[Milestone], networks: Iterable[Counted], today: date) -> list[Met]:
    """How far each milestone is."""
    its = [it for it in networks if it.bucket != "exempt"]
    return [_met(it, its, today) for it in milestones]


def _met(milestone: Milestone, its: Sequence[Counted], today: date) -> Met:
    reached = [it for one in its if (it := one.reached(milestone.phase))]
    needed = min(len(its), max(1, ceil(milestone.share * len(its) - _HAIR)))
    found = Met(milestone, len(its), needed, len(reached), None, overdue=False)
    if not found.holds:
        return found._replace(overdue=bool(its) and milestone.by < today)
    last = sorted(reached, key=lambda it: it.on)[needed - 1]
    # One whose own day is not known may have been there before the last that is needed.
    is_known = all(it.exact for it in reached if it.on >= last.on)
    return found._replace(met_on=last.on if is_known else None)


def _became(it: Counted, phase: Phase, due: date, today: date) -> str:
    found = it.reached(phase)
    if found is None:
        return "overdue" if due < today else "to_come"
    if found.on <= due:
        return "on_time"
    return "late" if found.exact else "undated"
