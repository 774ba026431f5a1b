"""The days of networks that may be moving, as the history has them: in whole days of Shanghai."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

import numpy as np

from agent.history_reader import HistoryReader
from agent.judge.availability import available
from agent.judge.bounds import Bounds, Floats, Traffic
from agent.judge.calendar import SHANGHAI
from agent.judge.days import Day
from agent.judge.steps import LEFT
from config.agent import AgentConfig
from config.inventory import Network
from config.policy import PhasePolicy

_DAY_S = 86_400
_SPARE_DAYS = 5
"""Days read beyond those that a gate counts, so that what came before them is known."""


def days(
    config: AgentConfig,
    reader: HistoryReader,
    end_tick: int,
    today: date,
    networks: Iterable[Network],
) -> dict[str, tuple[Day, ...]]:
    """What was seen of each network that may be moving: the others' days are not read.

    That is one with a successor that is probed, or that is declared to have left its old lines.
    """
    moving = [
        it for it in networks if not it.classified and (it.successor.probes or it.phase in LEFT)
    ]
    calendar = Calendar.until(today, config.policy.phases, end_tick, reader.tick_s)
    above = _above(config, reader, calendar, {it.name for it in moving})
    probes = {it.name: _targets(config, it.successor.probes) for it in moving}
    up = _up(reader, calendar, (probe for its in probes.values() for probe in its))
    found = {}
    for network in moving:
        loud = above.get(network.name, calendar.nothing)
        green = _rarest([up[it] for it in probes[network.name]]) or calendar.nothing
        found[network.name] = tuple(map(Day, calendar.days, loud, green))
    return found


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that are looked at, and where they lie in the history: `seen` ticks from `first`."""

    days: tuple[date, ...]
    first: int
    seen: int
    day_ticks: int

    @classmethod
    def until(cls, today: date, policy: PhasePolicy, end_tick: int, tick_s: float) -> Self:
        """As many days as the policy's gates count, today the last of them."""
        count = max(policy.floor_days, policy.green_days, policy.settled_days) + _SPARE_DAYS
        found = tuple(today - timedelta(days=n) for n in range(count, -1, -1))
        first = int(datetime.combine(found[0], time(), SHANGHAI).timestamp() // tick_s)
        day_ticks = int(_DAY_S // tick_s)
        return cls(found, first, max(0, min(end_tick - first, len(found) * day_ticks)), day_ticks)

    @property
    def nothing(self) -> list[Bounds | None]:
        """No day of which anything is known."""
        return [None] * len(self.days)

    def split(self, values: Floats) -> Floats:
        """A row a day; what is still to come of today is not seen."""
        whole = np.full(len(self.days) * self.day_ticks, np.nan)
        whole[: self.seen] = values
        return whole.reshape(len(self.days), self.day_ticks)

    def above(self, traffic: Traffic, rate_bps: float) -> list[Bounds | None]:
        """Each day's share at or above a rate; a run's bits may have crossed on any of its days."""
        rates = self.split(traffic.rate)
        high = np.count_nonzero(rates >= rate_bps, axis=1) / self.day_ticks
        unseen = np.count_nonzero(np.isnan(rates), axis=1) / self.day_ticks
        shares: list[Bounds | None] = list(map(Bounds, high.tolist(), (high + unseen).tolist()))
        for n in np.flatnonzero(unseen).tolist() if traffic.runs else ():
            first = traffic.first + n * self.day_ticks
            capacity = np.full(self.day_ticks, np.nan)
            day = Traffic(first, rates[n], rates[n], capacity, traffic.runs, traffic.tick_s)
            shares[n] = day.time_above("rate", rate_bps)
        return shares


def _above(
    config: AgentConfig, reader: HistoryReader, calendar: Calendar, networks: set[str]
) -> dict[str, list[Bounds | None]]:
    """The share of each day that the busiest line of a network was above the noise floor."""
    network_of = {it.name: it.network for it in config.links if it.network in networks}
    floor_bps = config.policy.phases.floor_rate_bps
    of_lines: dict[str, list[Sequence[Bounds | None]]] = {}
    for link, traffic in reader.traffic(list(network_of), calendar.first, calendar.seen):
        of_lines.setdefault(network_of[link], []).append(calendar.above(traffic, floor_bps))
    return {
        name: [
            Bounds(max(it.lower for it in day if it), max(it.upper for it in day if it))
            for day in zip(*lines, strict=True)
        ]
        for name, lines in of_lines.items()
    }


def _targets(config: AgentConfig, written: Iterable[str]) -> list[str]:
    """The names in the history of probes as written: of two families, or a range, all of them."""
    found: list[str] = []
    for name in written:
        its = [
            it.name
            for it in config.probes
            if it.name in {name, f"{name}-{it.family}", f"{name}-{it.address}"}
        ]
        found += its or [name]
    return found


def _up(
    reader: HistoryReader, calendar: Calendar, probes: Iterable[str]
) -> dict[str, list[Bounds]]:
    names = list(dict.fromkeys(probes))
    levels = reader.levels(("up",), names, calendar.first, calendar.seen)
    return {name: [available(it) for it in calendar.split(one["up"])] for name, one in levels}


def _rarest(probes: Sequence[Sequence[Bounds]]) -> list[Bounds | None]:
    """Each of them has to be there: the one that is least often decides a day."""
    return [
        Bounds(min(it.lower for it in day), min(it.upper for it in day))
        for day in zip(*probes, strict=True)
    ]
