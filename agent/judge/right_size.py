"""The smallest usual bandwidth at which a line that must stay would surely not be busy."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

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
    smaller = (it for it in bandwidths_bps if it < capacity_bps)  # nothing is less than NaN
    for bandwidth_bps in smaller:
        if all(_disproves_busy(it, policy, bandwidth_bps) for it in windows):
            return bandwidth_bps
    return None


def _disproves_busy(traffic: Traffic, policy: LinkPolicy, bandwidth_bps: float) -> bool:
    sized = replace(traffic, capacity=np.full(traffic.ticks, bandwidth_bps))
    held = (
        Outcome(Status.BUSY, it, sized.time_above(it.measure, it.threshold, it.hours)).holds
        for it in policy.busy
    )
    return all_hold(held) is False
