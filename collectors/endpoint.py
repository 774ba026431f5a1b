"""Where a host's name leads, and the words for what fails on the way there."""

import asyncio
import errno
import os
import socket
from typing import Any, NamedTuple

from collectors.base import CollectError, Family, Reason
from collectors.fields import split_address
from collectors.story import resolving, tell

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
    return (await resolve_all(address, family, port))[0]


async def resolve_all(address: str, family: Family, port: int = 0) -> list[Endpoint]:
    """Find all addresses of a host in `family`, in the system's order (RFC 6724).

    Raises:
        CollectError: `resolve`, if the name leads nowhere or not into that family.

    """
    try:
        with resolving():
            found = await _lookup(split_address(address)[0], port, _FAMILIES[family])
    except socket.gaierror as error:
        named = CollectError.of(error)
        raise CollectError(named.reason, f"{address}: {named.detail}") from error
    tell("%s is %s", address, ", ".join(it.host for it in found))
    return found


def failed(endpoint: Endpoint, error: OSError) -> CollectError:
    """Name what the system said of an attempt, and whom it concerned."""
    text = os.strerror(error.errno) if error.errno else str(error)
    return CollectError(CollectError.of(error).reason, f"{endpoint.host}: {text}")


def open_socket(
    endpoint: Endpoint,
    kind: socket.SocketKind,
    source: str | None = None,
    source_interface: str | None = None,
) -> socket.socket:
    """Open a socket towards an endpoint, bound to what the probe is to leave from; not blocking.

    Raises:
        CollectError: `local`, if this host has no such address or interface, or may not bind.

    """
    sock = socket.socket(endpoint.family, kind)
    try:
        sock.setblocking(False)
        if source_interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, source_interface.encode())
        if source:
            sock.bind((source, 0))
    except OSError as error:
        sock.close()
        what = source if source and error.errno == errno.EADDRNOTAVAIL else source_interface
        msg = f"cannot send from {what or source}: {os.strerror(error.errno or 0)}"
        raise CollectError(Reason.LOCAL, msg) from error
    return sock


async def _lookup(address: str, port: int, family: socket.AddressFamily) -> list[Endpoint]:
    kind = socket.SOCK_STREAM  # one of several that give the same addresses
    try:
        # A number needs no resolver, and so none of the few threads that wait for one.
        found = socket.getaddrinfo(address, port, family, kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(address, port, family=family, type=kind)
    return [Endpoint(it[0], it[4]) for it in found]
