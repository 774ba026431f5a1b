"""When each target is measured: at once, then at its own place in its interval."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable

from collectors.base import Target
from collectors.slots import Slots

CAP = 512
"""Attempts under way at once; more wait, so that sockets and memory stay bounded."""

WAKE_EVERY_S = 0.1
"""Targets wake together, so often a second at most: to wake an idle machine costs more than a ping.

What they send is spread again by the limit of packets a second (collectors/pace.py).
"""

Key = tuple[str, str]
"""Kind and name: what makes a target the same one after a reload."""


class Scheduler:
    """Runs `measure(target)` for every target on its interval, never twice at once for one target.

    `serve` runs until cancelled; `follow` may be called before it and at any time during it.
    """

    def __init__(self, measure: Callable[[Target], Awaitable[None]], cap: int = CAP) -> None:
        self._measure = measure
        self._places = asyncio.Semaphore(cap)
        self._slots = Slots(WAKE_EVERY_S)
        self._targets: dict[Key, Target] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._waiting: set[Key] = set()
        self.all_measured = asyncio.Event()

    @property
    def unmeasured(self) -> int:
        """Targets that have not been measured once."""
        return len(self._waiting)

    async def serve(self) -> None:
        """Measure until cancelled; whatever is under way is cancelled too."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for key, target in self._targets.items():
                self._start(key, target)
            self._note_waiting()
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None  # a reload during the end starts nothing any more

    def follow(self, targets: Iterable[Target]) -> set[Key]:
        """Measure these from now on; return the keys that ended. An unchanged target goes on."""
        wanted = {(target.kind, target.name): target for target in targets}
        changed = {key for key, target in self._targets.items() if wanted.get(key) != target}
        for key in changed:
            self._stop(key)
        for key in wanted.keys() - self._targets.keys():
            self._targets[key] = wanted[key]
            self._waiting.add(key)
            if self._group is not None:
                self._start(key, wanted[key])
        if self._group is not None:
            self._note_waiting()
        return changed - wanted.keys()

    def _start(self, key: Key, target: Target) -> None:
        if self._group is not None:
            self._tasks[key] = self._group.create_task(self._repeat(key, target))

    def _stop(self, key: Key) -> None:
        del self._targets[key]
        self._waiting.discard(key)
        if task := self._tasks.pop(key, None):
            task.cancel()

    def _note_waiting(self) -> None:
        if not self._waiting:
            self.all_measured.set()

    async def _repeat(self, key: Key, target: Target) -> None:
        loop = asyncio.get_running_loop()
        offset_s = place(key) * target.interval_s
        turn = (loop.time() - offset_s) // target.interval_s
        while True:
            await self._places.acquire()  # `async with` would cost each round a coroutine more
            try:
                await self._measure(target)
            finally:
                self._places.release()
            self._waiting.discard(key)
            self._note_waiting()
            # Never the same turn again: a loop's timer may wake a little before its time.
            turn = max(turn, (loop.time() - offset_s) // target.interval_s) + 1
            await self._slots.sleep_until(turn * target.interval_s + offset_s)


def place(key: Key) -> float:
    """Where in its interval a target is measured, 0 to 1: the same on every start."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
