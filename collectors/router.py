"""What a router (or this host) says of a packet that it did not pass on: ip(7), RFC 792, 4443."""

import errno
import os
import socket
import struct
from typing import NamedTuple

_EXTENDED_ERROR = struct.Struct("=IBBBxII")  # errno, origin, type, code, info, data: errqueue.h
_ICMP, _ICMPV6 = 2, 3  # origins that are the network's word; others are this host's own
_OFFENDER = {  # after the error: struct sockaddr_in, _in6, and where in it the address is
    _ICMP: (socket.AF_INET, slice(4, 8)),
    _ICMPV6: (socket.AF_INET6, slice(8, 24)),
}

_TIME_EXCEEDED = {(_ICMP, 11), (_ICMPV6, 3)}
_TOO_BIG = {(_ICMP, 3, 4), (_ICMPV6, 2, 0)}
_PROHIBITED = {(_ICMP, 3, 9), (_ICMP, 3, 10), (_ICMP, 3, 13), (_ICMPV6, 1, 1)}


class RoutersWord(NamedTuple):
    """Why a packet went no further, in words, whether that was its size, and who says so."""

    text: str
    is_size: bool
    router: str | None = None


def read_word(error: bytes) -> RoutersWord | None:
    """Read a struct sock_extended_err; None if it is not the network's word but this host's own."""
    if len(error) < _EXTENDED_ERROR.size:
        return None
    number, origin, kind, code, info, _ = _EXTENDED_ERROR.unpack_from(error)
    if origin not in _OFFENDER:
        return None
    if (origin, kind) in _TIME_EXCEEDED:
        text = "its TTL ended on the way"
    elif (origin, kind, code) in _TOO_BIG:
        text = f"too big a packet for the way there, which takes {info} bytes"
    elif (origin, kind, code) in _PROHIBITED:
        text = "a filter forbids it"
    else:
        text = os.strerror(number)
    family, place = _OFFENDER[origin]
    router = None
    address = error[_EXTENDED_ERROR.size :][place]
    if len(address) == place.stop - place.start:
        router = socket.inet_ntop(family, address)
        text += f", says {router}"
    return RoutersWord(text, number == errno.EMSGSIZE, router)
