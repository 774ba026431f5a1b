"""When a datagram arrived, by the kernel's stamp, on the clock that measures durations."""

from time import CLOCK_REALTIME, clock_gettime_ns, perf_counter_ns

_STEP_NS = 500_000
"""Between two looks clocks part by less (500 ppm at most) unless somebody sets one."""


class Arrivals:
    """Takes the kernel's stamps over to perf_counter's clock.

    Stamps are of CLOCK_REALTIME, which may be set at any moment. So only the short time from a
    datagram's arrival to the look at it is told by that clock, and not even that once it was set.
    """

    def __init__(self) -> None:
        self._apart_ns = 0
        self._trusted = False

    def look(self) -> None:
        """Compare the clocks: before waiting for datagrams, and before reading them."""
        apart_ns = clock_gettime_ns(CLOCK_REALTIME) - perf_counter_ns()
        self._trusted = abs(apart_ns - self._apart_ns) < _STEP_NS
        self._apart_ns = apart_ns

    def at_ns(self, stamp_ns: int | None, sent_ns: int) -> int:
        """When an answer to what was sent then arrived: now, where its stamp cannot be true."""
        now_ns = perf_counter_ns()
        if stamp_ns is None or not self._trusted:
            return now_ns
        arrived_ns = stamp_ns - self._apart_ns
        return arrived_ns if sent_ns <= arrived_ns <= now_ns else now_ns
