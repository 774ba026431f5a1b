"""What an agent would have kept of the demo's town: every level by tick, beside the counters."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from agent.demo.habits import SERVERS
from agent.demo.town import MACHINES, PROBES, SYSTEMS, Machine, Probe, System, Town, answers
from agent.demo.traffic import Floats, Ticks, level, noise
from agent.judge.rates import TICK_S
from agent.series import SeriesKey
from collectors.base import GaugeMeasure, SubjectKind

PROBED_DAYS, SERVED_DAYS = 40, 35
"""Longer than any window looks back at probes and servers; systems have all of the history."""

_ACCEPTED_PER_S = 4.0
_POLLED_HOLDS_S, _WATCHED_HOLDS_S = 45.0, 60.0


class Levels(NamedTuple):
    """Levels of one subject that are read together, for so many days (None: all of the history)."""

    kind: SubjectKind
    subject: str
    identity: str
    at: Callable[[Ticks], Mapping[GaugeMeasure, Floats]]
    holds_s: float
    days: int | None

    def key(self, measure: str) -> SeriesKey:
        """The series of one of its levels."""
        return SeriesKey(self.kind, self.subject, self.identity, measure)


def all_levels(town: Town, ports: Mapping[str, int]) -> Iterator[Levels]:
    """All of them; `ports` are those of probes and systems."""
    for machine in MACHINES:
        yield Levels(
            "server",
            machine.name,
            machine.name,
            _Of(town).machine(machine),
            _POLLED_HOLDS_S,
            SERVED_DAYS,
        )
    for probe in PROBES:
        identity = f"{probe.kind}/{probe.host}"
        at = _Of(town).probe(probe)
        yield Levels("probe", probe.name, identity, at, _WATCHED_HOLDS_S, PROBED_DAYS)
    for system in SYSTEMS:
        identity = f"tcp/{ports[system.name]}"
        at = _Of(town).system(system)
        yield Levels("system", system.name, identity, at, _WATCHED_HOLDS_S, None)


class _Of(NamedTuple):
    """Makes the functions of time."""

    town: Town

    def machine(self, machine: Machine) -> Callable[[Ticks], Mapping[GaugeMeasure, Floats]]:
        one = SERVERS[machine.kind]
        sizes: Mapping[GaugeMeasure, float] = {
            "cores": one.cores,
            "memory_bytes": one.memory_bytes,
            "disk_bytes": one.disk_bytes,
        }

        def at(ticks: Ticks) -> Mapping[GaugeMeasure, Floats]:
            cpu = self.town.cpu_points(machine, ticks) / (100 * one.cores)
            found: dict[GaugeMeasure, Floats] = {"cpu": cpu}
            found["memory"] = self.town.memory_used(machine, ticks)
            return found | {it: np.full(len(ticks), float(size)) for it, size in sizes.items()}

        return at

    def probe(self, probe: Probe) -> Callable[[Ticks], Mapping[GaugeMeasure, Floats]]:
        def at(ticks: Ticks) -> Mapping[GaugeMeasure, Floats]:
            there = answers(probe, ticks, self.town.now_tick)
            rtt = np.where(there, level(probe.name, probe.rtt_s, probe.rtt_s / 2, ticks), np.nan)
            found: dict[GaugeMeasure, Floats] = {"up": there.astype(float), "rtt": rtt}
            if probe.is_silent:
                found["rtt"] = np.full(len(ticks), np.nan)
            if probe.kind == "icmp":
                found |= {"loss": 1.0 - there.astype(float), "jitter": rtt / 10}
            return found

        return at

    def system(self, system: System) -> Callable[[Ticks], Mapping[GaugeMeasure, Floats]]:
        def at(ticks: Ticks) -> Mapping[GaugeMeasure, Floats]:
            nothing = np.zeros(len(ticks))
            clients = np.floor(level(system.name, 0, 12, ticks)) if system.is_used else nothing
            found: dict[GaugeMeasure, Floats] = {
                "clients": clients,
                "local_clients": nothing,
                "accepted": _ACCEPTED_PER_S + noise("accepted", ticks),
                "missed": nothing,
                "interval": nothing + 1.0,
            }
            if system.is_used:
                seen = np.where(clients > 0, (ticks + 1.0) * TICK_S, np.nan)
                last = np.fmax.accumulate(seen)
                found["last_used"] = last
            return found

        return at
