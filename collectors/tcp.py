"""TCP: does a port take connections, and how long does the handshake take."""

import asyncio
import socket
from time import perf_counter

from pydantic import Field

from collectors.base import Sample, Tools, collector
from collectors.endpoint import failed, resolve
from collectors.fields import Host
from collectors.probe import RTT, Probe
from collectors.story import answered, tell


class TcpTarget(Probe):
    """Options of `kind: tcp`."""

    address: Host
    port: int = Field(ge=1, le=65535)


@collector("tcp", TcpTarget, RTT)
async def collect(target: TcpTarget, tools: Tools) -> list[Sample]:
    """Open and close one connection to the first address; resolving its name is not in the time.

    Raises:
        CollectError: `resolve`, or what the connection met: refused, unreachable, timeout, local.

    """
    endpoint = await resolve(target.address, target.family, target.port)
    try:
        # A bare socket: nothing is sent or read, so a stream would be only more to close.
        with socket.socket(endpoint.family, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            tell("connecting to %s port %d", endpoint.host, target.port)
            started = perf_counter()
            await asyncio.get_running_loop().sock_connect(connection, endpoint.sockaddr)
            rtt_s = perf_counter() - started
            source = connection.getsockname()[0]
            answered("connected from %s in %.2f ms", source, rtt_s * 1e3)
    except OSError as error:
        raise failed(endpoint, error) from error
    return [Sample(RTT, rtt_s, (target.name, "mean"))]
