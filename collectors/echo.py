"""Echo requests and their answers, over one ICMP socket a family for every target."""

import asyncio
import errno
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import NamedTuple

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint

TOKEN_BYTES = 16
"""What every packet carries first: random, so that no reply passes for another's."""

Answer = float | OSError
"""The round-trip time in seconds, or the word of the network that there will be no reply."""

_HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence: RFC 792, RFC 4443
_IDENTIFIER = int.from_bytes(os.urandom(2))  # a raw socket's; the kernel gives others theirs
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_READ_BYTES = 60 + _HEADER.size + TOKEN_BYTES  # the longest IPv4 header, ours; what follows is cut
_READ_AT_ONCE = 256  # datagrams, before the loop has its turn again
_RECEIVE_BUFFER_BYTES = 4 * 2**20  # replies wait here while the loop is busy

# From linux/in.h, in6.h, icmp.h, icmpv6.h, errqueue.h and asm-generic/socket.h: not in `socket`.
_RECVERR = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_EXTENDED_ERROR = struct.Struct("=IBBBxII")  # errno, origin, type, code, info, data
_FROM_THE_NETWORK = {2, 3}  # origins: ICMP, ICMPv6
_SO_RCVBUFFORCE = 33

_MEND = (
    "this user may open no ICMP socket; as root, allow it: "
    'sysctl -w net.ipv4.ping_group_range="0 2147483647"'
)


