"""BER as SNMP needs it (X.690, RFC 3417 section 8): a handful of types, definite lengths.

What is written is minimal. What is read may be as long-winded as X.690 allows, and wrong where
devices are and no doubt is left: counters without the zero that would make them positive, arcs with
leading zeros, OIDs of any number of arcs, or of none.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from collectors.snmp.varbind import Value

INTEGER, OCTET_STRING, NULL, OBJECT_IDENTIFIER, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE = range(0x40, 0x45)  # RFC 2578
COUNTER64 = 0x46
UINTEGER32 = 0x47  # RFC 1442, of old agents
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = 0x80, 0x81, 0x82  # RFC 3416

UNSIGNED_BITS = {COUNTER32: 32, GAUGE32: 32, TIME_TICKS: 32, UINTEGER32: 32, COUNTER64: 64}
_GAUGES = {GAUGE32, UINTEGER32}
_OCTETS = {OCTET_STRING, IP_ADDRESS, OPAQUE}
_ABSENT = {NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW}

_SHORT = 0x80
_MAX_LENGTH_OCTETS = 4
_MAX_INTEGER_OCTETS = 9
_MAX_ARC = 2**32 - 1  # RFC 2578 section 3.5
_ROOT_ARCS = 40  # below 0 and 1, X.690 section 8.19.4
_MINIMAL_ARCS = re.compile(
    rb"(?:[\x00-\x7f]++|[\x81-\xff][\x80-\xff]{0,2}[\x00-\x7f]"
    rb"|[\x81-\x8f][\x80-\xff]{3}[\x00-\x7f])*+"
)
_DOTTED = re.compile(r"[012](\.\d+)+")


class BerError(ValueError):
    """Octets that are no BER of an SNMP message, or cut off."""


def tlv(tag: int, content: bytes) -> bytes:
    """Encode a value: tag, length, content."""
    size = len(content)
    if size < _SHORT:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT | len(octets))) + octets + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """Encode a number in as few octets as keep its sign."""
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


@lru_cache(maxsize=65_536)
def oid(dotted: str) -> bytes:
    """Encode an OID given in dots, tag and length included.

    Raises:
        ValueError: it has fewer than two arcs, or one that no OID can have.

    """
    if not _DOTTED.fullmatch(dotted):
        msg = f"{dotted!r} is no OID: it needs two numbers at least, with dots between them"
        raise ValueError(msg)
    first, second, *others = map(int, dotted.split("."))
    top = _MAX_ARC if first > 1 else _ROOT_ARCS - 1
    if second > top or max(others, default=0) > _MAX_ARC:
        msg = f"{dotted} is no OID: an arc is larger than any can be"
        raise ValueError(msg)
    return _of_arcs((first * _ROOT_ARCS + second, *others))


def minimal(oid_: bytes) -> bytes:
    """Write an OID as `oid()` would: some devices put zeros before its arcs, or its length.

    Raises:
        BerError: it is none: `arcs` says why.

    """
    is_short = oid_.isascii()  # no octet of 0x80 or more: every arc, and the length, is one octet
    if is_short or (oid_[1] < _SHORT and _MINIMAL_ARCS.fullmatch(oid_, 2)):
        return oid_
    return _of_arcs(arcs(content(oid_)))


def _of_arcs(arcs: Iterable[int]) -> bytes:
    return tlv(OBJECT_IDENTIFIER, b"".join(map(_base128, arcs)))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(arc & 0x7F | 0x80)
    return bytes(reversed(octets))


def header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Read the tag at `at`, and where its content begins and stops.

    Raises:
        BerError: there is none, or it does not stop before `end`.

    """
    if at + 2 > end:
        msg = f"cut off at octet {at}"
        raise BerError(msg)
    tag, size, start = data[at], data[at + 1], at + 2
    if size >= _SHORT:
        octets = size - _SHORT
        if not 0 < octets <= _MAX_LENGTH_OCTETS or start + octets > end:
            msg = f"no length at octet {at + 1}"
            raise BerError(msg)
        start += octets
        size = int.from_bytes(data[at + 2 : start])
    if start + size > end:
        msg = f"{size} octets are said to follow octet {start}, and {end - start} do"
        raise BerError(msg)
    return tag, start, start + size


