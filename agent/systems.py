"""Every declared system of a configuration, judged by the agent's own history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from agent.history_reader import HistoryReader
from agent.judge.status import Status
from agent.judge.systems import (
    Declared,
    Doubt,
    SystemEvidence,
    SystemJudgement,
    Watched,
    earliest,
    evidence_of,
    judge_system,
)
from agent.seasons import after, seasons
from collectors.base import UseMeasure
from config.agent import AgentConfig
from config.inventory import System

_MEASURES: tuple[UseMeasure, ...] = (
    "clients",
    "local_clients",
    "accepted",
    "missed",
    "interval",
    "last_used",
)
_WITH_TIME = {Doubt.UNWATCHED, Doubt.SEASON}
"""Doubts that only more watching can end."""

TOGETHER = 8
"""Systems whose windows stand in memory at once: 90 days of eight are 10 MB."""


@dataclass(frozen=True, slots=True)
class SystemVerdict:
    """What is said of one system: its status, what the data alone prove, and by what.

    `earliest_s`: when enough will have been watched, its busy periods too, where nothing else is in
    the way.
    """

    system: System
    status: Status
    judgement: SystemJudgement
    evidence: SystemEvidence
    earliest_s: float | None
    kind: Literal["system"] = "system"

    @property
    def subject(self) -> str:
        """The system's name."""
        return self.system.name


def assess_systems(
    config: AgentConfig, reader: HistoryReader, end_tick: int, today: date
) -> Iterator[SystemVerdict]:
    """Judge each by the window that ends before tick `end_tick`; `today` is in Asia/Shanghai."""
    policy = config.policy.systems
    ticks = int(policy.window_s // reader.tick_s)
    for start in range(0, len(config.systems), TOGETHER):
        systems = config.systems[start : start + TOGETHER]
        windows = _windows(reader, [it.name for it in systems], end_tick - ticks, ticks)
        for system, window in zip(systems, windows, strict=True):
            declared = Declared(bool(system.ports), bool(system.udp_ports))
            evidence = evidence_of(window)
            during = dict(_during(reader, system, window.to_s))
            judgement = judge_system(declared, evidence, policy.watched, during)
            status = _shown(system, judgement.status, today)
            when_s = _earliest_s(window, judgement, policy.watched)
            yield SystemVerdict(system, status, judgement, evidence, when_s)


def _earliest_s(window: Watched, judgement: SystemJudgement, least_watched: float) -> float | None:
    """When it can be proven that nobody uses it; None if more than time stands against that."""
    if not judgement.doubts or not _WITH_TIME.issuperset(judgement.doubts):
        return None
    watched_s = window.to_s + earliest(window, least_watched) * window.tick_s
    return after(watched_s, judgement.unproven, window.to_s)


def _shown(system: System, proven: Status, today: date) -> Status:
    if system.exempt is not None and not system.exempt.is_expired(today):
        return Status.EXEMPT
    return Status.STANDBY if system.role == "standby" else proven


def _during(
    reader: HistoryReader, system: System, end_s: float
) -> Iterator[tuple[str, SystemEvidence]]:
    """The last occurrence of each declared busy period, unwatched if the history is younger."""
    for it in seasons(system.busy_periods, end_s, reader.tick_s):
        (window,) = _windows(reader, [system.name], it.first, it.ticks)
        yield it.period, evidence_of(window)


def _windows(reader: HistoryReader, names: list[str], first: int, ticks: int) -> Iterator[Watched]:
    for _, levels in reader.levels(_MEASURES, names, first, ticks, "system"):
        yield Watched(
            first=first,
            clients=levels["clients"],
            local_clients=levels["local_clients"],
            accepted=levels["accepted"],
            missed=levels["missed"],
            interval_s=levels["interval"],
            last_used_s=levels["last_used"],
            tick_s=reader.tick_s,
        )
