"""Octets, state, speed and errors of the links that end on an SNMP device (IF-MIB, RFC 2863)."""

from collections.abc import Sequence
from typing import Literal

from pydantic import ConfigDict, Field

from collectors import link
from collectors.base import (
    CollectError,
    CounterReading,
    Measurement,
    Metric,
    Moment,
    Reason,
    Sample,
    Target,
    Tools,
    collector,
)
from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.agent import Agent
from collectors.snmp.binding import missing
from collectors.snmp.client import SnmpClient
from collectors.snmp.credential import Credential
from collectors.snmp.poll import Poll, Read
from collectors.snmp.survey import Survey
from collectors.snmp.text import text

COUNTERS = (
    (link.RECEIVE_ERRORS, ifmib.IN_ERRORS),
    (link.TRANSMIT_ERRORS, ifmib.OUT_ERRORS),
    (link.RECEIVE_DISCARDS, ifmib.IN_DISCARDS),
    (link.TRANSMIT_DISCARDS, ifmib.OUT_DISCARDS),
)


UNDECLARED = Metric(
    "netfold_device_undeclared_interfaces",
    "gauge",
    "Interfaces that carried something within the last hour and belong to no link.",
    ("device",),
)
_SURVEYED_PART = 0.4
"""Share of a poll's time that the hourly look at all interfaces may take."""


class SnmpTarget(Target):
    """A device and the links that end on it; `address` may name a port, as 198.51.100.1:1161."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Literal["snmp_interfaces"] = "snmp_interfaces"
    credential: Credential = Field(repr=False)
    source: str | None = None
    links: tuple[BoundLink, ...] = ()

    @property
    def agent(self) -> Agent:
        """Whom to ask."""
        return Agent.at(self.address, self.credential, self.family, self.source)


class Polls:
    """An engine: what is remembered of each device from one observation to the next."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[SnmpTarget, Poll]] = {}

    async def close(self) -> None:
        """Forget them all."""
        self._of.clear()

    def of(self, target: SnmpTarget) -> Poll:
        """What is known of a device; nothing any more if it is asked otherwise than before."""
        known = self._of.get(target.name)
        if known is not None and known[0] is target:
            return known[1]
        poll = Poll(target.agent, target.links, target.name)
        if known is not None and (known[1].agent, known[1].links) == (poll.agent, poll.links):
            poll = known[1]
        self._of[target.name] = target, poll
        return poll


class Surveys:
    """An engine: what is known of the interfaces that no link declares, by device."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[Poll, Survey]] = {}

    async def close(self) -> None:
        """Forget them all."""
        self._of.clear()

    def of(self, device: str, poll: Poll, now: Moment) -> Survey:
        """What is known of a device; one that is asked otherwise than before is looked at anew."""
        known = self._of.get(device)
        if known is None or known[0] is not poll:
            known = self._of[device] = poll, Survey.of(device, now)
        return known[1]


@collector("snmp_interfaces", SnmpTarget, *link.METRICS, UNDECLARED, probe=False)
async def collect(target: SnmpTarget, tools: Tools) -> Sequence[Measurement]:
    """Read every link's row, each beside the sysUpTime of its reply.

    Raises:
        CollectError: with the measurements of the other links if only some have no interface.

    """
    client = tools.use(SnmpClient)
    if not target.links:
        await client.get(target.agent, [ifmib.SYS_UPTIME])
        return []
    poll = tools.use(Polls).of(target)
    reads = await poll.read(client, tools.now)
    measured = [one for it in reads if it.is_sure for one in _measurements(target.name, it)]
    declared = [it.index for it in poll.binding.bound]
    survey = tools.use(Surveys).of(target.name, poll, tools.now())
    within_s = _SURVEYED_PART * target.timeout_s
    found = await survey.go_on(client, poll.agent, declared, tools.now, within_s)
    if found is not None:
        measured.append(Sample(UNDECLARED, len(found), (target.name,)))
    lost = [it.bound.link for it in reads if not it.is_sure]
    gone = [missing(it, target.name, "which gives nothing there") for it in lost]
    if complaints := [*poll.binding.unbound, *gone]:
        raise CollectError(Reason.NO_SUCH_INTERFACE, "; ".join(complaints), measured)
    return measured


def _measurements(device: str, read: Read) -> list[Measurement]:
    """Say what the row gives; what it does not give is left out."""
    subject = read.bound.link.link
    row, labels = read.row, (subject,)
    state, speed_bps = ifmib.status(row[ifmib.OPER_STATUS]), ifmib.speed_bps(row)
    found: list[Measurement] = []
    if state:
        found.append(Sample(link.UP, int(state == "up"), labels))
    if speed_bps:
        found.append(Sample(link.PORT_SPEED, speed_bps / 8, labels))
    for metric, column in COUNTERS:
        if (count := ifmib.count(row[column])) is not None:
            found.append(Sample(metric, count, labels))
    octets = ifmib.octets(row, read.before)
    if octets.bits and octets.receive is not None and octets.transmit is not None:
        found.append(
            CounterReading(
                kind="link",
                subject=subject,
                identity=f"{device}/{_interface(read)}",
                at=read.at,
                receive_bytes=octets.receive,
                transmit_bytes=octets.transmit,
                counter_bits=octets.bits,
                uptime_s=None if read.uptime is None else read.uptime / 100,
                port_speed_bps=speed_bps,
                discontinuity=ifmib.ticks(row.get(ifmib.DISCONTINUITY)),
            )
        )
    return found


def _interface(read: Read) -> str:
    """Name the interface itself, however it was found: indexes move and aliases are moved."""
    names = (text(read.row[ifmib.NAME]), text(read.row[ifmib.DESCRIPTION]), read.bound.index)
    return next(name for name in names if name)
