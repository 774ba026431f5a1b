"""Who waits for which reply: messages go out and come back on sockets that all devices share.

A reply is matched by the address that it comes from and by its number; whether it may be believed
is for the caller's `accept` to say. What is not believed is as if it had not come: else a stranger
could end a request by one datagram.
"""

import asyncio
import os
import random
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Any, TypeVar

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint
from collectors.snmp import failures
from collectors.snmp.ber import BerError
from collectors.snmp.message import RelearntError, UntrustedError, number_of
from collectors.snmp.udp import Address, UdpSocket

T = TypeVar("T")

_NUMBERS = Struct("256I")
_LEAST_NUMBER = 1 << 30  # all of these are in `NUMBERS`

FIRST_WAIT_S = 1.0
"""For an answer to the first attempt; twice as long for each further one, give or take a fifth."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A message that is out.

    `strange` is the last datagram from there that was no SNMP, `error` what the network said of
    the last attempt.
    """

    endpoint: Endpoint
    message: bytes
    accept: Callable[[bytes], Any]
    outcome: "asyncio.Future[Any]"
    attempts_left: int
    wait_s: float
    timer: asyncio.TimerHandle | None = None
    source: str | None = None
    strange: bytes | None = None
    error: CollectError | None = None

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
        """Return a number for a message, which nobody can guess who does not listen."""
        return next(self._numbers)

    async def exchange(
        self,
        endpoint: Endpoint,
        number: int,
        message: bytes,
        accept: Callable[[bytes], T],
        *,
        attempts: int,
        patience: int = 1,
        source: str | None = None,
    ) -> T:
        """Send a message, again if need be, until `accept` makes something of a reply; return that.

        `patience` multiplies how long is waited for each attempt.

        Raises:
            CollectError: no answer came, or none that was SNMP; the network or this host refused.
            RelearntError: `accept` raised it.

        """
        outcome: asyncio.Future[T] = self._loop.create_future()
        wait_s = FIRST_WAIT_S * patience
        waiting = _Waiting(endpoint, message, accept, outcome, attempts, wait_s, source=source)
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
            nothing = failures.of_no_answer(waiting.endpoint.sockaddr, waiting.strange)
            waiting.fail(waiting.error or nothing)
            return
        waiting.attempts_left -= 1
        delay_s = waiting.wait_s * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
        waiting.wait_s *= 2
        waiting.timer = self._loop.call_later(delay_s, self._send_again, waiting)
        family, address = waiting.endpoint
        try:
            self._socket(family, waiting.source).send(waiting.message, address)
        except OSError as error:
            waiting.fail(failures.of_source(waiting.source, error))

    def _send_again(self, waiting: _Waiting) -> None:
        waiting.error = None  # this time it was silence
        self._send(waiting)

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
            for waiting in of_peer.values():
                waiting.strange = message

    def _failed(self, address: Address, error: OSError) -> None:
        """End an attempt, not the request: anybody may send an ICMP error, and some pass."""
        for waiting in list(self._waiting.get(_peer(address), {}).values()):
            if waiting.timer and not waiting.outcome.done():
                waiting.timer.cancel()
                waiting.error = failures.of_network(address, error)
                self._send(waiting)


def _numbers() -> Iterator[int]:
    """Random numbers for ever, for which the system is asked now and then only."""
    while True:
        for number in _NUMBERS.unpack(os.urandom(_NUMBERS.size)):
            yield _LEAST_NUMBER | number >> 2


def _peer(address: Address) -> Address:
    """Cut an address down to host and port: the scope is not always told."""
    return address[0].split("%")[0], address[1]
