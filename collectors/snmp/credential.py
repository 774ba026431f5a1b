"""Who asks: what an SNMP agent is shown before it answers."""

from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

AuthProtocol = Literal["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
PrivProtocol = Literal["DES", "AES-128", "AES-192", "AES-256"]


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


Credential = Community | User
