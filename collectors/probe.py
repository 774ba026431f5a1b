"""What every kind of probe may be told, and what several kinds measure."""

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import Field

from collectors.base import CollectError, Metric, Sample, Target
from collectors.endpoint import Endpoint, resolve_all
from collectors.fields import NicName, OwnAddress

RTT = Metric(
    "netfold_probe_rtt_seconds",
    "gauge",
    "Round-trip time of the last round.",
    ("target", "stat"),
)
PHASE = Metric(
    "netfold_probe_phase_seconds",
    "gauge",
    "What each step of the last round took.",
    ("target", "phase"),
)


class Probe(Target):
    """Options of all probes.

    A name's first address is probed (RFC 6724), or every one; another family only if that is asked.
    `expect: unreachable` is for targets that must not answer from here: reaching one is a breach.
    `expand_up_to` lets an address be a range (`config/expansion.py`).
    """

    fallback: bool = False
    every_address: bool = False
    source: OwnAddress | None = None
    source_interface: NicName | None = None
    expect: Literal["reachable", "unreachable"] = Field("reachable")
    expand_up_to: int | None = Field(None, ge=1, le=4096)


async def at_addresses(
    probe: Probe, port: int, attempt: Callable[[Endpoint], Awaitable[list[Sample]]]
) -> list[Sample]:
    """Attempt the addresses that the probe asks for; return what the first success measured.

    Raises:
        CollectError: `resolve`, or what the attempt met (of every address: the first that fails).

    """
    endpoints = await resolve_all(probe.address, probe.family, port)
    if not (probe.every_address or probe.fallback):
        return await attempt(endpoints[0])
    raise CollectError.of(OSError("every_address and fallback are not there yet"))
