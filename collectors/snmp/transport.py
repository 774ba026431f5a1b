"""Who waits for which reply: messages go out and come back on sockets that all devices share.

A reply is matched by the address that it comes from and by its number; whether it may be believed
is for the caller's `accept` to say. What is not believed is as if it had not come: else a stranger
could end a request by one datagram.
"""

import asyncio
import random
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint
from collectors.snmp import failures
from collectors.snmp.ber import BerError
from collectors.snmp.message import NUMBERS, RelearntError, UntrustedError, number_of
from collectors.snmp.udp import Address, UdpSocket

T = TypeVar("T")

FIRST_WAIT_S = 1.0
"""For an answer to the first attempt; twice as long for each further one, give or take a fifth."""

STRANGE_WAIT_S = 0.3
"""For an answer after a datagram that was no SNMP."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message that is out; `strange` is the last datagram from there that was no SNMP."""

    endpoint: Endpoint
    message: bytes
    accept: Callable[[bytes], Any]
    outcome: "asyncio.Future[Any]"
    attempts_left: int
    wait_s: float
    timer: asyncio.TimerHandle | None = None
    source: str | None = None
    strange: bytes | None = None

    def settle(self, message: bytes) -> None:
        """Take a reply, if it may be believed."""
        try:
            self.outcome.set_result(self.accept(message))
        except (CollectError, RelearntError) as error:
            self.outcome.set_exception(error)
        except UntrustedError:
            pass

    def fail(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


class Transport:
    """One UDP socket for each address family, and for each source address that is asked for."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[tuple[socket.AddressFamily, str | None], UdpSocket] = {}
        self._waiting: dict[Address, dict[int, _Waiting]] = defaultdict(dict)
        self._numbers = _numbers()

    def number(self) -> int:
        """Return a number for the next message."""
        return next(self._numbers)

    async def exchange(
        self,
        endpoint: Endpoint,
        number: int,
        message: bytes,
        accept: Callable[[bytes], T],
        *,
        attempts: int,
        source: str | None = None,
    ) -> T:
        """Send a message, again if need be, until `accept` makes something of a reply; return that.

        Raises:
            CollectError: no answer came, or none that was SNMP; the network or this host refused.
            RelearntError: `accept` raised it.

        """
        outcome: asyncio.Future[T] = self._loop.create_future()
        waiting = _Waiting(
            endpoint, message, accept, outcome, attempts, FIRST_WAIT_S, source=source
        )
        peer = _peer(endpoint.sockaddr)
        self._waiting[peer][number] = waiting
        try:
            self._send(waiting)
            return await outcome
        finally:
            if waiting.timer:
                waiting.timer.cancel()
            of_peer = self._waiting[peer]
            del of_peer[number]
            if not of_peer:
                del self._waiting[peer]

    def close(self) -> None:
        """Give the sockets back; who still waits is told."""
        while self._sockets:
            self._sockets.popitem()[1].close()
        for of_peer in self._waiting.values():
            for waiting in of_peer.values():
                waiting.fail(CollectError(Reason.LOCAL, "the SNMP client was closed"))

    def _send(self, waiting: _Waiting) -> None:
        if not waiting.attempts_left:
            waiting.fail(failures.of_no_answer(waiting.endpoint.sockaddr, waiting.strange))
            return
        waiting.attempts_left -= 1
        delay_s = waiting.wait_s * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
        waiting.wait_s *= 2
        waiting.timer = self._loop.call_later(delay_s, self._send, waiting)
        waiting.strange = None
        family, address = waiting.endpoint
        try:
            self._socket(family, waiting.source).send(waiting.message, address)
        except OSError as error:
            waiting.fail(failures.of_source(waiting.source, error))

    def _socket(self, family: socket.AddressFamily, source: str | None) -> UdpSocket:
        if (family, source) not in self._sockets:
            opened = UdpSocket(family, self._received, self._failed, source)
            self._sockets[family, source] = opened
        return self._sockets[family, source]

    def _received(self, message: bytes, address: Address) -> None:
        of_peer = self._waiting.get(_peer(address), {})
        try:
            waiting = of_peer.get(number_of(message)) if of_peer else None
            if waiting and not waiting.outcome.done():
                waiting.settle(message)
        except BerError:
            for one in of_peer.values():
                self._note(one, message)

    def _note(self, waiting: _Waiting, strange: bytes) -> None:
        """Wait a little longer only: who talks something else there rarely talks SNMP as well."""
        if waiting.strange is None and waiting.timer:
            waiting.timer.cancel()
            waiting.timer = self._loop.call_later(STRANGE_WAIT_S, self._send, waiting)
        waiting.strange = strange

    def _failed(self, address: Address, error: OSError) -> None:
        for waiting in self._waiting.get(_peer(address), {}).values():
            waiting.fail(failures.of_network(address, error))


def _numbers() -> Iterator[int]:
    """Go round all numbers from a random one, which nobody can guess who does not listen."""
    number = random.SystemRandom().choice(NUMBERS)
    while True:
        yield number
        number = number + 1 if number + 1 in NUMBERS else NUMBERS.start


def _peer(address: Address) -> Address:
    """Cut an address down to host and port: the scope is not always told."""
    return address[0].split("%")[0], address[1]
