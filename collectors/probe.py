"""What every kind of probe may be told, and what several kinds measure."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from socket import AF_INET, if_nameindex
from time import perf_counter
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from collectors.base import CollectError, Family, Measurement, Metric, Reason, Sample, Target
from collectors.endpoint import Endpoint, resolve_all
from collectors.fields import NicName, OwnAddress, seen

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
IP_VERSION = Metric(
    "netfold_probe_ip_version",
    "gauge",
    "Which family answered the last round (4 or 6), where the probe leaves it open.",
    ("target",),
)
ADDRESS_SUCCESS = Metric(
    "netfold_probe_address_success",
    "gauge",
    "Whether this address answered the last round, where every address of a name is probed.",
    ("target", "address"),
)
ADDRESS_RTT = Metric(
    "netfold_probe_address_rtt_seconds",
    "gauge",
    "Mean round-trip time of this address, where every address of a name is probed.",
    ("target", "address"),
)
AT_ADDRESSES = (PHASE, IP_VERSION, ADDRESS_SUCCESS, ADDRESS_RTT)
"""What `at_addresses` adds to what an attempt measures."""

_REPORT_S = 0.05
"""Kept of the timeout, so that an attempt that nobody answers still says what it measured."""

_GRACE_S = _REPORT_S / 2
"""An attempt that does not end by itself in time is ended so long after it."""

MOST_ADDRESSES = 32
"""Of one name that are probed together: each costs a socket and two series."""

_OTHER: dict[Family, Family] = {"ipv4": "ipv6", "ipv6": "ipv4"}

Attempt = Callable[[Endpoint, float], Awaitable[list[Sample]]]
"""Measures one address until a moment (perf_counter), by which it says what it has."""


def _family(value: object) -> object:
    if isinstance(value, str) and value not in get_args(Family):
        msg = f"not a family: {seen(value)}; write any, ipv4 or ipv6, or both for a target of each"
        raise ValueError(msg)
    return value


class Probe(Target):
    """Options of all probes.

    A name's first address is probed (RFC 6724), or every one; another family only if that is asked.
    Where a source address is named, its family is the probe's.
    `expect: unreachable` is for targets that must not answer from here: reaching one is a breach.
    `expand_up_to` lets an address be a range (`config/expansion.py`).
    """

    family: Annotated[Family, BeforeValidator(_family)] = "any"
    fallback: bool = False
    every_address: bool = False
    source: OwnAddress | None = None
    source_interface: NicName | None = None
    expect: Literal["reachable", "unreachable"] = Field("reachable")
    expand_up_to: int | None = Field(None, ge=1, le=4096)

    @property
    def asked_family(self) -> Family:
        """The family to probe: the one that is written, else that of the source."""
        if self.family == "any" and self.source:
            return _family_of(self.source)
        return self.family

    @model_validator(mode="after")
    def _addresses_are_asked_for_in_one_way(self) -> Self:
        if self.fallback and self.every_address:
            msg = "fallback and every_address exclude each other; write one of them"
            raise ValueError(msg)
        if self.fallback and self.asked_family == "any":
            msg = "fallback without a family to prefer; write family: ipv4 or ipv6 too"
            raise ValueError(msg)
        if self.source and (self.fallback or self.asked_family != _family_of(self.source)):
            msg = f"source {self.source} can only reach {_family_of(self.source)}; "
            raise ValueError(msg + "leave out fallback, and any other family")
        return self


async def at_addresses(probe: Probe, port: int, attempt: Attempt) -> list[Sample]:
    """Attempt the addresses that the probe asks for; return what the first success measured.

    With `every_address` each has to answer; with `expect: unreachable` too, none may, and each has
    to be tried. The lookup of a name is no part of an attempt but the phase `resolve` of what is
    returned or raised.

    Raises:
        CollectError: `resolve`, or what the attempt met; of several, rather a far side's word.

    """
    started_s = perf_counter()
    within_s = probe.timeout_s - min(_REPORT_S, probe.timeout_s / 4)
    until_s = started_s + within_s
    if probe.source_interface:
        attempt = _over(probe.source_interface, _ended(attempt))
    if probe.fallback:
        return await _with_fallback(probe, port, attempt, until_s)
    endpoints = await resolve_all(probe.address, probe.asked_family, port, within_s)
    first = endpoints[0]
    if probe.every_address:
        with _saying(_lookup_phase(probe, first, started_s)) as told:
            return told + await _at_every(probe, endpoints, attempt, until_s)
    if first.host == probe.address:
        return await attempt(first, until_s)
    with _saying(_lookup_phase(probe, first, started_s)) as told:
        return told + await _at_one(probe, first, attempt, until_s)


async def _with_fallback(probe: Probe, port: int, attempt: Attempt, until_s: float) -> list[Sample]:
    """Attempt the asked family in half of the time, then the other one in what is left."""
    failures = []
    for family, share in ((probe.family, 2), (_OTHER[probe.family], 1)):
        started_s = perf_counter()
        within_s = (until_s - started_s) / share
        try:
            endpoint = (await resolve_all(probe.address, family, port, within_s))[0]
            with _saying(_lookup_phase(probe, endpoint, started_s)) as told:
                in_time = _ended(attempt)
                return told + await _at_one(probe, endpoint, in_time, started_s + within_s)
        except CollectError as error:
            failures.append(error)
    worst = _most_telling(probe, failures)
    detail = "; ".join(error.detail for error in failures)
    raise CollectError(worst.reason, detail, worst.measurements)


async def _at_one(
    probe: Probe, endpoint: Endpoint, attempt: Attempt, until_s: float
) -> list[Sample]:
    samples = await attempt(endpoint, until_s)
    if probe.fallback or probe.asked_family == "any":
        version = 4 if endpoint.family == AF_INET else 6
        samples.append(Sample(IP_VERSION, version, (probe.name,)))
    return samples


async def _at_every(
    probe: Probe, endpoints: Sequence[Endpoint], attempt: Attempt, until_s: float
) -> list[Sample]:
    if len(endpoints) > MOST_ADDRESSES:
        msg = f"{probe.address}: {len(endpoints)} addresses, and at most {MOST_ADDRESSES} are "
        raise CollectError(Reason.RESOLVE, msg + "probed together; write targets of their own")
    in_time = _ended(attempt)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outcome(in_time, it, until_s)) for it in endpoints]
    outcomes = {
        endpoint.host: task.result() for endpoint, task in zip(endpoints, tasks, strict=True)
    }
    told = [it for host, found in outcomes.items() for it in _of_address(probe.name, host, found)]
    failures = [it for it in outcomes.values() if isinstance(it, CollectError)]
    answers = [it for it in outcomes.values() if not isinstance(it, CollectError)]
    # Of what must not be reached, one address that is decides.
    if answers and (not failures or probe.expect == "unreachable"):
        return told + answers[0]
    worst = _most_telling(probe, failures)
    measured: Sequence[Measurement] = answers[0] if answers else worst.measurements
    share = f" ({len(failures)} of {len(endpoints)} addresses)"
    raise CollectError(worst.reason, worst.detail + share, [*told, *measured])


def _of_address(target: str, host: str, found: list[Sample] | CollectError) -> Iterator[Sample]:
    labels = (target, host)
    if not isinstance(found, CollectError):
        yield Sample(ADDRESS_SUCCESS, 1, labels)
        for it in found:
            if it.metric is RTT and it.labels[1] == "mean":
                yield Sample(ADDRESS_RTT, it.value, labels)
    elif found.reason.is_remote:
        yield Sample(ADDRESS_SUCCESS, 0, labels)


async def _outcome(
    attempt: Attempt, endpoint: Endpoint, until_s: float
) -> list[Sample] | CollectError:
    try:
        return await attempt(endpoint, until_s)
    except CollectError as error:
        return error


def _ended(attempt: Attempt) -> Attempt:
    """Make an attempt that ends in time, and names its address when it fails."""

    async def attempt_in_time(endpoint: Endpoint, until_s: float) -> list[Sample]:
        within_s = until_s - perf_counter()
        try:
            async with asyncio.timeout(within_s + _GRACE_S):
                return await attempt(endpoint, until_s)
        except TimeoutError as error:
            msg = f"{endpoint.host}: no answer within {within_s:.3g} s"
            raise CollectError(Reason.TIMEOUT, msg) from error
        except CollectError as error:
            if endpoint.host in error.detail:
                raise
            msg = f"{endpoint.host}: {error.detail}"
            raise CollectError(error.reason, msg, error.measurements) from error

    return attempt_in_time


def _over(interface: str, attempt: Attempt) -> Attempt:
    """Make an attempt that knows when its silence comes of an interface that has gone meanwhile."""

    async def attempt_over(endpoint: Endpoint, until_s: float) -> list[Sample]:
        try:
            return await attempt(endpoint, until_s)
        except CollectError as error:
            is_there = interface in {name for _, name in if_nameindex()}
            if is_there or not error.reason.is_remote:
                raise
            msg = f"interface {interface} went away meanwhile: {error.detail}"
            raise CollectError(Reason.LOCAL, msg, error.measurements) from error

    return attempt_over


def _lookup_phase(probe: Probe, first: Endpoint, started_s: float) -> list[Sample]:
    """What looking the name up took; nothing for a number, which needs no lookup."""
    if first.host == probe.address:
        return []
    return [Sample(PHASE, perf_counter() - started_s, (probe.name, "resolve"))]


@contextmanager
def _saying(told: list[Sample]) -> Iterator[list[Sample]]:
    """Let a failure too say what was measured before it."""
    try:
        yield told
    except CollectError as error:
        error.measurements = [*told, *error.measurements]
        raise


def _most_telling(probe: Probe, failures: Sequence[CollectError]) -> CollectError:
    """The failure that proves most: of an address, before no address, before a local fault.

    Silence proves isolation only where every address was tried: there, what hindered that counts.
    """
    if probe.expect == "unreachable":
        order = {Reason.LOCAL: 1, Reason.RESOLVE: 2, Reason.TIMEOUT: 3, Reason.UNREACHABLE: 3}
    else:
        order = {Reason.RESOLVE: 1, Reason.LOCAL: 2}
    return min(failures, key=lambda error: order.get(error.reason, 0))


def _family_of(address: str) -> Family:
    return "ipv4" if ip_address(address).version == 4 else "ipv6"  # noqa: PLR2004 - the version
