"""Since when a verdict stands, and whether it has stood long enough to be believed."""

from typing import NamedTuple

from agent.judge.status import Status


class Tenure(NamedTuple):
    """How long a subject has had its verdict, in epoch seconds.

    `low_since_s` is when it became idle or of low use (a system: suspected unused), None while it
    is none of these; moving between idle and low use does not begin it anew.
    """

    status: Status
    since_s: float
    low_since_s: float | None
    confirmed: bool


def carry(before: Tenure | None, status: Status, at_s: float, confirm_after_s: float) -> Tenure:
    """Go on from what was said before; a clock that was set back begins nothing anew."""
    same = before is not None and before.status is status
    since_s = before.since_s if before is not None and same else at_s
    low_since_s = None
    if status.is_finding:
        was_low = before is not None and before.low_since_s is not None
        low_since_s = before.low_since_s if before is not None and was_low else at_s
    confirmed = low_since_s is not None and at_s - low_since_s >= confirm_after_s
    return Tenure(status, since_s, low_since_s, confirmed)
