"""Which SNMP agent is asked, and as whom."""

import asyncio
import re
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any, NamedTuple, Self

from collectors.base import CollectError, Family
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
        """Make one of an address as an operator writes it; ValueError as `endpoint` raises it."""
        return cls(*endpoint(address), credential, family)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def endpoint(address: str) -> tuple[str, int]:
    """Split `r1`, `198.51.100.1:161`, `2001:db8::1` or `[2001:db8::1]:161`; the port may be absent.

    Raises:
        ValueError: neither of these; the text says what would be right.

    """
    if _is_ipv6(address):
        return address, PORT
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^\s:\[\]]+))(?::(\d{1,5}))?", address)
    port = int(match[3] or PORT) if match else 0
    if match is None or not 0 < port < 2**16 or (match[1] and not _is_ipv6(match[1])):
        msg = (
            f"not an address: {address!r}; write a name or an IP address, and a port if it is not "
            f"{PORT}, as 198.51.100.1:1161 or [2001:db8::1]:1161"
        )
        raise ValueError(msg)
    return match[1] or match[2], port


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


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
