"""What SNMPv3 signs and encrypts with: HMAC, DES (RFC 3414, section 8) and AES (RFC 3826).

DES and AES as it is used here are no longer of this time, so newer versions of `cryptography` keep
them apart.
"""

import itertools
import secrets

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.hashes import (
    MD5,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    HashAlgorithm,
)
from cryptography.hazmat.primitives.hmac import HMAC

_HASHES: dict[str, type[HashAlgorithm]] = {
    "md5": MD5,
    "sha1": SHA1,
    "sha224": SHA224,
    "sha256": SHA256,
    "sha384": SHA384,
    "sha512": SHA512,
}
_SALT_OCTETS = 8
_DES_OCTETS = 8
_AES_OCTETS = 16


class Hmac:
    """HMAC (RFC 2104) by the hash of that name, of which `octets` are sent.

    What the key makes of the hash is prepared once.
    """

    def __init__(self, name: str, octets: int, key: bytes) -> None:
        self.octets = octets
        self._prepared = HMAC(key, _HASHES[name]())

    def sign(self, *parts: bytes) -> bytes:
        """Return the octets that go with a message, which is given in parts."""
        mac = self._prepared.copy()
        for part in parts:
            mac.update(part)
        return mac.finalize()[: self.octets]


class Aes:
    """AES in CFB mode with a key of 128, 192 or 256 bits.

    The salts count from a random start, so that no two messages of a key share one.

    Making a cipher costs several times what it does to a message, so one serves all: whatever was
    encrypted last is in CFB the vector for what comes next (NIST SP 800-38A, section 6.3).
    """

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(AES(key), CFB(bytes(_AES_OCTETS)))
        self._encryptor, self._decryptor = cipher.encryptor(), cipher.decryptor()
        self._block = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - of single blocks
        self._last = bytes(_AES_OCTETS)
        self._salts = itertools.count(secrets.randbits(64))

    def encrypt(self, plain: bytes, boots: int, time_s: int) -> tuple[bytes, bytes]:
        """Return the encrypted octets, as many as the plain ones, and their salt."""
        salt = (next(self._salts) % 2**64).to_bytes(_SALT_OCTETS, "big")
        mask = int.from_bytes(self._block.update(self._last))
        # Of this block comes the vector.
        first = (mask ^ int.from_bytes(_vector(boots, time_s, salt))).to_bytes(_AES_OCTETS)
        encrypted = self._encryptor.update(first + _whole(plain))
        self._last = encrypted[-_AES_OCTETS:]
        return encrypted[_AES_OCTETS : _AES_OCTETS + len(plain)], salt

    def decrypt(self, data: bytes, boots: int, time_s: int, salt: bytes) -> bytes:
        """Return the plain octets.

        Raises:
            ValueError: the salt has not eight octets.

        """
        if len(salt) != _SALT_OCTETS:
            msg = f"a salt of {len(salt)} octets"
            raise ValueError(msg)
        plain = self._decryptor.update(_vector(boots, time_s, salt) + _whole(data))
        return plain[_AES_OCTETS : _AES_OCTETS + len(data)]


def _vector(boots: int, time_s: int, salt: bytes) -> bytes:
    return boots.to_bytes(4) + time_s.to_bytes(4) + salt


def _whole(data: bytes) -> bytes:
    """Pad to whole blocks: within one, the cipher would go on in its middle."""
    return data + bytes(-len(data) % _AES_OCTETS)


class Des:
    """DES in CBC mode: eight octets are the key, the other eight make the vector with the salt."""

    def __init__(self, key: bytes) -> None:
        # Three times the same key make DES of TripleDES.
        self._algorithm = TripleDES(key[:_DES_OCTETS] * 3)
        self._vector = int.from_bytes(key[_DES_OCTETS:], "big")
        self._salts = itertools.count(secrets.randbits(32))

    def encrypt(self, plain: bytes, boots: int, time_s: int) -> tuple[bytes, bytes]:
        """Return the encrypted octets, padded to a multiple of eight, and their salt."""
        salt = boots.to_bytes(4, "big") + (next(self._salts) % 2**32).to_bytes(4, "big")
        encryptor = self._with(salt).encryptor()
        padded = plain + bytes(-len(plain) % _DES_OCTETS)
        return encryptor.update(padded) + encryptor.finalize(), salt

    def decrypt(self, data: bytes, boots: int, time_s: int, salt: bytes) -> bytes:
        """Return the plain octets with their padding.

        Raises:
            ValueError: the data are no whole blocks, or the salt has not eight octets.

        """
        decryptor = self._with(salt).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def _with(self, salt: bytes) -> Cipher[CBC]:
        if len(salt) != _SALT_OCTETS:
            msg = f"a salt of {len(salt)} octets"
            raise ValueError(msg)
        vector = self._vector ^ int.from_bytes(salt, "big")
        return Cipher(self._algorithm, CBC(vector.to_bytes(_SALT_OCTETS, "big")))
