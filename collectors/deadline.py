"""The time that an attempt has: asyncio.timeout for thousands at once, which share their timers."""

import asyncio
from types import TracebackType

from collectors.slots import Slots

_SLOT_S = 0.02
"""An attempt ends so long after its time at the latest: less than a probe keeps for its report."""


class Deadlines:
    """Gives attempts their deadlines."""

    def __init__(self) -> None:
        self._slots = Slots(_SLOT_S)

    def within(self, seconds: float) -> "Deadline":
        """Let what is done in this context take so long; TimeoutError if it takes longer."""
        return Deadline(self._slots, seconds)

    async def close(self) -> None:
        """Nothing is held."""


class Deadline:
    """Cancels the task that entered it when its time is over, and owns up to it at the exit."""

    __slots__ = ("_is_over", "_slot", "_slots", "_task", "_within_s")

    def __init__(self, slots: Slots, within_s: float) -> None:
        self._slots, self._within_s = slots, within_s
        self._is_over = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        self._slot = self._slots.call_at(loop.time() + self._within_s, self._end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not self._is_over:
            self._slots.forget(self._slot, self._end)
        # Where somebody else cancelled the task as well, that stands.
        elif self._task and not self._task.uncancel() and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end(self) -> None:
        self._is_over = True
        if self._task:
            self._task.cancel()
