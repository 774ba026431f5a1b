"""Keys and digests of SNMPv3's user-based security.

RFC 3414 has MD5, SHA-1 and how a password becomes a key, RFC 7860 the SHA-2 digests. Keys longer
than the digest are stretched as draft-blumenthal-aes-usm-04 has it (section 3.1.2.1), or as
draft-reeder-snmpv3-usm-3desede-00 (section 2.1): that makes the protocols that end in -C.
"""

import hashlib
from functools import lru_cache
from typing import NamedTuple, Protocol

from pydantic import SecretStr

from collectors.snmp.credential import AuthProtocol, PrivProtocol, User

_DIGESTS: dict[AuthProtocol, tuple[str, int]] = {
    "MD5": ("md5", 12),
    "SHA-1": ("sha1", 12),
    "SHA-224": ("sha224", 16),
    "SHA-256": ("sha256", 24),
    "SHA-384": ("sha384", 32),
    "SHA-512": ("sha512", 48),
}
"""The hash, and how many octets of its HMAC are sent."""

_KEY_OCTETS: dict[PrivProtocol, int] = {
    "DES": 16,  # half of it is the key
    "AES-128": 16,
    "AES-192": 24,
    "AES-256": 32,
    "AES-192-C": 24,
    "AES-256-C": 32,
}
_HASHED_OCTETS = 2**20
_REEDER = "-C"


class Digest(Protocol):
    """Signs messages with a localised key."""

    octets: int
    """How many a signature has."""

    def sign(self, *parts: bytes) -> bytes:
        """Return the octets that go with a message, which is given in parts."""


class Cipher(Protocol):
    """Encrypts with a localised key; `boots` and `time_s` are those of the device's engine."""

    def encrypt(self, plain: bytes, boots: int, time_s: int) -> tuple[bytes, bytes]:
        """Return the encrypted octets and their salt."""

    def decrypt(self, data: bytes, boots: int, time_s: int, salt: bytes) -> bytes:
        """Return the plain octets, padding included; a wrong key gives random ones.

        Raises:
            ValueError: the data or the salt have a length that they cannot have.

        """


class Keys(NamedTuple):
    """What a user signs and encrypts with at one engine, as far as the user does."""

    digest: Digest | None = None
    cipher: Cipher | None = None


def localised(user: User, engine_id: bytes) -> Keys:
    """Make a user's keys for an engine: microseconds, once the secrets were hashed.

    Encryption without authentication does not exist, so its secret alone counts for nothing.
    """
    if user.auth_protocol is None or user.auth_secret is None:
        return Keys()
    from collectors.snmp.ciphers import Aes, Des, Hmac  # noqa: PLC0415 - they load slowly

    key = authentication_key(user.auth_protocol, user.auth_secret, engine_id)
    digest = Hmac(*_DIGESTS[user.auth_protocol], key)
    if user.priv_protocol is None or user.priv_secret is None:
        return Keys(digest)
    key = privacy_key(user.auth_protocol, user.priv_protocol, user.priv_secret, engine_id)
    return Keys(digest, Des(key) if user.priv_protocol == "DES" else Aes(key))


def authentication_key(protocol: AuthProtocol, secret: SecretStr, engine_id: bytes) -> bytes:
    """Make a key of a password for one engine (RFC 3414, section 2.6)."""
    return _localise(protocol, _of_secret(protocol, secret), engine_id)


def privacy_key(
    auth: AuthProtocol, priv: PrivProtocol, secret: SecretStr, engine_id: bytes
) -> bytes:
    """Make a key of a password for one engine, as long as the cipher needs it."""
    key, octets = authentication_key(auth, secret, engine_id), _KEY_OCTETS[priv]
    while len(key) < octets:
        if priv.endswith(_REEDER):
            key += _localise(auth, _of_octets(auth, key), engine_id)
        else:
            key += _hash(auth, key)
    return key[:octets]


def other_expansion(auth: AuthProtocol, priv: PrivProtocol) -> PrivProtocol | None:
    """The protocol that would stretch the key in the other way; None where nothing is stretched."""
    if len(_hash(auth, b"")) >= _KEY_OCTETS[priv]:
        return None
    others: dict[PrivProtocol, PrivProtocol] = {"AES-192": "AES-192-C", "AES-256": "AES-256-C"}
    return (others | {reeder: blumenthal for blumenthal, reeder in others.items()})[priv]


@lru_cache(maxsize=256)
def _of_secret(protocol: AuthProtocol, secret: SecretStr) -> bytes:
    """Remembered, because it takes a millisecond and a password serves many devices."""
    return _of_octets(protocol, secret.get_secret_value().encode())


def _of_octets(protocol: AuthProtocol, password: bytes) -> bytes:
    """Hash a password repeated to a megabyte (RFC 3414, appendix A.2)."""
    return _hash(protocol, (password * (_HASHED_OCTETS // len(password) + 1))[:_HASHED_OCTETS])


def _localise(protocol: AuthProtocol, key: bytes, engine_id: bytes) -> bytes:
    return _hash(protocol, key + engine_id + key)


def _hash(protocol: AuthProtocol, data: bytes) -> bytes:
    return hashlib.new(_DIGESTS[protocol][0], data).digest()
