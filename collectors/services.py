"""Which of this host's information systems have clients: counts and times, never who they are."""

import asyncio
from collections.abc import Iterator

from collectors.base import (
    CollectError,
    GaugeMeasure,
    GaugeReading,
    Measurement,
    Metric,
    Moment,
    Reason,
    Sample,
    Target,
    Tools,
    collector,
)
from collectors.fields import Address, Duration, Name
from collectors.forwarded import forwarded_ports
from collectors.watch import LEAST_INTERVAL_S, Seen, Use, Watch, WatchedSystem

CLIENTS = Metric(
    "netfold_system_clients",
    "gauge",
    "Distinct clients today (Asia/Shanghai), without the management ranges and this host itself; "
    "65536 at most are told apart.",
    ("system",),
)
LISTENING = Metric(
    "netfold_system_port_listening",
    "gauge",
    "Whether a program here listens on a declared TCP port (Docker's proxy is none); "
    "a system is watched while one does.",
    ("system", "port"),
)
INTERVAL = Metric(
    "netfold_connections_sampling_interval_seconds",
    "gauge",
    "Time between two looks at this host's connections: 1 s, or what keeps to 1 % of a core.",
)
ACCEPTED = Metric(
    "netfold_connections_accepted_total",
    "counter",
    "TCP connections that this host accepted, on all ports, as its kernel counts them.",
)
MISSED = Metric(
    "netfold_connections_missed_total",
    "counter",
    "Accepted connections that stood in no look at the connections.",
)


class ServicesTarget(Target):
    """The systems of this host."""

    name: Name = "services"
    kind: str = "services"
    address: Address = "localhost"
    interval_s: Duration = 30.0
    systems: tuple[WatchedSystem, ...] = ()


@collector("services", ServicesTarget, CLIENTS, LISTENING, INTERVAL, ACCEPTED, MISSED, probe=False)
async def collect(target: ServicesTarget, tools: Tools) -> list[Measurement]:
    """Say what was seen of every system since the last round.

    Raises:
        CollectError: `local`, with readings that say so, if the connections cannot be read.
    """
    watch = tools.use(Watch)
    await watch.follow(target.systems, lambda: tools.now().wall_s)
    at = tools.now()
    try:
        seen, uses = watch.take()
    except CollectError as error:
        unwatched = [it for system in target.systems for it in _readings(system, at, {})]
        raise CollectError(Reason.LOCAL, error.detail, unwatched) from error
    found: list[Measurement] = [
        Sample(INTERVAL, seen.interval_s),
        Sample(ACCEPTED, seen.accepted_total),
        Sample(MISSED, seen.missed_total),
    ]
    ports = seen.ports - await asyncio.to_thread(forwarded_ports)
    for system in target.systems:
        found += _of_system(system, seen, ports, uses[system.name], at)
    return found


def _of_system(
    system: WatchedSystem, seen: Seen, ports: frozenset[int], use: Use, at: Moment
) -> Iterator[Measurement]:
    for port in system.ports:
        yield Sample(LISTENING, int(port in ports), (system.name, str(port)))
    if not ports.intersection(system.ports):
        # A slip in the port must not look like a system that nobody uses.
        yield from _readings(system, at, {"last_used": use.last_used_s})
        return
    yield Sample(CLIENTS, len(use.today), (system.name,))
    values: dict[GaugeMeasure, float | None] = {
        "clients": len(use.clients),
        "local_clients": len(use.local),
        "interval": seen.interval_s,
        "last_used": use.last_used_s,
    }
    if seen.seconds >= LEAST_INTERVAL_S:  # else it only began
        values["accepted"] = seen.accepted / seen.seconds
        values["missed"] = seen.missed / seen.seconds
    yield from _readings(system, at, values)


_MEASURES: tuple[GaugeMeasure, ...] = (
    "clients",
    "local_clients",
    "accepted",
    "missed",
    "interval",
    "last_used",
)


def _readings(
    system: WatchedSystem, at: Moment, values: dict[GaugeMeasure, float | None]
) -> Iterator[GaugeReading]:
    """Every measure; None, which ends what stood before, where nothing is known of it."""
    identity = f"tcp/{','.join(map(str, sorted(system.ports)))}"
    for measure in _MEASURES:
        yield GaugeReading("system", system.name, identity, at, measure, values.get(measure))
