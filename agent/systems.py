"""Every declared system of a configuration, judged by the agent's own history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from agent.history_reader import HistoryReader
from agent.judge.calendar import last_occurrence
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
TOGETHER = 8
"""Systems whose windows stand in memory at once: 90 days of eight are 10 MB."""


@dataclass(frozen=True, slots=True)
class SystemVerdict:
    """What is said of one system: its status, what the data alone prove, and by what.

    `earliest_s`: when enough will have been watched, where nothing else is in the way.
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
            seasons = tuple(_seasons(reader, system, end_tick))
            declared = Declared(bool(system.ports), bool(system.udp_ports))
            evidence = evidence_of(window)
            judgement = judge_system(declared, evidence, policy.watched, seasons)
            earliest_s = None
            if judgement.doubts == (Doubt.UNWATCHED,):
                earliest_s = window.to_s + earliest(window, policy.watched) * reader.tick_s
            status = _shown(system, judgement.status, today)
            yield SystemVerdict(system, status, judgement, evidence, earliest_s)


def _shown(system: System, proven: Status, today: date) -> Status:
    if system.exempt is not None and not system.exempt.is_expired(today):
        return Status.EXEMPT
    return Status.STANDBY if system.role == "standby" else proven


def _seasons(reader: HistoryReader, system: System, end_tick: int) -> Iterator[SystemEvidence]:
    """The last occurrence of each declared busy period, unwatched if the history is younger."""
    for period in system.busy_periods:
        begin_s, end_s = last_occurrence(period, end_tick * reader.tick_s)
        first, stop = int(begin_s // reader.tick_s), int(end_s // reader.tick_s)
        for window in _windows(reader, [system.name], first, max(1, stop - first)):
            yield evidence_of(window)


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
