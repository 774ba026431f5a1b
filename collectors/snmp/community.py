"""SNMPv2c (RFC 1901): a PDU and a word in the clear."""

from collectors.snmp import ber
from collectors.snmp.ber import BerError
from collectors.snmp.message import Pdu, UntrustedError

_VERSION_2C = 1
_V2C = ber.integer(_VERSION_2C)


class CommunitySecurity:
    """A `Security` of `message.py`: the word is told both ways, and is all there is."""

    def __init__(self, community: bytes) -> None:
        self._community = community
        self._head = _V2C + ber.tlv(ber.OCTET_STRING, community)

    def opening(self, number: int) -> None:
        """Nothing: the word is all there is."""

    def silence(self) -> None:
        """Nothing: a wrong community meets silence, as an absent device does."""

    def wrap(self, pdu: bytes, number: int, now_s: float) -> bytes:
        """Put the word before the PDU; the number is the PDU's own."""
        return ber.tlv(ber.SEQUENCE, self._head + pdu)

    def unwrap(self, message: bytes, now_s: float) -> Pdu:
        """Take the PDU out.

        Raises:
            BerError: it is no message of SNMPv2c.
            UntrustedError: it shows another community.

        """
        start, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
        if message.startswith(self._head, start):
            at = start + len(self._head)
        else:
            at = self._after_community(message, start, stop)
        kind, start, stop = ber.header(message, at, stop)
        return Pdu(kind, message, start, stop)

    def _after_community(self, message: bytes, start: int, stop: int) -> int:
        """Read the head of a message of other length octets, or of somebody else."""
        version, at = ber.expect_integer(message, start, stop)
        if version != _VERSION_2C:
            msg = "another version than SNMPv2c"
            raise BerError(msg)
        start, stop = ber.expect(message, at, stop, ber.OCTET_STRING)
        if message[start:stop] != self._community:
            raise UntrustedError
        return stop
