"""The limit that everything sent to targets keeps: so many packets a second, evenly."""

PACKETS_PER_S = 5000.0
"""About 4 Mbit/s of echo requests: no line and no buffer on the way notices them."""

_AT_ONCE_S = 0.02
"""So much of a second's turns may be taken together: timers are no finer than a millisecond."""


class Pace:
    """Gives out turns, one a packet; nothing is kept for those that were not taken."""

    def __init__(self, packets_per_s: float = PACKETS_PER_S) -> None:
        self.packets_per_s = packets_per_s
        self._next_s = float("-inf")

    def take(self, now_s: float, within_s: float = float("inf")) -> float | None:
        """Take the next turn and return how many seconds it is away, 0 mostly.

        None, and no turn is taken, if it is more than `within_s` away. `now_s` is of any steady
        clock, the same one each time.
        """
        turn_s = max(self._next_s, now_s - _AT_ONCE_S)
        wait_s = max(0.0, turn_s - now_s)
        if wait_s > within_s:
            return None
        self._next_s = turn_s + 1 / self.packets_per_s
        return wait_s
