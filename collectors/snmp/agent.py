"""Which SNMP agent is asked, and as whom."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from collectors.base import CollectError, Family
from collectors.fields import join_address, split_address
from collectors.snmp.credential import Credential

PORT = 161

_FAMILIES: dict[Family, socket.AddressFamily] = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}


@dataclass(frozen=True, slots=True)
class Agent:
    """One SNMP agent; `host` is a name or an address, which `family` may narrow."""

    host: str
    port: int
    credential: Credential
    family: Family = "any"

    @classmethod
    def at(cls, address: str, credential: Credential, family: Family = "any") -> Self:
        """Make one of an address as an operator writes it, with a port or without.

        Raises:
            ValueError: it is no address; the text says what would be right.

        """
        host, port = split_address(address)
        return cls(host, PORT if port is None else port, credential, family)

    def __str__(self) -> str:
        return join_address(self.host, self.port)


class Destination(NamedTuple):
    """Where an agent's name leads to: a socket address and its family."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


async def resolve(agent: Agent) -> Destination:
    """Find where to send; a name is looked up without holding up anybody.

    Raises:
        CollectError: nobody knows the name.

    """
    wanted = (agent.host, agent.port, _FAMILIES[agent.family], socket.SOCK_DGRAM)
    try:
        found = socket.getaddrinfo(*wanted, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
    except socket.gaierror:
        family, type_ = wanted[2:]
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(agent.host, agent.port, family=family, type=type_)
        except OSError as error:
            reason = CollectError.of(error)
            raise CollectError(reason.reason, f"{agent.host}: {reason.detail}") from None
    return Destination(found[0][0], found[0][4])
