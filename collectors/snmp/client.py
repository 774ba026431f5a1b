"""Reads SNMP devices: one client for all of them, on sockets that they share."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint, resolve
from collectors.snmp import failures
from collectors.snmp.agent import Agent
from collectors.snmp.column import MAX_ROWS, Column
from collectors.snmp.community import CommunitySecurity
from collectors.snmp.credential import Community
from collectors.snmp.failures import BadValueError, TooBigError
from collectors.snmp.message import (
    RESPONSE,
    Asked,
    Get,
    GetBulk,
    RelearntError,
    Reply,
    Security,
    UntrustedError,
    reply,
)
from collectors.snmp.transport import Transport
from collectors.snmp.varbind import Value

ATTEMPTS = 3
MAX_VARBINDS = 60
"""About one packet."""

PACKET_OCTETS = {socket.AF_INET: 1472, socket.AF_INET6: 1452}
"""What UDP carries in one Ethernet frame of 1,500 octets."""

IN_FLIGHT = 2
"""Requests to one device at once: many answer one after the other, and drop what waits."""

DEAD_AFTER = 2
"""Requests in a row that were never answered; from then on one attempt each must do."""

SURE_VARBINDS = 15
"""So few get through wherever anything does."""

MAX_COLUMNS = 6
MAX_BYTES = 16 * 2**20
RESOLVED_FOR_S = 30
FORGOTTEN_AFTER_S = 3600
_LESSONS = 4
"""What a device may tell before it answers: its engine, its time, both again after a restart."""

_GROW_AFTER = 20
"""Answers in a row, after which a little more is asked for again."""

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Peer:
    """What is known of a device, as one credential sees it."""

    security: Security
    endpoint: Endpoint | None = None
    resolved_until_s: float = 0.0
    most: int = MAX_VARBINDS
    ceiling: int = MAX_VARBINDS
    unanswered: int = 0
    good: int = 0
    flights: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT))

    @property
    def is_dead(self) -> bool:
        return self.unanswered >= DEAD_AFTER

    def shrink(self, asked: int) -> None:
        """Ask for half of what was too big."""
        self.most, self.good = max(1, min(self.most, asked) // 2), 0

    def grow(self) -> None:
        """Ask for a little more, now and then, after what was well."""
        self.good += 1
        if self.good % _GROW_AFTER == 0:
            self.most = min(self.ceiling, self.most + max(1, self.most // 4))

    def fit(self, varbinds: int, octets: int, packet_octets: int) -> None:
        """Ask for no more than comes back in one packet: of a fragmented reply, more is lost."""
        if octets > packet_octets:
            self.ceiling = max(1, min(self.ceiling, varbinds * packet_octets // octets))
            self.most = min(self.most, self.ceiling)


class SnmpClient:
    """An engine: `tools.use(SnmpClient)`. All that goes wrong is a `CollectError`.

    A request is tried `ATTEMPTS` times; the caller's own timeout may cut in at any moment.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = Transport()
        self._peers: dict[Agent, _Peer] = {}

    async def close(self) -> None:
        """Give the sockets back."""
        self._transport.close()

    async def get(self, agent: Agent, oids: Sequence[str]) -> list[Value]:
        """Read single values, in as many requests as they need, in the order asked."""
        values: list[Value] = []
        while len(values) < len(oids):
            some = oids[len(values) : len(values) + self.at_once(agent)]
            try:
                values += await self.get_together(agent, Get(some))
            except TooBigError:
                if len(some) == 1:
                    raise
        return values

    def at_once(self, agent: Agent) -> int:
        """How many values may be asked of a device in one request, as far as is known."""
        return self._peer(agent).most

    async def get_together(self, agent: Agent, asked: Get) -> list[Value]:
        """Read values in one request, so that they are of one moment.

        A value that the device fails at is None if it has any of the others.

        Raises:
            TooBigError: the device cannot answer so much at once; it will be asked for less.

        """
        try:
            values, _ = await self._ask(agent, asked, asked.names)
        except BadValueError as error:
            if len(asked.names) == 1:
                raise
            others = [it for place, it in enumerate(asked.names) if place != error.place]
            values = await self.get_together(agent, Get(others))
            values.insert(error.place, None)
            return values
        return values

    async def walk(
        self,
        agent: Agent,
        *columns: str,
        max_rows: int = MAX_ROWS,
        seen: Callable[[int], None] | None = None,
    ) -> list[dict[str, Value]]:
        """Read whole columns; each becomes its values by row index (in dots), in OID order.

        `seen` is told how many values each reply brought.

        Raises:
            CollectError: also for OIDs that do not increase, and for more than `max_rows` rows or
                `MAX_BYTES`.

        """
        read = [Column.of(agent, column, max_rows) for column in columns]
        groups = (read[first : first + MAX_COLUMNS] for first in range(0, len(read), MAX_COLUMNS))
        await together(self._walk_together(agent, group, seen) for group in groups)
        return [column.values for column in read]

    async def _walk_together(
        self, agent: Agent, columns: Sequence[Column], seen: Callable[[int], None] | None
    ) -> None:
        octets = 0
        while unfinished := [column for column in columns if not column.done]:
            unfinished = unfinished[: self.at_once(agent)]
            rows = max(self.at_once(agent) // len(unfinished), 1)
            asked = GetBulk([column.at for column in unfinished], rows)
            try:
                varbinds, size = await self._ask(agent, asked)
            except TooBigError:
                if rows * len(unfinished) == 1:
                    raise
                continue
            octets += size
            if not varbinds or octets > MAX_BYTES:
                what = "sent an empty reply" if not varbinds else f"sent over {MAX_BYTES} octets"
                raise CollectError(Reason.UNEXPECTED_CONTENT, f"{agent} {what}")
            for place, column in enumerate(unfinished):
                column.take(varbinds[place :: len(unfinished)])
            if seen:
                seen(len(varbinds))

    async def _ask(self, agent: Agent, asked: Asked[T], names: Sequence[str] = ()) -> tuple[T, int]:
        """Return what was asked for, and the size of the reply in octets."""
        peer = self._peer(agent)
        endpoint = await self._resolve(agent, peer)
        async with peer.flights:
            attempts = 1 if peer.is_dead else ATTEMPTS
            peer.unanswered += 1  # before the caller's timeout may cut in
            try:
                answer, content, octets = await self._exchange(
                    agent, endpoint, peer, asked, attempts
                )
                peer.unanswered = 0
            except CollectError as error:
                if error.reason is Reason.TIMEOUT:
                    raise peer.security.silence() or error from None
                peer.unanswered = 0
                raise
            finally:
                if peer.unanswered and asked.size > SURE_VARBINDS:
                    peer.shrink(asked.size)  # large replies may be what is lost
        if content is not None:
            peer.grow()
            if isinstance(asked, Get):  # the long texts of a walk say nothing of counters
                peer.fit(asked.size, octets, PACKET_OCTETS[endpoint.family])
            return content, octets
        failure = failures.of_status(agent, answer.status, answer.error_index, names)
        if isinstance(failure, TooBigError):
            peer.shrink(asked.size)
        raise failure

    async def _exchange(
        self,
        agent: Agent,
        endpoint: Endpoint,
        peer: _Peer,
        asked: Asked[T],
        attempts: int,
    ) -> tuple[Reply, T | None, int]:
        """Ask until there is an answer: its content (None if it tells an error), its octets."""
        # A single attempt has as long as three would have: the device may only be slow.
        patience = 1 if attempts == ATTEMPTS else 2**ATTEMPTS - 1
        for _ in range(_LESSONS):
            number = self._transport.number()
            opening = peer.security.opening(number)
            message = opening or peer.security.wrap(asked.pdu(number), number, self._loop.time())
            accept = partial(self._read, peer, asked, number)
            try:
                return await self._transport.exchange(
                    endpoint,
                    number,
                    message,
                    accept,
                    attempts=attempts,
                    patience=patience,
                    source=agent.source,
                )
            except RelearntError:
                continue
        msg = f"{agent} tells again and again that it has begun anew"
        raise CollectError(Reason.UNEXPECTED_CONTENT, msg)

    def _read(
        self, peer: _Peer, asked: Asked[T], number: int, message: bytes
    ) -> tuple[Reply, T | None, int]:
        """Take a reply apart, as `_exchange` returns it; what it raises is for the transport."""
        pdu = peer.security.unwrap(message, self._loop.time())
        answer = reply(pdu)
        if pdu.kind != RESPONSE or answer.number != number:
            raise UntrustedError
        content = None if answer.status else asked.read(answer)
        return answer, content, len(message)

    async def _resolve(self, agent: Agent, peer: _Peer) -> Endpoint:
        now_s = self._loop.time()
        if peer.endpoint is None or peer.resolved_until_s < now_s:
            peer.endpoint = await resolve(agent.host, agent.family, agent.port)
            peer.resolved_until_s = now_s + RESOLVED_FOR_S
        return peer.endpoint

    def _peer(self, agent: Agent) -> _Peer:
        peer = self._peers.get(agent)
        if peer is None:
            peer = self._peers[agent] = _Peer(_security(agent))
            self._forget_the_unused()
        return peer

    def _forget_the_unused(self) -> None:
        """Let go of what a reload took away, and of its secrets."""
        long_ago_s = self._loop.time() - FORGOTTEN_AFTER_S
        for agent, peer in list(self._peers.items()):
            if peer.endpoint is not None and peer.resolved_until_s < long_ago_s:
                del self._peers[agent]


def _security(agent: Agent) -> Security:
    if isinstance(agent.credential, Community):
        return CommunitySecurity(agent.credential.community.get_secret_value().encode())
    from collectors.snmp.usm import UserSecurity  # noqa: PLC0415 - only for SNMPv3

    return UserSecurity(agent.credential, str(agent))


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do it all at once; the first failure ends the rest, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
