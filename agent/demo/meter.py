"""The counters of the demo's lines and servers: 64 bits, going on from their own past."""

from collections.abc import Callable

import numpy as np

from agent.demo.traffic import DAY_TICKS, HISTORY_DAYS, Floats, Ticks
from agent.judge.rates import TICK_S

Rates = Callable[[Ticks], Floats]
"""Bit/s received and sent in each of the ticks."""


class Meter:
    """Both octet counters, at any time from the tick `now_tick` on; times never go back.

    Before its past began it had counted a good amount already.
    """

    def __init__(self, rates: Rates, now_tick: int, before_bytes: int = 7 * 10**11) -> None:
        self._rates, self._before_bytes = rates, before_bytes
        first = now_tick - HISTORY_DAYS * DAY_TICKS
        self.first = first
        self.past = rates(np.arange(first, now_tick))
        """Bit/s of every tick that is over, from `first` on; NaN where nothing was seen."""
        self._tick = now_tick
        self._counted = np.nansum(self.past, axis=1) * (TICK_S / 8) + before_bytes
        self._ahead = np.empty((2, 0))

    @property
    def past_bytes(self) -> Floats:
        """Octets received and sent at each end of a tick of the past; it begins with its begin."""
        ends = np.cumsum(np.nan_to_num(self.past), axis=1) * (TICK_S / 8)
        whole: Floats = np.hstack([np.zeros((2, 1)), ends]) + self._before_bytes
        return whole

    def at(self, at_s: float) -> tuple[int, int]:
        """Octets received and sent until then."""
        tick = int(at_s // TICK_S)
        while self._tick < tick:
            self._counted += self._now() * (TICK_S / 8)
            self._tick += 1
            self._ahead = self._ahead[:, 1:]
        into_s = max(0.0, at_s - self._tick * TICK_S)
        received, sent = self._counted + self._now() * (into_s / 8)
        return int(received), int(sent)

    def _now(self) -> Floats:
        """Bit/s of the open tick; a day of them is reckoned at once."""
        if not self._ahead.shape[1]:
            ticks = np.arange(self._tick, self._tick + DAY_TICKS)
            self._ahead = np.nan_to_num(self._rates(ticks))
        found: Floats = self._ahead[:, 0]
        return found
