"""Timers in slots: all that is due in one slot costs the loop one timer and one wake-up."""

import asyncio
import math
from collections.abc import Callable
from functools import partial

Wake = Callable[[], object]


class Slots:
    """Calls back at the end of the slot that a time is in: up to `slot_s` after it.

    Times are the running loop's.
    """

    def __init__(self, slot_s: float) -> None:
        self._slot_s = slot_s
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._wakes: dict[int, dict[Wake, None]] = {}  # in the order of asking

    def call_at(self, due_s: float, wake: Wake) -> int:
        """Call `wake` once it is due; return the number of its slot, for who forgets it again."""
        slot = math.ceil(due_s / self._slot_s)
        if slot not in self._timers:
            loop = asyncio.get_running_loop()
            self._timers[slot] = loop.call_at(slot * self._slot_s, self._wake, slot)
            self._wakes[slot] = {}
        self._wakes[slot][wake] = None
        return slot

    def forget(self, slot: int, wake: Wake) -> None:
        """Call it no more; a slot that nobody waits for does not wake the loop."""
        wakes = self._wakes[slot]
        del wakes[wake]
        if not wakes:
            del self._wakes[slot]
            self._timers.pop(slot).cancel()

    def sleep_until(self, due_s: float) -> asyncio.Future[None]:
        """To be awaited until it is due."""
        due = asyncio.get_running_loop().create_future()
        self.call_at(due_s, partial(_settle, due))
        return due

    def _wake(self, slot: int) -> None:
        del self._timers[slot]
        for wake in self._wakes.pop(slot):
            wake()


def _settle(due: asyncio.Future[None]) -> None:
    if not due.done():  # who waited may have been cancelled
        due.set_result(None)
