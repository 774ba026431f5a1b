"""The ciphers of SNMPv3: DES (RFC 3414, section 8) and AES (RFC 3826).

Both are no longer of this time, so newer versions of `cryptography` keep them apart.
"""

import itertools
import secrets

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_SALT_OCTETS = 8
_DES_OCTETS = 8


class Aes:
    """AES in CFB mode with a key of 128, 192 or 256 bits.

    The salts count from a random start, so that no two messages of a key share one.
    """

    def __init__(self, key: bytes) -> None:
        self._algorithm = AES(key)
        self._salts = itertools.count(secrets.randbits(64))

    def encrypt(self, plain: bytes, boots: int, time_s: int) -> tuple[bytes, bytes]:
        """Return the encrypted octets, as many as the plain ones, and their salt."""
        salt = (next(self._salts) % 2**64).to_bytes(_SALT_OCTETS, "big")
        encryptor = self._with(boots, time_s, salt).encryptor()
        return encryptor.update(plain) + encryptor.finalize(), salt

    def decrypt(self, data: bytes, boots: int, time_s: int, salt: bytes) -> bytes:
        """Return the plain octets.

        Raises:
            ValueError: the salt has not eight octets.

        """
        decryptor = self._with(boots, time_s, salt).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    def _with(self, boots: int, time_s: int, salt: bytes) -> Cipher[CFB]:
        vector = boots.to_bytes(4, "big") + time_s.to_bytes(4, "big") + salt
        return Cipher(self._algorithm, CFB(vector))


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
