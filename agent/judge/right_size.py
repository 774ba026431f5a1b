"""The smallest usual bandwidth at which a line that must stay would surely not be busy."""

from bisect import bisect_left
from collections.abc import Sequence

from agent.judge.bounds import Traffic
from agent.judge.status import Status
from agent.judge.verdict import Outcome, all_hold
from config.policy import LinkPolicy


def right_size(
    windows: Sequence[Traffic], policy: LinkPolicy, bandwidths_bps: Sequence[float]
) -> float | None:
    """The smallest of the bandwidths (ascending) below the present one that disproves `busy`.

    The first window is the policy's and says the present one; it must hold in the others too.
    None if there is none: what was not seen may have been anything, so a line that was seen for
    too short a time is not made smaller, nor one whose capacity is not known.
    """
    capacity_bps = float(windows[0].capacity[-1])
    smaller = [it for it in bandwidths_bps if it < capacity_bps]  # nothing is less than NaN

    def suffices(bandwidth_bps: float) -> bool:
        return all(_disproves_busy(it, policy, bandwidth_bps) for it in windows)

    at = bisect_left(smaller, True, key=suffices)  # what suffices does so if it is larger, too
    return smaller[at] if at < len(smaller) else None


def _disproves_busy(traffic: Traffic, policy: LinkPolicy, bandwidth_bps: float) -> bool:
    """Whether a line of that bandwidth would not be busy: of it, a load is a rate."""
    held = []
    for rule in policy.busy:
        rate_bps = rule.threshold * (bandwidth_bps if rule.measure == "load" else 1)
        share = traffic.time_above("rate", rate_bps, rule.hours)
        held.append(Outcome(Status.BUSY, rule, share).holds)
    return all_hold(held) is False
