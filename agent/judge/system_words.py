"""A verdict on a system in words: what was seen, and what stands against believing it."""

from collections.abc import Iterator

from agent.judge.status import Status
from agent.judge.systems import MOST_MISSED, Doubt, SystemEvidence, SystemJudgement

_DOUBTS = {
    Doubt.NO_PORT: "no port is declared",
    Doubt.UDP: "it has UDP ports, whose clients the kernel does not list",
    Doubt.LOCAL: "clients on this host use it: a proxy among them would hide all others",
    Doubt.UNWATCHED: "it was watched for {watched} of the window only",
    Doubt.MISSED: "no look saw {missed} of the connections that this host accepted, more than "
    f"{MOST_MISSED:.0%}",
    Doubt.SEASON: "a declared busy period was not seen to pass without use",
}


def doubts_in_words(judgement: SystemJudgement, evidence: SystemEvidence) -> str:
    """What decided: why nothing is proven, or what was or was not seen."""
    if judgement.status is Status.IN_USE:
        return f"a client was seen in {evidence.used_ratio:.2%} of the window"
    if judgement.status is Status.SUSPECTED_UNUSED:
        return "no client was seen in the window; one would prove use"
    ratio = evidence.missed_ratio
    missed = "an unknown share" if ratio is None else f"{ratio:.1%}"
    watched = f"{evidence.watched_ratio:.1%}"
    return "; ".join(_DOUBTS[it].format(watched=watched, missed=missed) for it in judgement.doubts)


def sampling_in_words(evidence: SystemEvidence) -> Iterator[str]:
    """How it was watched, a line each."""
    yield f"{evidence.watched_ratio:.1%} of {evidence.ticks} ticks were watched"
    if evidence.interval_s is not None:
        yield f"its connections were looked at every {evidence.interval_s:.3g} s at least"
    if evidence.missed_ratio is not None:
        share = f"{evidence.missed} of {evidence.accepted} ({evidence.missed_ratio:.2%})"
        yield f"connections that this host accepted and no look saw: {share}"
