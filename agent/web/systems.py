"""The table of information systems: what was measured, beside what the register declares."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from agent.web.figures import UNKNOWN, day, percent
from config.agent import AgentConfig


class SystemRow(NamedTuple):
    """One system, as texts, dates in Asia/Shanghai; `doubts` are named in `words`."""

    name: str
    status: str
    confirmed: bool
    doubts: tuple[str, ...]
    since: str
    declared: str
    last_used: str
    clients_peak: str
    watched: str
    missed: str


def systems(config: AgentConfig, verdicts: Sequence[Mapping[str, Any]]) -> Iterator[SystemRow]:
    """Every judged system, in the order of the configuration."""
    judged = {it["subject"]: it for it in verdicts if it["kind"] == "system"}
    for system in config.systems:
        if (verdict := judged.get(system.name)) is not None:
            yield _row(verdict, system.title or system.name)


def _row(verdict: Mapping[str, Any], name: str) -> SystemRow:
    evidence, said = verdict["evidence"], verdict["declared"]
    last, clients = evidence["last_used"], evidence["clients_peak"]
    declared = (said["used_by"], said["use_frequency"])
    return SystemRow(
        name=name,
        status=verdict["status"],
        confirmed=verdict["confirmed"],
        doubts=tuple(verdict["doubts"]),
        since=day(verdict["since"]),
        declared=" / ".join(it for it in declared if it) or UNKNOWN,
        last_used=UNKNOWN if last is None else day(last),
        clients_peak=UNKNOWN if clients is None else str(clients),
        watched=percent(evidence["watched_ratio"]),
        missed=percent(evidence["missed_ratio"]),
    )
