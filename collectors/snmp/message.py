"""SNMP messages: requests prepared once, and replies taken apart (RFC 3416, RFC 1901).

A PDU of this module ends up in a message of SNMPv2c (`community.py`) or of SNMPv3 (`usm.py`): both
are a `Security`. Only GET and GETBULK exist here, so nothing can be set.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from collectors.base import CollectError, Reason
from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.varbind import Value

GET, RESPONSE, GET_BULK, REPORT = 0xA0, 0xA2, 0xA5, 0xA8

NUMBERS = range(0x01000000, 0x7FFFFFFF)
"""Request and message identifiers: all of four octets, so that a prepared request fits any."""

_ABSENT = b"\x05\x00"
_VERSION_3 = 3
_NO_ERROR = ber.integer(0) * 2
_SHORT = _SIGN = 0x80
_PLAIN = {ber.COUNTER32: 4, ber.GAUGE32: 4, ber.TIME_TICKS: 4, ber.COUNTER64: 8, ber.INTEGER: 0}
"""What is a number as it stands, up to so many octets; of one octet below 0x80, all of them are."""

T_co = TypeVar("T_co", covariant=True)


class Varbind(NamedTuple):
    """One value of a reply; `end` says that nothing comes after (endOfMibView)."""

    oid: bytes
    """With tag and length: the same octets as `ber.oid()` of the same OID."""
    value: Value
    end: bool = False


class Security(Protocol):
    """How a PDU travels, and whether what came back may be believed."""

    def opening(self, number: int) -> bytes | None:
        """What has to be asked of this device before anything else; None if nothing."""

    def wrap(self, pdu: bytes, number: int, now_s: float) -> bytes:
        """Make a message of a PDU; `number` identifies the message, `now_s` is monotonic."""

    def silence(self) -> CollectError | None:
        """What it may mean that a device says nothing, beyond that; None: nothing is known."""

    def unwrap(self, message: bytes, now_s: float) -> "Pdu":
        """Take the PDU out of a message.

        Raises:
            BerError: it is no such message.
            UntrustedError: nobody knows who sent it: it is as if it had not come.
            RelearntError: the device told what the request should have known: send it again.
            CollectError: the device refuses the credential.

        """


class UntrustedError(Exception):
    """A message that another one, or nobody, may have sent."""


class RelearntError(Exception):
    """The device told something that makes a second attempt worth while at once."""


class Pdu(NamedTuple):
    """A PDU in octets that are plain: its kind, and where its content begins and stops."""

    kind: int
    data: bytes
    start: int
    stop: int


class Reply(NamedTuple):
    """A reply's fields; its varbinds are not taken apart yet."""

    number: int
    status: int
    error_index: int
    data: bytes
    start: int
    stop: int

    def varbinds(self) -> Iterator[Varbind]:
        """Take the varbinds apart, whatever they are.

        Raises:
            BerError: one of them is none, or its value does not end where it ends.

        """
        data, at = self.data, self.start
        while at < self.stop:
            begin, end = ber.expect(data, at, self.stop, ber.SEQUENCE)
            _, stop = ber.expect(data, begin, end, ber.OBJECT_IDENTIFIER)
            tag, start, at = ber.header(data, stop, end)
            if at != end:
                msg = f"a value stops at octet {at}, and its varbind at {end}"
                raise BerError(msg)
            oid = ber.minimal(data[begin:stop])
            value = ber.value(data, tag, start, at)
            yield Varbind(oid, value, tag == ber.END_OF_MIB_VIEW)

    def values(self, oids: Sequence[bytes]) -> list[Value] | None:
        """Take the values of exactly these OIDs, in this order; None if they are others.

        Raises:
            BerError: as `varbinds`.

        """
        values = self._short_values(oids)
        if values is not None:
            return values
        varbinds = list(self.varbinds())
        if [it.oid for it in varbinds] != list(oids):
            return None
        return [it.value for it in varbinds]

    def _short_values(self, oids: Sequence[bytes]) -> list[Value] | None:
        """Take the same values where all is as expected, and no length takes a second octet.

        The way of every regular poll: a value costs less than half a microsecond.
        """
        data, at, found = self.data, self.start, list[Value]()
        try:
            for oid in oids:
                tag_at = at + 2 + len(oid)
                size = data[tag_at + 1]
                start = tag_at + 2
                end = start + size
                if not (
                    data.startswith(oid, at + 2)
                    and end - at - 2 == data[at + 1] < _SHORT
                    and data[at] == ber.SEQUENCE
                ):
                    return None
                tag = data[tag_at]
                if size == 1 and data[start] < _SIGN and tag in _PLAIN:
                    found.append(data[start])
                elif tag == ber.OCTET_STRING:
                    found.append(data[start:end])
                elif 0 < size <= _PLAIN.get(tag, 0):
                    found.append(int.from_bytes(data[start:end]))
                else:
                    found.append(ber.value(data, tag, start, end))
                at = end
        except IndexError:
            return None
        return found if at == self.stop else None


