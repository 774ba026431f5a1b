"""How an SNMPv3 message is laid out: header and scope (RFC 3412), the user's part (RFC 3414)."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.message import Pdu

AUTH, PRIV, REPORTABLE = 1, 2, 4
"""msgFlags."""

MOST = 2**31 - 1
"""The largest snmpEngineBoots and snmpEngineTime."""

_VERSION = ber.integer(3)
_MAX_SIZE = ber.integer(65507)  # octets: what UDP carries over IPv4
_MODEL = 3
_NUMBER = b"\x02\x04"
"""Before a number of four octets."""

_CLOCK_OCTETS = 9
"""At most, most of them zeros: as any integer here."""

_BEFORE_SALT = (ber.OCTET_STRING, ber.INTEGER, ber.INTEGER, ber.OCTET_STRING, ber.OCTET_STRING)
_SHORT = 0x80
_NO_CONTEXT = ber.tlv(ber.OCTET_STRING, b"")


class Envelope(NamedTuple):
    """All of a message but what it carries, which begins at `start` and stops at `stop`.

    `digest_at` is where the digest begins; `time_s` counts from the engine's last boot.
    """

    number: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    digest: bytes
    salt: bytes
    digest_at: int = 0
    start: int = 0
    stop: int = 0

    def around(self, content: bytes) -> tuple[bytes, int]:
        """Write a message, and say where its digest begins; its number has four octets."""
        digest, salt = self.digest, ber.tlv(ber.OCTET_STRING, self.salt)
        first, second = _around_the_number(self.flags, self[2:6], len(digest), len(self.salt))
        number = self.number.to_bytes(4, "big")
        message = ber.tlv(ber.SEQUENCE, first + number + second + digest + salt + content)
        return message, len(message) - len(content) - len(salt) - len(digest)


@lru_cache(maxsize=4096)
def _around_the_number(
    flags: int, who: tuple[bytes, int, int, bytes], digest_octets: int, salt_octets: int
) -> tuple[bytes, bytes]:
    """What stands before a message's number, and from there to its digest.

    Remembered: it changes once a second, and a poll is many messages.
    """
    fields = _MAX_SIZE + ber.tlv(ber.OCTET_STRING, bytes((flags,))) + ber.integer(_MODEL)
    header = ber.tlv(ber.SEQUENCE, _NUMBER + bytes(4) + fields)
    engine_id, boots, time_s, user = who
    clock = ber.integer(boots) + ber.integer(time_s)
    named = ber.tlv(ber.OCTET_STRING, engine_id) + clock + ber.tlv(ber.OCTET_STRING, user)
    digest, salt = (ber.tlv(ber.OCTET_STRING, bytes(it)) for it in (digest_octets, salt_octets))
    parameters = ber.tlv(ber.OCTET_STRING, ber.tlv(ber.SEQUENCE, named + digest + salt))
    first = _VERSION + header[: -len(fields) - 4]
    return first, fields + parameters[: len(parameters) - len(salt) - digest_octets]


def read(message: bytes) -> Envelope:
    """Take a message apart; what it carries is not looked at.

    Raises:
        BerError: it is no message of SNMPv3 with user-based security.

    """
    start, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
    if not message.startswith(_VERSION, start):
        msg = "another version than SNMPv3"
        raise BerError(msg)
    header, end = ber.expect(message, start + len(_VERSION), stop, ber.SEQUENCE)
    number, at = ber.expect_integer(message, header, end)
    flags = _flags(message[at:end])
    start, end = ber.expect(message, end, stop, ber.OCTET_STRING)
    at, inner = ber.expect(message, start, end, ber.SEQUENCE)
    (engine_id, boots, time_s, user, digest), at = _fields(message, at, inner, _BEFORE_SALT)
    (salt,), _ = _fields(message, at, inner, (ber.OCTET_STRING,))
    clock = _clock(boots), _clock(time_s)
    digest_at = at - len(digest)
    return Envelope(number, flags, engine_id, *clock, user, digest, salt, digest_at, end, stop)


class Head:
    """All before the content in an engine's messages to a user, learnt of one that `read` took.

    From one to the next the length, number, time, digest and salt change, and whatever else there
    is is compared at once, as in `shape.py`.
    """

    def __init__(self, message: bytes) -> None:
        self._envelope = read(message)
        self._begin, _ = ber.expect(message, 0, len(message), ber.SEQUENCE)
        mask, layout, at = bytearray(), ">", 0
        for start, stop in ((2, self._begin), *_changing(message)):
            layout += f"{start - at}x{stop - start}s"
            mask += b"\xff" * (start - at) + bytes(stop - start)
            at = stop
        self._layout = Struct(layout)
        self._mask = int.from_bytes(mask)
        self._fixed = int.from_bytes(message[: self._layout.size]) & self._mask

    def read(self, message: bytes) -> Envelope | None:
        """Take a message apart as `read` does; None if its head is another."""
        known, layout = self._envelope, self._layout
        head = message[: layout.size]
        if len(head) < layout.size or int.from_bytes(head) & self._mask != self._fixed:
            return None
        length, number, clock, digest, salt = layout.unpack(head)
        time_s = int.from_bytes(clock, signed=True)
        stop = self._begin + int.from_bytes(length)
        if not known.start <= stop == len(message) or not 0 <= time_s <= MOST:
            return None
        return Envelope(
            int.from_bytes(number, signed=True),
            known.flags,
            known.engine_id,
            known.boots,
            time_s,
            known.user,
            digest,
            salt,
            known.digest_at,
            known.start,
            stop,
        )


def _changing(message: bytes) -> Iterator[tuple[int, int]]:
    """Where number, time, digest and salt begin and stop."""
    at, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
    at, end = ber.expect(message, at + len(_VERSION), stop, ber.SEQUENCE)
    yield ber.expect(message, at, end, ber.INTEGER)
    at, _ = ber.expect(message, end, stop, ber.OCTET_STRING)
    at, end = ber.expect(message, at, stop, ber.SEQUENCE)
    spots = []
    for tag in (*_BEFORE_SALT, ber.OCTET_STRING):
        spots.append(ber.expect(message, at, end, tag))
        at = spots[-1][1]
    _, _, clock, _, digest, salt = spots
    yield from (clock, digest, salt)


@lru_cache(maxsize=32)
def _flags(fields: bytes) -> int:
    """Read what follows the number in the header, which for a device is always the same."""
    _, at = ber.expect_integer(fields, 0, len(fields))
    (octets,), at = _fields(fields, at, len(fields), (ber.OCTET_STRING,))
    model, _ = ber.expect_integer(fields, at, len(fields))
    flags = octets[0] & (AUTH | PRIV) if octets else PRIV
    if model != _MODEL or flags == PRIV:
        msg = f"security model {model} with flags {octets.hex() or 'none'}"
        raise BerError(msg)
    return flags


def _fields(message: bytes, at: int, end: int, tags: Iterable[int]) -> tuple[list[bytes], int]:
    """Read values of these tags, and where the last one stops; nearly all have short lengths."""
    found = []
    for tag in tags:
        start, stop = at + 2, end + 1
        if start <= end and message[at] == tag and message[at + 1] < _SHORT:
            stop = start + message[at + 1]
        if stop > end:
            start, stop = ber.expect(message, at, end, tag)
        found.append(message[start:stop])
        at = stop
    return found, at


def _clock(octets: bytes) -> int:
    """Read snmpEngineBoots or snmpEngineTime."""
    number = int.from_bytes(octets, signed=True)
    if not 0 < len(octets) <= _CLOCK_OCTETS or not 0 <= number <= MOST:
        msg = f"no engine has boots or time of {octets[:16].hex(' ') or 'no octets'}"
        raise BerError(msg)
    return number


def scoped(engine_id: bytes, pdu: bytes) -> bytes:
    """Put a PDU into the engine's unnamed context."""
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OCTET_STRING, engine_id) + _NO_CONTEXT + pdu)


def unscoped(data: bytes, at: int, end: int) -> Pdu:
    """Take the PDU out of its context, whichever that is; padding may follow.

    Raises:
        BerError: there is none.

    """
    at, stop = ber.expect(data, at, end, ber.SEQUENCE)
    _, at = _fields(data, at, stop, (ber.OCTET_STRING, ber.OCTET_STRING))
    kind, start, stop = ber.header(data, at, stop)
    return Pdu(kind, data, start, stop)
