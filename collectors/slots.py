"""Timers in slots: all that is due in one slot costs the loop one timer and one wake-up."""

import asyncio
import math
from collections.abc import Callable
from functools import partial

Wake = Callable[[], object]
Slot = dict[Wake, None]
"""What will be called, in the order of asking; who no longer wants that takes itself out."""


class Slots:
    """Calls back at the end of the slot that a time is in: up to `slot_s` after it.

    Times are the running loop's.
    """

    def __init__(self, slot_s: float) -> None:
        self._slot_s = slot_s
        self._slots: dict[int, Slot] = {}

    def call_at(self, due_s: float, wake: Wake) -> Slot:
        """Call `wake` once it is due; return the slot that it stands in until then."""
        number = math.ceil(due_s / self._slot_s)
        if number not in self._slots:
            self._slots[number] = {}
            asyncio.get_running_loop().call_at(number * self._slot_s, self._wake, number)
        slot = self._slots[number]
        slot[wake] = None
        return slot

    def sleep_until(self, due_s: float) -> asyncio.Future[None]:
        """To be awaited until it is due."""
        due = asyncio.get_running_loop().create_future()
        self.call_at(due_s, partial(_settle, due))
        return due

    def _wake(self, number: int) -> None:
        for wake in self._slots.pop(number):
            wake()


def _settle(due: asyncio.Future[None]) -> None:
    if not due.done():  # who waited may have been cancelled
        due.set_result(None)
