"""What was not seen: of whom nothing is decided, and why; the least seen lines; unknown years."""

from collections.abc import Iterator, Sequence
from typing import Any

from agent.judge.evidence import Evidence
from agent.judge.status import Status
from agent.report.gathered import Gathered
from agent.systems import SystemVerdict
from agent.verdict import Verdict
from agent.verdict_json import iso

LEAST = 20
"""So many of the least seen lines are named."""


def unseen(found: Gathered) -> dict[str, Any]:
    """Say all of it; a line that was seen all the time is not among the least seen."""
    lines = [
        (it.evidence.seen_ratio, it.subject)
        for it in found.verdicts
        if isinstance(it, Verdict) and it.kind == "link" and isinstance(it.evidence, Evidence)
    ]
    partly = sorted(it for it in lines if it[0] < 1)
    return {
        "unknown": list(_unknown(found)),
        "least_seen": [{"link": link, "seen_ratio": seen} for seen, link in partly[:LEAST]],
        "lines": len(lines),
        "lines_partly_seen": len(partly),
        "unknown_years": sorted({year for it in found.verdicts for year in _years(it)}),
    }


def _unknown(found: Gathered) -> Iterator[dict[str, Any]]:
    classified = {it.name for it in found.config.networks if it.classified}
    for one in found.verdicts:
        if one.status is Status.UNKNOWN:
            is_classified = one.kind == "network" and one.subject in classified
            yield {
                "kind": one.kind,
                "subject": one.subject,
                "seen_ratio": _seen_ratio(one),
                "why": ["classified"] if is_classified else list(_why(one)),
                "busy_periods": list(one.judgement.unproven),
                "earliest": None if one.earliest_s is None else iso(one.earliest_s),
            }


def _seen_ratio(one: Verdict | SystemVerdict) -> float | None:
    """Of a server that of its least seen measure; None: a network has its lines'."""
    if isinstance(one, SystemVerdict):
        return one.evidence.watched_ratio
    return min((it.seen_ratio for it in _measures(one)), default=None)


def _why(one: Verdict | SystemVerdict) -> Iterator[str]:
    """Keys of the words."""
    if isinstance(one, SystemVerdict):
        yield from (f"doubt_{it.value}" for it in one.judgement.doubts)
        return
    if one.kind == "network":
        yield "members_unknown" if one.members else "no_lines"
        return
    seen_ratio = _seen_ratio(one)
    if not seen_ratio:
        yield "nothing_seen"
    elif isinstance(one.evidence, Evidence) and one.evidence.capacity_bps is None:
        yield "no_bandwidth"
    elif one.judgement.unproven:
        yield "doubt_busy_period"
    else:
        yield "seen_in_part" if seen_ratio < 1 else "undecided_by_members"


def _measures(one: Verdict) -> Sequence[Evidence]:
    if one.evidence is None:
        return ()
    return [one.evidence] if isinstance(one.evidence, Evidence) else list(one.evidence.values())


def _years(one: Verdict | SystemVerdict) -> Iterator[int]:
    if isinstance(one, Verdict):
        for it in _measures(one):
            yield from it.office.unknown_years if it.office else ()
