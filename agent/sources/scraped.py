"""Ticks from counters as somebody scraped them: pure, by the rules of the agent's own readings."""

import numpy as np

from agent.judge.bounds import Floats
from agent.judge.rates import PLAUSIBLE, Gap, Span, Tick, advance, begin, bridge
from collectors.base import CounterReading, Moment

REPEAT_S = 150.0
"""A device is polled every 120 s at most, so scrapes within that may show the same poll again."""

LATE_S = 120.0
"""What a poll counted may show in a shorter span between two scrapes."""


class Line:
    """One series of both counters; `speed` is the port's in bit/s by tick, NaN where not known.

    Scrapes tell no sysUpTime: a gap of more than a tick is unseen, with no known bits. The counters
    are those of /metrics, unwrapped: where one falls, its device began anew.
    """

    def __init__(self, first: int, speed: Floats, tick_s: float) -> None:
        self.receive = np.full(len(speed), np.nan)
        self.transmit = np.full(len(speed), np.nan)
        self._first = first
        self._speed = speed
        self._tick_s = tick_s
        self._fold = begin(first * tick_s, 2, tick_s)
        self._last: CounterReading | None = None
        self._changed_s = 0.0
        self._repeats: list[CounterReading] = []

    def take(self, at_s: float, receive_bytes: float, transmit_bytes: float) -> None:
        """Go on with one scrape; one that is not later than the last is the same one again.

        A scrape that repeats a poll says nothing if the next poll shows soon: what crossed did so
        since that poll, and not since the repetition.
        """
        reading = _reading(at_s, receive_bytes, transmit_bytes)
        last = self._repeats[-1] if self._repeats else self._last
        if last is not None and at_s <= last.at.wall_s:
            return
        is_late = at_s - self._changed_s > REPEAT_S
        if last is not None and _octets(last) == _octets(reading):
            self._repeats.append(reading)
            if is_late:
                self.end()
            return
        if is_late:
            self.end()
        self._repeats.clear()
        self._go_on(reading)
        self._changed_s = at_s

    def end(self) -> None:
        """Count what was held back: nothing crossed during it."""
        for reading in self._repeats:
            self._go_on(reading)
        self._repeats.clear()

    def _go_on(self, reading: CounterReading) -> None:
        before, self._last = self._last, reading
        span = Gap.UNPROVEN if before is None else bridge(before, reading, self._tick_s)
        if isinstance(span, Span) and self._is_plausible(span):
            self._fold, ticks, _ = advance(self._fold, span, self._tick_s)
            for tick in ticks:
                self._put(tick)
        else:
            self._fold = begin(reading.at.wall_s, 2, self._tick_s)

    def _is_plausible(self, span: Span) -> bool:
        at = int(span.end_s // self._tick_s) - self._first
        speed_bps = self._speed[min(max(at, 0), len(self._speed) - 1)]
        # Without a known speed there is no filter: NaN is more than nothing.
        return not max(span.amounts) > PLAUSIBLE * speed_bps * (span.seconds + LATE_S)

    def _put(self, tick: Tick) -> None:
        at = tick.number - self._first
        if 0 <= at < len(self._speed):
            self.receive[at], self.transmit[at] = tick.values


def _octets(reading: CounterReading) -> tuple[int, int]:
    return reading.receive_bytes, reading.transmit_bytes


def _reading(at_s: float, receive_bytes: float, transmit_bytes: float) -> CounterReading:
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
    )