def expect(data: bytes, at: int, end: int, wanted: int) -> tuple[int, int]:
    """Return where the content of the value at `at` begins and stops; its tag is known.

    Raises:
        BerError: there is another one, or none.

    """
    tag, start, stop = header(data, at, end)
    if tag != wanted:
        msg = f"tag {tag:#04x} at octet {at} instead of {wanted:#04x}"
        raise BerError(msg)
    return start, stop


def expect_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read an INTEGER; return it and where it stops.

    Raises:
        BerError: there is another value, or none.

    """
    start, stop = expect(data, at, end, INTEGER)
    return _signed(data, start, stop), stop


def value(data: bytes, tag: int, start: int, stop: int) -> Value:
    """Read the content of a value of any type that a varbind may have."""
    if tag in UNSIGNED_BITS:
        return _unsigned(data, start, stop, tag)
    if tag == INTEGER:
        return _signed(data, start, stop)
    if tag in _OCTETS:
        return data[start:stop]
    if tag == OBJECT_IDENTIFIER:
        return dotted(data[start:stop])
    if tag in _ABSENT:
        return None
    msg = f"no SNMP type has tag {tag:#04x}, at octet {start}"
    raise BerError(msg)


def dotted(content: bytes) -> str:
    """Write the content of an OBJECT IDENTIFIER in dots; one without content is 0.0.

    Raises:
        BerError: it is cut off, or larger than any OID.

    """
    first, *others = arcs(content) or (0,)
    top = min(first // _ROOT_ARCS, 2)
    return ".".join(map(str, (top, first - _ROOT_ARCS * top, *others)))


def content(oid_: bytes) -> bytes:
    """Take tag and length off an OID of its own."""
    _, start, stop = header(oid_, 0, len(oid_))
    return oid_[start:stop]


def arcs(content: bytes) -> tuple[int, ...]:
    """Read base-128 numbers: an OID's arcs but for the first, which stands for two.

    RFC 2578 allows 128 of them; Juniper's firewall counters have more, and no harm is in that.

    Raises:
        BerError: the last one is cut off, or one is larger than any arc.

    """
    found, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if arc > _MAX_ARC + 2 * _ROOT_ARCS:
            break
        if octet < _SHORT:
            found.append(arc)
            arc = 0
    if arc or content[-1:] >= b"\x80":
        msg = f"no OID: {content[:16].hex(' ')}"
        raise BerError(msg)
    return tuple(found)


def _signed(data: bytes, start: int, stop: int) -> int:
    if not 0 < stop - start <= _MAX_INTEGER_OCTETS:
        msg = f"an integer of {stop - start} octets at octet {start}"
        raise BerError(msg)
    return int.from_bytes(data[start:stop], signed=True)


def _unsigned(data: bytes, start: int, stop: int, tag: int) -> int:
    """Read a number that has no sign, whether its first octet looks like one or not."""
    if not 0 < stop - start <= _MAX_INTEGER_OCTETS:
        msg = f"a counter of {stop - start} octets at octet {start}"
        raise BerError(msg)
    number = int.from_bytes(data[start:stop])
    beyond = number >> UNSIGNED_BITS[tag]
    return _within(number, beyond, tag) if beyond else number


def _within(number: int, beyond: int, tag: int) -> int:
    """Make something of more bits than the type has: a counter wraps, a gauge must not.

    A speed of 10 Gbit/s in a Gauge32 is one, not 1.41 Gbit/s. Ones all over are a sign.
    """
    is_sign = beyond & (beyond + 1) == 0 and beyond.bit_length() % 8 == 0
    if tag in _GAUGES and not is_sign:
        return number
    return number & ((1 << UNSIGNED_BITS[tag]) - 1)
