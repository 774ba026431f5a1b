"""Who uses the systems of this host: a look at its connections every second, counts kept of it.

A client's address becomes a keyed hash at once, under a key that lives for a day and only in
memory; nothing but counts and times leaves this file. The table of the last look itself is held
until the next one.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network
from time import thread_time

from pydantic import BaseModel, ConfigDict

from collectors.base import CollectError, Reason
from collectors.connections import Accepted, Table, look

LEAST_INTERVAL_S = 1.0
CPU_RATIO = 0.008
"""Of one core, for looking: where it would take more, looks are as rare as keeps to it.

The rest of 1 % is for what is made of them every 30 s.
"""

LEFT_AFTER_S = 180.0
"""Nobody asked for so long: no system is declared any more, and looking ends."""

MOST_CLIENTS = 65_536
"""Told apart in one day, for each system: some 5 MB."""

_DAY_S = 86_400
_SHANGHAI_S = 8 * 3600
_SMOOTH = 0.2
_HASH_BYTES = 8


class WatchedSystem(BaseModel):
    """A system by its TCP ports; who manages it does not use it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ports: tuple[int, ...]
    management: tuple[IPv4Network | IPv6Network, ...] = ()

    def manages(self, client: Accepted) -> bool:
        """Whether the client is of the declared management ranges."""
        return any(client.client in it for it in self.management)


@dataclass(slots=True)
class Use:
    """What was seen of one system since it was last asked for, and today.

    `clients` and `today` are hashes of such as count as use; `local` of clients on this host,
    which may be a proxy that stands before the system. Times are UTC epoch seconds.
    """

    clients: set[bytes] = field(default_factory=set)
    local: set[bytes] = field(default_factory=set)
    today: set[bytes] = field(default_factory=set)
    last_used_s: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """All systems' stretch of time, `seconds` long.

    `accepted` connections the kernel counted, `missed` of them stood in no look: those of all
    ports, for the kernel does not count by port. The totals go back to when looking began.
    """

    seconds: float
    accepted: int
    missed: int
    accepted_total: int
    missed_total: int
    interval_s: float
    ports: frozenset[int]


class Watch:
    """Looks while somebody asks; `read` is what a look is, called on a thread."""

    def __init__(self, read: Callable[[], Table] = look) -> None:
        self._read = read
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._systems: tuple[WatchedSystem, ...] = ()
        self._uses: dict[WatchedSystem, Use] = {}
        self._now_s: Callable[[], float] = float
        self._table: Table | None = None
        self._error: Exception | None = None
        self._day = 0
        self._key = b""
        self._cpu_s = 0.0
        self._asked_s = 0.0
        self._begun: tuple[float, int] | None = None
        self._found = 0
        self._totals = (0, 0)

    async def follow(self, systems: Sequence[WatchedSystem], now_s: Callable[[], float]) -> None:
        """Watch these from now on, by that wall clock; return when there was a look."""
        self._systems, self._now_s = tuple(systems), now_s
        self._uses = {it: self._uses.get(it) or Use() for it in self._systems}
        self._asked_s = asyncio.get_running_loop().time()
        if self._task is None or self._task.done():
            self._table = None
            self._looked.clear()
            self._task = asyncio.create_task(self._look_on())
        await self._looked.wait()

    def take(self) -> tuple[Seen, dict[str, Use]]:
        """What was seen since the last call; the next stretch begins.

        Raises:
            CollectError: the tables could not be read in this stretch, so it was not watched.
        """
        error, self._error = self._error, None
        table = self._table
        if error is not None or table is None or self._begun is None:
            raise CollectError(Reason.LOCAL, f"the TCP tables of this host: {error}")
        at_s = asyncio.get_running_loop().time()
        begun_s, opened = self._begun
        accepted = table.opened - opened
        missed = max(0, accepted - self._found)
        self._totals = (self._totals[0] + accepted, self._totals[1] + missed)
        seen = Seen(at_s - begun_s, accepted, missed, *self._totals, self._interval_s, table.ports)
        self._begun, self._found = (at_s, table.opened), 0
        return seen, self._handed_over(table)

    async def close(self) -> None:
        """End looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _handed_over(self, table: Table) -> dict[str, Use]:
        """Begin anew, with those who are still connected: they use the next stretch as well."""
        uses = self._uses
        self._uses = {
            it: Use(today=use.today, last_used_s=use.last_used_s) for it, use in uses.items()
        }
        self._count_connected(table)
        for system, use in uses.items():
            use.last_used_s = self._uses[system].last_used_s
        return {system.name: use for system, use in uses.items()}

    @property
    def _interval_s(self) -> float:
        return max(LEAST_INTERVAL_S, self._cpu_s / CPU_RATIO)

    async def _look_on(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() - self._asked_s < LEFT_AFTER_S:
            started_s = loop.time()
            try:
                self._note(await asyncio.to_thread(self._read), started_s)
            except (OSError, ValueError) as error:
                self._error, self._table = error, None
            self._looked.set()
            await asyncio.sleep(max(0.0, started_s + self._interval_s - loop.time()))

    def _note(self, table: Table, at_s: float) -> None:
        before, self._table = self._table, table
        if before is None:
            self._cpu_s = table.cpu_s
            self._begun, self._found = (at_s, table.opened), 0
            self._count_connected(table)
            return
        started_s = thread_time()
        new = table.accepted_since(before)
        self._found += len(new)
        self._count(new)
        cpu_s = table.cpu_s + thread_time() - started_s
        self._cpu_s += _SMOOTH * (cpu_s - self._cpu_s)

    def _count_connected(self, table: Table) -> None:
        self._count(table.accepted_at(frozenset(it for one in self._uses for it in one.ports)))

    def _count(self, connections: Iterable[Accepted]) -> None:
        """Count connections as use of the systems at their ports, as of now."""
        at_s = self._now_s()
        if (day := int(at_s + _SHANGHAI_S) // _DAY_S) != self._day:
            self._day, self._key = day, secrets.token_bytes(_HASH_BYTES * 2)
            for use in self._uses.values():
                use.today.clear()
        of_port: dict[int, list[tuple[WatchedSystem, Use]]] = {}
        for system, use in self._uses.items():
            for port in system.ports:
                of_port.setdefault(port, []).append((system, use))
        for it in connections:
            for system, use in of_port.get(it.port, ()):
                if not system.manages(it):
                    self._count_one(use, it, at_s)

    def _count_one(self, use: Use, client: Accepted, at_s: float) -> None:
        hashed = blake2b(client.client.packed, digest_size=_HASH_BYTES, key=self._key).digest()
        if client.is_local:
            use.local.add(hashed)
            return
        use.last_used_s = at_s
        if len(use.today) < MOST_CLIENTS:
            use.today.add(hashed)
        if len(use.clients) < MOST_CLIENTS:
            use.clients.add(hashed)
