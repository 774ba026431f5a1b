"""TCP: does a port take connections, how long does the handshake take, and does it say its line."""

from time import perf_counter

from pydantic import Field

from collectors.base import CollectError, Sample, Tools, collector
from collectors.endpoint import Endpoint, connect, handshake_s
from collectors.fields import Host
from collectors.pace import turn_before
from collectors.probe import AT_ADDRESSES, PHASE, RTT, Probe, at_addresses
from collectors.talk import Steps, talk


class TcpTarget(Probe):
    """Options of `kind: tcp`; `talk` is what is sent and must be said once it is connected."""

    address: Host
    port: int = Field(ge=1, le=65535)
    talk: Steps = ()


@collector("tcp", TcpTarget, RTT, *AT_ADDRESSES)
async def collect(target: TcpTarget, tools: Tools) -> list[Sample]:
    """Open and close one connection; its round-trip time is the kernel's word on the handshake.

    Raises:
        CollectError: `resolve`, what the connection met (refused, unreachable, timeout, local), or,
            with the times measured so far, what was wrong with what the server said.

    """

    async def attempt(endpoint: Endpoint, until_s: float) -> list[Sample]:
        await turn_before(tools, until_s)
        started_s = perf_counter()
        connection = await connect(tools, endpoint, target.source, target.source_interface)
        connected_s = perf_counter()
        took_s = connected_s - started_s
        with connection:
            samples = [
                Sample(RTT, handshake_s(connection) or took_s, (target.name, "mean")),
                Sample(PHASE, took_s, (target.name, "connect")),
            ]
            if not target.talk:
                return samples
            try:
                await talk(endpoint, connection, target.talk, until_s)
            except CollectError as error:
                error.measurements = samples
                raise
        samples.append(Sample(PHASE, perf_counter() - connected_s, (target.name, "talk")))
        return samples

    return await at_addresses(target, target.port, attempt)
