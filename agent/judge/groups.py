"""Links judged as one, and what their units make of a network."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agent.judge.bounds import Floats, Traffic, summed
from agent.judge.status import Status
from agent.judge.verdict import Judgement, judge
from config.policy import LinkPolicy


class Member(NamedTuple):
    """A link of a group, over the group's window."""

    traffic: Traffic
    is_primary: bool


NO_SEASONS: Mapping[str, Sequence[Member]] = {}


def judge_group(
    members: Sequence[Member],
    policy: LinkPolicy,
    *,
    seasons: Mapping[str, Sequence[Member]] = NO_SEASONS,
) -> Judgement:
    """Judge a primary and its standby by their sum and the primaries' capacity.

    It is idle or of low use only if each member alone would be as well, in its busy periods too:
    what a small backup carries must not drown in the capacity of a large primary.
    """
    sums = {name: sum_of(season) for name, season in seasons.items()}
    together = judge(sum_of(members), policy, seasons=sums)
    if not together.status.is_low:
        return together
    alone = []
    for at, member in enumerate(members):
        its_seasons = {name: season[at].traffic for name, season in seasons.items()}
        alone.append(judge(member.traffic, policy, seasons=its_seasons))
    unproven = {name for it in alone for name in it.unproven}
    status = _weakest([together.status, *(it.status for it in alone)])
    return Judgement(status, together.outcomes, tuple(sorted(unproven)))


def sum_of(members: Sequence[Member]) -> Traffic:
    """The group's own traffic, at its primaries' capacity."""
    return summed([it.traffic for it in members], primary_capacity(members))


def primary_capacity(members: Sequence[Member]) -> Floats:
    """What a group can carry at each tick: its primaries' capacities together, bit/s."""
    capacities = [it.traffic.capacity for it in members if it.is_primary]
    total: Floats = np.sum(capacities, axis=0)
    return total


def judge_network(units: Sequence[Status], *, exempt: int = 0) -> Status:
    """What its units make of a network; the exempt ones among them count by their data."""
    if not units:
        return Status.UNKNOWN
    return Status.EXEMPT if exempt == len(units) else _weakest(units)


def _weakest(statuses: Sequence[Status]) -> Status:
    """One that is used makes all used; all idle is idle; idle and low use are low use."""
    if any(status in {Status.NORMAL, Status.BUSY} for status in statuses):
        return Status.NORMAL
    if all(status is Status.IDLE for status in statuses):
        return Status.IDLE
    return Status.LOW_USE if all(status.is_low for status in statuses) else Status.UNKNOWN
