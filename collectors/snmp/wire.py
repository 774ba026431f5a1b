"""Between pysnmp and the sockets: who waits for which device, and what comes for them.

pysnmp knows a device by an alias, an IPv4 address that stands for it and leads nowhere. So both
families look alike to it, and under a new alias it forgets what it had learnt of a device.
"""

import asyncio
import itertools
import socket
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from pysnmp.carrier.asyncio.dgram.udp import UdpTransportAddress
from pysnmp.error import PySnmpError

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint
from collectors.snmp import failures
from collectors.snmp.udp import Address, UdpSocket
from collectors.snmp.varbind import Varbind

Alias = tuple[str, int]
Outcome = list[Varbind] | CollectError

_BROKEN = (PySnmpError, ValueError, TypeError, LookupError, AttributeError)
"""What pysnmp lets out of a datagram that is almost SNMP."""


@dataclass(slots=True, eq=False)
class Request:
    """One that waits; `heard` tells that anything at all came from there since."""

    peer: Address
    outcome: "asyncio.Future[Outcome]"
    heard: bool = False

    def settle(self, outcome: Outcome) -> None:
        """Give the outcome, unless there is one already or nobody waits any longer."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)


class Wire:
    """A transport as pysnmp's dispatcher wants it.

    `unreadable` counts the datagrams that pysnmp could not read: it drops them without a word.
    """

    ADDRESS_TYPE = UdpTransportAddress

    def __init__(self, unreadable: Callable[[], int]) -> None:
        self._unreadable = unreadable
        self._deliver: Callable[[Any, Address, bytes], None] | None = None
        self._sockets: dict[socket.AddressFamily, UdpSocket] = {}
        self._numbers = itertools.count(1)
        self._aliases: dict[Address, Alias] = {}
        self._endpoints: dict[Alias, Endpoint] = {}
        self._requests: dict[Address, set[Request]] = defaultdict(set)

    def expect(self, endpoint: Endpoint) -> Request:
        """Begin to wait for a device."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        request = Request(_peer(endpoint.sockaddr), future)
        self._requests[request.peer].add(request)
        return request

    def drop(self, request: Request) -> None:
        """Wait no longer."""
        self._requests[request.peer].discard(request)
        if not self._requests[request.peer]:
            del self._requests[request.peer]

    def alias(self, endpoint: Endpoint) -> Alias:
        """Return what pysnmp is to call it."""
        peer = _peer(endpoint.sockaddr)
        if peer not in self._aliases:
            alias = (str(IPv4Address(next(self._numbers))), 1)
            self._aliases[peer] = alias
            self._endpoints[alias] = endpoint
        return self._aliases[peer]

    def rename(self, endpoint: Endpoint) -> None:
        """Give it another alias from now on."""
        alias = self._aliases.pop(_peer(endpoint.sockaddr), None)
        self._endpoints.pop(alias or ("", 0), None)

    def register_callback(self, deliver: Callable[[Any, Address, bytes], None]) -> None:
        """Take the dispatcher's function for what comes in."""
        self._deliver = deliver

    def unregister_callback(self) -> None:
        """Drop what comes in from now on."""
        self._deliver = None

    def send_message(self, message: bytes, alias: Alias) -> None:
        """Send to the device behind the alias; failing is told to who waits, not raised."""
        endpoint = self._endpoints.get((alias[0], alias[1]))
        if endpoint is None:
            return  # of a request that was given up when its device was renamed
        family, address = endpoint
        try:
            if family not in self._sockets:
                self._sockets[family] = UdpSocket(family, self._received, self._failed)
        except OSError as error:
            self._failed(address, error)
        else:
            self._sockets[family].send(message, address)

    def close_transport(self) -> None:
        """Give the sockets back; who still waits is told."""
        while self._sockets:
            self._sockets.popitem()[1].close()
        for peer in self._requests:
            self._settle(peer, CollectError(Reason.LOCAL, "the SNMP client was closed"))

    def _received(self, message: bytes, address: Address) -> None:
        peer = _peer(address)
        for request in self._requests.get(peer, ()):
            request.heard = True
        if self._deliver is None:
            return
        unreadable = self._unreadable()
        try:
            # An unknown sender may be another address of one that was asked.
            self._deliver(self, self._aliases.get(peer, peer), message)
        except _BROKEN:
            unreadable = -1
        if self._unreadable() > unreadable:
            self._settle(peer, failures.of_garbage(address, message))

    def _failed(self, address: Address, error: OSError) -> None:
        self._settle(_peer(address), failures.of_network(address, error))

    def _settle(self, peer: Address, outcome: CollectError) -> None:
        for request in self._requests.get(peer, ()):
            request.settle(outcome)


def _peer(address: Address) -> Address:
    """Cut an address down to host and port: the scope is not always told."""
    return address[0].split("%")[0], address[1]