class IcmpEngine:
    """Sends echo requests and brings each its answer; sockets open on first use.

    A reply counts if its source, sequence and token are those of a request that still waits:
    replies to other programs, duplicates and replies from elsewhere do not.
    """

    def __init__(self) -> None:
        self._wires: dict[int, _Wire] = {}  # by file descriptor
        self._waiting: dict[bytes, _Waiting] = {}  # by token
        self._sequence = count(1)
        # libuv gives up on a socket that has an error; an epoll around it is merely readable.
        self._epoll = select.epoll()
        self._stop_reading: Callable[[], object] | None = None

    def send(self, endpoint: Endpoint, size_bytes: int) -> asyncio.Future[Answer]:
        """Send one request with a payload of `size_bytes`; cancel the answer to stop waiting.

        Raises:
            CollectError: `local`, if this host lets us open no socket for it.
            OSError: this host could not send it.

        """
        wire = self._wire(endpoint.family)
        token, sequence = os.urandom(TOKEN_BYTES), next(self._sequence) & 0xFFFF
        packet = _request(endpoint.family, sequence, token.ljust(size_bytes, b"\0"))
        sent_s = perf_counter()
        try:
            wire.sock.sendto(packet, endpoint.sockaddr)
        except OSError:
            # The system tells of an earlier packet's failure at whatever comes next.
            self._read_errors(wire)
            wire.sock.sendto(packet, endpoint.sockaddr)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _: self._waiting.pop(token, None))
        self._waiting[token] = _Waiting(endpoint.host, sequence, sent_s, answer)
        return answer

    async def close(self) -> None:
        """Close the sockets; what still waits gets no answer."""
        if self._stop_reading:
            self._stop_reading()
        self._epoll.close()
        for wire in self._wires.values():
            wire.sock.close()

    def _wire(self, family: int) -> "_Wire":
        for wire in self._wires.values():
            if wire.family == family:
                return wire
        wire = _open(family)
        self._wires[wire.sock.fileno()] = wire
        self._epoll.register(wire.sock, select.EPOLLIN)
        if not self._stop_reading:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._epoll, self._read)
            self._stop_reading = lambda: loop.remove_reader(self._epoll)
        return wire

    def _read(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            wire = self._wires[descriptor]
            if events & select.EPOLLERR:
                self._read_errors(wire)
            for host, sequence, token, received_s in wire.replies():
                if waiting := self._take(host, sequence, token):
                    waiting.answer.set_result(received_s - waiting.sent_s)

    def _read_errors(self, wire: "_Wire") -> None:
        for host, sequence, token, error in wire.errors():
            if waiting := self._take(host, sequence, token):
                waiting.answer.set_result(error)

    def _take(self, host: str, sequence: int, token: bytes) -> "_Waiting | None":
        waiting = self._waiting.get(token)
        if waiting is None or (waiting.host, waiting.sequence) != (host, sequence):
            return None
        del self._waiting[token]
        return None if waiting.answer.done() else waiting


class _Waiting(NamedTuple):
    host: str
    sequence: int
    sent_s: float
    answer: asyncio.Future[Answer]


@dataclass(frozen=True, slots=True)
class _Wire:
    sock: socket.socket
    family: int
    headed: bool  # a raw IPv4 socket gives the IP header too

    def replies(self) -> Iterator[tuple[str, int, bytes, float]]:
        """Read what has come: source, sequence, token and when (perf_counter) of each reply."""
        for _ in range(_READ_AT_ONCE):
            try:
                data, source = self.sock.recvfrom(_READ_BYTES)
            except OSError:  # nothing more, or an error whose story the error queue tells
                return
            received_s = perf_counter()
            message = data[(data[0] & 0xF) * 4 :] if self.headed else data
            if parsed := _parse(message, _REPLY[socket.AddressFamily(self.family)]):
                yield source[0], *parsed, received_s

    def errors(self) -> Iterator[tuple[str, int, bytes, OSError]]:
        """Empty the error queue: whom each lost request was for, its sequence, token and fate."""
        while True:
            try:
                data, ancillary, _, destination = self.sock.recvmsg(
                    _READ_BYTES, 512, socket.MSG_ERRQUEUE
                )
            except OSError:
                return
            number, origin = _EXTENDED_ERROR.unpack_from(ancillary[0][2])[:2]
            parsed = _parse(data, _REQUEST[socket.AddressFamily(self.family)])
            # Of a packet that was too big the system has only learned the path's limit.
            if parsed and origin in _FROM_THE_NETWORK and number != errno.EMSGSIZE:
                yield destination[0], *parsed, OSError(number, os.strerror(number))


def _open(family: int) -> _Wire:
    protocol = _PROTOCOL[socket.AddressFamily(family)]
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
    except OSError:
        sock = _open_raw(family, protocol)
    sock.setblocking(False)
    sock.setsockopt(*_RECVERR[socket.AddressFamily(family)], 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return _Wire(sock, family, headed=sock.type == socket.SOCK_RAW and family == socket.AF_INET)


def _open_raw(family: int, protocol: int) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    except PermissionError as error:
        raise CollectError(Reason.LOCAL, _MEND) from error
    # The system drops what is no echo reply before it wakes us: a set bit is a type to drop.
    if family == socket.AF_INET:
        only = struct.pack("=I", 0xFFFFFFFF & ~(1 << _REPLY[socket.AF_INET]))
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, only)
    else:
        wanted = 1 << _REPLY[socket.AF_INET6]
        only = struct.pack("=8I", *((~wanted >> 32 * word) & 0xFFFFFFFF for word in range(8)))
        sock.setsockopt(protocol, _ICMP6_FILTER, only)
    return sock


def _request(family: int, sequence: int, payload: bytes) -> bytes:
    """Write a request; of ICMPv6 the kernel itself works out the checksum (RFC 4443, 2.3)."""
    kind = _REQUEST[socket.AddressFamily(family)]
    head = _HEADER.pack(kind, 0, 0, _IDENTIFIER, sequence)
    return _HEADER.pack(kind, 0, checksum(head + payload), _IDENTIFIER, sequence) + payload


def _parse(message: bytes, kind: int) -> tuple[int, bytes] | None:
    """Sequence and token of an ICMP message of that type; None if it is another or too short."""
    if len(message) < _HEADER.size + TOKEN_BYTES or message[0] != kind:
        return None
    sequence: int = _HEADER.unpack_from(message)[4]
    return sequence, message[_HEADER.size : _HEADER.size + TOKEN_BYTES]


def checksum(message: bytes) -> int:
    """Compute the Internet checksum (RFC 1071) of a message whose checksum field is 0."""
    padded = message + b"\0" * (len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
