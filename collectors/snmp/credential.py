"""Who asks: what an SNMP agent is shown before it answers."""

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

AuthProtocol = Literal["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]

PrivProtocol = Literal["DES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C"]
"""A digest too short for a key of 192 or 256 bits is stretched as Blumenthal's draft has it,
or with -C as Reeder's, which is what Cisco's devices do; no RFC has either."""

MAX_USER_OCTETS = 32
"""Of a user's name (RFC 3414, usmUserName)."""


@dataclass(frozen=True, slots=True)
class Community:
    """SNMPv2c (RFC 3584): a word in the clear, so a device needs a waiver for it."""

    community: SecretStr


@dataclass(frozen=True, slots=True)
class User:
    """SNMPv3 user-based security (RFC 3414); authPriv when both secrets are given."""

    name: str
    auth_protocol: AuthProtocol | None = None
    auth_secret: SecretStr | None = None
    priv_protocol: PrivProtocol | None = None
    priv_secret: SecretStr | None = None

    @property
    def level(self) -> int:
        """The security level as msgFlags has it (RFC 3412): 1 signs, 2 encrypts, never alone."""
        if self.auth_protocol is None or self.auth_secret is None:
            return 0
        return 1 if self.priv_protocol is None or self.priv_secret is None else 3


Credential = Community | User
