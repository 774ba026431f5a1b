"""An SNMPv3 engine with one user, as a device has it (RFC 3414): authPriv or a report."""

from hmac import compare_digest

from agent.demo.answers import View
from collectors.snmp import ber, v3
from collectors.snmp.authority import WINDOW_S
from collectors.snmp.ber import BerError
from collectors.snmp.credential import User
from collectors.snmp.keys import localised
from collectors.snmp.message import REPORT, Pdu
from collectors.snmp.v3 import AUTH, Envelope

BOOTS = 7
_LEVELS, _WINDOW, _USERS, _ENGINES, _DIGESTS = (
    f"1.3.6.1.6.3.15.1.1.{counter}.0" for counter in (1, 2, 3, 4, 5)
)
"""Counters of SNMP-USER-BASED-SM-MIB that a report names."""


class Engine:
    """A device that believes its user alone; it booted at the wall time `booted_s`."""

    def __init__(self, view: View, user: User, name: str, booted_s: float) -> None:
        self._view, self._user, self._booted_s = view, user, booted_s
        # RFC 3411, snmpEngineID: a text of the administrator's, under an enterprise number.
        self._id = (0x80000000 | 8072).to_bytes(4, "big") + b"\x04" + name.encode()
        self._keys = localised(user, self._id)
        self._refused = 0

    def answer(self, message: bytes, at_s: float) -> bytes | None:
        """Answer a datagram; None: not at all."""
        try:
            envelope = v3.read(message)
            about = self._refusal(envelope, message, at_s)
            if about is not None:
                return self._report(envelope, about, at_s)
            pdu = self._view.answer(self._opened(message, envelope), at_s)
        except ValueError:  # BerError too: as net-snmp, it is silent on what it cannot decrypt
            return None
        return pdu and self._sealed(envelope.number, pdu, at_s)

    def _refusal(self, envelope: Envelope, message: bytes, at_s: float) -> str | None:
        """What is wrong with a message, as the counter that a report names."""
        if envelope.engine_id != self._id:
            return _ENGINES
        if envelope.user != self._user.name.encode():
            return _USERS
        if envelope.flags != self._user.level:
            return _LEVELS
        if not self._is_signed(envelope, message):
            return _DIGESTS
        late_s = abs(envelope.time_s - self._time_s(at_s))
        return _WINDOW if envelope.boots != BOOTS or late_s > WINDOW_S else None

    def _is_signed(self, envelope: Envelope, message: bytes) -> bool:
        digest = self._keys.digest
        if digest is None:
            return False
        at, end = envelope.digest_at, envelope.digest_at + len(envelope.digest)
        zeros = bytes(digest.octets)
        signed = digest.sign(message[:at], zeros, message[end : envelope.stop])
        return compare_digest(signed, envelope.digest)

    def _opened(self, message: bytes, envelope: Envelope) -> Pdu:
        cipher = self._keys.cipher
        if cipher is None:
            msg = "its user has no key to decrypt with"
            raise BerError(msg)
        start, stop = ber.expect(message, envelope.start, envelope.stop, ber.OCTET_STRING)
        sealed = message[start:stop]
        plain = cipher.decrypt(sealed, envelope.boots, envelope.time_s, envelope.salt)
        return v3.unscoped(plain, 0, len(plain))

    def _report(self, envelope: Envelope, about: str, at_s: float) -> bytes:
        self._refused += 1
        bind = ber.tlv(ber.SEQUENCE, ber.oid(about) + ber.integer(self._refused, ber.COUNTER32))
        fields = ber.integer(0) * 3 + ber.tlv(ber.SEQUENCE, bind)
        content = v3.scoped(self._id, ber.tlv(REPORT, fields))
        flags = AUTH if about == _WINDOW else 0
        return self._signed(envelope.number, flags, content, b"", self._time_s(at_s))

    def _sealed(self, number: int, pdu: bytes, at_s: float) -> bytes | None:
        if self._keys.cipher is None:
            return None
        time_s = self._time_s(at_s)
        sealed, salt = self._keys.cipher.encrypt(v3.scoped(self._id, pdu), BOOTS, time_s)
        content = ber.tlv(ber.OCTET_STRING, sealed)
        return self._signed(number, self._user.level, content, salt, time_s)

    def _signed(self, number: int, flags: int, content: bytes, salt: bytes, time_s: int) -> bytes:
        digest = self._keys.digest if flags & AUTH else None
        user = self._user.name.encode() if flags & AUTH else b""
        zeros = bytes(digest.octets if digest else 0)
        envelope = Envelope(number, flags, self._id, BOOTS, time_s, user, zeros, salt)
        message, at = envelope.around(content)
        if digest is None:
            return message
        return message[:at] + digest.sign(message) + message[at + digest.octets :]

    def _time_s(self, at_s: float) -> int:
        return int(at_s - self._booted_s)
