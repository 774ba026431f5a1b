"""For which share of a window a target, or a network, was there; and whether that was promised.

As for every share, what was not seen parts the bounds: it may have been all up, or all down.
"""

import numpy as np

from agent.judge.bounds import NOTHING_KNOWN, Bounds, Floats


def available(up: Floats) -> Bounds:
    """Bound the share of the window that a target was up; each tick's own share, NaN not seen."""
    if not len(up):
        return NOTHING_KNOWN
    return Bounds(
        float(np.mean(np.nan_to_num(up, nan=0))), float(np.mean(np.nan_to_num(up, nan=1)))
    )


class Together:
    """A network is there while any of its targets answers; they are added one after the other.

    Of two targets that were each up for a part of a tick, these parts may be the same or not.
    """

    def __init__(self, ticks: int) -> None:
        self._least = np.zeros(ticks)
        self._most = np.zeros(ticks)

    def add(self, up: Floats) -> None:
        """Add a target's window."""
        self._least = np.maximum(self._least, np.nan_to_num(up, nan=0))
        self._most = np.minimum(self._most + np.nan_to_num(up, nan=1), 1)

    def available(self, ticks: int) -> Bounds:
        """Bound the share of the last `ticks` that the network was there."""
        if not ticks:
            return NOTHING_KNOWN
        return Bounds(float(np.mean(self._least[-ticks:])), float(np.mean(self._most[-ticks:])))


def keeps_at_least(limit: float, share: Bounds) -> bool | None:
    """Whether a share is at least the limit; None: what was not seen decides it."""
    if share.lower >= limit:
        return True
    return False if share.upper < limit else None


def keeps_at_most(limit: float, values: Floats, least_ticks: int) -> bool | None:
    """Whether the mean of what was seen is at most the limit; None: too little was seen."""
    seen = values[~np.isnan(values)]
    if len(seen) < max(1, least_ticks):
        return None
    return bool(np.mean(seen) <= limit)
