"""A verdict as JSON: what `assess --json` prints and the endpoint serves."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from agent.judge.evidence import Evidence
from agent.judge.system_words import doubts_in_words
from agent.judge.tenure import Tenure
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from config.policy import Policy


def said_of(
    one: Verdict | SystemVerdict, policy: Policy, tenure: Tenure | None = None
) -> dict[str, Any]:
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
        "policy": policy.hash,
        **(_of_system(one) if isinstance(one, SystemVerdict) else _of_line(one)),
    }
    if one.judgement.unproven:
        said["busy_periods_unproven"] = list(one.judgement.unproven)
    return said


def _of_line(one: Verdict) -> dict[str, object]:
    said: dict[str, object] = {
        "members": list(one.members),
        "rules": [
            {"rule": str(it), "share": list(it.share), "holds": it.holds}
            for it in one.judgement.outcomes
        ],
        "evidence": _evidence(one),
    }
    if (size := one.right_size) is not None:
        said["right_size"] = size._asdict()
    return said


def _of_system(one: SystemVerdict) -> dict[str, object]:
    """No rules, but why nothing is proven (`doubts`), and the register's word beside the rest."""
    figures = asdict(one.evidence)
    from_s, to_s = figures.pop("from_s"), figures.pop("to_s")
    last_s = figures.pop("last_used_s")
    return {
        "members": [],
        "rules": [],
        "doubts": list(one.judgement.doubts),
        "why": doubts_in_words(one.judgement, one.evidence),
        "declared": {
            "used_by": one.system.used_by,
            "use_frequency": one.system.use_frequency,
        },
        "evidence": {
            "from": iso(from_s),
            "to": iso(to_s),
            "last_used": None if last_s is None else iso(last_s),
            **figures,
        },
    }


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
