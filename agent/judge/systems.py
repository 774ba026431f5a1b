"""Whether a system is used: what was seen of its clients, and what may have been overlooked.

One client proves use. That nobody came is only believed of a window that was watched nearly
throughout, by looks that hardly any connection escapes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from agent.judge.bounds import Floats
from agent.judge.status import Status

MOST_MISSED = 0.20
"""Share of the accepted connections that no look saw: above it, silence proves nothing."""


class Doubt(StrEnum):
    """Why it is not known whether a system is used."""

    NO_PORT = "no_tcp_port"
    UDP = "udp"
    LOCAL = "local_clients"
    UNWATCHED = "unwatched"
    MISSED = "missed"
    SEASON = "busy_period"


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A system's window, tick by tick from number `first`; NaN where it was not watched.

    `clients` and `local_clients` are counts, `accepted` and `missed` connections a second of the
    whole host, `interval_s` the time between two looks, `last_used_s` UTC epoch seconds.
    """

    first: int
    clients: Floats
    local_clients: Floats
    accepted: Floats
    missed: Floats
    interval_s: Floats
    last_used_s: Floats
    tick_s: float

    @property
    def from_s(self) -> float:
        """When it begins."""
        return self.first * self.tick_s

    @property
    def to_s(self) -> float:
        """When it ends."""
        return (self.first + len(self.clients)) * self.tick_s


@dataclass(frozen=True, slots=True)
class SystemEvidence:
    """What a verdict on a system rests on; None where nothing is known.

    `used_ratio` is the share of the ticks with a client, `missed_ratio` that of the accepted
    connections which no look saw, `missed` how many these are; `interval_s` is the longest that a
    look was ever away from the next, on the mean of a tick.
    """

    from_s: float
    to_s: float
    ticks: int
    watched_ratio: float
    used_ratio: float
    clients_peak: int | None
    last_used_s: float | None
    has_local_clients: bool
    interval_s: float | None
    accepted: int | None
    missed: int | None
    missed_ratio: float | None


class Declared(NamedTuple):
    """What of a declared system bears on its verdict."""

    has_tcp: bool
    has_udp: bool


class SystemJudgement(NamedTuple):
    """What the data prove, and why they do not prove more.

    `unproven` are the declared busy periods that stand against it.
    """

    status: Status
    doubts: tuple[Doubt, ...] = ()
    unproven: tuple[str, ...] = ()


NO_SEASONS: Mapping[str, SystemEvidence] = {}


def judge_system(
    declared: Declared,
    evidence: SystemEvidence,
    least_watched: float,
    seasons: Mapping[str, SystemEvidence] = NO_SEASONS,
) -> SystemJudgement:
    """In use as soon as one client was seen; unused only if nothing stands against it.

    `seasons` are the last occurrences of its declared busy periods by name: each must prove as
    much.
    """
    if _is_used(evidence):
        return SystemJudgement(Status.IN_USE)
    doubts = _doubts(declared, evidence, least_watched)
    unproven = tuple(
        period
        for period, it in seasons.items()
        if _is_used(it) or _doubts(declared, it, least_watched)
    )
    doubts += (Doubt.SEASON,) if unproven else ()
    return SystemJudgement(Status.UNKNOWN if doubts else Status.SUSPECTED_UNUSED, doubts, unproven)


def evidence_of(window: Watched) -> SystemEvidence:
    """Sum a window up."""
    seen = ~np.isnan(window.clients)
    clients = window.clients[seen]
    counted = ~np.isnan(window.accepted) & ~np.isnan(window.missed)
    accepted = float(np.sum(window.accepted[counted])) * window.tick_s
    missed = float(np.sum(window.missed[counted])) * window.tick_s
    is_counted = bool(np.any(counted))
    return SystemEvidence(
        from_s=window.from_s,
        to_s=window.to_s,
        ticks=len(seen),
        watched_ratio=float(np.mean(seen)) if len(seen) else 0.0,
        used_ratio=float(np.mean(window.clients > 0)) if len(seen) else 0.0,
        # A tick's mean of less than one client is one that did not stay.
        clients_peak=int(np.ceil(np.max(clients))) if len(clients) else None,
        last_used_s=_last_used_s(window),
        has_local_clients=bool(np.any(window.local_clients > 0)),
        interval_s=_greatest(window.interval_s),
        accepted=round(accepted) if is_counted else None,
        missed=round(missed) if is_counted else None,
        missed_ratio=missed / accepted if accepted > 0 else (0.0 if is_counted else None),
    )


def earliest(window: Watched, least_watched: float) -> int:
    """How many more ticks, all watched, until a window of this length is watched for long enough.

    The oldest ticks fall out meanwhile, watched or not.
    """
    ticks = len(window.clients)
    seen = ~np.isnan(window.clients)
    more = np.arange(ticks + 1)
    left = int(np.sum(seen)) - np.concatenate([[0], np.cumsum(seen)])
    return int(np.argmax(left + more >= least_watched * ticks))


def _is_used(evidence: SystemEvidence) -> bool:
    """Also by a client of a tick that was not watched to its end: its time is kept."""
    last_s = evidence.last_used_s
    return evidence.used_ratio > 0 or (last_s is not None and last_s >= evidence.from_s)


def _doubts(
    declared: Declared, evidence: SystemEvidence, least_watched: float
) -> tuple[Doubt, ...]:
    is_watched = evidence.watched_ratio >= least_watched
    missed = evidence.missed_ratio
    stands = {
        Doubt.NO_PORT: not declared.has_tcp and not declared.has_udp,
        Doubt.UDP: declared.has_udp,
        Doubt.LOCAL: evidence.has_local_clients,
        Doubt.UNWATCHED: declared.has_tcp and not is_watched,
        Doubt.MISSED: is_watched if missed is None else missed > MOST_MISSED,
    }
    return tuple(doubt for doubt, is_so in stands.items() if is_so)


def _last_used_s(window: Watched) -> float | None:
    """The history keeps it to two minutes (float32); it is never after the window's end."""
    known = window.last_used_s[window.last_used_s < window.to_s]
    return float(np.max(known)) if len(known) else None


def _greatest(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.max(known)) if len(known) else None
