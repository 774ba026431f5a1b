"""The limit that everything sent to targets keeps: so many packets a second, evenly."""

import asyncio
from time import perf_counter

from collectors.base import CollectError, Reason, Tools

_AT_ONCE_S = 0.02
"""The turns of so much time may be taken together: fewer would need a timer for nearly each."""


def wait_for_turn_s(tools: Tools, within_s: float = float("inf")) -> float:
    """Take a turn and return how long to wait for it, 0 mostly.

    Raises:
        CollectError: `local`, at once, if the turn would not come `within_s`.

    """
    wait_s = tools.use(Pace).take(tools.packets_per_s, perf_counter(), within_s)
    if wait_s is None:
        msg = (
            f"{tools.packets_per_s:g} packets a second leave no turn within {within_s:.3g} s; "
            "raise probe_packets_per_second, or probe less often"
        )
        raise CollectError(Reason.LOCAL, msg)
    return wait_s


async def turn_before(tools: Tools, until_s: float) -> None:
    """Wait for a turn that leaves half of the time until then (perf_counter) for what is sent.

    Raises:
        CollectError: as `wait_for_turn_s` does.

    """
    if wait_s := wait_for_turn_s(tools, max(0.0, until_s - perf_counter()) / 2):
        await asyncio.sleep(wait_s)


class Pace:
    """Gives out turns, one a packet; those that nobody took are not kept."""

    def __init__(self) -> None:
        self._next_s = float("-inf")

    def take(self, packets_per_s: float, now_s: float, within_s: float) -> float | None:
        """Take the next turn and return how many seconds it is away, 0 mostly.

        None, and no turn is taken, if it is more than `within_s` away. `now_s` is of any steady
        clock, the same one each time.
        """
        turn_s = max(self._next_s, now_s - _AT_ONCE_S)
        wait_s = max(0.0, turn_s - now_s)
        if wait_s > within_s:
            return None
        self._next_s = turn_s + 1 / packets_per_s
        return wait_s

    async def close(self) -> None:
        """Nothing is held."""
