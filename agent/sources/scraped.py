"""Ticks from counters as somebody scraped them: pure, by the rules of the agent's own readings."""

from collections import deque

import numpy as np

from agent.judge.bounds import Floats
from agent.judge.rates import PLAUSIBLE, Gap, Span, Tick, advance, begin, bridge, hold
from collectors.base import CounterReading, GaugeReading, Moment

REPEAT_S = 150.0
"""A device is polled every 120 s at most, so scrapes within that may show the same poll again."""

KEPT_S = 360.0
"""What the agent has not read for three of its intervals is not on /metrics any more: a value that
is, and older, was read again and had not changed."""

LATE_S = 120.0
"""What a poll counted may show in a shorter span between two scrapes."""

LEVEL_HOLDS_S = 90.0
"""One and a half of the minute in which the agent is scraped at the latest, as a level of a polled
device holds: at 60 s the smallest delay would leave a hole in every tick."""


class Line:
    """One series of both counters; `speed` is the port's in bit/s by tick, NaN where not known.

    Scrapes tell no sysUpTime: a gap of more than a tick is unseen, with no known bits. The counters
    are those of /metrics, unwrapped: where one falls, its device began anew. `is_wide`: they have
    64 bits, whatever the agent says of them.
    """

    def __init__(self, first: int, speed: Floats, tick_s: float, *, is_wide: bool = False) -> None:
        self.receive = np.full(len(speed), np.nan)
        self.transmit = np.full(len(speed), np.nan)
        self._first = first
        self._speed = speed
        self._is_wide = is_wide
        self._tick_s = tick_s
        self._fold = begin(first * tick_s, 2, tick_s)
        self._last: CounterReading | None = None
        self._changed_s = 0.0
        self._repeats: deque[CounterReading] = deque()

    def take(
        self,
        at_s: float,
        receive_bytes: float,
        transmit_bytes: float,
        seen_since_s: float | None = None,
    ) -> None:
        """Go on with one scrape; one that is not later than the last is the same one again.

        `seen_since_s` is since when the agent saw all; None: it did not say. Where it moves, there
        is a gap: octets that did not go on are no silence then.

        A scrape that repeats a poll says nothing if the next poll shows soon: what crossed did so
        since that poll, and not since the repetition.
        """
        reading = _reading(at_s, receive_bytes, transmit_bytes, seen_since_s)
        last = self._repeats[-1] if self._repeats else self._last
        if last is not None and at_s <= last.at.wall_s:
            return
        if last is not None and _shown(last) == _shown(reading):
            self._repeats.append(reading)
            self._count_until(at_s - KEPT_S)
            return
        is_gap = last is not None and last.discontinuity != reading.discontinuity
        if at_s - self._changed_s > REPEAT_S and not is_gap:
            self.end()
        self._repeats.clear()
        self._go_on(reading)
        self._changed_s = at_s

    def end(self) -> None:
        """Count what was held back: nothing crossed during it."""
        self._count_until(np.inf)

    def _count_until(self, at_s: float) -> None:
        while self._repeats and self._repeats[0].at.wall_s <= at_s:
            self._go_on(self._repeats.popleft())

    def _go_on(self, reading: CounterReading) -> None:
        before, self._last = self._last, reading
        span = Gap.UNPROVEN if before is None else bridge(before, reading, self._tick_s)
        if isinstance(span, Span) and self._is_believed(span, reading):
            self._fold, ticks, _ = advance(self._fold, span, self._tick_s)
            for tick in ticks:
                self._put(tick)
        else:
            self._fold = begin(reading.at.wall_s, 2, self._tick_s)

    def _is_believed(self, span: Span, reading: CounterReading) -> bool:
        at = int(span.end_s // self._tick_s) - self._first
        speed_bps = self._speed[min(max(at, 0), len(self._speed) - 1)]
        is_untold = reading.discontinuity is None and not self._is_wide
        # It may be a counter of 32 bits that the agent itself had no rate of. NaN is no limit.
        if is_untold and not speed_bps * (span.seconds + LATE_S) / 8 < 2**32:
            return False
        # Without a known speed there is no filter: NaN is more than nothing.
        return not max(span.amounts) > PLAUSIBLE * speed_bps * (span.seconds + LATE_S)

    def _put(self, tick: Tick) -> None:
        at = tick.number - self._first
        if 0 <= at < len(self._speed):
            self.receive[at], self.transmit[at] = tick.values


class Level:
    """One series of a level, as the CPU's load: its mean by tick, NaN where not seen."""

    def __init__(self, first: int, ticks: int, tick_s: float) -> None:
        self.values = np.full(ticks, np.nan)
        self._first = first
        self._tick_s = tick_s
        self._fold = begin(first * tick_s, 1, tick_s)
        self._last: GaugeReading | None = None

    def take(self, at_s: float, value: float) -> None:
        """Go on with one scrape; one that is not later than the last is the same one again."""
        before = self._last
        if before is not None and at_s <= before.at.wall_s:
            return
        at = Moment(at_s, at_s)
        self._last = GaugeReading("server", "", "scraped", at, "cpu", value, LEVEL_HOLDS_S)
        if before is None:
            self._fold = begin(at_s, 1, self._tick_s)
            return
        span = hold(before, self._last)
        if isinstance(span, Span):
            self._fold, ticks, _ = advance(self._fold, span, self._tick_s)
            for tick in ticks:
                at_tick = tick.number - self._first
                if 0 <= at_tick < len(self.values):
                    (self.values[at_tick],) = tick.values


def _shown(reading: CounterReading) -> tuple[int | None, ...]:
    return reading.receive_bytes, reading.transmit_bytes, reading.discontinuity


def _reading(
    at_s: float, receive_bytes: float, transmit_bytes: float, seen_since_s: float | None
) -> CounterReading:
    return CounterReading(
        kind="link",
        subject="",
        identity="scraped",
        at=Moment(at_s, at_s),
        receive_bytes=int(receive_bytes),
        transmit_bytes=int(transmit_bytes),
        counter_bits=64,
        uptime_s=None,
        port_speed_bps=None,
        discontinuity=None if seen_since_s is None else round(seen_since_s * 1000),
    )