class Asked(Protocol[T_co]):
    """A question: its PDU, and how the answer is read."""

    @property
    def size(self) -> int:
        """How many varbinds may come back."""

    def pdu(self, number: int) -> bytes:
        """The PDU with its request-id."""

    def read(self, answer: Reply) -> T_co:
        """Take the answer apart.

        Raises:
            BerError: it cannot be.
            CollectError: it answers another question.

        """


class Get:
    """A GET of certain OIDs, encoded once: only its number changes.

    Raises:
        ValueError: one of them is no OID.

    """

    def __init__(self, oids: Iterable[str]) -> None:
        self.names = tuple(oids)
        self.oids = tuple(map(ber.oid, self.names))
        self.size = len(self.oids)
        self._head, self._tail = _around_the_number(GET, 0, 0, self.oids)

    def pdu(self, number: int) -> bytes:
        """The PDU with its request-id."""
        return self._head + number.to_bytes(4, "big") + self._tail

    def read(self, answer: Reply) -> list[Value]:
        """The values, in order."""
        values = answer.values(self.oids)
        if values is None:
            msg = "it answered for other OIDs than it was asked for"
            raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
        return values


class GetBulk:
    """A GETBULK of so many rows after certain OIDs (RFC 3416, section 4.2.3)."""

    def __init__(self, oids: Sequence[bytes], rows: int) -> None:
        self.size = len(oids) * rows
        self._head, self._tail = _around_the_number(GET_BULK, 0, rows, oids)

    def pdu(self, number: int) -> bytes:
        """The PDU with its request-id."""
        return self._head + number.to_bytes(4, "big") + self._tail

    def read(self, answer: Reply) -> list[Varbind]:
        """The varbinds, row by row, a device may stop anywhere."""
        return list(answer.varbinds())


def _around_the_number(
    kind: int, first: int, second: int, oids: Iterable[bytes]
) -> tuple[bytes, bytes]:
    binds = b"".join(ber.tlv(ber.SEQUENCE, oid + _ABSENT) for oid in oids)
    tail = ber.integer(first) + ber.integer(second) + ber.tlv(ber.SEQUENCE, binds)
    whole = ber.tlv(kind, b"\x02\x04" + bytes(4) + tail)
    return whole[: len(whole) - len(tail) - 4], tail


def reply(pdu: Pdu) -> Reply:
    """Read what stands before the varbinds.

    Raises:
        BerError: the PDU is none that a device sends back.

    """
    if pdu.kind not in {RESPONSE, REPORT}:
        msg = f"PDU {pdu.kind:#04x} is no reply"
        raise BerError(msg)
    number, at = ber.expect_integer(pdu.data, pdu.start, pdu.stop)
    status = index = 0
    if pdu.data.startswith(_NO_ERROR, at, pdu.stop):
        at += len(_NO_ERROR)
    else:
        status, at = ber.expect_integer(pdu.data, at, pdu.stop)
        index, at = ber.expect_integer(pdu.data, at, pdu.stop)
    if status < 0:
        msg = f"an error-status of {status}"
        raise BerError(msg)
    start, stop = ber.expect(pdu.data, at, pdu.stop, ber.SEQUENCE)
    return Reply(number, status, index, pdu.data, start, stop)


def number_of(message: bytes) -> int:
    """The number of a message: its request-id (SNMPv2c) or msgID (SNMPv3, RFC 3412).

    Raises:
        BerError: it is no SNMP message.

    """
    start, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
    version, at = ber.expect_integer(message, start, stop)
    if version == _VERSION_3:
        start, stop = ber.expect(message, at, stop, ber.SEQUENCE)
        return ber.expect_integer(message, start, stop)[0]
    _, at = ber.expect(message, at, stop, ber.OCTET_STRING)
    _, start, stop = ber.header(message, at, stop)
    return ber.expect_integer(message, start, stop)[0]
