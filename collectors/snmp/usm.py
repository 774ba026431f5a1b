"""SNMPv3's user-based security (RFC 3414): whose messages are believed, and what they teach.

An engine's id is learnt from the report that answers the first message (section 4), its clock from
the same report as a guess, and from then on only from messages that it signed. Without a user's
signature nothing can be believed more than the network is.
"""

from hmac import compare_digest

from collectors.base import CollectError, Reason
from collectors.snmp import ber, failures, v3
from collectors.snmp.authority import Authority
from collectors.snmp.credential import User
from collectors.snmp.message import (
    REPORT,
    RESPONSE,
    Get,
    Pdu,
    RelearntError,
    UntrustedError,
    reply,
)
from collectors.snmp.v3 import AUTH, PRIV, REPORTABLE, Envelope

MOST_LESSONS = 4
"""Learnt without a reply between: an engine, its time, and both again if it restarts meanwhile."""

_UNKNOWN_ENGINE = ber.oid("1.3.6.1.6.3.15.1.1.4.0")
_REASONS = {
    ber.oid("1.3.6.1.6.3.15.1.1.1.0"): Reason.UNSUPPORTED_LEVEL,
    ber.oid("1.3.6.1.6.3.15.1.1.2.0"): Reason.NOT_IN_TIME_WINDOW,
    ber.oid("1.3.6.1.6.3.15.1.1.3.0"): Reason.UNKNOWN_USER,
    ber.oid("1.3.6.1.6.3.15.1.1.5.0"): Reason.WRONG_DIGEST,
    ber.oid("1.3.6.1.6.3.15.1.1.6.0"): Reason.DECRYPTION_ERROR,
}
"""What a report is about: usmStats of SNMP-USER-BASED-SM-MIB."""

_NOTHING = Get(())
_REMEMBERED = 64


