"""How an SNMPv3 message is laid out: header and scope (RFC 3412), the user's part (RFC 3414)."""

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
        """Write a message, and say where its digest begins."""
        before = (
            ber.tlv(ber.OCTET_STRING, self.engine_id)
            + ber.integer(self.boots)
            + ber.integer(self.time_s)
            + ber.tlv(ber.OCTET_STRING, self.user)
        )
        digest, salt = (ber.tlv(ber.OCTET_STRING, it) for it in (self.digest, self.salt))
        flags = ber.tlv(ber.OCTET_STRING, bytes((self.flags,)))
        header = ber.integer(self.number) + _MAX_SIZE + flags + ber.integer(_MODEL)
        parameters = ber.tlv(ber.SEQUENCE, before + digest + salt)
        message = ber.tlv(
            ber.SEQUENCE,
            _VERSION
            + ber.tlv(ber.SEQUENCE, header)
            + ber.tlv(ber.OCTET_STRING, parameters)
            + content,
        )
        return message, len(message) - len(content) - len(salt) - len(self.digest)


def read(message: bytes) -> Envelope:
    """Take a message apart; what it carries is not looked at.

    Raises:
        BerError: it is no message of SNMPv3 with user-based security.

    """
    start, stop = ber.expect(message, 0, len(message), ber.SEQUENCE)
    if not message.startswith(_VERSION, start):
        msg = "another version than SNMPv3"
        raise BerError(msg)
    number, flags, at = _header(message, start + len(_VERSION), stop)
    start, end = ber.expect(message, at, stop, ber.OCTET_STRING)
    begin, inner = ber.expect(message, start, end, ber.SEQUENCE)
    engine_id, at = _octets(message, begin, inner)
    boots, at = ber.expect_integer(message, at, inner)
    time_s, at = ber.expect_integer(message, at, inner)
    user, at = _octets(message, at, inner)
    digest, at = _octets(message, at, inner)
    digest_at = at - len(digest)
    salt, _ = _octets(message, at, inner)
    if not (0 <= boots <= MOST and 0 <= time_s <= MOST):
        msg = f"no engine has boots {boots} and time {time_s}"
        raise BerError(msg)
    return Envelope(
        number, flags, engine_id, boots, time_s, user, digest, salt, digest_at, end, stop
    )


def _header(message: bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Read the number and the flags, and where what follows the header begins."""
    start, end = ber.expect(message, at, stop, ber.SEQUENCE)
    number, at = ber.expect_integer(message, start, end)
    _, at = ber.expect_integer(message, at, end)
    octets, at = _octets(message, at, end)
    model, _ = ber.expect_integer(message, at, end)
    flags = octets[0] & (AUTH | PRIV) if octets else PRIV
    if model != _MODEL or flags == PRIV:
        msg = f"security model {model} with flags {octets.hex() or 'none'}"
        raise BerError(msg)
    return number, flags, end


def _octets(message: bytes, at: int, end: int) -> tuple[bytes, int]:
    start, stop = ber.expect(message, at, end, ber.OCTET_STRING)
    return message[start:stop], stop


def scoped(engine_id: bytes, pdu: bytes) -> bytes:
    """Put a PDU into the engine's unnamed context."""
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OCTET_STRING, engine_id) + _NO_CONTEXT + pdu)


def unscoped(data: bytes, at: int, end: int) -> Pdu:
    """Take the PDU out of its context, whichever that is; padding may follow.

    Raises:
        BerError: there is none.

    """
    start, stop = ber.expect(data, at, end, ber.SEQUENCE)
    _, at = ber.expect(data, start, stop, ber.OCTET_STRING)
    _, at = ber.expect(data, at, stop, ber.OCTET_STRING)
    kind, start, stop = ber.header(data, at, stop)
    return Pdu(kind, data, start, stop)
