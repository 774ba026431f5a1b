"""One ICMP socket: how echo requests leave by it, and what comes back (RFC 792, RFC 4443)."""

import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any, NamedTuple

from collectors.base import CollectError, Reason
from collectors.endpoint import leave_from
from collectors.router import RoutersWord, read_word

TOKEN_BYTES = 16
"""What every packet carries first: random, so that no reply passes for another's."""

READ_AT_ONCE = 1024
"""Datagrams, before the loop has its turn again."""

# Type, code, checksum, identifier, sequence, token: RFC 792, RFC 4443.
_MARK = slice(6, 8 + TOKEN_BYTES)
_IDENTIFIER = os.urandom(2)  # a raw socket's; the kernel gives others theirs
_READ_BYTES = 60 + _MARK.stop  # the longest IPv4 header, ours; what follows is cut
_RECEIVE_BUFFER_BYTES = 4 * 2**20  # replies wait here while the loop is busy
_ROUTER_BYTES = 512

# From linux/in.h, in6.h, icmp.h, icmpv6.h and asm-generic/socket.h: not all are in `socket`.
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = struct.Struct("=9I")  # linux/sock_diag.h: the last word is SK_MEMINFO_DROPS
_TIMESTAMPNS = (socket.SOL_SOCKET, 35)  # SO_TIMESTAMPNS, and the type of what it adds to a datagram
_TIMESPEC, _INT_BYTES = struct.Struct("@ll"), struct.calcsize("@i")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_INT_BYTES)
_MAY_BE_SPLIT, _NEVER_SPLIT = (
    0,
    3,
)  # IP_PMTUDISC_DONT; _PROBE: DF, whatever the path is known to take
_SYSTEMS_OWN = -1  # the TTL that this host sends with

_MEND = (
    "this user may open no ICMP socket; as root, allow it: "
    'sysctl -w net.ipv4.ping_group_range="0 2147483647"'
)


class _Words(NamedTuple):
    """What a family calls the same things."""

    protocol: int
    request: int
    reply: int
    errors: tuple[int, int]  # IP_RECVERR, IPV6_RECVERR
    splitting: tuple[int, int]  # IP_MTU_DISCOVER
    ttl: tuple[int, int]
    reply_ttl: tuple[int, int]  # asks for it
    told_ttl: tuple[int, int]  # bears it


_V4, _V6 = socket.IPPROTO_IP, socket.IPPROTO_IPV6
_WORDS = {
    socket.AF_INET: _Words(
        socket.IPPROTO_ICMP, 8, 0, (_V4, 11), (_V4, 10), (_V4, 2), (_V4, 12), (_V4, 2)
    ),
    socket.AF_INET6: _Words(
        socket.IPPROTO_ICMPV6, 128, 129, (_V6, 25), (_V6, 23), (_V6, 16), (_V6, 51), (_V6, 52)
    ),
}


class Way(NamedTuple):
    """By which socket packets leave: all with the same way share one."""

    family: socket.AddressFamily
    source: str | None = None
    interface: str | None = None


class Shape(NamedTuple):
    """What a packet is like; `ttl` None is this host's own."""

    size_bytes: int
    dont_fragment: bool = False
    ttl: int | None = None


Asked = tuple[str, bytes]
"""Whom a request asked, and its mark (sequence and token): what an answer to it bears again."""

Reply = tuple[Asked, int | None, int | None]
"""What an echo reply answers, when the kernel had it (ns of CLOCK_REALTIME), and its TTL."""

Refusal = tuple[Asked, RoutersWord]
"""A request that will have no reply, by the word of a router (or this host's neighbour search)."""


