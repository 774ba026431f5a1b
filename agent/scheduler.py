"""When each target is measured: at once, then at its own place in its interval."""

import asyncio
import hashlib
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from collectors.base import TOGETHER_S, Target
from collectors.slots import Slots

CAP = 512
"""Attempts under way at once; more wait, so that sockets and memory stay bounded."""

WAKE_EVERY_S = TOGETHER_S
"""Targets wake together, so often a second at most: to wake an idle machine costs more than a ping.

What they send is spread again by the limit of packets a second (collectors/pace.py).
"""

Key = tuple[str, str]
"""Kind and name: what makes a target the same one after a reload."""

Measure = Callable[[Target], Awaitable[None]]
Measured = Callable[[Target], None]
MeasureAll = Callable[[Sequence[Target], Measured], Awaitable[None]]
"""Measures targets of one kind together, and says of each when it is over."""


async def _nobody(_: Sequence[Target], __: Measured) -> None:
    """Where no target is measured together with others."""


class Scheduler:
    """Runs `measure(target)` for every target on its interval, never twice at once for one target.

    Those that `is_shared` picks are measured by `measure_all`: all of a kind that wake together in
    one call. `serve` runs until cancelled; `follow` may be called before it and at any time during
    it.
    """

    def __init__(
        self,
        measure: Measure,
        cap: int = CAP,
        *,
        measure_all: MeasureAll = _nobody,
        is_shared: Callable[[Target], bool] = lambda _: False,
    ) -> None:
        self._measure, self._measure_all, self._is_shared = measure, measure_all, is_shared
        self._cap = cap
        self._places = asyncio.Semaphore(cap)
        self._seats: dict[Key, _Seat] = {}
        self._due: dict[int, list[_Seat]] = {}
        self._under_way = 0
        self._slots = Slots(WAKE_EVERY_S)
        self._targets: dict[Key, Target] = {}
        self._places_of: dict[Key, Key] = {}
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

    def follow(
        self, targets: Iterable[Target], places: Mapping[Key, Key] | None = None
    ) -> set[Key]:
        """Measure these from now on; return the keys that ended. An unchanged target goes on.

        `places` says whose place in the interval a target takes: such begin their rounds together.
        """
        wanted = {(target.kind, target.name): target for target in targets}
        places = dict(places or {})
        changed = {
            key
            for key, target in self._targets.items()
            if wanted.get(key) != target or places.get(key) != self._places_of.get(key)
        }
        self._places_of = places
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

    def follows(self, target: Target) -> bool:
        """Whether this very target is to be measured still: a round may outlive a reload."""
        return self._targets.get((target.kind, target.name)) is target

    def _start(self, key: Key, target: Target) -> None:
        if self._group is None:
            return
        if self._is_shared(target):
            now_s = asyncio.get_running_loop().time()
            self._seats[key] = _Seat(target, self._turns(key, target, now_s))
            self._seat(self._seats[key], now_s)
        else:
            self._tasks[key] = self._group.create_task(self._repeat(key, target))

    def _turns(self, key: Key, target: Target, now_s: float) -> "_Turns":
        return _Turns(target.interval_s, place(self._places_of.get(key, key)), now_s)

    def _stop(self, key: Key) -> None:
        del self._targets[key]
        self._waiting.discard(key)
        if task := self._tasks.pop(key, None):
            task.cancel()
        if seat := self._seats.pop(key, None):
            seat.is_left = True

    def _note_waiting(self) -> None:
        if not self._waiting:
            self.all_measured.set()

    async def _repeat(self, key: Key, target: Target) -> None:
        loop = asyncio.get_running_loop()
        turns = self._turns(key, target, loop.time())
        while True:
            await self._places.acquire()  # `async with` would cost each round a coroutine more
            try:
                await self._measure(target)
            finally:
                self._places.release()
            self._waiting.discard(key)
            self._note_waiting()
            await self._slots.sleep_until(turns.next_s(loop.time()))

    def _seat(self, seat: "_Seat", due_s: float) -> None:
        """Let a target be one of those that are measured together from then on."""
        self._due_in(math.ceil(due_s / WAKE_EVERY_S)).append(seat)

    def _due_in(self, slot: int) -> "list[_Seat]":
        """Those that wake in a slot, which is woken for."""
        if slot not in self._due:
            self._due[slot] = []
            asyncio.get_running_loop().call_at(slot * WAKE_EVERY_S, self._wake, slot)
        return self._due[slot]

    def _wake(self, slot: int) -> None:
        """Measure what is due, as far as there are places; the others come first in the next."""
        due = [seat for seat in self._due.pop(slot) if not seat.is_left]
        if self._group is None:
            return
        places = max(0, self._cap - self._under_way)
        if late := due[places:]:
            self._due_in(slot + 1)[:0] = late
        batches: defaultdict[str, dict[str, _Seat]] = defaultdict(dict)
        for seat in due[:places]:
            batches[seat.target.kind][seat.target.name] = seat
        for seats in batches.values():
            self._group.create_task(self._measure_batch(seats))

    async def _measure_batch(self, seats: dict[str, "_Seat"]) -> None:
        loop = asyncio.get_running_loop()

        def measured(target: Target) -> None:
            seat = seats.pop(target.name)
            self._under_way -= 1
            if not seat.is_left:
                if self._waiting:
                    self._waiting.discard((target.kind, target.name))
                    self._note_waiting()
                self._seat(seat, seat.turns.next_s(loop.time()))

        self._under_way += len(seats)
        try:
            await self._measure_all([seat.target for seat in seats.values()], measured)
        finally:
            self._under_way -= len(seats)


class _Turns:
    """When a target is measured: once an interval, at its own place in it. Times are the loop's."""

    __slots__ = ("_interval_s", "_offset_s", "_turn")

    def __init__(self, interval_s: float, part: float, now_s: float) -> None:
        self._interval_s = interval_s
        self._offset_s = part * interval_s
        self._turn = self._until(now_s)

    def next_s(self, now_s: float) -> float:
        """Its next turn; those that were missed are left out."""
        # Never the same turn again: a loop's timer may wake a little before its time.
        self._turn = max(self._turn, self._until(now_s)) + 1
        return self._turn * self._interval_s + self._offset_s

    def _until(self, now_s: float) -> float:
        return (now_s - self._offset_s) // self._interval_s


@dataclass(slots=True, eq=False)
class _Seat:
    """A target that is measured together with others; left when it is to be measured no more."""

    target: Target
    turns: _Turns
    is_left: bool = False


def place(key: Key) -> float:
    """Where in its interval a target is measured, 0 to 1: the same on every start."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
