"""Where a host's name leads, and the words for what fails on the way there."""

import asyncio
import errno
import os
import socket
import struct
from functools import lru_cache
from typing import Any, NamedTuple

from collectors.base import ROUTERS_ERRNO, CollectError, Family, Reason, Tools
from collectors.fields import not_one_host, split_address
from collectors.lookup import Resolver
from collectors.ready import Ready
from collectors.story import answered, is_heard, tell

_FAMILIES: dict[Family, socket.AddressFamily] = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}

_RESOLVER = Resolver()
_RTT = struct.Struct("=68xI")  # tcpi_rtt of struct tcp_info (linux/tcp.h), in microseconds


class Endpoint(NamedTuple):
    """Where packets go: an address family and what the socket calls of that family take."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]

    @property
    def host(self) -> str:
        """The numeric address, as replies from it bear it too."""
        return str(self.sockaddr[0])


async def resolve(
    address: str, family: Family, port: int = 0, within_s: float | None = None
) -> Endpoint:
    """Find the first address of a host in `family`; of `any`, in the system's order (RFC 6724).

    Raises:
        CollectError: as `resolve_all` does.

    """
    return (await resolve_all(address, family, port, within_s))[0]


async def resolve_all(
    address: str, family: Family, port: int = 0, within_s: float | None = None
) -> list[Endpoint]:
    """Find all addresses of a host in `family`, in the system's order (RFC 6724), each once.

    Raises:
        CollectError: `resolve`, if the name leads nowhere, not into that family, to what is not
            one host (multicast, broadcast), or the resolver did not answer `within_s`.

    """
    try:
        if written := numeric(address, port, family):
            return list(written)
        tell("asking the resolver for %s", address)
        async with asyncio.timeout(within_s):
            found = await _named(address, port, family)
    except TimeoutError as error:
        msg = f"{address}: the resolver did not answer within {within_s:.3g} s"
        raise CollectError(Reason.RESOLVE, msg) from error
    except OSError as error:
        named = CollectError.of(error)
        raise CollectError(named.reason, f"{address}: {named.detail}") from error
    tell("%s leads to %s", address, ", ".join(it.host for it in found))
    return found


@lru_cache(maxsize=8192)
def numeric(address: str, port: int, family: Family) -> tuple[Endpoint, ...]:
    """What a number leads to, which is always the same; nothing if it is a name.

    It needs no resolver, and so none of the threads that wait for one.

    Raises:
        socket.gaierror: it is a number of another family.

    """
    host, kind = split_address(address)[0], socket.SOCK_STREAM  # one of several that say the same
    try:
        found = socket.getaddrinfo(host, port, _FAMILIES[family], kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror as error:
        if error.errno != socket.EAI_NONAME:
            raise
        return ()
    return tuple(Endpoint(it[0], it[4]) for it in found)


def failed(endpoint: Endpoint, error: OSError, *, has_left: bool = False) -> CollectError:
    """Name what the system said of an attempt, and whom it concerned.

    `has_left`: of a packet that has left this host, which only a router can say some things of.
    """
    text = os.strerror(error.errno) if error.errno else str(error)
    if has_left and error.errno in ROUTERS_ERRNO:
        return CollectError(Reason.UNREACHABLE, f"{endpoint.host}: {text}, says a router")
    return CollectError(CollectError.of(error).reason, f"{endpoint.host}: {text}")


def open_socket(
    endpoint: Endpoint,
    kind: socket.SocketKind,
    source: str | None = None,
    source_interface: str | None = None,
) -> socket.socket:
    """Open a socket towards an endpoint, bound to what the probe is to leave from; not blocking.

    Raises:
        CollectError: `local`, if this host has no such address or interface, may not use it, or
            has no more sockets.

    """
    try:
        sock = socket.socket(endpoint.family, kind | socket.SOCK_NONBLOCK)
    except OSError as error:
        raise CollectError(Reason.LOCAL, _no_socket(error)) from error
    if source or source_interface:
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
        msg = _no_source(error, source, source_interface)
        raise CollectError(Reason.LOCAL, msg) from error


async def connect(
    tools: Tools,
    endpoint: Endpoint,
    source: str | None = None,
    source_interface: str | None = None,
) -> socket.socket:
    """Open a TCP connection; who gets it closes it.

    Raises:
        CollectError: as `open_socket` does, or what the connection met.

    """
    sock = open_socket(endpoint, socket.SOCK_STREAM, source, source_interface)
    tell("connecting to %s port %s", endpoint.host, endpoint.sockaddr[1])
    try:
        await _connected(tools, sock, endpoint)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):
            raise failed(endpoint, error) from error
        raise
    # Asking the system costs as much as all else here, so only where somebody wants to know.
    answered("connected from %s", sock.getsockname()[0] if is_heard() else "")
    return sock


def handshake_s(connection: socket.socket) -> float | None:
    """How long the far side took to answer, as the kernel measured it (tcp(7), TCP_INFO).

    None if it could not tell, as after a lost packet. A busy agent does not make it longer.
    """
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT.size)
    (rtt_us,) = _RTT.unpack(info)
    return rtt_us / 1e6 if rtt_us else None


async def _connected(tools: Tools, sock: socket.socket, endpoint: Endpoint) -> None:
    number = sock.connect_ex(endpoint.sockaddr)
    has_left = number == errno.EINPROGRESS
    if has_left:
        await tools.use(Ready).to_write(sock)
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise failed(endpoint, OSError(number, ""), has_left=has_left)


def _no_socket(error: OSError) -> str:
    match error.errno:
        case errno.EMFILE:
            return "no more sockets for netfold; raise its limit of files (LimitNOFILE)"
        case errno.EAFNOSUPPORT:
            return "this host has no such family of addresses; probe the other one"
    return f"no socket: {os.strerror(error.errno or 0)}"


def _no_source(error: OSError, source: str | None, interface: str | None) -> str:
    match error.errno:
        case errno.ENODEV:
            names = ", ".join(name for _, name in socket.if_nameindex())
            return f"no interface {interface} on this host; it has {names}"
        case errno.EPERM:
            return f"may not send from interface {interface}; give netfold CAP_NET_RAW"
        case errno.EADDRNOTAVAIL:
            return f"no address {source} on this host; write one of its own"
    if isinstance(error, socket.gaierror):  # its numbers are its own
        return f"cannot send from {source} to an address of the other family"
    return f"cannot send from {source or interface}: {os.strerror(error.errno or 0)}"


async def _named(address: str, port: int, family: Family) -> list[Endpoint]:
    found = await _RESOLVER.find(split_address(address)[0], _FAMILIES[family])
    endpoints = [Endpoint(family, (host, port, *scope)) for family, (host, _, *scope) in found]
    for endpoint in endpoints:
        if what := not_one_host(endpoint.host):
            msg = f"{address}: leads to {endpoint.host}, {what}, which is never probed"
            raise CollectError(Reason.RESOLVE, msg)
    return endpoints