class UserSecurity:
    """One user at one device (named as a person knows it): a `Security` of `message.py`.

    Raises:
        CollectError: no device can have a user of such a name.

    """

    def __init__(self, user: User, device: str) -> None:
        self._user, self._device = user, device
        self._name = user.name.encode()
        if failure := failures.of_user_name(user):
            raise failure
        self._level = user.level
        self._engine: Authority | None = None
        self._is_met = False
        self._is_believed = False
        self._lessons = self._lessons_in_vain = 0
        self._sent: dict[int, int] = {}
        self._head: v3.Head | None = None

    def opening(self, number: int) -> bytes | None:
        """Ask a device that is not known, or kept silent, for its engine (RFC 3414, section 4)."""
        return None if self._is_met else self._question(number)

    def wrap(self, pdu: bytes, number: int, now_s: float) -> bytes:
        """Make a message at the user's level; while no engine is known, it is the opening.

        Its number has four octets; `now_s` is monotonic.
        """
        engine = self._engine
        if engine is None:
            return self._question(number)
        self._remember(number)
        digest, cipher = engine.keys
        boots, time_s = engine.boots, engine.now(now_s)
        content, salt = v3.scoped(engine.id, pdu), b""
        if cipher:
            encrypted, salt = cipher.encrypt(content, boots, time_s)
            content = ber.tlv(ber.OCTET_STRING, encrypted)
        zeros = bytes(digest.octets if digest else 0)
        flags = self._level | REPORTABLE
        envelope = Envelope(number, flags, engine.id, boots, time_s, self._name, zeros, salt)
        message, at = envelope.around(content)
        if digest is None:
            return message
        return message[:at] + digest.sign(message) + message[at + digest.octets :]

    def unwrap(self, message: bytes, now_s: float) -> Pdu:
        """Take the PDU out of a message that answers one of the same number.

        Raises:
            BerError: it is no such message.
            UntrustedError: another one, or nobody, may have sent it, or long ago.
            RelearntError: the device told its engine or its time: send the request again.
            CollectError: the device refuses the user, in a reason of its own.

        """
        known = self._head.read(message) if self._head else None
        envelope = known or v3.read(message)
        if envelope.flags & ~self._level:
            raise UntrustedError
        engine = self._engine
        if envelope.flags & AUTH:
            engine = self._signer(message, envelope)
        pdu = self._opened(message, envelope, engine)
        if pdu.kind == REPORT:
            raise self._heeded(pdu, envelope, engine, now_s)
        if pdu.kind != RESPONSE or engine is None or envelope.flags != self._level:
            raise UntrustedError
        self._check_names(envelope, engine)
        if self._level:
            engine.admit(envelope, now_s)
        self._is_met = self._is_believed = True
        self._lessons_in_vain = 0
        if known is None:
            self._head = v3.Head(message)
        return pdu

    def silence(self) -> CollectError | None:
        """Take note that nothing answered, and say the cause if there is a likely one.

        net-snmp drops what it cannot decrypt without a report. So a device that told its engine
        and then never answered anything encrypted has another privacy key. It is met anew before
        the next request: one that is simply gone will not tell its engine again.
        """
        was_heard = self._is_met and not self._is_believed
        self._forget_the_clock()
        self._lessons_in_vain = 0
        if was_heard and self._level & PRIV:
            return failures.of_silence(self._device, self._user)
        return None

    def _forget_the_clock(self) -> None:
        """Meet the device anew before the next request, and take its word for the time.

        One whose clock fell back without a boot being counted would else be refused for ever.
        """
        self._is_met = self._is_believed = False
        if self._engine is not None:
            self._engine.is_sure = False

    def _question(self, number: int) -> bytes:
        self._remember(number)
        envelope = Envelope(number, REPORTABLE, b"", 0, 0, b"", b"", b"")
        return envelope.around(v3.scoped(b"", _NOTHING.pdu(number)))[0]

    def _remember(self, number: int) -> None:
        """Keep what was known when a message was made; the oldest one is long answered or lost."""
        self._sent[number] = self._lessons
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    def _signer(self, message: bytes, envelope: Envelope) -> Authority:
        """Return the engine if it signed the message, for this user."""
        engine = self._engine
        if engine is None or engine.keys.digest is None:
            raise UntrustedError
        at, end = envelope.digest_at, envelope.digest_at + len(envelope.digest)
        zeros = bytes(engine.keys.digest.octets)
        signed = engine.keys.digest.sign(message[:at], zeros, message[end : envelope.stop])
        if not compare_digest(signed, envelope.digest):
            raise UntrustedError
        self._check_names(envelope, engine)
        return engine

    def _check_names(self, envelope: Envelope, engine: Authority) -> None:
        if (envelope.engine_id, envelope.user) != (engine.id, self._name):
            raise UntrustedError

    def _opened(self, message: bytes, envelope: Envelope, engine: Authority | None) -> Pdu:
        if not envelope.flags & PRIV or engine is None or engine.keys.cipher is None:
            return v3.unscoped(message, envelope.start, envelope.stop)
        start, stop = ber.expect(message, envelope.start, envelope.stop, ber.OCTET_STRING)
        try:
            plain = engine.keys.cipher.decrypt(
                message[start:stop], envelope.boots, envelope.time_s, envelope.salt
            )
            return v3.unscoped(plain, 0, len(plain))
        except ValueError:  # BerError too: the signature holds, so the device itself wrote it so
            raise failures.of_unreadable(self._device, self._user) from None

    def _heeded(
        self, report: Pdu, envelope: Envelope, engine: Authority | None, now_s: float
    ) -> Exception:
        """Learn from a report; return what is to be raised for it."""
        about = next((varbind.oid for varbind in reply(report).varbinds()), b"")
        if not self._is_met or about == _UNKNOWN_ENGINE:
            return self._meet(envelope, now_s)
        reason = _REASONS.get(about)
        if reason is None:
            return self._failed(failures.of_other_report(self._device, self._user, about))
        if reason is Reason.NOT_IN_TIME_WINDOW and envelope.flags & AUTH and engine:
            return self._synchronise(engine, envelope, now_s)
        if reason is Reason.NOT_IN_TIME_WINDOW:
            self._forget_the_clock()  # anybody may say so: the next opening asks the device
        return self._failed(failures.of_report(self._device, self._user, reason))

    def _meet(self, envelope: Envelope, now_s: float) -> Exception:
        """Take up the engine that a report names; anybody may have written it."""
        failure = failures.of_engine(self._device, envelope.engine_id)
        if not envelope.engine_id:
            return self._failed(failure)
        engine = self._engine
        is_new = not self._is_met or engine is None or engine.id != envelope.engine_id
        if engine is None or engine.id != envelope.engine_id:
            self._engine = Authority.named(envelope, self._user, now_s)
            self._is_believed = False
        elif not engine.is_sure:
            engine.set(envelope, now_s, is_sure=False)
        self._is_met = True
        return self._learnt(envelope.number, failure, is_new=is_new)

    def _synchronise(self, engine: Authority, envelope: Envelope, now_s: float) -> Exception:
        """Take up the time that the engine signed, even one that was before.

        RFC 3414 would have a clock that fell back ignored for ever, and devices that lose their
        snmpEngineBoots with it. The report answers a number that nobody could foresee, so it is
        not an old one.
        """
        failure = failures.of_report(self._device, self._user, Reason.NOT_IN_TIME_WINDOW)
        is_new = engine.parts_from(envelope, now_s)
        engine.set(envelope, now_s, is_sure=True)
        return self._learnt(envelope.number, failure, is_new=is_new)

    def _learnt(self, number: int, failure: CollectError, *, is_new: bool) -> Exception:
        """Have the request sent again if it was made in ignorance, unless that goes on and on."""
        if is_new:
            self._lessons += 1
            self._lessons_in_vain += 1
        elif self._sent.get(number, self._lessons) == self._lessons:
            return self._failed(failure)
        if self._lessons_in_vain > MOST_LESSONS:
            return self._failed(failure)
        return RelearntError()

    def _failed(self, failure: CollectError) -> CollectError:
        self._lessons_in_vain = 0
        return failure
