"""Where a host's name leads, and the words for what fails on the way there."""

import asyncio
import os
import socket
from typing import Any, NamedTuple

from collectors.base import CollectError, Family
from collectors.fields import split_address

_FAMILIES: dict[Family, socket.AddressFamily] = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}


class Endpoint(NamedTuple):
    """Where packets go: an address family and what the socket calls of that family take."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]

    @property
    def host(self) -> str:
        """The numeric address, as replies from it bear it too."""
        return str(self.sockaddr[0])


async def resolve(address: str, family: Family, port: int = 0) -> Endpoint:
    """Find the first address of a host in `family`; of `any`, in the system's order (RFC 6724).

    Raises:
        CollectError: `resolve`, if the name leads nowhere or not into that family.

    """
    try:
        return await _lookup(split_address(address)[0], port, _FAMILIES[family])
    except socket.gaierror as error:
        named = CollectError.of(error)
        raise CollectError(named.reason, f"{address}: {named.detail}") from error


def failed(endpoint: Endpoint, error: OSError) -> CollectError:
    """Name what the system said of an attempt, and whom it concerned."""
    text = os.strerror(error.errno) if error.errno else str(error)
    return CollectError(CollectError.of(error).reason, f"{endpoint.host}: {text}")


async def _lookup(address: str, port: int, family: socket.AddressFamily) -> Endpoint:
    kind = socket.SOCK_STREAM  # one of several that give the same addresses
    try:
        # A number needs no resolver, and so none of the few threads that wait for one.
        found = socket.getaddrinfo(address, port, family, kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, port, family=family, type=kind)
    return Endpoint(found[0][0], found[0][4])
