"""SNMP messages: requests prepared once, and replies taken apart (RFC 3416, RFC 1901).

A PDU of this module ends up in a message of SNMPv2c (`community.py`) or of SNMPv3 (`usm.py`): both
are a `Security`. Only GET and GETBULK exist here, so nothing can be set.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

from collectors.base import CollectError, Reason
from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.shape import Shape, spots
from collectors.snmp.varbind import Value

GET, RESPONSE, GET_BULK, REPORT = 0xA0, 0xA2, 0xA5, 0xA8

NUMBERS = range(0x01000000, 0x7FFFFFFF)
"""Request and message identifiers: all of four octets, so that a prepared request fits any."""

_ABSENT = b"\x05\x00"
_VERSION_3 = 3
_NUMBER = b"\x02\x04"
"""Before a number of four octets, as all of `NUMBERS` have."""
_NO_ERROR = ber.integer(0) * 2
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
    """A reply's fields; `octets` hold its varbinds, which are not taken apart yet."""

    number: int
    status: int
    error_index: int
    octets: bytes

    def varbinds(self) -> Iterator[Varbind]:
        """Take the varbinds apart, whatever they are.

        Raises:
            BerError: one of them is none, or its value cannot be read.

        """
        for oid, oid_end, tag, start, stop in spots(self.octets):
            value = ber.value(self.octets, tag, start, stop)
            name = ber.minimal(self.octets[oid:oid_end])
            yield Varbind(name, value, tag == ber.END_OF_MIB_VIEW)


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
        self.oids = list(map(ber.oid, self.names))
        self.size = len(self.oids)
        self._head, self._tail = _around_the_number(GET, 0, 0, self.oids)
        self._shape: Shape | None = None

    def pdu(self, number: int) -> bytes:
        """The PDU with its request-id."""
        return self._head + number.to_bytes(4, "big") + self._tail

    def read(self, answer: Reply) -> list[Value]:
        """The values, in order."""
        values = self._shape.values(answer.octets) if self._shape else None
        if values is None:
            varbinds = list(answer.varbinds())
            if [it.oid for it in varbinds] != self.oids:
                msg = "it answered for other OIDs than it was asked for"
                raise CollectError(Reason.UNEXPECTED_CONTENT, msg)
            values = [it.value for it in varbinds]
            self._shape = Shape(answer.octets)
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
    whole = ber.tlv(kind, _NUMBER + bytes(4) + tail)
    return whole[: len(whole) - len(tail) - 4], tail


def reply(pdu: Pdu) -> Reply:
    """Read what stands before the varbinds.

    Raises:
        BerError: the PDU is none that a device sends back.

    """
    if pdu.kind not in {RESPONSE, REPORT}:
        msg = f"PDU {pdu.kind:#04x} is no reply"
        raise BerError(msg)
    _, data, at, end = pdu
    if data.startswith(_NUMBER, at, end) and data.startswith(_NO_ERROR, at + 6, end):
        number, status, index = int.from_bytes(data[at + 2 : at + 6], signed=True), 0, 0
        at += 6 + len(_NO_ERROR)
    else:
        number, at = ber.expect_integer(data, at, end)
        status, at = ber.expect_integer(data, at, end)
        index, at = ber.expect_integer(data, at, end)
    if status < 0:
        msg = f"an error-status of {status}"
        raise BerError(msg)
    start, stop = ber.expect(data, at, end, ber.SEQUENCE)
    return Reply(number, status, index, data[start:stop])


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
