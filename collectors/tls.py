"""TLS: does a server prove who it is, with what, and until when (RFC 8446, 5280)."""

import asyncio
from collections.abc import Iterator
from time import perf_counter

from pydantic import Field

from collectors import tls_chain
from collectors.base import CollectError, Metric, Reason, Sample, Tools, collector
from collectors.endpoint import Endpoint, connect, handshake_s
from collectors.fields import Host, split_address
from collectors.handshake import Handshake
from collectors.pace import turn_before
from collectors.probe import AT_ADDRESSES, PHASE, RTT, Probe, at_addresses
from collectors.story import tell
from collectors.tls_options import TlsContexts, TlsOptions

VERIFIED = Metric(
    "netfold_probe_tls_verified",
    "gauge",
    "Whether the chain leads to a trusted authority, is valid now and bears the server's name.",
    ("target",),
)

_FIRST_WORD_S = 1.0
"""Servers answer a goodbye at once, or never."""


class TlsTarget(TlsOptions, Probe):
    """Options of `kind: tls`."""

    address: Host
    port: int = Field(443, ge=1, le=65535)


@collector("tls", TlsTarget, RTT, VERIFIED, tls_chain.INFO, *tls_chain.METRICS, *AT_ADDRESSES)
async def collect(target: TlsTarget, tools: Tools) -> list[Sample]:
    """Connect, shake hands, verify, hang up; what the certificates say is measured either way.

    Raises:
        CollectError: `resolve`, what the connection met, `timeout`, and what `Handshake` raises,
            with all that was measured before.

    """
    name = target.server_name or split_address(target.address)[0]

    async def attempt(endpoint: Endpoint, until_s: float) -> list[Sample]:
        context = tools.use(TlsContexts).get(target)  # reads files, within the time
        await turn_before(tools, until_s)
        started_s = perf_counter()
        with await connect(tools, endpoint, target.source, target.source_interface) as connection:
            connect_s = perf_counter() - started_s
            rtt_s = handshake_s(connection) or connect_s
            handshake = Handshake(endpoint, connection, context, name)
            failure = await _failure(endpoint, handshake, until_s)
        is_proven = handshake.duration_s is not None
        chain = tls_chain.read(tls_chain.certificates(handshake.tls, is_proven=is_proven))
        samples = [
            Sample(RTT, rtt_s, (target.name, "mean")),
            Sample(PHASE, connect_s, (target.name, "connect")),
            *_agreed(target.name, handshake, failure),
            *tls_chain.samples(target.name, chain),
        ]
        if failure is None:
            return samples
        detail = tls_chain.in_words(failure.reason, failure.detail, chain)
        raise CollectError(failure.reason, detail, samples) from failure

    return await at_addresses(target, target.port, attempt)


async def _failure(endpoint: Endpoint, handshake: Handshake, until_s: float) -> CollectError | None:
    """Shake hands, and say what came in between; None if nothing did."""
    tell("shaking hands")
    try:
        async with asyncio.timeout(until_s - perf_counter()):
            await handshake.perform()
    except TimeoutError:
        msg = f"{endpoint.host}: no end of the TLS handshake in time; "
        msg += f"the server sent {handshake.received_bytes} bytes"
        return CollectError(Reason.TIMEOUT, msg)
    except CollectError as error:
        return error
    tell("agreed on %s, %s", handshake.version, (handshake.tls.cipher() or ("",))[0])
    try:
        async with asyncio.timeout(min(_FIRST_WORD_S, until_s - perf_counter())):
            await handshake.hear_first_word()
    except TimeoutError:
        return None  # silence is no refusal
    except CollectError as error:
        return error
    return None


def _agreed(target: str, handshake: Handshake, failure: CollectError | None) -> Iterator[Sample]:
    if handshake.duration_s is None:
        if failure and failure.reason in tls_chain.NOT_PROVEN:
            yield Sample(VERIFIED, 0, (target,))
        return
    yield Sample(PHASE, handshake.duration_s, (target, "tls"))
    yield Sample(VERIFIED, 1, (target,))
    cipher = handshake.tls.cipher()
    if cipher:
        yield Sample(tls_chain.INFO, 1, (target, handshake.version, cipher[0]))
