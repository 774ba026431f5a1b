"""A verdict as JSON: what `assess --json` prints and the endpoint serves."""

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
    if (size := one.right_size) is not None:
        said["right_size"] = size._asdict()
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
    figures: dict[str, object] = {"from": iso(evidence.from_s), "to": iso(evidence.to_s)}
    figures |= _spread(evidence)
    if (office := evidence.office) is not None:
        figures["office"] = {**_spread(office), "unknown_years": list(office.unknown_years)}
    return figures


def _spread(evidence: Evidence) -> dict[str, object]:
    names = ("ticks", "seen_ratio", "mean", "p50", "p95", "p99", "peak")
    return {name: getattr(evidence, name) for name in names}
