"""A device that speaks SNMPv3 with pysnmp's digests and ciphers and pyasn1's codec: the oracle."""

import itertools
from typing import Any, NamedTuple, get_args

from pyasn1.codec.ber import decoder, encoder
from pydantic import SecretStr
from pysnmp.entity import config
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel, UsmSecurityParameters

from collectors.snmp import ber
from collectors.snmp.credential import AuthProtocol, PrivProtocol, User

AUTHS: tuple[AuthProtocol, ...] = get_args(AuthProtocol)
PRIVS: tuple[PrivProtocol, ...] = get_args(PrivProtocol)
PAIRS = list(itertools.product(AUTHS, PRIVS))

ENGINE_ID = bytes.fromhex("80001f8804") + b"a-device"
UNSUPPORTED_LEVEL, NOT_IN_TIME_WINDOW, UNKNOWN_USER, UNKNOWN_ENGINE, WRONG_DIGEST, UNDECRYPTED = (
    f"1.3.6.1.6.3.15.1.1.{number}.0" for number in range(1, 7)
)

AUTH_OID = {
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA-1": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV_OID = {
    "DES": config.USM_PRIV_CBC56_DES,
    "AES-128": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": config.USM_PRIV_CFB192_AES,
    "AES-256-C": config.USM_PRIV_CFB256_AES,
}


def user_of(auth: AuthProtocol | None = None, priv: PrivProtocol | None = None) -> User:
    """A user whose secrets are like nobody's."""
    return User(
        "monitor",
        auth,
        SecretStr("an-auth-key") if auth else None,
        priv,
        SecretStr("a-priv-key") if priv else None,
    )


def auth_service(protocol: AuthProtocol) -> Any:
    """What pysnmp signs with."""
    return SnmpUSMSecurityModel.AUTH_SERVICES[AUTH_OID[protocol]]


def priv_service(protocol: PrivProtocol) -> Any:
    """What pysnmp encrypts with."""
    return SnmpUSMSecurityModel.PRIV_SERVICES[PRIV_OID[protocol]]


def auth_key(protocol: AuthProtocol, secret: str, engine_id: bytes) -> Any:
    """The key as pysnmp localises it."""
    service = auth_service(protocol)
    return service.localize_key(service.hash_passphrase(secret.encode()), _octets(engine_id))


def priv_key(auth: AuthProtocol, priv: PrivProtocol, secret: str, engine_id: bytes) -> Any:
    """The key as pysnmp localises and stretches it."""
    service, oid = priv_service(priv), AUTH_OID[auth]
    hashed = service.hash_passphrase(oid, secret.encode())
    return service.localize_key(oid, hashed, _octets(engine_id))


class Request(NamedTuple):
    """What a message says, all taken apart by pysnmp."""

    number: int
    flags: int
    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    context_engine_id: bytes
    pdu: bytes


class Device:
    """One engine that knows one user; `boots` and `time_s` are what it shows."""

    def __init__(
        self, user: User, engine_id: bytes = ENGINE_ID, boots: int = 7, time_s: int = 1000
    ) -> None:
        self.user, self.engine_id, self.boots, self.time_s = user, engine_id, boots, time_s
        auth, priv = user.auth_protocol, user.priv_protocol
        self._auth_key = self._priv_key = None
        if auth and user.auth_secret:
            self._auth_key = auth_key(auth, user.auth_secret.get_secret_value(), engine_id)
            if priv and user.priv_secret:
                secret = user.priv_secret.get_secret_value()
                self._priv_key = priv_key(auth, priv, secret, engine_id)

    def read(self, message: bytes) -> Request:
        """Verify, decrypt and take apart; pysnmp raises for what it does not accept."""
        whole, rest = decoder.decode(message, asn1Spec=SNMPv3Message())
        assert not rest
        header = whole["msgGlobalData"]
        parameters, rest = decoder.decode(
            whole["msgSecurityParameters"], asn1Spec=UsmSecurityParameters()
        )
        assert not rest
        engine_id, boots, time_s, user, digest, salt = (parameters[at] for at in range(6))
        flags = bytes(header["msgFlags"])[0]
        if flags & 1:
            assert self.user.auth_protocol
            auth_service(self.user.auth_protocol).authenticate_incoming_message(
                self._auth_key, digest, message
            )
        scoped = whole["msgData"].getComponent()
        if flags & 2:
            assert self.user.priv_protocol
            plain = priv_service(self.user.priv_protocol).decrypt_data(
                self._priv_key, (boots, time_s, salt), scoped
            )
            scoped, _ = decoder.decode(plain, asn1Spec=ScopedPDU())
        pdu = scoped["data"].getComponent()
        return Request(
            int(header["msgID"]),
            flags,
            bytes(engine_id),
            int(boots),
            int(time_s),
            bytes(user),
            bytes(scoped["contextEngineId"]),
            encoder.encode(pdu),
        )

    def reply(self, number: int, pdu: bytes, flags: int | None = None) -> bytes:
        """Put a PDU into a message of the user's level, or of another."""
        flags = self.user.level if flags is None else flags
        content, salt = self._content(pdu, flags)
        octets = {"MD5": 12, "SHA-1": 12}.get(self.user.auth_protocol or "")
        if flags & 1 and octets is None:
            assert self.user.auth_protocol
            octets = auth_service(self.user.auth_protocol).digest_length
        parameters = UsmSecurityParameters()
        clock = (self.engine_id, self.boots, self.time_s)
        digest = bytes((octets or 0) if flags & 1 else 0)
        for at, value in enumerate((*clock, self.user.name.encode(), digest, salt)):
            parameters[at] = value
        header = ber.integer(number) + ber.integer(65507) + ber.tlv(4, bytes((flags,)))
        message = ber.tlv(
            ber.SEQUENCE,
            ber.integer(3)
            + ber.tlv(ber.SEQUENCE, header + ber.integer(3))
            + ber.tlv(4, encoder.encode(parameters))
            + content,
        )
        if not flags & 1:
            return message
        assert self.user.auth_protocol
        service = auth_service(self.user.auth_protocol)
        return bytes(service.authenticate_outgoing_message(self._auth_key, message))

    def report(self, number: int, oid: str, flags: int = 0) -> bytes:
        """Report one counter (RFC 3414, section 5)."""
        varbind = ber.tlv(ber.SEQUENCE, ber.oid(oid) + ber.integer(1, ber.COUNTER32))
        fields = ber.integer(number) + ber.integer(0) * 2 + ber.tlv(ber.SEQUENCE, varbind)
        return self.reply(number, ber.tlv(0xA8, fields), flags)

    def _content(self, pdu: bytes, flags: int) -> tuple[bytes, bytes]:
        scoped = ber.tlv(ber.SEQUENCE, ber.tlv(4, self.engine_id) + ber.tlv(4, b"") + pdu)
        if not flags & 2:
            return scoped, b""
        assert self.user.priv_protocol
        encrypted, salt = priv_service(self.user.priv_protocol).encrypt_data(
            self._priv_key, (self.boots, self.time_s, None), scoped
        )
        return ber.tlv(4, bytes(encrypted)), bytes(salt)


def _octets(data: bytes) -> Any:
    return UsmSecurityParameters()["msgAuthoritativeEngineId"].clone(data)
