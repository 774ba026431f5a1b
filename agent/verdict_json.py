"""A verdict as JSON: what `assess --json` prints and the endpoint serves."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from agent.judge.evidence import Evidence
from agent.judge.tenure import Tenure
from agent.verdict import Verdict
from config.policy import Policy


def said_of(one: Verdict, policy: Policy, tenure: Tenure | None = None) -> dict[str, Any]:
    """The contract's shape; `tenure` is known of verdicts that a running agent keeps.

    Keys that most verdicts have nothing for are left out of them.
    """
    said: dict[str, Any] = {
        "kind": one.kind,
        "subject": one.subject,
        "status": one.status,
        "since": None if tenure is None else iso(tenure.since_s),
        "confirmed": tenure is not None and tenure.confirmed,
        "earliest": None if one.earliest_s is None else iso(one.earliest_s),
        "members": list(one.members),
        "policy": policy.hash,
        "rules": [
            {"rule": str(it), "share": list(it.share), "holds": it.holds}
            for it in one.judgement.outcomes
        ],
        "evidence": _evidence(one),
    }
    if one.judgement.unproven:
        said["busy_periods_unproven"] = list(one.judgement.unproven)
    return said


def iso(time_s: float) -> str:
    """A wall time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(time_s, UTC).isoformat()


def _evidence(one: Verdict) -> dict[str, object] | None:
    if one.evidence is None:
        return None
    if isinstance(one.evidence, Evidence):
        return {**_figures(one.evidence), "capacity_bps": one.evidence.capacity_bps}
    return {measure: _figures(it) for measure, it in one.evidence.items()}


def _figures(evidence: Evidence) -> dict[str, object]:
    figures = asdict(evidence)
    del figures["capacity_bps"]
    from_s, to_s = figures.pop("from_s"), figures.pop("to_s")
    return {"from": iso(from_s), "to": iso(to_s), **figures}
