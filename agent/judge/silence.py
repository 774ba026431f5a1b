"""Since when nothing at all has crossed a line, as far as it was seen."""

from typing import NamedTuple

import numpy as np

from agent.judge.bounds import Traffic

_DAY_S = 86_400


class Silence(NamedTuple):
    """Not one octet was seen in either direction since `since_s` (UTC epoch seconds).

    `whole`: in all of the window, so that it may be silent for longer. `seen_ratio` is the share of
    the time since then that was seen: what was not, is not known to have been silent.
    """

    since_s: float
    whole: bool
    seen_ratio: float


def silence(traffic: Traffic) -> Silence | None:
    """Find the silence that a window ends with; None if it is shorter than a day, or unseen.

    A run whose octets are known to have moved ends a silence, wherever in it they did.
    """
    seen = ~np.isnan(traffic.receive)
    with np.errstate(invalid="ignore"):
        moved = np.flatnonzero((traffic.receive > 0) | (traffic.transmit > 0))
    ends = [int(moved[-1])] if len(moved) else []
    ends += [run.last - traffic.first for run in traffic.runs if any(run.amounts)]
    begin = max(ends, default=-1) + 1
    quiet = seen[begin:]
    if len(quiet) * traffic.tick_s < _DAY_S or not quiet.any():
        return None
    since_s = (traffic.first + begin) * traffic.tick_s
    return Silence(since_s, begin == 0, float(quiet.mean()))
