"""Where a host's name leads, and the words for what fails on the way there."""

import asyncio
import errno
import os
import socket
from functools import lru_cache
from typing import Any, NamedTuple

from collectors.base import CollectError, Family, Reason
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
    return (await resolve_all(address, family, port))[0]


async def resolve_all(address: str, family: Family, port: int = 0) -> list[Endpoint]:
    """Find all addresses of a host in `family`, in the system's order (RFC 6724).

    Raises:
        CollectError: `resolve`, if the name leads nowhere or not into that family.

    """
    if found := _numeric(address, port, _FAMILIES[family]):
        return [*found]
    try:
        return await _lookup(split_address(address)[0], port, _FAMILIES[family])
    except socket.gaierror as error:
        named = CollectError.of(error)
        raise CollectError(named.reason, f"{address}: {named.detail}") from error


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
    leave_from(sock, source, source_interface)
    return sock


def leave_from(sock: socket.socket, source: str | None, source_interface: str | None) -> None:
    """Bind a socket to what its packets are to leave from, not blocking; close it where that fails.

    Raises:
        CollectError: `local`, if this host has no such address or interface, or may not bind.

    """
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


@lru_cache(maxsize=8192)
def _numeric(address: str, port: int, family: socket.AddressFamily) -> tuple[Endpoint, ...]:
    """Where a numeric address leads; nowhere if it is a name, or of another family.

    It needs no resolver, and so none of the few threads that wait for one; and once, not again
    for every round, since reading it costs more than sending to it.
    """
    flags, host = socket.AI_NUMERICHOST, split_address(address)[0]
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=flags)
    except socket.gaierror:
        return ()
    return tuple(Endpoint(it[0], it[4]) for it in found)


async def _lookup(address: str, port: int, family: socket.AddressFamily) -> list[Endpoint]:
    kind = socket.SOCK_STREAM  # one of several that give the same addresses
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address, port, family=family, type=kind)
    return [Endpoint(it[0], it[4]) for it in found]
