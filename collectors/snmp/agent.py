"""Which SNMP agent is asked, and as whom."""

from dataclasses import dataclass
from typing import Self

from collectors.base import Family
from collectors.fields import join_address, split_address
from collectors.snmp.credential import Credential

PORT = 161


@dataclass(frozen=True, slots=True)
class Agent:
    """One SNMP agent; `host` is a name or an address, which `family` may narrow.

    `source` is the address of this host to ask from, where it has several.
    """

    host: str
    port: int
    credential: Credential
    family: Family = "any"
    source: str | None = None

    @classmethod
    def at(
        cls,
        address: str,
        credential: Credential,
        family: Family = "any",
        source: str | None = None,
    ) -> Self:
        """Make one of an address as an operator writes it, with a port or without.

        Raises:
            ValueError: it is no address; the text says what would be right.

        """
        host, port = split_address(address)
        return cls(host, PORT if port is None else port, credential, family, source)

    def __hash__(self) -> int:
        """Be found quickly, at every request; two credentials of one address are rare."""
        return hash((self.host, self.port))

    def __str__(self) -> str:
        return join_address(self.host, self.port)