@dataclass(slots=True, eq=False)
class Wire:
    """An open ICMP socket."""

    sock: socket.socket
    way: Way
    _index: int | None  # of the interface, as it was called when the socket was bound to it
    _words: _Words = field(init=False)
    _headed: bool = field(init=False)
    _kind: bytes = field(init=False)
    _head: bytes = field(init=False)
    _shaped: Shape | None = None
    _padding: bytes = b""
    dropped: int = 0
    """Datagrams that found the receive buffer full, when last counted."""

    def __post_init__(self) -> None:
        self._words = _WORDS[self.way.family]
        is_raw = self.sock.type == socket.SOCK_RAW
        self._headed = is_raw and self.way.family == socket.AF_INET
        self._kind = bytes([self._words.request, 0])
        self._head = self._kind + bytes(2) + _IDENTIFIER

    def send(self, sockaddr: tuple[Any, ...], mark: bytes, shape: Shape) -> int:
        """Send one request and return when, in ns of perf_counter.

        Raises:
            OSError: this host could not, or could not send a packet before it.

        """
        if self._shaped != shape:
            self._take_shape(shape)
        if self._headed:  # elsewhere the kernel works out the checksum; zeros do not change it
            total = checksum(self._head + mark).to_bytes(2)
            message = b"%b%b%b%b%b" % (self._kind, total, _IDENTIFIER, mark, self._padding)
        else:
            message = self._head + mark + self._padding
        sent_ns = perf_counter_ns()
        self.sock.sendto(message, sockaddr)
        return sent_ns

    def replies(self) -> Iterator[Reply]:
        """Read what has come, READ_AT_ONCE at most."""
        kind, told_ttl, recvmsg = self._words.reply, self._words.told_ttl, self.sock.recvmsg
        for _ in range(READ_AT_ONCE):
            try:
                data, ancillary, _, source = recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except OSError:  # whose story the error queue tells; replies may stand behind it
                continue
            message = data[(data[0] & 0xF) * 4 :] if self._headed else data
            if len(message) < _MARK.stop or message[0] != kind:
                continue
            stamp_ns = ttl = None
            for level, what, value in ancillary:
                if what == _TIMESTAMPNS[1] and level == _TIMESTAMPNS[0]:
                    seconds, rest_ns = _TIMESPEC.unpack(value)
                    stamp_ns = seconds * 1_000_000_000 + rest_ns
                elif what == told_ttl[1] and level == told_ttl[0]:
                    ttl = int.from_bytes(value, sys.byteorder)
            yield (source[0], message[_MARK]), stamp_ns, ttl

    def refusals(self) -> Iterator[Refusal]:
        """Empty the error queue: what became of requests that will have no reply."""
        while True:
            try:
                data, ancillary, _, destination = self.sock.recvmsg(
                    _READ_BYTES, _ROUTER_BYTES, socket.MSG_ERRQUEUE
                )
            except OSError:
                return
            if len(data) < _MARK.stop or data[0] != self._words.request:
                continue
            for level, what, value in ancillary:
                if (level, what) == self._words.errors and (word := read_word(value)):
                    yield (destination[0], data[_MARK]), word

    def count_drops(self) -> None:
        """Ask the kernel how many datagrams found the receive buffer full."""
        words = self.sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        self.dropped = _MEMINFO.unpack(words)[-1]

    def still_stands(self) -> bool:
        """Whether its interface is the one that it was bound to: one that came back is another."""
        return self._index == _index(self.way.interface)

    def _take_shape(self, shape: Shape) -> None:
        splitting = _NEVER_SPLIT if shape.dont_fragment else _MAY_BE_SPLIT
        self.sock.setsockopt(*self._words.splitting, splitting)
        self.sock.setsockopt(*self._words.ttl, _SYSTEMS_OWN if shape.ttl is None else shape.ttl)
        self._padding = bytes(shape.size_bytes - TOKEN_BYTES)
        self._shaped = shape


def open_wire(way: Way) -> Wire:
    """Open a socket of the kind that this user may have.

    Raises:
        CollectError: `local`, if there is none, or no such source address or interface.

    """
    words = _WORDS[way.family]
    try:
        sock = socket.socket(way.family, socket.SOCK_DGRAM, words.protocol)
    except OSError:
        sock = _open_raw(way.family, words)
    index = _index(way.interface)
    leave_from(sock, way.source, way.interface)
    for option in (words.errors, words.reply_ttl, _TIMESTAMPNS):
        sock.setsockopt(*option, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    return Wire(sock, way, index)


def checksum(message: bytes) -> int:
    """Compute the Internet checksum (RFC 1071) of a message whose checksum field is 0.

    A sum of 16-bit words with its carries added again is the number's remainder by 65535.
    """
    padded = message + b"\0" if len(message) % 2 else message
    return 0xFFFF - int.from_bytes(padded) % 0xFFFF


def _open_raw(family: socket.AddressFamily, words: _Words) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_RAW, words.protocol)
    except PermissionError as error:
        raise CollectError(Reason.LOCAL, _MEND) from error
    except OSError as error:
        msg = f"cannot open an ICMP socket: {os.strerror(error.errno or 0)}"
        raise CollectError(Reason.LOCAL, msg) from error
    # The system drops what is no echo reply before it wakes us: a set bit is a type to drop.
    if family == socket.AF_INET:
        only = struct.pack("=I", 0xFFFFFFFF & ~(1 << words.reply))
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, only)
    else:
        wanted = 1 << words.reply
        only = struct.pack("=8I", *((~wanted >> 32 * word) & 0xFFFFFFFF for word in range(8)))
        sock.setsockopt(words.protocol, _ICMP6_FILTER, only)
    return sock


def _index(interface: str | None) -> int | None:
    if interface is None:
        return None
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        return None
